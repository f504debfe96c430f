"""For every room: a busy machine is no defect, so no example of hypothesis has a deadline."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")
