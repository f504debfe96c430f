"""The bytes of statements hang on nothing but the inputs: not on the order of sets, not on who does the decimals."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from tools.statement_bytes import made

ROOT = Path(__file__).parents[2]
# `decimal` is C (libmpdec) where it can be; without it the library falls back to another implementation, in Python.
WITHOUT_LIBMPDEC = "import sys; sys.modules['_decimal'] = None; import decimal, _pydecimal; " \
                   "assert decimal.Decimal is _pydecimal.Decimal; "


def test_statements_and_refusals_are_among_what_is_hashed(answers: dict[str, bytes]) -> None:
    assert len(answers) > 400
    assert sum(b"carbonseal-statement/1" in answer for answer in answers.values()) > 15
    assert sum(answer.startswith(b'{"code"') for answer in answers.values()) > 15


@pytest.fixture(scope="module")
def answers() -> dict[str, bytes]:
    return dict(made())


def test_order_of_sets_locale_zone_and_another_decimal_change_no_byte(answers: dict[str, bytes]) -> None:
    code = f"{WITHOUT_LIBMPDEC}from tools.statement_bytes import main; main(['--list'])"
    environment = os.environ | {"PYTHONHASHSEED": "2", "LC_ALL": "C", "TZ": "Pacific/Kiritimati", "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True,
                          env=environment, timeout=300)
    *cases, total = done.stdout.splitlines()
    assert cases == [f"{sha256(data).hexdigest()} {len(data)} {name}" for name, data in answers.items()]
    assert total.split()[1:3] == [str(len(answers)), "cases,"]
