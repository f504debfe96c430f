"""Pages for people, rendered on the server: Chinese first, English by ?lang=en. They say aloud what is not proven."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape

from api.deps import NodeDep
from api.node import Node
from api.overview import warnings

router = APIRouter(include_in_schema=False)

_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), trim_blocks=True,
                         autoescape=select_autoescape(), auto_reload=False)


def _page_language(lang: Annotated[str, Query()] = "zh") -> str:
    """Chinese unless English is asked for by name: a page's language does not follow the browser's."""
    return "en" if lang == "en" else "zh"


PageLanguage = Annotated[str, Depends(_page_language)]


@router.get("/", response_class=HTMLResponse)
def start(node: NodeDep, lang: PageLanguage) -> HTMLResponse:
    """The ledger now, and how to verify."""
    return _render("start.html", node, lang, **node.overview.now(), warnings=warnings(node.deployment),
                   show_readings=node.deployment.settings.show_readings, chain_id=node.deployment.settings.chain_id)


@router.get("/docs", response_class=HTMLResponse)
def docs(request: Request, node: NodeDep, lang: PageLanguage) -> HTMLResponse:
    """Every route, from the same description as /openapi.json; nothing is loaded from elsewhere."""
    return _render("docs.html", node, lang, groups=_groups(request.app.openapi()))


def _render(template: str, node: Node, lang: str, **values: Any) -> HTMLResponse:
    settings = node.deployment.settings
    say: Callable[[str, str], str] = lambda zh, en: zh if lang == "zh" else en  # noqa: E731  a value for the template
    text = _TEMPLATES.get_template(template).render(
        lang=lang, say=say, title=settings.title, origin=settings.origin, version=node.version, **values)
    return HTMLResponse(text, headers={"content-language": lang})


def _groups(description: dict[str, Any]) -> list[dict[str, Any]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append({
                "method": method.upper(), "path": path,
                "summary": " ".join(operation.get("description", operation["summary"]).split()),
                "parameters": [item["name"] for item in operation.get("parameters", ()) if item["in"] == "query"]})
    return [{"name": name, "routes": routes} for name, routes in groups.items()]
