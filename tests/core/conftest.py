"""Helpers of this room are imported by name, as in the other test folders; a busy machine is no defect."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")
