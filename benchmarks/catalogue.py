"""What a catalogue costs from 1,000 to 1,000,000 samples: `python -m benchmarks.catalogue [SIZE ...]`.

Samples are rows (no media, nothing is decoded): names, facets, captions, drawn hashes, and vectors of 4,608 numbers,
made of the embeddings of Fashion-MNIST's 60,000 images as the installed embedder gives them: each is one of them,
moved by a tenth of the way between two others, so that they lie as real ones do. One sample in ten has a label. Each
size has a process of its own. Told, by the clock and in seconds of CPU of the process, once the catalogue is in
memory (the median of ten asked in turn): a filtered list of 100, a search by two words, by likeness, by likeness
within a filter that passes one in twelve, and by all three; the recall of the ten nearest against all vectors
compared; a commit after one label, or of one sample dropped; the difference of two versions, and to the first. Also
the first commit of all, making the indexes, opening, and the peak of memory (RSS). With `--rows-only` there are no
vectors and no hashes. The load of the machine before and after is told: others may work on it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import sightloop.storage.places
from benchmarks import label_data
from benchmarks.results import keep
from sightloop.app import Installation, open_installation
from sightloop.datasets import NewAnnotation
from sightloop.datasets.catalogue import SAMPLES_TABLE, sample_id
from sightloop.datasets.rows import sample_row, samples_table, vectors_table
from sightloop.datasets.texts import TEXTS_TABLE, texts_table
from sightloop.domain import Basis, Caller, Role, Sample, digest_of, now
from sightloop.settings import load_settings
from sightloop.storage import move_pointer

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
CALLER: Final = Caller("default", "usr_bench", Role.ADMIN)
CHUNK: Final = 10_000
LINES: Final = tuple("ABCDEFGHIJKL")
WORDS: Final = ("hairline crack", "dark finger", "clean cell", "hot spot at the edge", "broken busbar", "soiled glass")
CLASSES: Final = ("ok", "crack", "dark area")
ASKED: Final = 10
FILTER: Final = {"line": "B", "temperature_c": {">": 25}}


def main() -> None:
    """Keeps the figures under "catalogue"."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--one", type=int, help="measure this size here, and print it")
    parser.add_argument("--rows-only", action="store_true", help="without vectors, and what needs them")
    parser.add_argument("--folder", type=Path, help="where workspaces are made; a temporary one by default")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measured(asked.one, asked.folder, not asked.rows_only)))
        return
    figures: dict[str, Any] = {"sizes": {}, "asked_each": ASKED}
    kept = Path(__file__).parent / "results" / "catalogue.json"
    if kept.exists():
        figures["sizes"] = json.loads(kept.read_text())["sizes"]
    for size in asked.sizes:
        told = [sys.executable, "-m", "benchmarks.catalogue", "--one", str(size)]
        folder = [] if asked.folder is None else ["--folder", str(asked.folder)]
        bare = ["--rows-only"] if asked.rows_only else []
        done = subprocess.run([*told, *folder, *bare], stdout=subprocess.PIPE, check=True)
        figures["sizes"][f"{size} rows" if asked.rows_only else str(size)] = json.loads(done.stdout.splitlines()[-1])
        keep("catalogue", figures)


def measured(size: int, folder: Path | None, vectors: bool = True) -> dict[str, Any]:
    """What each step took of a workspace of this size, made for it."""
    sightloop.storage.places.__dict__["sync"] = lambda path: None
    home = Path(tempfile.mkdtemp(dir=folder))
    steps: dict[str, Any] = {"load_before": round(os.getloadavg()[0], 1)}
    try:
        installation = open_installation(home, load_settings(home, {}))
        try:
            once(steps, "made", lambda: make(installation, size, vectors))
            _versions(installation, steps, size)
        finally:
            installation.close()
        installation = open_installation(home, load_settings(home, {}))
        try:
            once(steps, "opened", lambda: installation.datasets.count(CALLER))
            _questions(installation, steps, vectors)
        finally:
            installation.close()
    finally:
        shutil.rmtree(home)
    return steps | {"load_after": round(os.getloadavg()[0], 1), "rss_peak_mb": _peak_mb()}


