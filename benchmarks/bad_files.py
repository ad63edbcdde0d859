"""Bad files through the upload door while the server goes on answering: `python -m benchmarks.bad_files`.

The files: Pillow's own test images (from its source distribution, which pip downloads), seeded mutants of real images
(bytes flipped, stretches cut out, doubled or zeroed, halves joined), and bombs (headers of gigapixels, archives, long
chunks). Each is uploaded to a real `sightloop serve` by HTTP and ingested in batches. Meanwhile `/healthz` is asked
twenty times a second. Counted: answers of 5xx, files that became neither a sample nor a quarantine entry, and how the
server's memory and the answers of `/healthz` stood.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.results import keep
from benchmarks.served import served
from examples.solar_cells import elpv
from examples.solar_cells.broken_files import write_broken_files
from sightloop.storage import FolderLock

PILLOW = "pillow==13.0.0"
BATCH = 100
MIB = 1 << 20


def main() -> int:
    """Exit status: 0 where nothing answered 5xx, no file was lost and the server lives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sightloop-bad-") as place:
        files = {**pillow_images(Path(place)), **mutants(given.mutants, given.seed), **broken(Path(place) / "broken")}
        figures = sent(Path(place) / "installation", files)
    print(json.dumps(figures, indent=2))
    keep("bad_files", {"seed": given.seed, "pillow": PILLOW, "mutants": given.mutants, **figures})
    return 0 if not figures["answers_5xx"] and not figures["lost"] else 1


def sent(folder: Path, files: dict[str, bytes]) -> dict[str, Any]:
    """What became of the files, and of the server meanwhile."""
    with served(folder) as process:
        holder = FolderLock.holder(folder)
        key = {"Authorization": f"Bearer {holder['token']}"}
        with httpx.Client(base_url=holder["address"], headers=key, timeout=120.0, trust_env=False) as client:
            health = Health(client.base_url)
            time.sleep(3.0)
            idle_ms = health.taken()
            before = process.memory_info().rss
            codes: Counter[int] = Counter()
            began = time.monotonic()
            names = list(files)
            for start in range(0, len(names), BATCH):
                _ingest(client, {name: files[name] for name in names[start : start + BATCH]}, codes)
            seconds = time.monotonic() - began
            busy_ms = health.taken()
            health.stop()
            status = client.get("/api/v1/status").json()
            return {
                "files": len(files),
                "distinct": len({*files.values()}),
                "samples": status["samples"],
                "quarantined": status["quarantined"],
                "lost": len({*files.values()}) - _accounted(client),
                "answers": {str(code): n for code, n in sorted(codes.items())},
                "answers_5xx": sum(n for code, n in codes.items() if code >= 500),
                "seconds": round(seconds, 1),
                "rss_growth_mib": round((process.memory_info().rss - before) / MIB, 1),
                "healthz_idle_ms": _spread(idle_ms),
                "healthz_busy_ms": _spread(busy_ms),
            }


class Health:
    """Asks `/healthz` twenty times a second, on a thread and a connection of its own."""

    def __init__(self, address: httpx.URL) -> None:
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
        with httpx.Client(base_url=self._address, trust_env=False, timeout=30.0) as client:
            while not self._stopping.wait(0.05):
                began = time.perf_counter()
                client.get("/healthz").raise_for_status()
                self._taken.append((time.perf_counter() - began) * 1000)


def pillow_images(place: Path) -> dict[str, bytes]:
    """The test images of Pillow's source distribution, by name."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        ":all:",
        "--dest",
        str(place),
    ]
    subprocess.run([*pip, PILLOW], check=True)
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


def _ingest(client: httpx.Client, files: dict[str, bytes], codes: Counter[int]) -> None:
    """Uploads each file; those that the door takes are ingested in one run, which is waited for."""
    listed = []
    for name, data in files.items():
        answer = client.post("/api/v1/uploads", params={"name": Path(name).name}, content=data)
        codes[answer.status_code] += 1
        if answer.is_success:
            listed.append({"name": name, "digest": answer.json()["digest"]})
    source = {"kind": "upload", "files": listed, "trust_content": True}
    answer = client.post("/api/v1/ingests", json={"source": source})
    codes[answer.status_code] += 1
    run = answer.json()
    while run["state"] in ("pending", "running"):
        run = client.get(f"/api/v1/runs/{run['id']}", params={"wait_s": 20}).json()
    if run["state"] != "succeeded":
        raise SystemExit(f"an ingest failed: {run['error']}")


def _accounted(client: httpx.Client) -> int:
    """How many distinct contents are a sample or stand in quarantine."""
    held = {entry["digest"] for entry in client.get("/api/v1/quarantine").json()["items"]}
    return len({*held, *_digests(client)})


def _digests(client: httpx.Client) -> Iterator[str]:
    cursor = ""
    while True:
        page = client.get("/api/v1/samples", params={"limit": 500, "cursor": cursor}).json()
        yield from (sample["media_digest"] for sample in page["items"])
        cursor = page["next_cursor"]
        if not cursor:
            return


def _spread(taken_ms: Sequence[float]) -> dict[str, float]:
    ms = np.asarray(taken_ms)
    return {"n": len(ms), **{f"p{q}": round(float(np.percentile(ms, q)), 1) for q in (50, 99, 100)}}


if __name__ == "__main__":
    raise SystemExit(main())
