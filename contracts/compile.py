"""Compile the contracts with py-solc-x, offline, and keep the committed artifacts honest.

`python -m contracts.compile` writes contracts/artifacts; with `--check` it compiles and compares instead. py-solc-x
finds the compiler of npm through the wrapper hardhat-net/solc-v0.8.28 (docs/decisions/0003-py-solc-x-offline.md).
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parent
ARTIFACTS = ROOT / "artifacts"
NODE_PROJECT = ROOT.parent / "hardhat-net"
VERSION = "0.8.28"
DEPLOYED = ("ParticipantRegistry", "AnchorRegistry", "CertificateRegistry")
PROBES = ("Rfc9162Probe",)
_IMPORT = re.compile(r'^import [^"]*"([^"]+)";', re.MULTILINE)
SETTINGS: dict[str, Any] = {
    "evmVersion": "berlin",
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 1},
    # The metadata hash would bind the bytecode to comments and absolute paths.
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout",
                                    "userdoc"]}},
}


def sources() -> dict[str, dict[str, str]]:
    """Source name → content: ours, and the files of OpenZeppelin that they reach."""
    waiting = [f"contracts/{path.relative_to(ROOT).as_posix()}" for path in sorted(ROOT.rglob("*.sol"))]
    found: dict[str, dict[str, str]] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            content = _locate(name).read_text(encoding="utf-8")
            found[name] = {"content": content}
            waiting += [_resolve(name, target) for target in _IMPORT.findall(content)]
    return dict(sorted(found.items()))


def _locate(name: str) -> Path:
    return ROOT.parent / name if name.startswith("contracts/") else NODE_PROJECT / "node_modules" / name


def _resolve(importer: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), target)) if target[0] == "." else target


def compile_all() -> dict[str, dict[str, Any]]:
    """Contract name → artifact. Raises solcx's SolcError with the compiler's messages."""
    os.environ["SOLCX_BINARY_PATH"] = str(NODE_PROJECT)
    request = {"language": "Solidity", "sources": sources(), "settings": SETTINGS}
    output = solcx.compile_standard(request, solc_version=VERSION)
    return {name: _artifact(name, output["contracts"][f"contracts/{folder}{name}.sol"][name])
            for folder, names in (("", DEPLOYED), ("probes/", PROBES)) for name in names}


def _artifact(name: str, output: dict[str, Any]) -> dict[str, Any]:
    return {
        "contractName": name, "compiler": VERSION, "evmVersion": SETTINGS["evmVersion"],
        "abi": output["abi"], "bytecode": "0x" + output["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + output["evm"]["deployedBytecode"]["object"],
        "storageLayout": _layout(output["storageLayout"]),
        "notices": {signature.partition("(")[0]: docs[0]["notice"]
                    for signature, docs in output["userdoc"].get("errors", {}).items() if docs[0].get("notice")},
    }


def _layout(layout: dict[str, Any]) -> list[dict[str, Any]]:
    """Variables with slot, offset and type; ids of the syntax tree left out, since any edit changes them."""
    types = layout["types"] or {}
    return [_variable(entry, types) for entry in layout["storage"]]


def _variable(entry: dict[str, Any], types: dict[str, Any]) -> dict[str, Any]:
    kind = types[entry["type"]]
    variable = {"label": entry["label"], "slot": entry["slot"], "offset": entry["offset"], "type": kind["label"]}
    while "value" in kind or "base" in kind:
        kind = types[kind.get("value") or kind["base"]]
    if "members" in kind:
        variable["members"] = [_variable(member, types) for member in kind["members"]]
    return variable


def build() -> list[Path]:
    """Write every artifact; returns their paths."""
    ARTIFACTS.mkdir(exist_ok=True)
    written = []
    for name, artifact in compile_all().items():
        path = ARTIFACTS / f"{name}.json"
        path.write_text(json.dumps(artifact, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        written.append(path)
    return written


def check() -> list[str]:
    """Names of committed artifacts that differ from a fresh compilation; empty when all agree."""
    fresh = compile_all()
    committed = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in ARTIFACTS.glob("*.json")}
    return sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))


def main(arguments: list[str]) -> int:
    """Build, or with --check compare; exit status 1 when the committed artifacts are stale."""
    if arguments == ["--check"]:
        stale = check()
        print("artifacts agree with the sources" if not stale else f"stale artifacts: {', '.join(stale)}")
        return 1 if stale else 0
    for path in build():
        artifact = json.loads(path.read_text(encoding="utf-8"))
        print(f"{path.name}: {len(artifact['deployedBytecode']) // 2 - 1} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
