"""Requests to addresses that others chose (web push; any URL a user enters) reach the public internet only.

A name is checked at the moment of connecting, by the addresses that are then connected to, so that a name
which changes its mind in between (rebinding) gains nothing. A literal address is no name, and refused.
"""

import socket
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

# Global unicast, without what wraps an IPv4 address: 6to4 and Teredo. NAT64 and mapped ones lie outside.
_UNICAST: Final = IPv6Network("2000::/3")
_WRAPPED: Final = (IPv6Network("2002::/16"), IPv6Network("2001::/32"))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet's."""
    try:
        read = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(read, IPv4Address):
        return read.is_global and not read.is_multicast
    return read.is_global and read in _UNICAST and not any(read in wrapped for wrapped in _WRAPPED)


def is_https_name(url: str) -> bool:
    """Whether a URL is https to a host by name, without a login."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or "@" in parts.netloc or "." not in host or host.endswith("."):
        return False
    # Addresses in any spelling (127.1, 0x7f.1) end in a label that begins with a digit; no name does.
    return not host.rpartition(".")[2][:1].isdigit() and ":" not in host


class PublicResolver(AbstractResolver):
    """Resolves like another resolver, and raises OSError where any of the addresses is not public."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if not all(is_public(one["host"]) for one in found):
            raise OSError("The host's address is not on the public internet.")
        return found

    async def close(self) -> None:
        await self._resolver.close()
