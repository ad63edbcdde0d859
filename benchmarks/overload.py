"""What becomes of five times what a server can answer: `python -m benchmarks.overload`.

EfficientNet-Lite0 at 224 over the binary tensor extension, default settings. The capacity by a closed loop of 8
clients (wrk); then open loops: 0.7 of the capacity, 5 times the capacity, and how long it takes after that until a
lone request is answered within the p99 of the first. Goals: at least 0.8 of the capacity answered under overload,
each other request 503 with Retry-After of 1 s, p99 of the accepted at most 3 times that at 0.7, memory up by at most
20 %, normal again within 10 s.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.endpoint import KEY, NAME, binary_request, cpu_s, lite0_bundle, memory_mib, pixels, served
from benchmarks.load import Post, closed_loop
from benchmarks.open_loop import open_loop
from benchmarks.results import keep


def main() -> int:
    """Exit status: 0 once the figures are printed and kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="Of the overload; the others take half.")
    parser.add_argument("--times", type=float, default=5.0, help="How many times the capacity.")
    given = parser.parse_args()
    half = given.seconds / 2
    body, headers = binary_request(pixels())
    headers |= {"authorization": f"Bearer {KEY}"}
    with tempfile.TemporaryDirectory(prefix="sightloop-overload-") as place:
        folder = Path(place)
        with served(folder, lite0_bundle()) as (address, process):
            url = f"{address}/v2/models/{NAME}/infer"
            post = Post(url, body, headers)
            closed_loop(post, folder, "warm", clients=8, seconds=3)
            capacity = _capacity(closed_loop(post, folder, "capacity", clients=8, seconds=half))
            below = open_loop(url, body, headers, rate=0.7 * capacity, seconds=half).report()
            before, cpu = memory_mib(process), cpu_s(process)
            above = open_loop(url, body, headers, rate=given.times * capacity, seconds=given.seconds, seed=1).report()
            above["server_cpu_s"] = round(cpu_s(process) - cpu, 2)
            normal_s = _normal_again(url, body, headers, float(below["accepted_p99_ms"] or 0))
            after = memory_mib(process)
            again = _capacity(closed_loop(post, folder, "again", clients=8, seconds=half))
    figures: dict[str, Any] = {
        "capacity_per_s": round(capacity, 2),
        "capacity_afterwards_per_s": round(again, 2),
        "at_0.7": below,
        "times": given.times,
        "overloaded": above,
        "goodput_of_capacity": round(above["accepted_per_s"] / capacity, 3),
        "p99_ratio": round((above["accepted_p99_ms"] or 0) / (below["accepted_p99_ms"] or 1), 2),
        "memory_before_mib": before,
        "memory_after_mib": after,
        "rss_growth": round(after["rss"] / before["rss"] - 1, 3),
        "normal_again_s": round(normal_s, 2),
    }
    print(json.dumps(figures, indent=2))
    keep("overload", figures)
    return 0


def _capacity(seen: dict[str, Any]) -> float:
    return float((seen["requests"] - seen["refused"]) / seen["seconds"])


def _normal_again(url: str, body: bytes, headers: dict[str, str], usual_ms: float) -> float:
    """Seconds until a lone request is answered within the usual time; 60 where it never is."""
    began = time.perf_counter()
    with httpx.Client(trust_env=False, timeout=30) as client:
        while (passed := time.perf_counter() - began) < 60:
            asked = time.perf_counter()
            answer = client.post(url, content=body, headers=headers)
            if answer.status_code == 200 and 1000 * (time.perf_counter() - asked) <= usual_ms:
                return time.perf_counter() - began
    return passed


if __name__ == "__main__":
    raise SystemExit(main())
