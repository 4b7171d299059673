"""``/docs``: the API on a page of our own, which loads nothing from elsewhere and runs no script."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)
_METHODS = ("get", "post", "patch", "put", "delete")


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Every route with what it takes and gives, made from the OpenAPI document."""
    document = request.app.openapi()
    routes = "".join(
        _route(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in _METHODS
    )
    schemas = "".join(_schema(name, one) for name, one in sorted(document["components"]["schemas"].items()))
    title = f"{html.escape(document['info']['title'])} {html.escape(document['info']['version'])}"
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}: API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/icon.svg">'
        '<link rel="stylesheet" href="/style.css"><link rel="stylesheet" href="/docs.css">'
        f'</head><body class="docs"><main><h1>{title}: API</h1>'
        '<p>The same for programs: <a href="/openapi.json">openapi.json</a>. Clients send the token as'
        " <code>Authorization: Bearer TOKEN</code>; errors come as"
        ' <code>{"error": {"message", "kind"}}</code>.</p>'
        f"<h2>Routes</h2>{routes}<h2>Shapes</h2>{schemas}</main></body></html>"
    )


def _route(path: str, method: str, operation: dict[str, Any]) -> str:
    told = "".join(f"<p>{_prose(part)}</p>" for part in operation.get("description", "").split("\n\n"))
    rows = "".join(
        f"<tr><td><code>{html.escape(one['name'])}</code></td><td>{one['in']}</td>"
        f"<td>{html.escape(_type(one.get('schema', {})))}</td></tr>"
        for one in operation.get("parameters", ())
    )
    table = f"<table><thead><tr><th>name</th><th>in</th><th>type</th></tr></thead><tbody>{rows}</tbody></table>"
    taken = _content(operation.get("requestBody", {}))
    given = "; ".join(
        f"{status} {_content(one)}".strip() for status, one in operation["responses"].items() if status[0] == "2"
    )
    body = f"<p>Takes {taken}.</p>" if taken else ""
    return (
        f"<section><h3>{method.upper()} <code>{html.escape(path)}</code></h3>{told}{table if rows else ''}{body}"
        f"<p>Gives {given or 'nothing'}.</p></section>"
    )


def _prose(text: str) -> str:
    """A docstring's paragraph, with its ``code`` as such."""
    return re.sub(r"``(.+?)``", r"<code>\1</code>", html.escape(text))


def _content(one: dict[str, Any]) -> str:
    return ", ".join(
        f"{html.escape(kind)}{' ' + _link(about['schema']) if about.get('schema') else ''}"
        for kind, about in one.get("content", {}).items()
    )


def _schema(name: str, one: dict[str, Any]) -> str:
    needed = one.get("required", ())
    rows = "".join(
        f"<tr><td><code>{html.escape(field)}</code>{'' if field in needed else ' (optional)'}</td>"
        f"<td>{_link(about)}</td></tr>"
        for field, about in one.get("properties", {}).items()
    )
    told = _prose(one.get("description", ""))
    body = f"<table><tbody>{rows}</tbody></table>" if rows else f"<p>{_link(one)}</p>"
    return f'<section id="{html.escape(name)}"><h3>{html.escape(name)}</h3><p>{told}</p>{body}</section>'


def _link(schema: dict[str, Any]) -> str:
    """A type, with the name of a shape as a link to it."""
    if "$ref" in schema:
        name = html.escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for among in ("anyOf", "oneOf"):
        if among in schema:
            return " or ".join(map(_link, schema[among]))
    if schema.get("type") == "array" and schema.get("items"):
        return f"list of {_link(schema['items'])}"
    return html.escape(_type(schema))


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    return str(schema.get("type") or json.dumps(schema.get("const", "anything")))
