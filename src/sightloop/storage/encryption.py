"""Encryption at rest: a data key per workspace, wrapped by the master key, so that a backup can be shredded."""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sightloop.errors import Corrupt, InvalidInput, Unavailable

MAGIC = b"SLB1"
KEY_BYTES = 32
NONCE_BYTES = 12


class Cipher:
    """AES-256-GCM under one key (NIST SP 800-38D): random 96-bit nonces, so at most 2**32 messages a key (8.3)."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, data: bytes, bound_to: str) -> bytes:
        """Magic, nonce, ciphertext and tag. Only `open` with the same `bound_to` reads it."""
        nonce = os.urandom(NONCE_BYTES)
        return MAGIC + nonce + self._aead.encrypt(nonce, data, bound_to.encode())

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        """The plaintext. Raises Corrupt where bytes, key or binding differ."""
        start = len(MAGIC) + NONCE_BYTES
        try:
            if not sealed.startswith(MAGIC):
                raise InvalidTag
            return self._aead.decrypt(sealed[len(MAGIC) : start], sealed[start:], bound_to.encode())
        except (InvalidTag, ValueError) as error:
            raise Corrupt(
                "Encrypted bytes do not open with this key.", hint="Check the master key, then run: sightloop fsck"
            ) from error


def read_master_key(text: str) -> bytes | None:
    """The 32 bytes of the setting `storage.master_key` (base64), or None where it is empty."""
    if not text:
        return None
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise InvalidInput(
            "The master key is not 32 bytes of base64.", hint="Make one: openssl rand -base64 32", setting="master_key"
        )
    return key


def new_wrapped_key(master_key: bytes, workspace: str) -> str:
    """A fresh data key, wrapped for this workspace, base64."""
    return base64.b64encode(Cipher(master_key).seal(os.urandom(KEY_BYTES), f"workspace:{workspace}")).decode()


def unwrap(wrapped: str, master_key: bytes | None, workspace: str) -> Cipher:
    """The workspace's cipher. Raises Unavailable without a master key, Corrupt with the wrong one."""
    if master_key is None:
        raise Unavailable(
            "This workspace is encrypted and no master key is set.",
            hint="Set SIGHTLOOP_STORAGE__MASTER_KEY to the key it was made with.",
        )
    return Cipher(Cipher(master_key).open(base64.b64decode(wrapped), f"workspace:{workspace}"))
