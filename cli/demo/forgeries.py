"""Forgeries of an evidence file, as a skilled liar makes them: the list of members is made to fit again each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core import cbor, jcs
from core.errors import CarbonSealError
from verify.bundle import read_container, write_bundle
from verify.report import Report
from verify.trust import Trust
from verify.verifier import verify

Members = dict[str, bytes]


@dataclass(frozen=True)
class Forgery:
    """One lie: what it changes in the members, and the step of the verifier that must catch it."""

    zh: str
    en: str
    step: int
    change: Callable[[Members], None]


def forge(file: bytes, forgery: Forgery) -> bytes:
    """The forged file, canonical and with right digests of its members."""
    members = read_container(file)
    bundle = jcs.parse(members.pop("bundle.json"))
    del members["README.txt"]
    forgery.change(members)
    return write_bundle(members, purpose=bundle["purpose"], level=bundle["level"],
                        indices={name: int(index) for name, index in bundle["indices"].items()})


def verdict(file: bytes, trust: Trust) -> tuple[Report | None, int, str]:
    """(report, step, code) of the first failed step, (report, 0, "") where none failed.

    (None, 0, code) where the file is no evidence file at all.
    """
    try:
        report = verify(file, trust)
    except CarbonSealError as error:
        return None, 0, error.code
    failed = report.failed()
    return (report, failed[0].n, str(failed[0].code)) if failed else (report, 0, "")


def change_a_reading(members: Members) -> None:
    """One watt-hour more in the body of the last block."""
    name = _last(members, "blocks/")
    items = list(cbor.sequence(members[name]))
    at = max(i for i, item in enumerate(items) if item[6] is not None)
    body = cbor.decode(items[at][6])
    body[1][0][2] += 1
    items[at][6] = cbor.encode(body)
    members[name] = _join(items)


def drop_a_frame(members: Members) -> None:
    """A frame in the middle of a day left out."""
    name = sorted(name for name in members if name.startswith("frames/"))[-2]
    items = list(cbor.sequence(members[name]))
    unproven = [i for i, item in enumerate(items) if item[0] is None]
    del items[unproven[len(unproven) // 2]]
    members[name] = _join(items)


def forge_an_inclusion_path(members: Members) -> None:
    """Another hash in the audit path of the statement."""
    name = sorted(name for name in members if name.startswith("proofs/"))[0]
    lines = members[name].split(b"\n")
    place = next(i for i, line in enumerate(lines) if i >= 2 and len(line) == 44)
    lines[place] = b"A" * 43 + b"="
    members[name] = b"\n".join(lines)


def omit_a_revocation(members: Members) -> None:
    """The last entry of the enterprise's history left out: the one that took an account away."""
    name = name_of_history(members)
    items = list(cbor.sequence(members[name]))
    members.pop(f"proofs/{items[-1][0]}.tlog-proof", None)
    members[name] = _join(items[:-1])


def name_of_history(members: Members) -> str:
    """The longest history of the file."""
    return max((name for name in members if name.startswith("histories/")),
               key=lambda name: len(list(cbor.sequence(members[name]))))


def change_a_factor(members: Members) -> None:
    """The emission factor of the rules made a little smaller."""
    documents: dict[str, Any] = jcs.parse(members["rules/documents.json"])
    parameter = next(document for path, document in documents.items() if path.startswith("parameters/grid."))
    parameter["values"][0]["value"] = "0.1"
    members["rules/documents.json"] = jcs.canonical(documents)


FORGERIES = (
    Forgery("改了一个读数", "a changed reading", 7, change_a_reading),
    Forgery("丢了一帧", "a dropped frame", 6, drop_a_frame),
    Forgery("伪造的包含路径", "a forged inclusion path", 4, forge_an_inclusion_path),
    Forgery("隐去一次撤销", "an omitted revocation", 5, omit_a_revocation),
    Forgery("改了排放因子", "a changed emission factor", 8, change_a_factor),
)


def _last(members: Members, prefix: str) -> str:
    return sorted(name for name in members if name.startswith(prefix))[-1]


def _join(items: list[Any]) -> bytes:
    return b"".join(cbor.encode(item) for item in items)
