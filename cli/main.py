"""carbonseal: the command line. Each group of commands is a module of its own; this one puts them together."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.lazy import Lazy, lazy_group
from cli.output import language

COMMANDS = {
    "demo": Lazy("cli.demo.command:demo",
                 "演示：一座工厂的读数成为证书，并离线复核 · a plant's readings become certificates, checked offline."),
    "init": Lazy("cli.deployment:init",
                 "新建部署：密钥、数据库、合约、信任表、令牌 · create a deployment: keys, database, contracts, trust."),
    "serve": Lazy("cli.deployment:serve",
                  "运行节点：API、页面、封存、锚定，直到 Ctrl-C · run the node until Ctrl-C."),
    "fsck": Lazy("cli.deployment:fsck",
                 "由日志条目重建一切并比对 · rebuild everything from the entries and compare."),
    "worker": Lazy("cli.operator:worker",
                   "执行排队的任务，直到 Ctrl-C；须设 broker_url · do waiting jobs until Ctrl-C; needs broker_url."),
    "token": Lazy("cli.operator:token_app", "组织令牌 · tokens of organisations"),
    "keys": Lazy("cli.keys:app", "一方自己的密钥 · a party's own keys"),
    "participant": Lazy("cli.registry:participant_app", "参与方 · participants"),
    "gateway": Lazy("cli.gateway:app", "网关 · the edge agent"),
    "meter": Lazy("cli.registry:meter_app", "表计 · meters"),
    "claim-point": Lazy("cli.registry:claim_point_app", "声明点与设施 · claim points and facilities"),
    "rules": Lazy("cli.registry:rules_app", "规则发布 · releases of the rules"),
    "frames": Lazy("cli.deployment:frames_app", "帧 · frames"),
    "flags": Lazy("cli.flags:app", "标记：存疑的读数 · flags: readings in doubt"),
    "claim": Lazy("cli.claims:claim_app", "申报 · claims"),
    "opinion": Lazy("cli.claims:opinion_app", "核查意见 · opinions"),
    "certificate": Lazy("cli.certificates:certificate_app", "证书 · certificates"),
    "evidence": Lazy("cli.certificates:evidence_app", "证据文件 · evidence files"),
    "ledger": Lazy("cli.ledger:app", "查询账本 · questions to the ledger"),
    "document": Lazy("cli.document:app", "凭证文件的 SHA-256 · the SHA-256 of documents"),
    "mrv": Lazy("cli.mrv:app", "核算规则与计算 · rules and calculation"),
    "tree": Lazy("cli.tree:app", "默克尔树 · RFC 6962 roots and proofs"),
    "decode": Lazy("cli.decode:decode",
                   "解码一帧；失败给出错误码 · decode one frame; what is malformed is refused with a code."),
}

app = typer.Typer(
    name="carbonseal",
    cls=lazy_group(COMMANDS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="CarbonSeal 碳印：联盟链碳账本与 MRV 核验 · a permissioned carbon ledger and MRV verification service",
)


@app.callback()
def options(
    lang: Annotated[str, typer.Option("--lang", envvar="CARBONSEAL_LANG", help="zh 或 en · zh or en")] = "zh",
) -> None:
    """Choose the language of this run."""
    if lang not in ("zh", "en"):
        raise typer.BadParameter("zh / en")
    language.code = lang


def main() -> None:
    """Entry point of `carbonseal`. Exit codes: 0 done, 1 the answer is no, 2 unusable input, 3 a dependency is away."""
    app()
