"""A proxy in front of an HTTP store, which answers badly on demand."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class FaultProxy:
    """Hands requests on. Each entry of `faults` spoils one of the next: "503", or "cut" for half an answer.

    `down` answers 503 to all. `asked` counts the requests.
    """

    def __init__(self, endpoint: str) -> None:
        self.behind = urlsplit(endpoint).netloc
        self.faults: list[str] = []
        self.down = False
        self.asked = 0
        self.url = ""


@contextmanager
def fault_proxy(endpoint: str) -> Iterator[FaultProxy]:
    """The proxy, while the block lasts."""
    proxy = FaultProxy(endpoint)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def hand_on(self) -> None:
            proxy.asked += 1
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            fault = "503" if proxy.down else proxy.faults.pop(0) if proxy.faults else ""
            if fault == "503":
                self.send_response(503)
                self.send_header("content-length", "0")
                self.end_headers()
                return
            behind = http.client.HTTPConnection(proxy.behind, timeout=20)
            behind.request(self.command, self.path, body, dict(self.headers.items()))
            answer = behind.getresponse()
            content = answer.read()
            behind.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            length = answer.getheader("content-length") if self.command == "HEAD" else str(len(content))
            self.send_header("content-length", length or "0")
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)
            self.close_connection = fault == "cut"

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = hand_on  # noqa: N815

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield proxy
    server.shutdown()
    server.server_close()
    thread.join()
