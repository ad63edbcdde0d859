"""Bad files through the upload door while the server goes on answering: `python -m benchmarks.bad_files`.

The files: Pillow's own test images (from its source distribution, which pip downloads), seeded mutants of real images
(bytes flipped, stretches cut out, doubled or zeroed, halves joined), the same of a medium of every other kind (clouds,
thermal, depth, DICOM, sound, series, text, video), bombs (`benchmarks.bombs`), and what no plant is without
(`examples.solar_cells.broken_files`). Each is uploaded to a real `sightloop serve` by HTTP and ingested in
batches. Meanwhile `/healthz` is asked twenty times a second, and so is Python's own `http.server` in a process that
does nothing else: what that one takes is the machine's doing. Counted: answers of 5xx, files whose content became
neither a sample nor a quarantine entry, the longest upload and batch, the memory of the control process after a warm-up
on good images and after each batch, and the answers of `/healthz`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from benchmarks.bombs import bombs
from benchmarks.results import keep
from examples.solar_cells import elpv
from examples.solar_cells.broken_files import write_broken_files
from sightloop.storage import FolderLock
from tests.journeys.served import Served
from tests.media_files import everything
from tests.specs.inference.clips import clip

PILLOW = "pillow==13.0.0"
BATCH = 100
WARM_UP = 200
MIB = 1 << 20


def main() -> int:
    """Exit status: 0 where nothing answered 5xx, no file was lost and the server lives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=1000)
    parser.add_argument("--modalities", type=int, default=1600, help="Mutants of what is no image.")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sightloop-bad-") as place:
        sets = {
            "pillow": pillow_images(Path(place)),
            "mutants": mutants(given.mutants, given.seed),
            "modalities": of_every_kind(given.modalities, given.seed),
            "bombs": bombs(),
            "broken": broken(Path(place) / "broken"),
        }
        with bare_server(Path(place) / "nothing") as bare:
            figures = sent(Path(place) / "installation", {k: v for one in sets.values() for k, v in one.items()}, bare)
    figures = {"sets": {name: len(one) for name, one in sets.items()}, **figures}
    print(json.dumps(figures, indent=2))
    keep("bad_files", {"seed": given.seed, "pillow": PILLOW, **figures})
    return 0 if figures["alive"] and not figures["answers_5xx"] and not figures["lost"] else 1


def sent(folder: Path, files: dict[str, bytes], bare: str) -> dict[str, Any]:
    """What became of the files, and of the server meanwhile."""
    with Served(folder) as server:
        process = psutil.Process(server.process.pid)
        holder = FolderLock.holder(folder)
        key = {"Authorization": f"Bearer {holder['token']}"}
        with httpx.Client(base_url=holder["address"], headers=key, timeout=120.0, trust_env=False) as client:
            tally = Tally()
            good = [path.read_bytes() for path in sorted(elpv.image_folder().glob("*.png"))[-WARM_UP:]]
            _ingest(client, {f"good-{n}.png": data for n, data in enumerate(good)}, tally)
            health, other = Health(f"{client.base_url}/healthz"), Health(bare)
            time.sleep(5.0)
            idle_ms = health.taken(), other.taken()
            rss_mib = [round(process.memory_info().rss / MIB)]
            load, began = [os.getloadavg()[0]], time.monotonic()
            names = list(files)
            for start in range(0, len(names), BATCH):
                _ingest(client, {name: files[name] for name in names[start : start + BATCH]}, tally)
                rss_mib.append(round(process.memory_info().rss / MIB))
                load.append(os.getloadavg()[0])
            seconds = time.monotonic() - began
            busy_ms = health.taken(), other.taken()
            health.stop()
            other.stop()
            status = client.get("/api/v1/status").json()
            return {
                "files": len(files),
                "distinct": len({*files.values()}),
                "samples": status["samples"] - WARM_UP,
                "quarantined": status["quarantined"],
                "lost": len(tally.taken - set(_accounted(client))),
                "alive": process.is_running(),
                "answers": {str(code): n for code, n in sorted(tally.codes.items())},
                "answers_5xx": sum(n for code, n in tally.codes.items() if code >= 500),
                "longest_upload_ms": round(1000 * max(tally.uploads_s)),
                "longest_batch_s": round(max(tally.batches_s), 1),
                "seconds": round(seconds, 1),
                "rss_mib": rss_mib,
                "rss_growth_mib": rss_mib[-1] - rss_mib[0],
                "load_average": {"least": min(load), "most": max(load)},
                "healthz_idle_ms": _spread(idle_ms[0]),
                "healthz_busy_ms": _spread(busy_ms[0]),
                "healthz_over_200_ms": sum(ms > 200 for ms in busy_ms[0]),
                "bare_idle_ms": _spread(idle_ms[1]),
                "bare_busy_ms": _spread(busy_ms[1]),
            }


@dataclass
class Tally:
    """Answers by status, and how long each upload and each batch took."""

    codes: Counter[int] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)  # digests that the door answered with
    uploads_s: list[float] = field(default_factory=list)
    batches_s: list[float] = field(default_factory=list)


