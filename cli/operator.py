"""carbonseal token, worker: what the operator of a deployment does on its machine."""

from __future__ import annotations

from typing import Annotated

import typer

from api.accounts import issue_token, revoke_tokens, save_token, token_path
from api.deployment import open_deployment
from api.worker import run_worker
from cli.options import Dir, Json
from cli.output import command, print_answer
from core.database import transaction

token_app = typer.Typer(no_args_is_help=True, help="组织令牌 · tokens of organisations")
Id = Annotated[str, typer.Option("--id", help="组织编号 · id of the organisation")]


@token_app.command("add")
@command
def add_token(
    directory: Dir, org_id: Id,
    role: Annotated[list[str], typer.Option("--role", help="角色，可多次 · role, repeatable")],
    as_json: Json = False,
) -> None:
    """发一个令牌，写入 tokens/，权限 0600，不覆盖 · issue a token into tokens/, mode 0600, never over a file."""
    deployment = open_deployment(directory)
    try:
        # In one transaction with its file: a token that nobody can read is not issued either.
        with transaction(deployment.engine) as connection:
            token = issue_token(connection, org_id, role, deployment.clock.now())
            path = save_token(directory, org_id, token)
    finally:
        deployment.close()
    print_answer({"organisation": org_id, "roles": sorted(set(role)), "token": str(path)}, as_json)


@token_app.command("revoke")
@command
def revoke(directory: Dir, org_id: Id, as_json: Json = False) -> None:
    """吊销一个组织的全部令牌，并删去其文件 · revoke every token of an organisation and remove its file."""
    deployment = open_deployment(directory)
    try:
        with transaction(deployment.engine) as connection:
            revoked = revoke_tokens(connection, org_id, deployment.clock.now())
        token_path(directory, org_id).unlink(missing_ok=True)
    finally:
        deployment.close()
    print_answer({"organisation": org_id, "revoked": revoked}, as_json)
    raise typer.Exit(0 if revoked else 1)


@command
def worker(
    directory: Dir,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="同时的任务数 · jobs at a time")] = 1,
    as_json: Json = False,
) -> None:
    """执行排队的任务，直到 Ctrl-C；须设 broker_url · do waiting jobs until Ctrl-C; needs broker_url."""
    run_worker(directory, concurrency=concurrency)
