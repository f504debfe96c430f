"""carbonseal keys: the two keys of a party, made where they are used and never given to a node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Json
from cli.output import command, print_answer
from core.ethereum import Account, load_account
from core.signer import KeySigner, load_signer

SIGNER, ACCOUNT = "signer.pem", "account.key"

app = typer.Typer(no_args_is_help=True, help="一方自己的密钥 · a party's own keys")
Folder = Annotated[Path, typer.Option("--dir", "-d", help="密钥目录 · the folder of the keys")]


@app.command("make")
@command
def make(folder: Folder, as_json: Json = False) -> None:
    """生成日志签名密钥与链上账户，权限 0600，不覆盖 · make a signer and an account, mode 0600, never over a file."""
    KeySigner.generate().save(folder / SIGNER)
    Account.generate().save(folder / ACCOUNT)
    _show(folder, as_json)


@app.command("show")
@command
def show(folder: Folder, as_json: Json = False) -> None:
    """登记方需要知道的：公钥与账户地址 · what a registrar is told: public key and account address."""
    _show(folder, as_json)


def _show(folder: Path, as_json: bool) -> None:
    print_answer({"directory": str(folder), "public_key": load_signer(folder / SIGNER).public_key.hex(),
                  "account": load_account(folder / ACCOUNT).address}, as_json)
