"""Identifiers and the clock: the only place where time and randomness enter unasked."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_SHIFTS = range(120, -1, -10)


def now() -> datetime:
    """The current time, UTC, aware."""
    return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """An opaque id that sorts by time of making: 48 bits of milliseconds, then 80 random bits (as ULID does)."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return f"{prefix}_{_base32(value)}"


def derived_id(prefix: str, *parts: str) -> str:
    """The same opaque id for the same parts, always: 130 bits of SHA-256 over the length-prefixed parts."""
    digest = hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).digest()
    return f"{prefix}_{_base32(int.from_bytes(digest[:17], 'big') & ((1 << 130) - 1))}"


def digest_of(data: bytes) -> str:
    """The SHA-256 of the bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _base32(value: int) -> str:
    """26 digits of five bits each, two at a time."""
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in _SHIFTS])
