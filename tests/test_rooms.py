"""The rooms: what import-linter cannot see."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ["adapters", "api", "attestation", "certificates", "cli", "core", "edge", "ledger", "mrv", "simulator",
         "verify"]
TIMING_WORDS = ("second", "timeout", "sleep", "wait", "interval", "delay", "width", "latency")
# The shells of the node and the gateway count seconds everywhere; what carries quantities there is named.
VALUE_PATHS = [*(room for room in ROOMS if room not in ("api", "edge")), "api/pipeline.py", "api/gather.py",
               "api/evidence.py", "api/entries.py", "edge/framer.py", "edge/reader.py", "edge/spool.py"]
PACKAGES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("__init__.py"))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT).parent))
def test_a_package_init_holds_a_docstring_only(package: Path) -> None:
    body = ast.parse(package.read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)
    assert isinstance(body[0].value, ast.Constant)


@pytest.mark.parametrize("place", VALUE_PATHS)
def test_no_float_literal_stands_on_a_value_path(place: str) -> None:
    """Timeouts and screen refreshes are the only floats; they stand in lines that say so."""
    found = []
    for path in (ROOT / place).rglob("*.py") if (ROOT / place).is_dir() else [ROOT / place]:
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.Constant) and isinstance(node.value, float):
                line = lines[node.lineno - 1].lower()
                if not any(word in line for word in TIMING_WORDS):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []
