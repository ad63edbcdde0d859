"""The binary tensor extension where a client gets it wrong, or means harm."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import httpx
import orjson
import pytest

from tests.specs.serving.conftest import KEY, Server

SHAPE = [1, 4, 4, 3]
PIXELS = bytes(48)


def head(size: Any = 48, shape: Any = SHAPE, **more: Any) -> bytes:
    given = {"name": "images", "datatype": "UINT8", "shape": shape, "parameters": {"binary_data_size": size}, **more}
    return orjson.dumps({"inputs": [given]})


def post(server: Server, body: bytes, json_bytes: Any = None, **headers: str) -> httpx.Response:
    if json_bytes is not None:
        headers["inference-header-content-length"] = str(json_bytes)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.client.post(
        "/v2/models/line/infer", content=body, headers={"authorization": f"Bearer {KEY}", **named}
    )


@pytest.mark.parametrize("content_type", ["", "application/octet-stream", "application/json"])
def test_the_content_type_may_be_anything(server: Server, content_type: str) -> None:
    named = {"content_type": content_type} if content_type else {}
    assert post(server, head() + PIXELS, len(head()), **named).json()["outputs"][1]["data"] == ["dark"]


@pytest.mark.parametrize(
    ("body", "json_bytes"),
    [
        (head() + PIXELS, len(head()) + 49),
        (head() + PIXELS, -1),
        (head() + PIXELS, "9" * 40),
        (head() + PIXELS, "many"),
        (head() + PIXELS[1:], len(head())),
        (head() + PIXELS + b"x", len(head())),
        (head(47) + PIXELS[1:], len(head(47))),
        (head(0), len(head(0))),
        (head("48") + PIXELS, len(head("48"))),
        (head(), None),
        (head() + PIXELS, len(head()) - 1),
    ],
    ids=["beyond", "negative", "huge", "words", "short", "long", "no shape", "nothing", "text", "no bytes", "cut JSON"],
)
def test_lengths_that_do_not_fit_are_a_bad_request(server: Server, body: bytes, json_bytes: Any) -> None:
    answer = post(server, body, json_bytes)
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]
    assert answer.json()["hint"]


def test_bytes_that_do_not_fill_the_shape_are_malformed(server: Server) -> None:
    answer = post(server, head(24) + PIXELS[:24], len(head(24)))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert "24 bytes" in answer.json()["error"]


@pytest.mark.parametrize("raw", [b"\1\0\0\0", b"\1\0\0\0xx", b"\xff\xff\xff\xffx", b"\0\0"])
def test_bytes_elements_that_do_not_add_up_are_malformed(server: Server, raw: bytes) -> None:
    named = head(len(raw), [1], name="image", datatype="BYTES")
    assert post(server, named + raw, len(named)).status_code == 400


def test_a_body_that_unpacks_beyond_the_limit_is_refused_when_it_does(server: Server) -> None:
    assert post(server, gzip.compress(bytes(64 << 20)), content_encoding="gzip").status_code == 413


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (zlib.compress(head()), "gzip"),
        (gzip.compress(head())[:-4], "gzip"),
        (gzip.compress(head()) + b"more", "gzip"),
        (head(), "deflate"),
        (head(), "br"),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_malformed(server: Server, packed: bytes, encoding: str) -> None:
    answer = post(server, packed, content_encoding=encoding)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
