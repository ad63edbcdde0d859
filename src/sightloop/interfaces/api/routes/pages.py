"""The dashboard: its page, whatever screen the address names, and the files that the page asks for."""

from __future__ import annotations

import gzip
import html
import json
import mimetypes
import secrets
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import Response

from sightloop.domain import Permission
from sightloop.errors import not_found
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("pages", prefix="")

_NONCE: Final = "SIGHTLOOP_NONCE"
_BASE: Final = "SIGHTLOOP_BASE"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_MISSING: Final = (
    '<!doctype html><meta charset="utf-8"><title>Sightloop</title><h1>The dashboard is not built</h1>'
    "<p>This is a source checkout without <code>src/sightloop/_ui</code>. Run <code>make web</code> (Node.js 20.19 or "
    "newer) and restart. Everything else works: the API is at /api/v1.</p>"
)
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    packed: bytes
    media_type: str


@routes.get("/", permission=Permission.PUBLIC, gives="text/html")
def show_start(ask: Ask) -> Response:
    """The dashboard's page."""
    return _page(ask, "")


@routes.get("/w/{path:path}", permission=Permission.PUBLIC, gives="text/html")
def show_screen(ask: Ask, path: str) -> Response:
    """The dashboard's page; the page itself reads which screen the address names."""
    return _page(ask, path)


@routes.get("/assets/{name}", permission=Permission.PUBLIC, gives="application/octet-stream")
def show_asset(ask: Ask, name: str) -> Response:
    """A file of the dashboard; its name changes with its content, so it may be kept for ever."""
    found = _built().get(f"assets/{name}")
    if found is None:
        raise not_found("asset", name, hint="Reload the page: the dashboard was updated.")
    return _sent(ask, found, "public, max-age=31536000, immutable")


@routes.get("/icon.svg", permission=Permission.PUBLIC, gives="image/svg+xml")
def show_icon(ask: Ask) -> Response:
    """The mark in the browser's tab."""
    found = _built().get("icon.svg")
    if found is None:
        raise not_found("asset", "icon.svg")
    return _sent(ask, found, "public, max-age=86400")


def _page(ask: Ask, path: str) -> Response:
    index = _built().get("index.html")
    nonce = secrets.token_urlsafe(18)
    headers = {"Content-Security-Policy": _POLICY.format(nonce=nonce)}
    if index is None:
        return Response(_MISSING, 503, headers, "text/html")
    base = html.escape(f"{ask.request.scope.get('root_path', '').rstrip('/')}/", quote=True)
    text = index.data.decode().replace("</head>", f"{_preloads(path.partition('/')[2])}</head>")
    text = text.replace(_NONCE, nonce).replace(_BASE, base)
    return Response(text, 200, headers, "text/html")


@cache
def _screens() -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The scripts of every page, and by the pattern of an address those that its screen adds."""
    found = _built().get("screens.json")
    told = json.loads(found.data) if found else {"app": [], "screens": []}
    return told["app"], told["screens"]


def _preloads(screen: str) -> str:
    """Names the screen's scripts in the page: they come side by side, not one after the other names it."""
    app, screens = _screens()
    added = next((files for pattern, files in screens if fnmatchcase(screen.rstrip("/"), pattern)), [])
    return "".join(
        f'<link rel="modulepreload" crossorigin href="./{one}" fetchpriority="{weight}" nonce="{_NONCE}">\n'
        for weight, files in (("high", app), ("low", added))  # what the page asks of the API goes before the latter
        for one in files
    )


def _sent(ask: Ask, found: _File, keep: str) -> Response:
    headers = {"Cache-Control": keep, "Vary": "Accept-Encoding"}
    if found.packed and "gzip" in ask.request.headers.get("accept-encoding", ""):
        return Response(found.packed, 200, {**headers, "Content-Encoding": "gzip"}, found.media_type)
    return Response(found.data, 200, headers, found.media_type)


@cache
def _built() -> dict[str, _File]:
    """The built files by their path; what is not in here cannot be asked for. Empty where nothing is built."""
    folder = files("sightloop") / "_ui"
    if not folder.is_dir():
        return {}
    found = {}
    for prefix, place in (("", folder), ("assets/", folder / "assets")):
        for entry in place.iterdir() if place.is_dir() else ():
            if entry.is_file():
                suffix = "." + entry.name.rsplit(".", 1)[-1]
                media_type = _TYPES.get(suffix) or mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
                data = entry.read_bytes()
                packed = gzip.compress(data, 6, mtime=0) if suffix != ".woff2" else b""
                found[prefix + entry.name] = _File(data, packed, media_type)
    return found
