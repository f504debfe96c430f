from pathlib import Path

import pytest
from ledger_helpers import Log


@pytest.fixture
def a_log(tmp_path: Path) -> Log:
    return Log(tmp_path)
