"""How often one may ask: a bucket of tokens for each key, each address, and each address's wrong keys, in memory."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from threading import Lock
from typing import Final

from sightloop.errors import RateLimited
from sightloop.settings import ApiSettings

_MOST: Final = 20_000
_BURST_S: Final = 10.0


class Buckets:
    """Token buckets by name; the ones untouched for longest are forgotten beyond `most`.

    Args:
        rate_per_s: tokens that come back each second.
        size: tokens in a full bucket.
    """

    def __init__(
        self, rate_per_s: float, size: float, *, most: int = _MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate_per_s = rate_per_s
        self._size = max(size, 1.0)
        self._most = most
        self._clock = clock
        self._filled: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, name: str, count: float = 1.0) -> float:
        """Zero where the tokens were there and are taken; else the seconds until they would be, and none is taken."""
        moment = self._clock()
        with self._lock:
            tokens, since = self._filled.pop(name, (self._size, moment))
            tokens = min(self._size, tokens + (moment - since) * self._rate_per_s)
            enough = tokens >= max(count, 1.0)
            self._filled[name] = (tokens - count if enough else tokens, moment)
            while len(self._filled) > self._most:
                self._filled.popitem(last=False)
        return 0.0 if enough else (max(count, 1.0) - tokens) / self._rate_per_s


class Limits:
    """What a caller may still ask. Raises RateLimited; the owner's own process is never asked to wait."""

    def __init__(self, settings: ApiSettings) -> None:
        self._keys = Buckets(settings.key_requests_per_s, settings.key_requests_per_s * _BURST_S)
        self._addresses = Buckets(settings.address_requests_per_s, settings.address_requests_per_s * _BURST_S)
        self._failures = Buckets(settings.failures_per_minute / 60, settings.failures_per_minute)

    def address(self, address: str) -> None:
        """Returns where the address may ask once more."""
        _wait(self._addresses.take(_network(address)), "This address asks too often.")

    def key(self, key_id: str) -> None:
        """Returns where the key may ask once more."""
        _wait(self._keys.take(key_id), "This key asks too often.")

    def guess(self, address: str) -> None:
        """Returns where the address may show one more key that could be wrong; takes nothing."""
        _wait(self._failures.take(_network(address), 0.0), "Too many wrong keys came from this address.")

    def failed(self, address: str) -> None:
        """Returns once it is noted that the address showed a wrong key."""
        self._failures.take(_network(address))


def _network(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one: a customer has all of it (RFC 6177)."""
    try:
        known = ip_address(address.split("%")[0])
    except ValueError:
        return address
    return str(known) if known.version == 4 else str(ip_network((known, 64), strict=False))


def _wait(seconds: float, message: str) -> None:
    if seconds > 0:
        after = max(1, math.ceil(seconds))
        raise RateLimited(message, hint=f"Try again in {after} s.", retry_after_s=after)
