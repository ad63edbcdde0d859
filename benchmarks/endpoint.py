"""The model that serving is measured with, and a serving process that answers for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from sightloop.domain import Role
from sightloop.inference import Bundle, BundleFacts, LinearHead, assemble_bundle
from sightloop.inference.embedders import Lite0Embedder
from sightloop.serving.deployment_file import DeploymentFile, Served, ServingFolder, ServingKey, write_deployments
from sightloop.serving.supervisor import free_port

SIDE = 224
KEY = "sl_benchmark"
NAME = "line"


def lite0_bundle() -> Bundle:
    """EfficientNet-Lite0 at 224 with a random head of two classes: what it says is of no matter."""
    draw = np.random.default_rng(0)
    embedder = Lite0Embedder(size=SIDE)
    head = LinearHead(
        weights=draw.normal(size=(2, 64)),
        bias=np.zeros(2),
        mean=np.zeros(embedder.dimensions),
        projection=draw.normal(size=(64, embedder.dimensions)) / 100,
    )
    facts = BundleFacts(
        training_run="run_b",
        dataset_version="dsv_b",
        label_schema="sch_b",
        code_version="0",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return assemble_bundle(embedder, head, temperature=1.0, classes=("good", "bad"), facts=facts)


def pixels(count: int = 1) -> Any:
    """uint8 (count, 224, 224, 3): smooth shapes, so that they also make a JPEG of a usual size."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    planes = [127 + 90 * np.sin(x / (5 + k)) * np.cos(y / (9 - k)) for k in range(3)]
    noise = np.random.default_rng(1).normal(scale=6, size=(count, SIDE, SIDE, 3))
    return np.clip(np.stack(planes, axis=-1) + noise, 0, 255).astype(np.uint8)


def binary_request(images: Any) -> tuple[bytes, dict[str, str]]:
    """A request for the probabilities by the binary tensor extension: body and headers."""
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "images",
                    "datatype": "UINT8",
                    "shape": list(images.shape),
                    "parameters": {"binary_data_size": images.nbytes},
                }
            ],
            "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}],
        }
    ).encode()
    return head + images.tobytes(), {
        "inference-header-content-length": str(len(head)),
        "content-type": "application/octet-stream",
    }


@contextmanager
def served(folder: Path, bundle: Bundle, **serving: Any) -> Iterator[tuple[str, psutil.Process]]:
    """The address of a serving process with one deployment "line", and the process; `serving` are settings."""
    place = ServingFolder(folder)
    data = bundle.to_archive()
    digest = sha256(data).hexdigest()
    place.bundle(digest).write_bytes(data)
    key = ServingKey(sha256=sha256(KEY.encode()).hexdigest(), workspace="ws_b", role=Role.ENGINEER, actor="key_b")
    deployment = Served("ws_b", NAME, "dep_b", "cells", "mdv_b", "champion", digest)
    write_deployments(place, DeploymentFile((deployment,), (key,)))
    port = free_port()
    command = [
        *(sys.executable, "-m", "sightloop.serving.process", "--folder", str(folder), "--host", "127.0.0.1"),
        *("--port", str(port), "--settings", json.dumps({"serving": serving})),
    ]
    with subprocess.Popen(command) as process:
        try:
            wait_until_answers(f"http://127.0.0.1:{port}/v2/health/ready", process)
            yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
        finally:
            process.terminate()


def wait_until_answers(url: str, process: subprocess.Popen[bytes], timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"The server ended with status {process.returncode}.")
        try:
            if httpx.get(url, trust_env=False, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit(f"{url} does not answer.")


def tree(process: psutil.Process) -> list[psutil.Process]:
    """The process and what it started."""
    return [process, *process.children(recursive=True)]


def cpu_s(process: psutil.Process) -> float:
    """Processor seconds of the process and all that it started so far."""
    return float(sum(each.cpu_times().user + each.cpu_times().system for each in tree(process)))


def memory_mib(process: psutil.Process) -> dict[str, float]:
    """RSS (shared pages counted in each process) and PSS (divided) of the process tree."""
    found = [each.memory_full_info() for each in tree(process)]
    return {name: round(sum(getattr(one, name) for one in found) / (1 << 20), 1) for name in ("rss", "pss")}
