"""carbonseal: the command line. Each group of commands is a module of its own; this one puts them together."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import decode, deployment, gateway, mrv, tree
from cli.demo import command as demo
from cli.output import language

app = typer.Typer(
    name="carbonseal",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="CarbonSeal 碳印：联盟链碳账本与 MRV 核验 · a permissioned carbon ledger and MRV verification service",
)
app.command("demo")(demo.demo)
app.command("init")(deployment.init)
app.command("serve")(deployment.serve)
app.command("fsck")(deployment.fsck)
app.add_typer(deployment.frames_app, name="frames")
app.add_typer(gateway.app, name="gateway")
app.add_typer(mrv.app, name="mrv")
app.add_typer(tree.app, name="tree")
app.command("decode")(decode.decode)


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



