from __future__ import annotations

import os
import pickle
from typing import Any

import pytest

from sightloop.errors import InvalidBundle
from sightloop.inference.legacy_state import MAGIC, PROTOCOL, read_state
from sightloop.inference.lite0 import read_weights


class _Call:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("true",)


def _legacy(*parts: Any) -> bytes:
    return b"".join(pickle.dumps(part) for part in parts)


def test_the_package_s_weights_are_read() -> None:
    weights = read_weights()
    assert weights["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert weights["_fc.weight"].shape == (1000, 1280)


def test_a_state_that_calls_a_function_is_refused() -> None:
    with pytest.raises(InvalidBundle, match="not allowed"):
        read_state(_legacy(MAGIC, PROTOCOL, {}, _Call(), []))


def test_a_pickle_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidBundle, match="not a legacy state dict"):
        read_state(_legacy("hello", PROTOCOL))
