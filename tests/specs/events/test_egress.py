"""Egress: requests to outside never reach a private network unless the operator allowed it."""

from __future__ import annotations

import pytest

from sightloop.errors import InvalidInput, Refused, Unavailable
from sightloop.events.egress import Egress

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "198.18.0.1", "[::1]", "[fe80::1]", "[fc00::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]",
    "[2002:a00:1::]", "[::]", "[2001:db8::1]",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_refused(host: str) -> None:
    with pytest.raises(Refused):
        Egress().check_url(f"https://{host}/hook")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost"])
def test_other_spellings_of_a_private_address_are_refused_once_resolved(host: str) -> None:
    with pytest.raises((Refused, Unavailable)):
        Egress().resolve(f"https://{host}/hook")


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700:4700::1111]", "172.32.0.1", "100.128.0.1"])
def test_a_public_address_is_allowed_over_https_only(host: str) -> None:
    Egress().check_url(f"https://{host}/hook")
    with pytest.raises(Refused, match="https"):
        Egress().check_url(f"http://{host}/hook")


def test_an_allowed_network_is_open_even_to_plain_http() -> None:
    target = Egress(["127.0.0.0/8"]).resolve("http://localhost:8000/line?a=1#part")
    assert (target.url, target.host, target.server_name) == (
        "http://127.0.0.1:8000/line?a=1",
        "localhost:8000",
        "localhost",
    )


def test_a_name_with_one_private_address_among_public_ones_is_refused() -> None:
    with pytest.raises(Refused):
        Egress(look_up=lambda _host, _port: ["8.8.8.8", "10.0.0.1"]).resolve("https://rebinding.example/hook")


def test_a_connection_goes_to_the_checked_address_under_the_asked_name() -> None:
    target = Egress(look_up=lambda _host, _port: ["8.8.8.8"]).resolve("https://hooks.example/line")
    assert (target.url, target.host, target.server_name) == (
        "https://8.8.8.8:443/line",
        "hooks.example",
        "hooks.example",
    )


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com", "https://", "https://user:secret@example.com", "file:///etc/passwd", "https://a:99999/", "x"],
)
def test_what_is_no_url_to_call_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        Egress().check_url(url)


def test_a_network_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InvalidInput, match="egress_allow"):
        Egress(["10.0.0.0/99"])
