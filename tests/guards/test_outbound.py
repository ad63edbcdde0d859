"""Who may open a connection: the egress client, and the named modules that speak to our own processes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.guards.source_files import SOURCE, source_files

# Libraries that open connections. An address that somebody gave goes through `events.Egress` alone.
OPENS = {
    "aiohttp", "ftplib", "http.client", "httpcore", "httpx", "imaplib", "paramiko", "poplib", "pycurl", "requests",
    "smtplib", "socket", "telnetlib", "urllib.request", "urllib3", "websocket", "websockets", "xmlrpc.client",
}  # fmt: skip
CALLS = {"open_connection", "create_connection", "open_unix_connection", "connect_tcp", "sock_connect"}
MAY = {
    "events/egress.py": "the client for every URL that somebody gives",
    "events/egress_gate.py": "the way out of the object stores' clients, to addresses that the egress client checked",
    "events/relay.py": "leads the reader of a camera to an address that the egress client checked",
    "serving/supervisor.py": "asks the process that it started whether it lives",
    "serving/service.py": "hands predictions to the process that it started",
    "interfaces/sdk/opening.py": "connects to the server that the user of the SDK names",
    "interfaces/sdk/connection.py": "speaks to that server",
    "interfaces/sdk/embedded.py": "speaks to the application in its own process",
    "interfaces/sdk/transport.py": "speaks to the application in its own process",
    "interfaces/sdk/models.py": "asks the endpoint that the server named",
    "interfaces/sdk/processes.py": "listens",
}


def opens(source: str) -> set[str]:
    """The names in a source text by which a connection could be opened."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute | ast.Name):
            names = [node.attr if isinstance(node, ast.Attribute) else node.id]
            found |= CALLS.intersection(names)
            continue
        else:
            continue
        found |= {name for name in names if any(name == one or name.startswith(f"{one}.") for one in OPENS)}
    return found


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_named_modules_can_open_a_connection(path: Path) -> None:
    if str(path.relative_to(SOURCE)) not in MAY:
        assert opens(path.read_text()) == set()


@pytest.mark.parametrize("name", MAY)
def test_no_module_is_named_that_opens_none(name: str) -> None:
    assert opens((SOURCE / name).read_text())


@pytest.mark.parametrize(
    "source",
    ["import httpx", "from urllib import request", "import urllib.request", "import http.client as h",
     "from socket import create_connection", "async def f(): await asyncio.open_connection('h', 1)"],
)  # fmt: skip
def test_a_new_way_out_shows(source: str) -> None:
    assert opens(source)
