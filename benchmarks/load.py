"""Load on an HTTP address by wrk (Debian package wrk), so that no Python client bounds what is measured."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

REPORT: Final = """
done = function(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format(
    'REPORT {"requests": %d, "seconds": %f, "refused": %d, "broken": %d, "p50_ms": %f, "p99_ms": %f}\\n',
    summary.requests, summary.duration / 1e6, failed.status,
    failed.connect + failed.read + failed.write + failed.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


@dataclass(frozen=True, slots=True)
class Post:
    """One request that is sent over and over."""

    url: str
    body: bytes
    headers: Mapping[str, str]

    def write(self, folder: Path, name: str) -> Path:
        """The script for wrk."""
        body = folder / f"{name}.body"
        body.write_bytes(self.body)
        headers = "".join(
            f"wrk.headers[{json.dumps(key)}] = {json.dumps(value)}\n" for key, value in self.headers.items()
        )
        script = folder / f"{name}.lua"
        script.write_text(
            f'wrk.method = "POST"\nlocal file = io.open({json.dumps(str(body))}, "rb")\n'
            f'wrk.body = file:read("*a")\nfile:close()\n{headers}{REPORT}'
        )
        return script


def closed_loop(post: Post, folder: Path, name: str, *, clients: int, seconds: float) -> dict[str, Any]:
    """What wrk saw: requests, seconds, refused (status not 2xx or 3xx), broken, p50_ms and p99_ms."""
    if shutil.which("wrk") is None:
        raise SystemExit("This needs wrk: apt-get install wrk")
    script = post.write(folder, name)
    command = [
        "wrk",
        "-t1",
        f"-c{clients}",
        f"-d{max(1, round(seconds))}s",
        "--timeout",
        "30s",
        "-s",
        str(script),
        post.url,
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    report: dict[str, Any] = json.loads(said.split("REPORT ", 1)[1])
    return report
