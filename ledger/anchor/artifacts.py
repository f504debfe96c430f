"""The committed contract artifacts: ABI, bytecode, storage layout and the notice of every error."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import InputError

FOLDER = Path(__file__).resolve().parents[2] / "contracts" / "artifacts"


@lru_cache
def artifact(name: str) -> dict[str, Any]:
    """The artifact of one contract. Raises InputError (artifact-missing)."""
    try:
        document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("artifact-missing", f"cannot read the artifact of {name}: {error}", where=str(FOLDER),
                         hint="run: make contracts") from None
    return document
