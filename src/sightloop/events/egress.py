"""Where requests to outside may go: never to private networks, unless the operator allowed them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from sightloop.errors import InvalidInput, Refused, Unavailable

# IANA special-purpose registries (RFC 6890 and its updates), written out because `ipaddress.is_global` has changed
# its mind between Python releases. IPv6 is allowed only inside 2000::/3, the part that IANA assigns from.
_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_OPEN_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")
)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address to connect to: `url` names the IP, `host` is the Host header, `server_name` the TLS name."""

    url: str
    host: str
    server_name: str


class Egress:
    """Checks where a URL leads.

    A name is resolved once and all its addresses are checked; the connection then goes to a checked IP, so that a
    second, different answer of the name server (DNS rebinding) is never asked for.

    Args:
        allow: networks in CIDR form that are open although private; plain http is allowed only there.
        look_up: the addresses of a host and port, as text; raises OSError where there are none.
    """

    def __init__(self, allow: Sequence[str] = (), *, look_up: Callable[[str, int], list[str]] | None = None) -> None:
        self._look_up = look_up or _look_up
        try:
            self._allow: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in allow)
        except ValueError as error:
            raise InvalidInput(f"egress_allow: {error}.", hint='Write networks such as "10.0.0.0/8".') from error

    def check_url(self, url: str) -> SplitResult:
        """The parts of a URL that could be allowed; a private IP literal is refused without a look-up."""
        parts = urlsplit(url)
        try:
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts.username is not None or parts.password is not None or len(url) > 2000:
            raise InvalidInput("This is not a URL to call.", hint='Write "https://host/path", without credentials.')
        literal = _literal(parts.hostname or "")
        if literal is not None:
            self._require_open(parts, [literal])
        return parts

    def resolve(self, url: str) -> Target:
        """The checked target. Raises Refused for a private address, Unavailable where the name has no address."""
        parts = self.check_url(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            answers = self._look_up(host, port)
        except (OSError, UnicodeError) as error:
            raise Unavailable("The host name of this URL has no address.", hint="Check the name.") from error
        addresses = [_plain(ipaddress.ip_address(answer.split("%")[0])) for answer in answers]
        self._require_open(parts, addresses)
        chosen = addresses[0]
        literal = f"[{chosen}]" if chosen.version == 6 else str(chosen)
        return Target(
            url=parts._replace(netloc=f"{literal}:{port}", fragment="").geturl(), host=parts.netloc, server_name=host
        )

    def _require_open(self, parts: SplitResult, addresses: Sequence[Address]) -> None:
        allowed = [any(address in network for network in self._allow) for address in addresses]
        for address, is_allowed in zip(addresses, allowed, strict=True):
            if not is_allowed and _closed(address):
                raise Refused(
                    "This URL leads into a private network.",
                    hint="Use a public address, or let the operator set events.egress_allow.",
                )
        if parts.scheme == "http" and not all(allowed):
            raise Refused("A public URL must be https.", hint='Write "https://".')


def _look_up(host: str, port: int) -> list[str]:
    return [str(answer[4][0]) for answer in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _plain(address: Address) -> Address:
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _literal(host: str) -> Address | None:
    try:
        return _plain(ipaddress.ip_address(host.split("%")[0]))
    except ValueError:
        return None


def _closed(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _CLOSED_V4)
    return address not in _OPEN_V6 or any(address in network for network in _CLOSED_V6)
