"""Where requests to outside may go, and the one client that sends them there.

No other module of the house may open a connection to an address that somebody gave (a guard looks).
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import SplitResult, urlsplit

import anyio
import httpx

from sightloop.errors import InvalidInput, Refused, Unavailable

# IANA special-purpose registries (RFC 6890 and its updates), written out because `ipaddress.is_global` has changed
# its mind between Python releases, and 168.63.129.16, under which Azure answers each of its machines. IPv6 is allowed
# only inside 2000::/3, the part that IANA assigns from.
_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
        "240.0.0.0/4",
    )
)  # fmt: skip
_OPEN_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")
)
# Where an IPv6 address hides an IPv4 one: its network, and how many bits stand to the right of the hidden 32.
# RFC 6052 and RFC 8215 (NAT64), RFC 3056 (6to4); mapped and Teredo addresses are known to `ipaddress`.
_HIDING_V4 = tuple(
    (ipaddress.IPv6Network(text), shift)
    for text, shift in (("64:ff9b::/96", 0), ("64:ff9b:1::/48", 0), ("2002::/16", 80))
)
_URL = re.compile(r"[!-~]{1,2000}")
PORTS: Final = (443, 8443)
USUAL_PORTS: Final[Mapping[str, int]] = {"https": 443, "http": 80, "rtsp": 554}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address to connect to: `url` names the IP, `host` is the Host header, `server_name` the TLS name."""

    url: str
    host: str
    server_name: str


class Egress:
    """Checks where a URL leads, and goes there.

    A name is resolved once and all its addresses are checked; the connection then goes to a checked IP, so that a
    second, different answer of the name server (DNS rebinding) is never asked for.

    Args:
        allow: networks in CIDR form that are open although private; plain http and any port are allowed only there.
        ports: the ports that may be asked elsewhere.
        look_up: the addresses of a host and port, as text; raises OSError where there are none.
    """

    def __init__(
        self,
        allow: Sequence[str] = (),
        ports: Sequence[int] = PORTS,
        *,
        look_up: Callable[[str, int], list[str]] | None = None,
    ) -> None:
        self._look_up = look_up or _look_up
        self._ports = frozenset(ports)
        try:
            self._allow: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in allow)
        except ValueError as error:
            raise InvalidInput(f"egress_allow: {error}.", hint='Write networks such as "10.0.0.0/8".') from error

    def post(self, url: str, content: bytes, headers: Mapping[str, str], *, timeout_s: float = 10.0) -> int:
        """The status of the answer, whose body is left unread; redirects are not followed, no proxy is asked.

        Raises:
            InvalidInput: this is no URL to call.
            Refused: it leads where requests may not go.
            Unavailable: the name has no address, or nobody answers there in `timeout_s` seconds altogether.
        """
        return anyio.run(self._post, self.resolve(url), content, headers, timeout_s)

    def check_url(self, url: str, schemes: Sequence[str] = ("https", "http")) -> SplitResult:
        """The parts of a URL that could be allowed; a private IP literal is refused without a look-up."""
        try:
            parts = urlsplit(url)
            usable = parts.scheme in schemes and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable or not _URL.fullmatch(url) or "\\" in url or "@" in parts.netloc:
            raise InvalidInput(
                "This is not a URL to call.", hint=f'Write "{schemes[0]}://host/path" in ASCII, without credentials.'
            )
        literal = _literal(parts.hostname or "")
        if literal is not None:
            self._require_open(parts, [literal])
        return parts

    def resolve(self, url: str, schemes: Sequence[str] = ("https", "http")) -> Target:
        """The checked target. Raises Refused for a private address, Unavailable where the name has no address."""
        parts = self.check_url(url, schemes)
        host = parts.hostname or ""
        port = parts.port or USUAL_PORTS[parts.scheme]
        try:
            answers = self._look_up(host, port)
        except (OSError, UnicodeError) as error:
            raise Unavailable("The host name of this URL has no address.", hint="Check the name.") from error
        addresses = [ipaddress.ip_address(answer.split("%")[0]) for answer in answers]
        self._require_open(parts, addresses)
        chosen = addresses[0]
        literal = f"[{chosen}]" if chosen.version == 6 else str(chosen)
        return Target(
            url=parts._replace(netloc=f"{literal}:{port}", fragment="").geturl(), host=parts.netloc, server_name=host
        )

    async def _post(self, target: Target, content: bytes, headers: Mapping[str, str], timeout_s: float) -> int:
        # No kept connections: two host names on one IP must not share a TLS session that was checked for one of them.
        try:
            with anyio.fail_after(timeout_s):
                async with (
                    httpx.AsyncClient(
                        verify=self._tls, trust_env=False, timeout=timeout_s, limits=httpx.Limits(max_connections=1)
                    ) as client,
                    client.stream(
                        "POST",
                        target.url,
                        content=content,
                        headers={**headers, "host": target.host},
                        extensions={"sni_hostname": target.server_name},
                        follow_redirects=False,
                    ) as response,
                ):
                    return response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise Unavailable(f"No answer: {type(error).__name__}.", hint="Is the receiver up?") from error

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context(trust_env=False)

    def _require_open(self, parts: SplitResult, addresses: Sequence[Address]) -> None:
        """Every address, and every IPv4 address hidden in one, must be public or in a network that is allowed."""
        opened = True
        for address in addresses:
            mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
            for inner in [mapped] if mapped else [address, *_hidden(address)]:
                allowed = any(inner in network for network in self._allow)
                opened = opened and allowed
                if not allowed and _closed(inner):
                    raise Refused(
                        "This URL leads into a private network.",
                        hint="Use a public address, or let the operator set events.egress_allow.",
                    )
        if opened:
            return
        if parts.scheme == "http":
            raise Refused("A public URL must be https.", hint='Write "https://".')
        if parts.scheme == "rtsp":
            raise Refused(
                "RTSP is in the clear and stays within networks that are allowed.",
                hint="Let the operator add the camera's network to events.egress_allow.",
            )
        if (parts.port or 443) not in self._ports:
            raise Refused(f"Port {parts.port} is not asked.", hint="Let the operator set events.egress_ports.")


def _look_up(host: str, port: int) -> list[str]:
    return [str(answer[4][0]) for answer in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _hidden(address: Address) -> list[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [
        ipaddress.IPv4Address(int(address) >> shift & 0xFFFFFFFF) for network, shift in _HIDING_V4 if address in network
    ]
    return [*found, *(address.teredo or ())]


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return None


def _closed(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _CLOSED_V4)
    return address not in _OPEN_V6 or any(address in network for network in _CLOSED_V6)
