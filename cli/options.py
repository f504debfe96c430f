"""Options that several commands share, each named once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="一个 JSON 文档 · one JSON document on stdout")]
Dir = Annotated[Path, typer.Option("--dir", "-d", help="部署目录 · deployment folder", envvar="CARBONSEAL_DIR")]
Place = Annotated[str, typer.Option(
    "--dir", "--node", "-d", envvar="CARBONSEAL_DIR",
    help="部署目录，或节点网址 · deployment folder, or the URL of a node")]
Org = Annotated[str, typer.Option("--org", help="以哪个组织的身份 · as which organisation")]
Token = Annotated[Path | None, typer.Option(
    "--token", help="令牌文件，默认取部署目录中的 · token file, by default the one in the folder")]
Key = Annotated[Path, typer.Option("--key", help="签名者的账户密钥文件 · the signer's account key file")]
At = Annotated[str | None, typer.Option("--at", help="日期 YYYY-MM-DD，默认今天 · date, today by default")]