class Health:
    """Asks an address twenty times a second, on a thread and a connection of its own."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._taken: list[float] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def taken(self) -> list[float]:
        """The milliseconds that each answer took since the last call."""
        taken, self._taken = self._taken, []
        return taken

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(trust_env=False, timeout=30.0) as client:
            while not self._stopping.wait(0.05):
                began = time.perf_counter()
                client.get(self._address).raise_for_status()
                self._taken.append((time.perf_counter() - began) * 1000)


@contextmanager
def bare_server(folder: Path) -> Iterator[str]:
    """The address of Python's `http.server` on an empty folder."""
    folder.mkdir()
    command = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--protocol", "HTTP/1.1"]
    with subprocess.Popen(
        [sys.executable, *command, "--directory", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = re.search(r"port (\d+)", process.stdout.readline())
        assert port is not None
        try:
            yield f"http://127.0.0.1:{port[1]}/"
        finally:
            process.terminate()


def pillow_images(place: Path) -> dict[str, bytes]:
    """The test images of Pillow's source distribution, by name."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "--dest", str(place), PILLOW], check=True)
    found: dict[str, bytes] = {}
    for path in place.glob("pillow-*.tar.gz"):
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and "/Tests/images/" in member.name:
                    content = archive.extractfile(member)
                    assert content is not None
                    found[f"pillow/{member.name.split('/Tests/images/')[1]}"] = content.read()
    return found


def mutants(count: int, seed: int) -> dict[str, bytes]:
    """Real cells, each damaged in one of five ways."""
    rng = np.random.default_rng(seed)
    sources = [path.read_bytes() for path in sorted(elpv.image_folder().glob("*.png"))[:200]]
    ways = (_flipped, _cut, _doubled, _zeroed, _joined)
    return {f"mutant-{n}.png": ways[n % len(ways)](sources, rng) for n in range(count)}


def of_every_kind(count: int, seed: int) -> dict[str, bytes]:
    """Media that are no images, each damaged in one of five ways, under a name of their kind."""
    rng = np.random.default_rng(seed)
    kinds = everything() | {"clip.mp4": clip(), "drive.webm": clip("vp9")}
    ways = (_flipped, _cut, _doubled, _zeroed, _joined)
    made = {}
    for n in range(count):
        name = list(kinds)[n % len(kinds)]
        made[f"{n}-{name}"] = ways[n // len(kinds) % len(ways)]([kinds[name]], rng)
    return made


def broken(folder: Path) -> dict[str, bytes]:
    """Forty files that no plant is without, bombs among them."""
    good = sorted(elpv.image_folder().glob("*.png"))[:6]
    return {name: (folder / name).read_bytes() for name in write_broken_files(folder, good)}


def _flipped(sources: Sequence[bytes], rng: np.random.Generator) -> bytes:
    data = bytearray(_one(sources, rng))
    for place in rng.integers(0, len(data), size=rng.integers(1, 64)):
        data[place] ^= 1 << rng.integers(8)
    return bytes(data)


def _cut(sources: Sequence[bytes], rng: np.random.Generator) -> bytes:
    data = _one(sources, rng)
    start, end = sorted(rng.integers(0, len(data), size=2))
    return data[:start] + data[end:]


def _doubled(sources: Sequence[bytes], rng: np.random.Generator) -> bytes:
    data = _one(sources, rng)
    start, end = sorted(rng.integers(0, len(data), size=2))
    return data[:end] + data[start:]


def _zeroed(sources: Sequence[bytes], rng: np.random.Generator) -> bytes:
    data = _one(sources, rng)
    start, end = sorted(rng.integers(0, len(data), size=2))
    return data[:start] + bytes(end - start) + data[end:]


def _joined(sources: Sequence[bytes], rng: np.random.Generator) -> bytes:
    first, second = _one(sources, rng), _one(sources, rng)
    return first[: int(rng.integers(len(first)))] + second[int(rng.integers(len(second))) :]


def _one(sources: Sequence[bytes], rng: np.random.Generator) -> bytes:
    return sources[int(rng.integers(len(sources)))]


def _ingest(client: httpx.Client, files: dict[str, bytes], tally: Tally) -> None:
    """Uploads each file; those that the door takes are ingested in one run, which is waited for."""
    listed, began = [], time.perf_counter()
    for name, data in files.items():
        asked = time.perf_counter()
        answer = client.post("/api/v1/uploads", params={"name": Path(name).name}, content=data)
        tally.uploads_s.append(time.perf_counter() - asked)
        tally.codes[answer.status_code] += 1
        if answer.is_success:
            listed.append({"name": name, "digest": answer.json()["digest"]})
    tally.taken |= {one["digest"] for one in listed}
    source = {"kind": "upload", "files": listed, "trust_content": True, "include": [".csv", ".txt"]}
    answer = client.post("/api/v1/ingests", json={"source": source})
    tally.codes[answer.status_code] += 1
    run = answer.json()
    while run["state"] in ("pending", "running"):
        run = client.get(f"/api/v1/runs/{run['id']}", params={"wait_s": 20}).json()
    if run["state"] != "succeeded":
        raise SystemExit(f"an ingest failed: {run['error']}")
    tally.batches_s.append(time.perf_counter() - began)


def _accounted(client: httpx.Client) -> Iterator[str]:
    """The digest of each sample and of each entry in quarantine."""
    for where, column in (("samples", "media_digest"), ("quarantine", "digest")):
        cursor = ""
        while True:
            page = client.get(f"/api/v1/{where}", params={"limit": 500, "cursor": cursor}).json()
            yield from (one[column] for one in page["items"])
            cursor = page.get("next_cursor", "")
            if not cursor:
                break


def _spread(taken_ms: Sequence[float]) -> dict[str, float]:
    ms = np.asarray(taken_ms)
    return {"n": len(ms), **{f"p{q}": round(float(np.percentile(ms, q)), 1) for q in (50, 99, 100)}}


if __name__ == "__main__":
    raise SystemExit(main())
