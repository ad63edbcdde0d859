from __future__ import annotations

import threading

from sightloop.domain import Caller
from sightloop.loop import Ticker


def test_a_part_that_breaks_is_recorded_and_the_others_go_on() -> None:
    seen: list[str] = []

    def broken(caller: Caller) -> None:
        raise ValueError("no")

    ticker = Ticker(lambda: ["a", "b"], {"broken": broken, "sound": lambda c: seen.append(c.workspace)}, 0.01)
    ticker.look()
    assert seen == ["a", "b"]
    assert set(ticker.errors) == {("a", "broken"), ("b", "broken")}


def test_a_broken_part_backs_off() -> None:
    calls: list[str] = []

    def broken(caller: Caller) -> None:
        calls.append(caller.workspace)
        raise ValueError("no")

    ticker = Ticker(lambda: ["a"], {"broken": broken}, 0.01)
    ticker.look()
    ticker.look()
    assert calls == ["a"]


def test_the_thread_looks_until_it_is_stopped() -> None:
    looked = threading.Event()
    ticker = Ticker(lambda: ["a"], {"part": lambda caller: looked.set()}, 0.001)
    ticker.start()
    assert looked.wait(10)
    ticker.stop()
    assert not [one for one in threading.enumerate() if one.name == "sightloop-ticker"]
