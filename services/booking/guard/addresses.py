"""Who is at the other end: the connection's address, or what a trusted proxy says of it.

Anybody can send these headers, so they count only from a configured proxy, and in them only what the proxies
themselves have added: read from the right, up to the first hop that is not one of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal

from starlette.types import Scope

Network = IPv4Network | IPv6Network
# One of the two: a proxy passes on unread whichever it does not write, and that is then the client's word.
ProxyHeader = Literal["X-Forwarded-For", "Forwarded"]


@dataclass(frozen=True, slots=True)
class Proxies:
    trusted: tuple[Network, ...] = ()
    header: ProxyHeader = "X-Forwarded-For"

    def client(self, scope: Scope) -> str:
        """The client's address; empty where the connection has none."""
        peer = _peer(scope)
        if not self.trusted or not self._trusts(peer):
            return peer
        return self._outermost(peer, _hops(self._lines(scope), self.header))

    def ignores(self, scope: Scope) -> bool:
        """Whether somebody unknown says on whose behalf he asks: a liar, or a proxy that is not configured."""
        return bool(self._lines(scope)) and not self._trusts(_peer(scope))

    def _lines(self, scope: Scope) -> list[str]:
        name = self.header.lower().encode()
        return [value.decode("latin-1") for key, value in scope["headers"] if key == name]

    def _outermost(self, peer: str, hops: Sequence[str]) -> str:
        nearest = peer
        for hop in reversed(hops):
            address = _address(hop)
            if address is None:
                # "unknown", or a secret name: nobody further out can be told either.
                return nearest
            nearest = address
            if not self._trusts(address):
                return nearest
        return nearest

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self.trusted)


def _peer(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def _hops(lines: Sequence[str], header: ProxyHeader) -> list[str]:
    elements = [element for line in lines for element in line.split(",")]
    if header == "X-Forwarded-For":
        return elements
    return [hop for element in elements for hop in _for_of(element)]


def _for_of(element: str) -> Iterator[str]:
    """RFC 7239: `for="[2001:db8::1]:4711";proto=https`. An element without `for` hides its hop."""
    pairs = (pair.partition("=") for pair in element.split(";"))
    found = [value for name, _, value in pairs if name.strip().lower() == "for"]
    yield found[0] if found else "unknown"


def _address(hop: str) -> str | None:
    """Without quotes, brackets and port; None where it is no address."""
    text = hop.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None
