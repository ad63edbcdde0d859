"""The line controller of the plant, played by a small HTTP server: it verifies each webhook and acts once on it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


class LineController:
    """Listens on localhost. What it acted on stands in a ledger on disk, one JSON line an action.

    A delivery with a wrong signature is answered 401 and changes nothing. One that was seen before (same webhook-id) is
    answered 200 and not acted on again: deliveries are at-least-once, actions are exactly-once.
    """

    def __init__(self, ledger: Path, port: int = 0) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._secret: str | None = None
        self.refused = 0
        controller = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(controller._receive(body, {k.lower(): v for k, v in self.headers.items()}))
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/events"
        threading.Thread(target=self._server.serve_forever, name="line-controller", daemon=True).start()

    def trust(self, secret: str) -> None:
        """From now on, deliveries signed with this secret are acted on."""
        self._secret = secret

    def actions(self) -> list[dict[str, Any]]:
        """Every action so far, in order."""
        if not self._ledger.exists():
            return []
        return [json.loads(line) for line in self._ledger.read_text().splitlines() if line.endswith("}")]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _receive(self, body: bytes, headers: dict[str, str]) -> int:
        if self._secret is None:
            return 503
        try:
            event = Webhook(self._secret).verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
            return 401
        with self._lock:
            if headers["webhook-id"] not in {action["webhook_id"] for action in self.actions()}:
                doing = "stop the line" if "rule" in event["type"] else "slow the line and call the process engineer"
                with self._ledger.open("a") as ledger:
                    ledger.write(json.dumps({"webhook_id": headers["webhook-id"], "type": event["type"], "did": doing}))
                    ledger.write("\n")
        return 200
