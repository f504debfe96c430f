"""The published vectors of frames: the same bytes on every run, and each with its verdict."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from attestation.envelope import FRAME, open_envelope, verify_envelope
from attestation.frame import decode_frame, read_submissions
from attestation.frameblocks import open_blocks
from core.errors import CarbonSealError, FormError

VECTORS = Path(__file__).parents[1] / "vectors"
FOLDERS = sorted(path for path in (VECTORS / "frames").iterdir() if path.is_dir())


def check(data: bytes, expected: dict[str, Any]) -> None:
    """Everything that one submission can show by itself."""
    for submission in read_submissions(data):
        opened = open_envelope(submission.envelope)
        if opened.content_type != FRAME:
            raise FormError("frame-content-type", "not a frame")
        verify_envelope(opened, expected["origin"], bytes.fromhex(expected["public_key"]))
        open_blocks(decode_frame(opened.payload), submission.blocks)


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("make_frames", VECTORS / "make_frames.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_vector_has_its_verdict(folder: Path) -> None:
    expected = json.loads((folder / "expect.json").read_text())
    assert (expected["code"] is not None) == folder.name.endswith("_fail")
    code = None
    try:
        check((folder / "input.cbor").read_bytes(), expected)
    except CarbonSealError as error:
        code = error.code
    assert code == expected["code"]


def test_the_committed_vectors_are_those_the_generator_makes() -> None:
    module = generator()
    cases = module.cases()
    assert {case.name for case in cases} == {folder.name for folder in FOLDERS}
    for case in cases:
        folder = VECTORS / "frames" / case.name
        assert (folder / "input.cbor").read_bytes() == case.data
        assert json.loads((folder / "expect.json").read_text()) == module.expectation(case)
