"""Who asks: tokens of organisations with roles. Random, stored hashed, made by `init`; there is no default one."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Row, Table, insert, select, update

from api.errors import Unauthenticated
from api.models import ApiToken
from core.errors import Forbidden, InputError
from core.ids import check_id
from core.signer import write_secret

# What a token may do. The first seven are the roles of the participant registry; the operator runs this node.
ROLES = ("enterprise", "verifier", "trader", "government", "registrar", "node", "rule-publisher", "operator")
# Who reads every organisation's data: the operator's machine holds it anyway, the others have the duty.
OVERSIGHT = frozenset({"operator", "government", "verifier", "registrar"})

TOKEN_PREFIX = "cst_"  # noqa: S105  a prefix by which scanners find leaked tokens, no secret
TOKEN_BYTES = 32
MAX_TOKEN_TEXT = 128

_TOKENS = cast(Table, ApiToken.__table__)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Account:
    """Who asks: an organisation and what its token allows."""

    org: str
    roles: frozenset[str]

    def require(self, *roles: str) -> None:
        """Passes when the token has one of these roles; the operator has all. Raises Forbidden (role-missing)."""
        if not self.roles & {*roles, "operator"}:
            raise Forbidden("role-missing", f"{self.org} has not the role {' or '.join(roles)}",
                            hint="ask the operator for a token with this role")

    def sees(self, org: str) -> bool:
        """Whether this is the organisation itself, or one with oversight."""
        return self.org == org or bool(self.roles & OVERSIGHT)

    def require_org(self, org: str) -> None:
        """Passes for the organisation itself and for those with oversight. Raises Forbidden (organisation-other)."""
        if not self.sees(org):
            raise Forbidden("organisation-other", f"{self.org} may not act for {org}", where=org,
                            hint="use the token of that organisation, or of one with oversight")


def issue_token(connection: Connection, org: str, roles: Sequence[str], now: int) -> str:
    """A fresh token of an organisation; its text exists only in the answer. Raises InputError (role-unknown)."""
    check_id(org, where="org")
    unknown = sorted(set(roles) - set(ROLES))
    if unknown or not roles:
        raise InputError("role-unknown", f"{unknown[0] if unknown else 'nothing'!r} is not a role", where=org,
                         hint="one of " + ", ".join(ROLES))
    token = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    connection.execute(insert(_TOKENS).values(
        hash=_hash(token), org=org, roles=json.dumps(sorted(set(roles))), created=now))
    return token


def token_path(directory: Path, org: str) -> Path:
    """Where an organisation's token is left for it: tokens/org-lanhe-steel.token."""
    return directory / "tokens" / (org.replace(":", "-").replace("/", "-") + ".token")


def save_token(directory: Path, org: str, token: str) -> Path:
    """Write a token for its organisation, mode 0600. Never over an existing file."""
    path = token_path(directory, org)
    write_secret(path, token.encode() + b"\n")
    return path


def revoke_tokens(connection: Connection, org: str, now: int) -> int:
    """Revoke every live token of an organisation; how many there were."""
    return connection.execute(update(_TOKENS).where(_TOKENS.c.org == org, _TOKENS.c.revoked.is_(None))
                              .values(revoked=now)).rowcount


def token_of(authorization: str) -> str:
    """The token of an Authorization header; empty when it carries none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def live_token(connection: Connection, token: str) -> bytes | None:
    """The hash that a token is kept under; None for unknown and revoked ones alike."""
    row = _live(connection, token)
    return None if row is None else cast(bytes, row.hash)


def _live(connection: Connection, token: str) -> Row[Any] | None:
    if len(token) > MAX_TOKEN_TEXT:
        return None
    # The look-up is by hash: what an index comparison leaks in time is of a hash, never of the token.
    return connection.execute(select(_TOKENS).where(
        _TOKENS.c.hash == _hash(token), _TOKENS.c.revoked.is_(None))).first()


def authenticate(connection: Connection, token: str) -> Account:
    """The account of a token. Raises Unauthenticated (token-unknown) for unknown and revoked ones alike."""
    row = _live(connection, token)
    if row is None:
        raise Unauthenticated("token-unknown", "the token is unknown or revoked",
                              hint="send Authorization: Bearer <token of your organisation>")
    return Account(row.org, frozenset(json.loads(row.roles)))


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
