"""A server that is killed at any moment while four clients work: what they were told is done stays done, once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sightloop.serving.supervisor import free_port
from tests.journeys.crash_clients import WORK, make_key, verify
from tests.journeys.crash_operations import Place
from tests.journeys.crash_process import run
from tests.journeys.crash_yard import Yard

pytestmark = [pytest.mark.crash, pytest.mark.soak, pytest.mark.timeout(7200)]
SEED = 20
LONGEST_START_S = 120.0
KILLS = int(os.environ.get("SIGHTLOOP_SOAK_KILLS", "50"))


class Server:
    """`sightloop serve` on a folder, at an address that stays."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.starts: list[float] = []
        self.process = self._start()

    def kill(self) -> None:
        """Returns once the process is dead and another one answers."""
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL
        self.process = self._start()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def _start(self) -> subprocess.Popen[bytes]:
        began = time.monotonic()
        said = self._place.folder.parent / f"server-{len(self.starts)}.log"
        with said.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "sightloop", "serve", str(self._place.folder), "--port", str(self._port)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stderr=log,
            )
        while "Sightloop serves" not in said.read_text():
            assert process.poll() is None, said.read_text()[-2000:]
            assert time.monotonic() < began + LONGEST_START_S, "the server does not start"
            time.sleep(0.05)
        self.starts.append(round(time.monotonic() - began, 1))
        return process


def test_random_kills_under_four_clients_lose_nothing_acknowledged(yard: Yard, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with yard.trial("deploy") as (place, _):
        code, key = run(make_key, place, answer=tmp_path / "key")
        assert code == 0, key
        server = Server(place)
        stop = tmp_path / "stop"
        clients = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.journeys.crash_clients", work),
                    *map(str, (place.folder, place.images, server.url, key, tmp_path / f"{work}.jsonl", stop)),
                ],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            for work in WORK
        ]
        try:
            for _ in range(KILLS):
                time.sleep(chance.uniform(0.5, 6.0))
                server.kill()
        finally:
            stop.touch()
            codes = [client.wait(400) for client in clients]
            server.stop()
        told = {
            work: [json.loads(line) for line in (tmp_path / f"{work}.jsonl").read_text().splitlines()] for work in WORK
        }
        code, lost = run(verify, place, told, answer=tmp_path / "lost")
    print({work: len(acknowledged) for work, acknowledged in told.items()}, "restarts (s):", server.starts)
    assert codes == [0] * len(WORK)
    assert (code, lost) == (0, [])
    assert all(told.values())
