"""Hosts, pages of other sites, bodies, and what every answer forbids a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sightloop.interfaces.api.credentials import SESSION_COOKIE
from sightloop.interfaces.api.routes import ROOMS
from tests.specs.interfaces.house import House

HERE = "http://localhost"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "post")
FOREIGN: dict[str, dict[str, str]] = {
    "no origin at all": {},
    "another site": {"Origin": "https://evil.example"},
    "another port": {"Origin": "http://localhost:8081"},
    "another scheme": {"Origin": "https://localhost"},
    "a sandboxed frame": {"Origin": "null"},
    "an empty origin": {"Origin": ""},
    "a name that begins like ours": {"Origin": "http://localhost.evil.example"},
    "a name that ends like ours": {"Origin": "http://evil-localhost"},
    "our name as a user": {"Origin": "http://localhost@evil.example"},
    "a file": {"Origin": "file://"},
    "an extension": {"Origin": "moz-extension://localhost"},
    "a cross-site fetch": {"Sec-Fetch-Site": "cross-site"},
    "a sibling's fetch": {"Sec-Fetch-Site": "same-site"},
    "an address typed in": {"Sec-Fetch-Site": "none"},
    "an unknown fetch": {"Sec-Fetch-Site": "sideways"},
    "our origin, fetched across sites": {"Origin": HERE, "Sec-Fetch-Site": "cross-site"},
    "another site, fetched at home": {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
}
OWN: dict[str, dict[str, str]] = {
    "our origin": {"Origin": HERE},
    "our origin in capitals": {"Origin": "HTTP://LOCALHOST"},
    "our fetch": {"Sec-Fetch-Site": "same-origin"},
    "both": {"Origin": HERE, "Sec-Fetch-Site": "same-origin"},
}
WRITES = [(one.method, one.path) for room in ROOMS for one in room.declared if one.method not in ("GET", "HEAD")]


@pytest.fixture(scope="module")
def browser(house: House) -> Iterator[httpx.Client]:
    with house.client() as client:
        assert client.get(f"/owner/{house.installation.identity.owner_link()}").status_code == 200
        yield client


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize("page", FOREIGN)
def test_a_foreign_page_changes_nothing_with_the_owners_cookie(browser: httpx.Client, method: str, page: str) -> None:
    answer = browser.request(method, "/api/v1/loop/stop", headers=FOREIGN[page])
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_no_route_takes_a_write_from_a_foreign_page(browser: httpx.Client, method: str, path: str) -> None:
    for headers in FOREIGN.values():
        assert browser.request(method, path, headers=headers).status_code == 403


@pytest.mark.parametrize("page", OWN)
def test_our_own_page_may_change_things(browser: httpx.Client, page: str) -> None:
    body = {"name": "grades", "classes": ["good", "bad"]}
    assert browser.post("/api/v1/schemas", json=body, headers=OWN[page]).status_code == 200


def test_a_key_in_a_header_needs_no_page(house: House) -> None:
    assert house.owner().post("/api/v1/schemas", json={"name": "grades", "classes": ["a", "b"]}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "localhost:1:2", "[::2]", "", "localhost,evil",
     "0.0.0.0", "localhost@evil.example", "169.254.169.254"],
)  # fmt: skip
def test_a_host_that_is_not_ours_is_turned_away(house: House, host: str) -> None:
    for method, path in (("GET", "/healthz"), ("GET", "/nowhere"), ("POST", "/api/v1/loop/stop")):
        answer = house.owner().request(method, path, headers={"Host": host})
        assert (answer.status_code, "evil" in answer.text) == (403, False)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8780", "[::1]:8780", "[::1]"])
def test_our_own_names_are_answered_at_any_port(house: House, host: str) -> None:
    assert house.owner().get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/healthz", "/api/v1/status", "/api/v1/nothing", "/api/v1/samples/x/media", "/owner/wrong", "/"]
)
def test_every_answer_forbids_to_render_sniff_frame_keep_and_tell(house: House, path: str) -> None:
    headers = house.owner().get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert (headers["referrer-policy"], headers["x-frame-options"]) == ("no-referrer", "DENY")
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers


def test_the_owners_page_runs_no_script(house: House) -> None:
    answer = house.client().get(f"/owner/{house.installation.identity.owner_link()}")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_the_cookie_stays_with_the_browser_that_got_it(house: House, scheme: str, secure: bool) -> None:
    with house.client() as client:
        client.base_url = httpx.URL(f"{scheme}://localhost")
        said = client.get(f"/owner/{house.installation.identity.owner_link()}").headers
    parts = {part.strip().lower().split("=")[0] for part in said["set-cookie"].split(";")}
    assert {"httponly", "samesite", "expires", "path"} <= parts
    assert ("secure" in parts, "strict-transport-security" in said) == (secure, secure)
    assert "samesite=strict" in said["set-cookie"].lower()
    assert said["set-cookie"].startswith(SESSION_COOKIE)


def nested(levels: int) -> bytes:
    return b'{"recipe": ' + b'{"a":' * levels + b"1" + b"}" * levels + b"}"


BODIES: dict[str, tuple[bytes, int]] = {
    "deep objects": (nested(5000), 422),
    "deep lists": (b'{"recipe": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 422),
    "brackets in a text are no depth": (b'{"recipe": {"note": "' + b"[" * 500 + b'"}}', 422),
    "half a surrogate pair": (b'{"recipe": {"a": "\\ud800"}}', 422),
    "a NUL": (b'{"recipe": {"a": "x\\u0000y"}}', 422),
    "a NUL as a name": (b'{"recipe": {"\\u0000": 1}}', 422),
    "NaN": (b'{"recipe": {"a": NaN}}', 422),
    "a number without end": (b'{"recipe": {"seed": ' + b"9" * 100_000 + b"}}", 422),
    "no UTF-8": (b'{"recipe": {"a": "\xff\xfe"}}', 422),
    "another coding": ('{"recipe": {}}'.encode("utf-16"), 422),
    "nothing": (b"", 422),
    "a list": (b"[]", 422),
    "two values": (b"{}{}", 422),
    "over the limit": (b'{"recipe": {"a": "' + b"x" * (1 << 18) + b'"}}', 413),
}


def asked(house: House, content: Any, kind: str = "application/json") -> httpx.Response:
    return house.owner().post("/api/v1/recipes/validate", content=content, headers={"Content-Type": kind})


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_is_no_plain_json_is_an_input_error(house: House, body: str) -> None:
    content, status = BODIES[body]
    assert asked(house, content).status_code == status


def test_a_body_without_a_length_is_counted_too(house: House) -> None:
    assert asked(house, (b"x" * 4096 for _ in range(100))).status_code == 413


def test_a_body_of_many_parts_is_not_taken_apart(house: House) -> None:
    parts = b"".join(b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' for _ in range(4000))
    assert asked(house, parts + b"--x--\r\n", "multipart/form-data; boundary=x").status_code == 422


@pytest.mark.parametrize("key", ["", "x" * 129, "two words", "tab\tbed", "é"])
def test_an_idempotency_key_is_short_and_plain(house: House, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1")), (b"Content-Type", b"application/json")]
    assert house.owner().post("/api/v1/loop/enable", headers=headers).status_code == 422


@pytest.mark.parametrize("address", ["/api/v1/schemas/a%00b", "/api/v1/samples?where=%00"])
def test_an_address_with_a_nul_is_refused(house: House, address: str) -> None:
    assert house.owner().get(address).status_code == 422


def test_a_method_that_a_path_does_not_take_is_answered_with_those_it_does(house: House) -> None:
    answer = house.owner().put("/api/v1/loop/stop")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_revoked_key_is_no_longer_known(house: House) -> None:
    key = house.workspace().keys.create("viewer")
    assert house.client(key.secret).get("/api/v1/status").status_code == 200
    house.workspace().keys.revoke(key)
    assert house.client(key.secret).get("/api/v1/status").status_code == 401
