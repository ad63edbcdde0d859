"""More than a deployment can answer: what is taken is answered, the surplus is told so at once, nothing is wasted."""

from __future__ import annotations

import math
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from sightloop.errors import Overloaded
from sightloop.inference import ModelSession, Predictions
from sightloop.serving.batching import Batcher, Engine, Place
from tests.specs.serving.conftest import KEY, Server, deploy, running, wait_until
from tests.specs.serving.small_model import png

LIMIT = 4


class HeldModel:
    """A session that answers when it is let, and remembers the brightness of what it saw, batch by batch."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.seen: list[list[int]] = []

    def prepared(self, images: Sequence[Any]) -> list[Any]:
        return list(images)

    def predict(self, images: Sequence[Any]) -> Predictions:
        self.seen.append([int(image[0, 0, 0]) for image in images])
        self.go.wait(30)
        rows = np.zeros((len(images), 2), np.float32)
        return Predictions(rows, rows, rows)


@pytest.fixture
def model() -> HeldModel:
    return HeldModel()


@pytest.fixture
def batcher(model: HeldModel) -> Iterator[Batcher]:
    """One image a batch, and one already at the model."""
    batcher = Batcher(
        Engine("cells", "mdv_1", cast(ModelSession, model)), max_batch=1, max_wait_s=0.0, queue_limit=64, queue_s=60
    )
    yield batcher
    model.go.set()
    batcher.close()


def ask(batcher: Batcher, place: Place, level: int) -> str:
    try:
        batcher.predict(place, [np.full((2, 2, 3), level, np.uint8)])
    except Overloaded:
        return "refused"
    return "answered"


def asked_in_turn(batcher: Batcher, model: HeldModel, wanted: Sequence[tuple[Place, int]]) -> list[str]:
    """What becomes of images that come one after another while the model is busy with a first one (level 0)."""
    with ThreadPoolExecutor(len(wanted) + 1) as threads:
        first = threads.submit(ask, batcher, Place("first"), 0)
        wait_until(lambda: model.seen == [[0]])
        others = []
        for number, (place, level) in enumerate(wanted, 1):
            others.append(threads.submit(ask, batcher, place, level))
            wait_until(lambda number=number: batcher.queued == number)  # type: ignore[misc]
        model.go.set()
        assert first.result() == "answered"
        return [other.result() for other in others]


def test_what_nobody_waits_for_any_more_is_not_predicted(batcher: Batcher, model: HeldModel) -> None:
    late, left, fine = Place("a", expires_at=-math.inf), Place("a", left=True), Place("a")
    assert asked_in_turn(batcher, model, [(late, 1), (left, 2), (fine, 3)]) == ["refused", "refused", "answered"]
    assert (model.seen, batcher.abandoned) == ([[0], [3]], 2)


def test_keys_take_turns(batcher: Batcher, model: HeldModel) -> None:
    many, one = Place("many"), Place("one")
    asked_in_turn(batcher, model, [(many, 1), (many, 2), (many, 3), (one, 9)])
    assert model.seen == [[0], [1], [9], [2], [3]]


def test_a_wait_that_would_be_too_long_is_refused_until_the_queue_is_short_again(model: HeldModel) -> None:
    engine = Engine("cells", "mdv_1", cast(ModelSession, model))
    model.go.set()
    batcher = Batcher(engine, max_batch=1, max_wait_s=0.0, queue_limit=64, queue_s=0.0)
    assert ask(batcher, Place("warm"), 0) == "answered"
    model.go.clear()
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(ask, batcher, Place("many"), level) for level in (1, 2, 3)]
        wait_until(lambda: batcher.queued == 2)
        with pytest.raises(Overloaded), batcher.admitted("many"):
            pass
        model.go.set()
        assert [one.result() for one in asked] == ["answered"] * 3
    with batcher.admitted("many"):
        assert batcher.depth == 1
    batcher.close()


def depth(server: Server) -> int:
    found = re.search(r'sightloop_queue_depth\{deployment="dep_1"\} (\d+)', server.get("/metrics").text)
    return int(found[1]) if found else 0


def test_of_a_burst_each_is_answered_or_told_when_to_come_back_and_then_all_is_as_before(tmp_path: Path) -> None:
    deploy(tmp_path, "mdv_1")
    image = png(80, side=1000)
    depths: list[int] = []
    with running(tmp_path, queue_limit=LIMIT) as server, ThreadPoolExecutor(12) as threads:
        asked = [threads.submit(server.predict, image) for _ in range(36)]
        while not all(one.done() for one in asked):
            depths.append(depth(server))
        answers = [one.result() for one in asked]
        statuses = Counter(answer.status_code for answer in answers)
        refused = [answer for answer in answers if answer.status_code == 503]
        assert statuses.keys() <= {200, 503}
        assert statuses[200] >= LIMIT
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        assert max(depths) <= LIMIT
        wait_until(lambda: depth(server) == 0)
        assert [server.predict(image).status_code for _ in range(LIMIT)] == [200] * LIMIT


def test_a_refused_request_is_answered_before_its_body_is_read(tmp_path: Path) -> None:
    deploy(tmp_path, "mdv_1")
    head = (
        f"POST /v2/models/line/image HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {KEY}\r\n"
        "content-length: 1000000\r\n\r\n"
    ).encode()
    with running(tmp_path, queue_limit=1) as server:
        address = ("127.0.0.1", server.client.base_url.port or 0)
        with socket.create_connection(address) as first, socket.create_connection(address) as second:
            first.sendall(head)
            wait_until(lambda: depth(server) == 1)
            second.sendall(head)
            assert second.recv(4096).startswith(b"HTTP/1.1 503")
        wait_until(lambda: depth(server) == 0)
        assert server.predict(png(80)).status_code == 200
