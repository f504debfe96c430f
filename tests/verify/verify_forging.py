"""How evidence files are forged: worlds that lie, members changed with every hash made to fit, other readers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

from verify_world import (
    EXPORT,
    GATEWAY,
    ORIGIN,
    POINT,
    PV,
    STEP,
    WITNESS,
    Lies,
    World,
    altered,
    item,
    signer,
)

from attestation import envelope
from core import cbor, jcs, merkle
from core.claims import ClaimInput, DocumentInput, MeterInput
from ledger import checkpoint
from ledger.checkpoint import WitnessPolicy
from verify.bundle import read_container, write_container
from verify.members import name_of
from verify.trust import Trust

Build = Callable[[], bytes]
FRAMES = f"frames/{name_of(GATEWAY)}/"
BLOCKS = f"blocks/{name_of(PV)}/"


@dataclass(frozen=True)
class EvidenceCase:
    """A file, the reader's trust and clock, and the verdict. `step` and `code`: what must catch it (0: nothing)."""

    why: str
    build: Build
    step: int = 0
    code: str = ""
    trust: Callable[[Trust], Trust] = lambda trust: trust
    now: int | None = None
    development: bool = False

    @property
    def valid(self) -> bool:
        """Whether the verdict must be valid."""
        return not self.step


_WORLDS: dict[str, World] = {}


def world(lies: Lies | None = None) -> World:
    """The world of some lies, built once."""
    key = repr(lies)
    if key not in _WORLDS:
        _WORLDS[key] = World(lies)
    return _WORLDS[key]


def lie(why: str, step: int, code: str, level: str = "full", **lies: Any) -> EvidenceCase:
    """A case of a world that lies."""
    return EvidenceCase(why, lambda: World(Lies(**lies)).file(level), step, code)


def change(why: str, step: int, code: str, name: str, how: Callable[[bytes], bytes] | None, level: str = "full",
           **header: Any) -> EvidenceCase:
    """A case of the honest file with one member changed (None: removed) and the list of members made to fit."""
    return EvidenceCase(why, lambda: altered(world().file(level), {name: how}, **header), step, code)


def distrust(why: str, step: int, code: str, trust: Callable[[Trust], Trust], now: int | None = None,
             lies: Lies | None = None) -> EvidenceCase:
    """A case of a file with another reader."""
    return EvidenceCase(why, lambda: world(lies).file(), step, code, trust, now)


def items(edit: Callable[[list[Any]], Any]) -> Callable[[bytes], bytes]:
    """A change to the items of a CBOR sequence."""
    def apply(data: bytes) -> bytes:
        values = list(cbor.sequence(data))
        edit(values)
        return b"".join(item(value) for value in values)
    return apply


