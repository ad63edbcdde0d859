"""One camera at work: what is dropped, tried again, counted and connected anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from sightloop.cameras.flow import RECONNECTING, RUNNING, Counts, Flow, Sent, Standing, Stream
from sightloop.cameras.waiting import Frame, Waiting
from sightloop.domain import now
from sightloop.errors import InvalidMedia, SightloopError, Unavailable
from sightloop.inference import Look
from tests.specs.cameras.streams import Scripted, frames, wait_until

GONE = Unavailable("The stream stands still.")


class Plant:
    """A flow over scripted connections, each a list of looks; what was sent, and what its sender raises next."""

    def __init__(self, *connections: Sequence[Look], room: int = 100, drop: str = "oldest") -> None:
        self._connections = iter(connections)
        self.sent: list[bytes] = []
        self.troubles: list[SightloopError] = []
        self.gate = threading.Event()
        self.gate.set()
        self.told: list[Standing] = []
        self.flow = Flow(self.connect, self.send, self.told.append, room=room, drop=drop, counts=Counts())

    @contextmanager
    def connect(self) -> Iterator[Stream]:
        looks = next(self._connections, None)
        if looks is None:
            raise GONE
        yield Scripted(looks, GONE)

    def send(self, frame: Frame) -> Sent:
        self.gate.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        self.sent.append(frame.jpeg)
        return Sent(kept=False)

    def run_until(self, **counts: int) -> Counts:
        self.flow.start()
        wait_until(lambda: all(getattr(self.flow.counts, name) == count for name, count in counts.items()))
        self.gate.set()
        self.flow.stop()
        return self.flow.counts


def balances(counts: Counts) -> bool:
    return counts.sampled == counts.sent + counts.failed + counts.dropped + counts.ended + counts.lost


def test_each_sampled_frame_is_sent_once_and_in_order() -> None:
    plant = Plant(frames(5))
    counts = plant.run_until(sent=5)
    assert plant.sent == [b"jpeg 0", b"jpeg 1", b"jpeg 2", b"jpeg 3", b"jpeg 4"]
    assert (counts.seen, counts.sampled, counts.dropped) == (10, 5, 0)


@pytest.mark.parametrize(("drop", "left"), [("oldest", [b"7", b"8", b"9"]), ("newest", [b"0", b"1", b"2"])])
def test_a_full_queue_drops_what_its_policy_names(drop: str, left: list[bytes]) -> None:
    waiting = Waiting(3, drop)
    dropped = sum(waiting.put(Frame(b"%d" % number, now())) for number in range(10))
    waiting.end()
    assert ([frame.jpeg for frame in iter(waiting.take, None)], dropped) == (left, 7)


@pytest.mark.parametrize("drop", ["oldest", "newest"])
def test_what_is_dropped_is_counted(drop: str) -> None:
    plant = Plant(frames(20), room=4, drop=drop)
    plant.gate.clear()
    counts = plant.run_until(sampled=20)
    assert counts.dropped >= 15
    assert balances(counts)


def test_never_means_that_no_frame_is_dropped_however_slow_the_sender() -> None:
    plant = Plant(frames(20), room=2, drop="never")
    plant.gate.clear()
    plant.flow.start()
    wait_until(lambda: plant.flow.waiting == 2)
    plant.gate.set()
    wait_until(lambda: plant.flow.counts.sent == 20)
    plant.flow.stop()
    assert (plant.flow.counts.dropped, len(plant.sent)) == (0, 20)


def test_a_stream_that_ends_is_connected_again() -> None:
    plant = Plant(frames(2), frames(3))
    counts = plant.run_until(sent=5, connected=2)
    states = [standing.state for standing in plant.told]
    assert states[:3] == [RUNNING, RECONNECTING, RUNNING]
    assert balances(counts)


def test_a_stream_that_is_lost_says_why() -> None:
    plant = Plant(frames(1))
    plant.run_until(sent=1)
    assert next(one.detail for one in plant.told if one.state == RECONNECTING) == "The stream stands still."


def test_a_frame_is_tried_again_until_it_is_sent() -> None:
    plant = Plant(frames(2))
    plant.troubles = [Unavailable("Down."), Unavailable("Down.")]
    counts = plant.run_until(sent=2)
    assert plant.sent == [b"jpeg 0", b"jpeg 1"]
    assert counts.failed == 0


def test_a_frame_that_is_refused_for_good_is_failed_and_the_next_one_goes_on() -> None:
    plant = Plant(frames(2))
    plant.troubles = [InvalidMedia("Broken.")]
    counts = plant.run_until(sent=1)
    assert (plant.sent, counts.failed) == ([b"jpeg 1"], 1)


def test_what_waits_is_sent_before_a_camera_stands_still() -> None:
    plant = Plant(frames(10), room=10)
    plant.gate.clear()
    counts = plant.run_until(sampled=10)
    assert (counts.sent, counts.ended) == (10, 0)


def test_what_a_dead_process_had_in_memory_counts_as_lost() -> None:
    known = Counts(seen=100, sampled=50, sent=40, failed=1, dropped=2, ended=1)
    assert known.after_a_crash().lost == 6
    assert balances(known.after_a_crash())
