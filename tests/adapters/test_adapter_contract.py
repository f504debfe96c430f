"""Every adapter folder has the same files, and its codec is pure."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "adapters"
FOLDERS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
# What touches a network, a disk, a clock, a key or a float-only library has no place in a codec.
IMPURE = {"socket", "asyncio", "time", "pathlib", "os", "httpx", "pymodbus", "secrets", "random", "math"}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_there_are_adapters_and_every_folder_is_one():
    assert {"modbus_tcp", "csv_sample"} <= set(FOLDERS)
    assert {path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_has_its_readme_codec_and_sample(folder):
    names = {path.name for path in (ROOT / folder).iterdir()}
    assert {"README.md", "__init__.py", "codec.py"} <= names
    assert any(name.startswith("sample.") for name in names)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_readme_names_every_module_the_points_and_the_traps(folder):
    readme = (ROOT / folder / "README.md").read_text()
    assert "## Points" in readme
    assert "## Traps" in readme
    for module in (ROOT / folder).glob("*.py"):
        assert module.name == "__init__.py" or f"`{module.name}`" in readme


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_codec_is_pure_and_adapters_do_not_know_one_another(folder):
    for module in (ROOT / folder).glob("*.py"):
        names = imported(module)
        others = {f"adapters.{other}" for other in FOLDERS if other != folder}
        assert not any(name.startswith(tuple(others)) for name in names)
        assert not any(name.startswith(("attestation", "ledger", "mrv", "edge")) for name in names)
        if module.name == "codec.py":
            assert not {name.split(".")[0] for name in names} & IMPURE


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_float_is_written_in_a_codec(folder):
    tree = ast.parse((ROOT / folder / "codec.py").read_text())
    assert not any(isinstance(node, ast.Constant) and type(node.value) is float for node in ast.walk(tree))
    assert not any(isinstance(node, ast.Name) and node.id == "float" for node in ast.walk(tree))
    assert not any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) for node in ast.walk(tree))