def document(edit: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    """A change to a JSON member."""
    def apply(data: bytes) -> bytes:
        value = jcs.parse(data)
        edit(value)
        return jcs.canonical(value)
    return apply


def flipped(position: int) -> Callable[[bytes], bytes]:
    """One bit of one byte turned over."""
    return lambda data: data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def assign(*path: Any) -> Callable[[Any], None]:
    """Assigns the last of `path` at the place the others name."""
    def apply(value: Any) -> None:
        for step in path[:-2]:
            value = value[step]
        value[path[-2]] = path[-1]
    return apply


def day_of(seq: int, folder: str = FRAMES) -> str:
    """The member in which a frame (or its block) stands."""
    return f"{folder}{world()._day(seq)}.cbor"


def position_of(seq: int) -> int:
    """The place of a frame among the items of its day."""
    return [other for other in world().chain() if day_of(other) == day_of(seq)].index(seq)


def zipped_again() -> bytes:
    """The honest members, packed by an ordinary tool."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in read_container(world().file("public")).items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 22, 12, 0, 0)), content)
    return buffer.getvalue()


def member_swapped(name: str, content: bytes) -> bytes:
    """One member replaced while the list of members stays as it was."""
    return write_container({**read_container(world().file("public")), name: content})


def other_checkpoint() -> bytes:
    """The log a moment earlier, rightly signed."""
    size = len(world().entries) - 1
    return checkpoint.sign(signer("log"), ORIGIN, size, merkle.root(world().leaves[:size])).note


def changed_reading(values: list[Any]) -> None:
    """One reading inside a body is another."""
    body = cbor.decode(values[2][6])
    body[1][0][2] += 1_000_000
    values[2][6] = cbor.encode(body)


def chain(**changes: Any) -> Callable[[Trust], Trust]:
    return lambda trust: replace(trust, chain=replace(trust.chain, **changes))


def participant(org: str, **fields: Any) -> dict[str, dict[str, Any]]:
    return {"participants": {org: fields}}


def forged_index(index: int) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        lines = data.split(b"\n")
        assert lines[1] == b"index %d" % index
        lines[2] = b"A" * 43 + b"="
        return b"\n".join(lines)
    return apply


def statement(why: str, step: int, code: str, **fields: Any) -> EvidenceCase:
    return lie(why, step, code, statement=fields)


def raised(start: int, wh: int, readings: int) -> dict[int, int]:
    """So many readings from an instant on, each that much higher."""
    return {start + i * STEP: wh for i in range(readings)}


def billed(value: str) -> dict[str, tuple[ClaimInput, ...]]:
    """Inputs of a claim, one of them from a bill."""
    bill = DocumentInput(sha256(b"bill").digest(), Decimal(value), "kWh", "站用电结算单")
    return {"generation": (MeterInput(POINT, EXPORT),), "auxiliary": (bill,)}


def witnesses(threshold: int) -> WitnessPolicy:
    return WitnessPolicy.parse(threshold, [checkpoint.witness_key(name, signer(key).public_key) for name, key in (
        (WITNESS, "witness"), ("witness.example/two", "witness-two"))])


def readme() -> bytes:
    members = read_container(world().file("public"))
    members["README.txt"] = b"This certificate is approved.\n"
    bundle = jcs.parse(members["bundle.json"])
    bundle["members"]["README.txt"] = sha256(members["README.txt"]).hexdigest()
    members["bundle.json"] = jcs.canonical(bundle)
    return write_container(members)


def forge_node(value: Any) -> None:
    proof = next(iter(value["storage"].values()))
    proof[-1] = proof[-1][:-2] + ("00" if proof[-1][-2:] != "00" else "01")


def other_statement() -> bytes:
    payload = jcs.parse(world().statement_payload)
    payload["boundary"] = "another roof"
    return envelope.seal(signer("node"), envelope.STATEMENT, jcs.canonical(payload), ORIGIN)


def unproven_head() -> bytes:
    seq = world().chain()[-1]
    index = world().frames[seq][0]
    return altered(world().file(), {
        day_of(seq): items(assign(-1, 0, None)), f"proofs/{index}.tlog-proof": None})


def omitted(lies: Lies, subject: str) -> bytes:
    made = world(lies)
    index = made.histories[subject][-1]
    return altered(made.file(), {f"histories/{name_of(subject)}.cbor": items(lambda values: values.pop()),
                                 f"proofs/{index}.tlog-proof": None})


def without_history(subject: str) -> bytes:
    made = world()
    proofs: dict[str, None] = {f"proofs/{index}.tlog-proof": None for index in made.histories[subject]}
    return altered(made.file("public"), {f"histories/{name_of(subject)}.cbor": None, **proofs})


def far_neighbour(value: Any) -> None:
    absence = value["absent"][0]
    absence["after"] = next(row for row in reversed(value["rows"]) if row["subject"] > absence["subject"])


def frames_until(last: int) -> bytes:
    return frames([seq for seq in world().chain() if seq <= last])


def frames_from(first: int) -> bytes:
    return frames([seq for seq in world().chain() if seq >= first])


def frames(kept: list[int]) -> bytes:
    """The honest file with only these frames and their blocks, the last of them proven."""
    made = world()
    changes: dict[str, Any] = {day_of(seq): None for seq in made.chain()}
    changes |= {day_of(seq, BLOCKS): None for seq in made.chain()}
    blocks = {value[2]: value for name, content in read_container(made.file()).items() if name.startswith(BLOCKS)
              for value in cbor.sequence(content)}
    for seq in made.chain():
        index, submission = made.frames[seq]
        changes[f"proofs/{index}.tlog-proof"] = made.proof(index) if seq == kept[-1] else None
        if seq in kept:
            changes[day_of(seq)] = (changes[day_of(seq)] or b"") + item(
                [index if seq == kept[-1] else None, submission.envelope])
            changes[day_of(seq, BLOCKS)] = (changes[day_of(seq, BLOCKS)] or b"") + item(blocks[seq])
    return altered(made.file(), changes)


def exchange(values: list[Any]) -> None:
    values[0][5:7], values[1][5:7] = values[1][5:7], values[0][5:7]


def factor(value: Any) -> None:
    value["parameters/grid.average.cn"]["values"][-1]["value"] = "0.3"


def relisted(value: Any) -> None:
    """The list with the digest of the forged factor."""
    documents = jcs.parse(read_container(world(Lies(kind="emission")).file())["rules/documents.json"])
    factor(documents)
    value["parameters/grid.average.cn"] = jcs.digest(documents["parameters/grid.average.cn"]).hex()
