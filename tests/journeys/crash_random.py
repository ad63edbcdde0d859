"""A server that is killed at any moment while four clients work, and what became of what they were told is done."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sightloop.serving.supervisor import free_port
from tests.journeys.crash_clients import WORK, make_key, verify
from tests.journeys.crash_operations import Place
from tests.journeys.crash_process import run
from tests.journeys.crash_yard import Yard

SEED = 20
LONGEST_START_S = 120.0


@dataclass(frozen=True, slots=True)
class Kills:
    """Answers that each client was given, seconds of each start of the server, and what of the answers was lost."""

    acknowledged: Mapping[str, int]
    starts_s: Sequence[float]
    client_codes: Sequence[int]
    lost: Sequence[str]


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


def random_kills(yard: Yard, scratch: Path, kills: int) -> Kills:
    """What came of so many kills, each 0.5 to 6 seconds after the server answered again."""
    chance = random.Random(SEED)
    with yard.trial("deploy") as (place, _):
        code, key = run(make_key, place, answer=scratch / "key")
        assert code == 0, key
        server = Server(place)
        stop = scratch / "stop"
        clients = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.journeys.crash_clients", work),
                    *map(str, (place.folder, place.images, server.url, key, scratch / f"{work}.jsonl", stop)),
                ],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            for work in WORK
        ]
        try:
            for _ in range(kills):
                time.sleep(chance.uniform(0.5, 6.0))
                server.kill()
        finally:
            stop.touch()
            codes = [client.wait(400) for client in clients]
            server.stop()
        told = {
            work: [json.loads(line) for line in (scratch / f"{work}.jsonl").read_text().splitlines()] for work in WORK
        }
        code, lost = run(verify, place, told, answer=scratch / "lost")
        assert code == 0, lost
    return Kills({work: len(answers) for work, answers in told.items()}, server.starts, codes, lost)