def make(installation: Installation, size: int, vectors: bool) -> None:
    """Returns once the workspace holds so many samples, with labels and indexes left out."""
    real = label_data.fashion().features if vectors else None
    tables = installation.stores.workspace(CALLER.workspace).tables
    embeddings = installation.datasets._similarity.table
    versions: dict[str, int] = {}
    for start in range(0, size, CHUNK):
        count = min(CHUNK, size - start)
        noise = np.random.default_rng((0, start))
        rows = [_row(start + i, int(h), vectors) for i, h in enumerate(noise.integers(1, 2**63, count, np.uint64))]
        ids = [row["id"] for row in rows]
        drawn = {
            SAMPLES_TABLE: samples_table(rows),
            TEXTS_TABLE: texts_table(rows, {}),
        }
        if real is not None:
            drawn[embeddings] = vectors_table(ids, _vectors(real, count, noise))
        for name, table in drawn.items():
            versions[name] = tables.append(name, table)
        print(f"{start + count}/{size}", end="\r", file=sys.stderr)
    versions[TEXTS_TABLE] = tables.indexes.add_words(TEXTS_TABLE, "text")
    with installation.events.change(CALLER, "samples.make", "bench") as change:
        for name, version in versions.items():
            move_pointer(change.connection, CALLER.workspace, name, version)
        change.emit("sightloop.samples.ingested", {"run": "", "ingested": size, "known": 0, "quarantined": 0})


