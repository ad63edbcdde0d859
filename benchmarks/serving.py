"""How fast one model is served: `python -m benchmarks.serving --peers FOLDER`.

EfficientNet-Lite0 at 224 x 224 with a head of two classes, one ONNX file, the same options of ONNX Runtime for all
(2 threads, no spinning; batches of at most 8). In turns, at 1, 8 and 32 clients that ask again as soon as they are
answered (wrk): a bare loop around ONNX Runtime in one process, without any server; Sightloop, over the binary tensor
extension; LitServe and MLServer, with pixels as base64 in JSON, as neither takes raw tensors over HTTP. The bare loop
runs the batch size, of 1 and 4, that is faster.

Throughput, latency at the client, processor seconds of the whole process tree per answer, memory of the tree. Where
other work shares the machine, throughput moves with it; processor time per answer and the ratios within a round move
less. Then JPEG in: the image door of Sightloop against decoding and running in a bare loop. Sightloop also does what
the others do not: a digest, quality measures, and each prediction in its log before it is answered.

`--peers FOLDER` makes an environment there (once, some minutes) with LitServe and MLServer; without it both are
left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import simplejpeg

from benchmarks.endpoint import KEY, NAME, SIDE, binary_request, cpu_s, lite0_bundle, memory_mib, pixels, served
from benchmarks.endpoint import wait_until_answers as wait
from benchmarks.load import Post, closed_loop
from benchmarks.results import keep
from sightloop.serving.supervisor import free_port

CLIENTS: Final = (1, 8, 32)
BATCH: Final = 8
SETTLED_S: Final = 1.5  # what was asked in the warm-up is worked off by then
PEERS: Final = Path(__file__).parent / "peers"
PACKAGES: Final = ("litserve==0.2.19", "mlserver==1.7.1")
MINE: Final = {"authorization": f"Bearer {KEY}"}


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs: its process and the request that it is measured with."""

    process: psutil.Process
    post: Post


def main() -> int:
    """Exit status: 0 once the figures are printed and kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="Folder of the peers' environment; made where it is missing.")
    parser.add_argument("--seconds", type=float, default=8.0, help="Of each measurement.")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2, help="Of ONNX Runtime, for all.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sightloop-serving-") as place, ExitStack() as stack:
        folder, bundle, image = Path(place), lite0_bundle(), pixels()
        model = folder / "model.onnx"
        model.write_bytes(bundle.onnx)
        systems: dict[str, Served] = {}
        (folder / "ours").mkdir()
        address, process = stack.enter_context(
            served(folder / "ours", bundle, threads=given.threads, max_batch=BATCH, queue_ms=60_000)
        )
        body, headers = binary_request(image)
        systems["sightloop"] = Served(process, Post(f"{address}/v2/models/{NAME}/infer", body, {**headers, **MINE}))
        if given.peers:
            python = peers(given.peers)
            systems["litserve"] = stack.enter_context(litserve(python, model, image, given.threads))
            systems["mlserver"] = stack.enter_context(mlserver(python, model, image, given.threads, folder))
        bare = Bare(model, given.threads)
        runs: dict[str, dict[int, list[dict[str, Any]]]] = {}
        for _ in range(given.rounds):
            for clients in CLIENTS:
                alone = max((bare.run(image, batch, given.seconds / 2) for batch in ((1, 4) if clients > 1 else (1,))),
                            key=lambda run: float(run["per_s"]))  # fmt: skip
                runs.setdefault("bare", {}).setdefault(clients, []).append(alone)
                for name, system in systems.items():
                    seen = loaded(system, folder, name, clients, given.seconds)
                    runs.setdefault(name, {}).setdefault(clients, []).append(seen)
                    print(name, clients, seen, file=sys.stderr)
        jpeg = simplejpeg.encode_jpeg(image[0], quality=90)
        door = Served(process, Post(f"{address}/v2/models/{NAME}/image", jpeg, MINE))
        images = {
            "jpeg_bytes": len(jpeg),
            "bare": bare.run(image, 4, given.seconds, decode=lambda: simplejpeg.decode_jpeg(jpeg)),
            "sightloop": loaded(door, folder, "door", 8, given.seconds),
        }
    figures = {
        "model": f"EfficientNet-Lite0, {SIDE} x {SIDE}, uint8 in",
        "threads": given.threads,
        "seconds": given.seconds,
        "rounds": given.rounds,
        "load_average_at_the_end": os.getloadavg()[0],
        "systems": {name: {str(n): summed(rows) for n, rows in by.items()} for name, by in runs.items()},
        "ratios_to_bare": ratios(runs),
        "jpeg_at_8_clients": images,
    }
    print(json.dumps(figures, indent=2))
    keep("serving", figures)
    return 0


def loaded(system: Served, folder: Path, name: str, clients: int, seconds: float) -> dict[str, Any]:
    """One measurement of a server."""
    closed_loop(system.post, folder, name, clients=clients, seconds=1)
    time.sleep(SETTLED_S)
    before = cpu_s(system.process)
    seen = closed_loop(system.post, folder, name, clients=clients, seconds=seconds)
    spent = cpu_s(system.process) - before
    answers = seen["requests"] - seen["refused"]
    return {
        **seen,
        "per_s": round(answers / seen["seconds"], 2),
        "cpu_ms": round(1000 * spent / max(1, answers), 2),
        "memory_mib": memory_mib(system.process),
    }


def summed(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The rounds as one: means of throughput and processor time, medians of latency, the largest memory."""
    row: dict[str, Any] = {name: round(statistics.fmean(run[name] for run in runs), 2) for name in ("per_s", "cpu_ms")}
    for name in ("p50_ms", "p99_ms"):
        if name in runs[0]:
            row[name] = round(statistics.median(run[name] for run in runs), 1)
    for name in ("refused", "broken"):
        if name in runs[0]:
            row[name] = sum(run[name] for run in runs)
    if "batch" in runs[0]:
        row["batch"] = [run["batch"] for run in runs]
    if "memory_mib" in runs[0]:
        row["memory_mib"] = max((run["memory_mib"] for run in runs), key=lambda memory: memory["rss"])
    return row


