"""The hash of a dataset version: a Merkle root over key buckets, blind to ids and times.

The same content gives the same hash in any installation. A key (media digest and address) falls into one of BUCKETS
buckets; a bucket's digest covers its leaves in sorted order, the root covers the buckets' digests. Leaf, bucket and
root are hashed under different prefixes, as RFC 6962, section 2.1, does against second preimages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

BUCKETS: Final = 1024
DIGEST_BYTES: Final = 32
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
EMPTY: Final = bytes(BUCKETS * DIGEST_BYTES)


def bucket_of(media_digest: str, address: str) -> int:
    """The bucket of a key, 0 to BUCKETS - 1."""
    digest = hashlib.sha256(f"{media_digest}|{address}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % BUCKETS


def leaf_of(
    media_digest: str, address: str, split: str, label: str, origin: str, truth: str, metadata: Mapping[str, Any]
) -> str:
    """SHA-256, hexadecimal, of one entry's content; `truth` is the canonical geometry, empty for a plain class."""
    return hashlib.sha256(
        b"\x00" + canonical([media_digest, address, split, label, origin, truth, metadata]).encode()
    ).hexdigest()


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return _CANONICAL.encode(value)


def bucket_digests(leaves: Mapping[int, Iterable[str]], previous: bytes = EMPTY) -> bytes:
    """All bucket digests, joined: those of `previous`, with the buckets named in `leaves` hashed anew.

    A bucket without leaves has 32 zero bytes.
    """
    digests = bytearray(previous)
    for bucket, members in leaves.items():
        ordered = sorted(members)
        joined = b"\x01" + b"".join(bytes.fromhex(leaf) for leaf in ordered)
        at = bucket * DIGEST_BYTES
        digests[at : at + DIGEST_BYTES] = hashlib.sha256(joined).digest() if ordered else bytes(DIGEST_BYTES)
    return bytes(digests)


def root(digests: bytes) -> str:
    """The hash of the version, 64 hexadecimal digits."""
    return hashlib.sha256(b"\x02" + digests).hexdigest()


def differing(a: bytes, b: bytes) -> list[int]:
    """The buckets in which two versions differ."""
    size = DIGEST_BYTES
    return [i for i in range(BUCKETS) if a[i * size : (i + 1) * size] != b[i * size : (i + 1) * size]]
