"""Pages for people, rendered on the server."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
