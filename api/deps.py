"""Dependencies of the routes, each named once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, cast

from fastapi import Depends, Header, Request
from fastapi.dependencies.models import Dependant
from sqlalchemy import Connection

from api.accounts import Account, authenticate, token_of
from api.errors import Unauthenticated
from api.messages import preferred
from api.node import Node
from core.database import reading
from core.errors import InputError, quoted


def _node(request: Request) -> Node:
    return cast(Node, request.app.state.node)


NodeDep = Annotated[Node, Depends(_node)]


def _queries(dependant: Dependant) -> Iterator[str]:
    """The names of the query parameters of a route and of all it depends on."""
    yield from (parameter.alias for parameter in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _queries(inner)


def known_query(request: Request) -> None:
    """Refuses a query parameter that the route has not: one misspelled would change nothing in silence.

    Raises InputError (parameter-invalid).
    """
    known = set(_queries(request.scope["route"].dependant))
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise InputError("parameter-invalid", f"there is no parameter {quoted(unknown[0], 40)}", where=unknown[0][:40],
                         hint="the parameters are " + ", ".join(sorted(known)) if known else "this address takes none; "
                         "the language is that of Accept-Language, zh or en")


def _snapshot(node: NodeDep) -> Iterator[Connection]:
    with reading(node.engine) as connection:
        yield connection


Snapshot = Annotated[Connection, Depends(_snapshot)]
"""A connection to read from one consistent state."""


def account_of(node: NodeDep, authorization: Annotated[str, Header(include_in_schema=False)] = "") -> Account:
    """The account behind an Authorization header. Raises Unauthenticated (token-missing, token-unknown).

    It gives its connection back at once: a request that held one while it waits for another could starve the pool.
    """
    token = token_of(authorization)
    if not token:
        raise Unauthenticated("token-missing", "this needs the token of an organisation", where="Authorization",
                              hint="send Authorization: Bearer <token>")
    with reading(node.engine) as connection:
        return authenticate(connection, token)


AnyAccount = Annotated[Account, Depends(account_of)]


def _role(*roles: str) -> Callable[[Account], Account]:
    def check(account: AnyAccount) -> Account:
        account.require(*roles)
        return account

    return check


Enterprise = Annotated[Account, Depends(_role("enterprise"))]
Issuer = Annotated[Account, Depends(_role("enterprise", "verifier"))]
Verifier = Annotated[Account, Depends(_role("verifier"))]
Registrar = Annotated[Account, Depends(_role("registrar", "rule-publisher"))]
Overseer = Annotated[Account, Depends(_role("government", "verifier", "registrar"))]


def _language(accept_language: Annotated[str, Header(include_in_schema=False)] = "", lang: str = "") -> str:
    if lang not in ("", "zh", "en"):
        raise InputError("parameter-invalid", f"there is no text in {quoted(lang, 20)}", where="lang", hint="zh or en")
    return lang or preferred(accept_language)


Language = Annotated[str, Depends(_language)]
