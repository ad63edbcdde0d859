"""Looks at a bucket of a million keys: how long, and in how much memory.

A server in another process answers ListObjectsV2 for keys that it makes up, a thousand a page, as S3 does; this process
lists it through obstore and the egress gate, compares each page with what was seen, and records it. Three looks: the
first (all is new), one that is broken off in the middle and goes on from its checkpoint with nothing in memory, and one
after a key has changed and a key has gone. What a look does not do here: read media.

Usage: python -m benchmarks.listing [--keys 1000000]
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import psutil

from benchmarks.results import keep
from sightloop.datasets.listing import Listing
from sightloop.datasets.quarantine import Quarantine
from sightloop.datasets.staging import Staging
from sightloop.domain import Caller, Role
from sightloop.events import Egress, EgressGate, Events
from sightloop.storage import Records, Stores

ME: Final = Caller("default", "benchmark", Role.ADMIN)
PAGE: Final = 1000


def serve(keys: int, port: Any, changed: Any) -> None:
    """A bucket of keys that nobody holds; while `changed` is set its first key has another tag, its last is gone."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            after = asked.get("continuation-token") or asked.get("start-after") or ""
            first = int(after[-13:-4]) + 1 if after else 0
            end = keys - changed.value
            shown = range(first, min(first + PAGE, end))
            rows = "".join(
                f"<Contents><Key>line/2026/frame-{n:09d}.jpg</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified>"
                f"<ETag>&quot;{n + changed.value * (n == 0) * 7:032x}&quot;</ETag><Size>48213</Size></Contents>"
                for n in shown
            )
            more = first + PAGE < end
            last = f"<NextContinuationToken>line/2026/frame-{first + PAGE - 1:09d}.jpg</NextContinuationToken>"
            text = (
                '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>plant</Name>'
                f"<IsTruncated>{str(more).lower()}</IsTruncated>{last if more else ''}{rows}</ListBucketResult>"
            ).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_HEAD(self) -> None:
            self.send_response(404)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.value = server.server_port
    server.serve_forever()


def look(listing: Listing, source: Mapping[str, Any], begin: str = "", pages: int | None = None) -> dict[str, Any]:
    """Counts and seconds of one look that settles each page, from a checkpoint on, for so many pages at most."""
    lister, started, after, number = listing.lister(ME, source, "src_benchmark"), time.perf_counter(), begin, 0
    totals = dict.fromkeys(("listed", "unchanged", "changed", "removed"), 0)
    while pages is None or number < pages:
        looked = lister.look(ME.keyed("look", begin, str(number), str(started)), after)
        totals = {name: count + looked[name] for name, count in totals.items()}
        for digest in looked["pages"]:
            listing.settle(ME, source, "src_benchmark", listing.page(ME, digest), [])
        after, number = looked["after"], number + 1
        if looked["done"]:
            break
    return {**totals, "pages": number, "after": after, "seconds": round(time.perf_counter() - started, 2)}


def peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def main() -> None:
    """Runs the looks and keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    keys = parser.parse_args().keys
    apart = multiprocessing.get_context("spawn")
    port, changed = apart.Value("i", 0), apart.Value("i", 0)
    server = apart.Process(target=serve, args=(keys, port, changed), daemon=True)
    server.start()
    while not port.value:
        time.sleep(0.05)
    with tempfile.TemporaryDirectory() as folder:
        records = Records(f"sqlite:///{folder}/sightloop.db")
        records.migrate()
        stores, events = Stores(Path(folder), records), Events(records)
        gate = EgressGate(Egress(["127.0.0.0/8"]))
        staging, quarantine = Staging(records, stores, events), Quarantine(records, events)
        listing = Listing(
            records, stores, events, staging, quarantine, gate, 10_000, lambda _, data: data, lambda *_: iter(())
        )
        secrets = {"access_key_id": "a", "secret_access_key": "b"}
        listing.credentials.create(ME, "plant", "s3", secrets, endpoint=f"http://127.0.0.1:{port.value}")
        source = {"kind": "bucket", "url": "s3://plant/line", "credentials": "plant"}
        before = round(psutil.Process().memory_info().rss / (1 << 20), 1)
        found: dict[str, Any] = {"keys": keys, "rss_before_mb": before}
        found["first"] = {**look(listing, source), "peak_rss_mb": peak_mb()}
        half = look(listing, source, pages=keys // 4096 // 2)
        rest = look(listing, source, begin=half["after"])
        found["broken_off"] = {**half, "peak_rss_mb": peak_mb()}
        found["gone_on"] = {**rest, "peak_rss_mb": peak_mb()}
        changed.value = 1
        found["changed"] = {**look(listing, source), "peak_rss_mb": peak_mb()}
        found["threads"] = threading.active_count()
        gate.close()
        records.close()
    server.terminate()
    print(keep("listing", found))


if __name__ == "__main__":
    main()
