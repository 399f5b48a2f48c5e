"""Which addresses a crawl may connect to, and connections that go to the very address that was checked.

Checked is what the name resolved to, at the moment of connecting: a name that changes its address between a check and
the connection (DNS rebinding) gains nothing, and neither does a redirect.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

import httpcore

from fastnlp_jobs.errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]  # host and port to addresses
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


async def resolve(host: str, port: int) -> list[str]:
    """Every address the system knows for a host, in its order of preference.

    Raises:
        httpcore.ConnectError: there is none.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"the name {host} is not known ({error})") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(written: str) -> bool:
    """Whether an address belongs to the open internet; an IPv6 address that leads to an IPv4 one counts as that one."""
    address: Address = ipaddress.ip_address(written)
    if isinstance(address, ipaddress.IPv6Address):
        address = _ipv4_within(address) or address
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _ipv4_within(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to public addresses and to the hosts that may be private."""

    def __init__(self, allow_private: Collection[str], resolve_host: Resolve) -> None:
        """`allow_private` are host names as they stand in URLs."""
        self._allow_private = frozenset(host.lower() for host in allow_private)
        self._resolve = resolve_host
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers.

        Raises:
            Refused: one of the addresses is not public.
            httpcore.ConnectError: none answers.
        """
        reason = "it has no address"
        for address in await self._checked(host, port):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                reason = str(error)
        raise httpcore.ConnectError(reason)

    async def _checked(self, host: str, port: int) -> list[str]:
        addresses = await self._resolve(host, port)
        if host.lower() not in self._allow_private:
            for address in addresses:
                if not is_public(address):
                    raise Refused(
                        f"{host}: expected a host on the open internet, but its address is {address}; "
                        "if it is yours and you mean it, list it in web.allow_private"
                    )
        return addresses