def ratios(runs: dict[str, dict[int, list[dict[str, Any]]]]) -> dict[str, Any]:
    """Throughput and processor time per answer against the bare loop of the same round: medians over the rounds."""
    return {
        name: {
            str(clients): {
                "throughput": round(statistics.median(_against(runs, name, clients, "per_s")), 3),
                "cpu": round(statistics.median(_against(runs, name, clients, "cpu_ms")), 3),
            }
            for clients in by
        }
        for name, by in runs.items()
        if name != "bare"
    }


def _against(runs: dict[str, dict[int, list[dict[str, Any]]]], name: str, clients: int, figure: str) -> Iterator[float]:
    for one, bare in zip(runs[name][clients], runs["bare"][clients], strict=True):
        yield one[figure] / bare[figure]


class Bare:
    """ONNX Runtime and nothing else."""

    def __init__(self, model: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def run(self, image: Any, batch: int, seconds: float, decode: Callable[[], Any] | None = None) -> dict[str, Any]:
        """Images of the batch size, over and over, perhaps each decoded first."""
        ready = image.repeat(batch, axis=0)
        self._session.run(["probabilities"], {self._input: ready})
        done, began, cpu = 0, time.perf_counter(), time.process_time()
        while (spent := time.perf_counter() - began) < seconds:
            for row in range(batch if decode else 0):
                ready[row] = decode() if decode else None
            self._session.run(["probabilities"], {self._input: ready})
            done += batch
        cpu_ms = 1000 * (time.process_time() - cpu) / done
        return {"per_s": round(done / spent, 2), "cpu_ms": round(cpu_ms, 2), "batch": batch}


def peers(folder: Path) -> Path:
    """The Python of an environment with LitServe and MLServer, of the versions above."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        runtime = f"onnxruntime=={__import__('onnxruntime').__version__}"
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES, runtime], check=True)
    return python


@contextmanager
def litserve(python: Path, model: Path, image: Any, threads: int) -> Iterator[Served]:
    port = free_port()
    command = [str(python), str(PEERS / "litserve_server.py"), str(model), str(port), str(threads), str(BATCH)]
    body = json.dumps({"shape": list(image.shape[1:]), "data": b64encode(image.tobytes()).decode()}).encode()
    post = Post(f"http://127.0.0.1:{port}/predict", body, {"content-type": "application/json"})
    with _running(command, f"http://127.0.0.1:{port}/health") as process:
        yield Served(process, post)


@contextmanager
def mlserver(python: Path, model: Path, image: Any, threads: int, folder: Path) -> Iterator[Served]:
    home = folder / "mlserver"
    home.mkdir()
    ports = {name: free_port() for name in ("http_port", "grpc_port", "metrics_port")}
    (home / "settings.json").write_text(
        json.dumps({"debug": False, "host": "127.0.0.1", "parallel_workers": 0, "metrics_endpoint": None, **ports})
    )
    extra = {"model": str(model), "threads": threads, "side": SIDE}
    (home / "model-settings.json").write_text(
        json.dumps({"name": "lite0", "implementation": "mlserver_runtime.Lite0", "max_batch_size": BATCH,
                    "max_batch_time": 0.002, "parameters": {"extra": extra}})
    )  # fmt: skip
    given = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [b64encode(image.tobytes()).decode()]}
    url = f"http://127.0.0.1:{ports['http_port']}/v2"
    post = Post(
        f"{url}/models/lite0/infer", json.dumps({"inputs": [given]}).encode(), {"content-type": "application/json"}
    )
    (home / "mlserver_runtime.py").write_text((PEERS / "mlserver_runtime.py").read_text())
    with _running([str(python.with_name("mlserver")), "start", str(home)], f"{url}/models/lite0/ready") as process:
        yield Served(process, post)


@contextmanager
def _running(command: list[str], ready: str) -> Iterator[psutil.Process]:
    with tempfile.TemporaryFile() as words, subprocess.Popen(command, stdout=words, stderr=words) as process:
        seen = psutil.Process(process.pid)
        try:
            wait(ready, process)
            yield seen
        finally:
            children = seen.children(recursive=True)
            process.terminate()
            _, left = psutil.wait_procs(children, timeout=5)
            for child in left:
                child.kill()


if __name__ == "__main__":
    raise SystemExit(main())