def _row(number: int, phash: int, hashed: bool) -> dict[str, Any]:
    digest = digest_of(f"image {number}".encode())
    facets = {
        "line": LINES[number % 12], "shift": ("early", "late", "night")[number // 500 % 3],
        "temperature_c": round(22 + phash % 700 / 100, 2), "caption": WORDS[phash % len(WORDS)],
        "order": f"wo{number // 40:06d}",
    }  # fmt: skip
    made = Sample(
        sample_id(CALLER, digest), digest, source="line", name=f"{number // 500:04d}/{number:07d}.jpg", width=640,
        height=480, format="JPEG", phash=f"{phash:016x}" if hashed else "",
        phash_version="drawn", metadata=facets, ingested_at=now(),
    )  # fmt: skip
    return sample_row(made, run="", location="")


def _vectors(real: npt.NDArray[np.float16], count: int, noise: np.random.Generator) -> npt.NDArray[np.float16]:
    a, b, c = (noise.integers(0, len(real), count) for _ in range(3))
    return np.asarray(real[a] + np.float16(0.1) * (real[b] - real[c]))


def _versions(installation: Installation, steps: dict[str, Any], size: int) -> None:
    data = installation.datasets
    ids = list(data.sample_ids(CALLER))
    schema = data.create_schema(CALLER, "states", CLASSES)
    data.create(CALLER, "cells", schema.id)
    for at in range(0, size, 10 * CHUNK):
        _label(installation, schema.id, ids[at : at + 10 * CHUNK : 10], "ok")
    first = once(
        steps, "first_commit", lambda: data.commit(CALLER, "cells", where={}, splits={"train": 0.8, "test": 0.2})
    )
    steps["first_commit"]["rss_peak_mb"] = _peak_mb()
    relabelled, dropped, differed = [], [], []
    parent = first
    for i in range(ASKED // 2):
        _label(installation, schema.id, [ids[10 * i]], "crack")
        relabelled.append(_took(lambda: data.commit(CALLER, "cells")))
        dropped.append(_took(partial(data.commit, CALLER, "cells", drop=[ids[10 * i + 1]])))
        newest = data.version(CALLER, "cells")
        differed.append(_took(partial(data.diff, CALLER, parent.id, newest.id)))
        assert len(data.diff(CALLER, first.id, newest.id).removed) == i + 1
        parent = newest
    steps["commit_one_label"], steps["commit_one_dropped"] = _median(relabelled), _median(dropped)
    steps["diff"] = _median(differed)
    steps["diff_to_first"] = _median([_took(lambda: data.diff(CALLER, first.id, parent.id)) for _ in range(3)])
    back = _took(lambda: data.branches.rollback(CALLER, "cells", "1"))
    steps["rollback"] = _median([back])


def _label(installation: Installation, schema: str, ids: Sequence[str], label: str) -> None:
    said = [NewAnnotation(one, schema, label, Basis.DRAWN, "usr_bench") for one in ids]
    with installation.events.change(CALLER, "labels.import", schema) as change:
        installation.datasets.annotations.write(change, CALLER, said)
        change.emit("sightloop.labels.imported", {"schema": schema, "written": len(said)})


def _questions(installation: Installation, steps: dict[str, Any], vectors: bool) -> None:
    data = installation.datasets
    once(steps, "first_filtered_list", lambda: data.samples(CALLER, FILTER, 100))
    steps["filtered_list"] = _median([_took(lambda: data.samples(CALLER, FILTER, 100)) for _ in range(ASKED)])
    words = [_took(lambda: data.search(CALLER, text="hairline cracks", where=FILTER)) for _ in range(ASKED)]
    steps["words_within_filter"] = _median(words)
    if not vectors:
        return
    run = once(steps, "indexed", lambda: installation.runs.wait(CALLER, data.index(CALLER).id, 7200))
    steps["vectors_in_index"] = run.output["vectors"]
    ids = list(data.sample_ids(CALLER))
    asked = [ids[i] for i in np.random.default_rng(7).choice(len(ids), ASKED, replace=False)]
    data.search(CALLER, sample=asked[0], k=10)
    found: list[set[str]] = []

    def alike(one: str) -> None:
        found.append({hit.sample.id for hit in data.search(CALLER, sample=one, k=10)})

    steps["alike"] = _median([_took(partial(alike, one)) for one in asked])
    truth = _exact(installation, asked)
    steps["recall_at_10"] = float(np.mean([len(a & b) / 10 for a, b in zip(found, truth, strict=True)]))
    within = [_took(partial(data.search, CALLER, sample=one, k=10, where={"line": "B"})) for one in asked]
    steps["alike_within_filter"] = _median(within)
    every = [_took(partial(data.search, CALLER, sample=one, text="crack", k=10, where=FILTER)) for one in asked]
    steps["alike_words_and_filter"] = _median(every)


def _exact(installation: Installation, asked: Sequence[str]) -> list[set[str]]:
    """The ten nearest of each but itself, all vectors compared in single precision, a piece at a time."""
    similarity = installation.datasets._similarity
    tables = installation.stores.workspace(CALLER.workspace).tables
    queries = similarity.embeddings(CALLER, asked)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    version = tables.latest(similarity.table) or 0
    best: list[list[tuple[float, str]]] = [[] for _ in asked]
    for batch in tables._open(similarity.table, version).to_batches(columns=["id", "vector"], batch_size=4096):
        ids = batch["id"].to_pylist()
        vectors = batch["vector"].flatten().to_numpy(zero_copy_only=False).reshape(len(ids), -1).astype(np.float32)
        cosines = queries @ (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).T
        for i, one in enumerate(asked):
            top = np.argsort(-cosines[i])[:11]
            new = [(float(cosines[i, j]), ids[j]) for j in top if ids[j] != one]
            best[i] = sorted([*best[i], *new], reverse=True)[:10]
    return [{name for _, name in found} for found in best]


def once(steps: dict[str, Any], name: str, work: Callable[[], Any]) -> Any:
    """What the work gives; its seconds are noted."""
    began, cpu = time.perf_counter(), time.process_time()
    done = work()
    steps[name] = {"s": round(time.perf_counter() - began, 3), "cpu_s": round(time.process_time() - cpu, 3)}
    print(name, steps[name], file=sys.stderr)
    return done


def _took(work: Callable[[], Any]) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def _median(took: Sequence[tuple[float, float]]) -> dict[str, float]:
    s, cpu = np.median(np.asarray(took), axis=0).tolist()
    told = {"s": round(s, 4), "cpu_s": round(cpu, 4)}
    print(told, file=sys.stderr)
    return told


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    main()
