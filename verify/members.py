"""Which members an evidence file has, by level and purpose, and how ids are spelled in their names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from core.errors import FormError
from core.ids import check_id
from verify.bundle import LEVELS

SINGLE = ("statement.cose", "claim.cose", "opinion.cose", "manifest/manifest.cose", "rules/release.cose")
"""Members that are one envelope each; bundle.json gives their log indices."""

_ALWAYS = ("README.txt", "bundle.json", "checkpoint", "statement.cose", "claim.cose", "manifest/manifest.cose",
           "manifest/rows.json")
_AUDITOR = ("rules/release.cose", "rules/listed.json", "rules/documents.json", "details/complete.json")
_ISSUED = ("opinion.cose",)
_CERTIFIED = ("certificate.json", "status.json", "anchor.json")
# The lowest level at which a member may appear.
_LEVEL_OF = {"details/": "buyer", "frames/": "buyer", "blocks/": "auditor", "rules/": "auditor"}

HISTORY = re.compile(r"histories/([a-z0-9._+~-]+)\.cbor")
PROOF = re.compile(r"proofs/(0|[1-9][0-9]{0,18})\.tlog-proof")
DAY = re.compile(r"(?:frames|blocks)/([a-z0-9._+~-]+)/([0-9]{4}-[0-9]{2}-[0-9]{2})\.cbor")


def name_of(subject: str) -> str:
    """An id as it is spelled in a member's name: "gw:lanhe-1" → "gw+lanhe-1"."""
    return subject.replace(":", "+").replace("/", "~")


def subject_of(name: str) -> str:
    """The id of a spelled name. Raises FormError (id-malformed)."""
    return check_id(name.replace("+", ":").replace("~", "/"), where=name)


def check_members(names: Iterable[str], level: str, purpose: str) -> None:
    """Passes when the names are those that level and purpose need and admit.

    Raises FormError (container-member-missing, container-member-unknown).
    """
    present = set(names)
    for name in required(level, purpose):
        if name not in present:
            raise FormError("container-member-missing", f"a {level} file for {purpose} needs this member", where=name)
    for name in present:
        if not _known(name) or not _admitted(name, level, purpose):
            raise FormError("container-member-unknown", f"no member of a {level} file for {purpose}", where=name)


def required(level: str, purpose: str) -> list[str]:
    """Members that must be there, folders aside."""
    names = list(_ALWAYS)
    if LEVELS.index(level) >= LEVELS.index("auditor"):
        names += _AUDITOR
    elif level == "buyer":
        names.append("details/disclosed.json")
    if purpose != "review":
        names += _ISSUED
    if purpose == "certificate":
        names += _CERTIFIED
    return names


def _known(name: str) -> bool:
    if name in (*_ALWAYS, *_AUDITOR, *_ISSUED, *_CERTIFIED, "details/disclosed.json"):
        return True
    return any(pattern.fullmatch(name) for pattern in (HISTORY, PROOF, DAY))


def _admitted(name: str, level: str, purpose: str) -> bool:
    if name == "details/disclosed.json" and level != "buyer":
        return False
    if (name in _ISSUED and purpose == "review") or (
            name in ("certificate.json", "status.json") and purpose != "certificate"):
        return False
    lowest = next((lowest for folder, lowest in _LEVEL_OF.items() if name.startswith(folder)), "public")
    return LEVELS.index(level) >= LEVELS.index(lowest) and not (name == "details/complete.json" and level == "buyer")
