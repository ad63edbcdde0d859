"""A server that is killed at any moment while four clients work, and what became of what they were told is done."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sightloop.serving.supervisor import free_port
from tests.journeys.crash_clients import WORK, make_key, verify
from tests.journeys.crash_process import run
from tests.journeys.crash_yard import Yard
from tests.journeys.served import Served

SEED = 20


@dataclass(frozen=True, slots=True)
class Kills:
    """Answers that each client was given, seconds of each start of the server, and what of the answers was lost."""

    acknowledged: Mapping[str, int]
    starts_s: Sequence[float]
    client_codes: Sequence[int]
    lost: Sequence[str]


class Server:
    """A folder that is served again after each kill, at an address that stays."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.starts: list[float] = []
        self._served = self._start()

    def kill(self) -> None:
        """Returns once the process is dead and another one answers."""
        self._served.kill()
        self._served = self._start()

    def stop(self) -> None:
        self._served.stop()

    def _start(self) -> Served:
        began = time.monotonic()
        served = Served(self._folder, port=self._port)
        self.starts.append(round(time.monotonic() - began, 1))
        return served


def random_kills(yard: Yard, scratch: Path, kills: int) -> Kills:
    """What came of so many kills, each 0.5 to 6 seconds after the server answered again."""
    chance = random.Random(SEED)
    with yard.trial("deploy") as (place, _):
        code, key = run(make_key, place, answer=scratch / "key")
        assert code == 0, key
        server = Server(place.folder)
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
