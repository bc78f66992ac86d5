"""Requests to addresses that others chose reach the public internet, or nothing."""

import socket

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from callguard.trust.egress import PublicResolver, is_https_name, is_public

PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
    *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"),
    *("2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "not an address"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111"])
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *("http://push.example.org/", "https://127.0.0.1/", "https://127.1/", "https://2130706433/"),
        *("https://0x7f.0x0.0x0.0x1/", "https://[::1]/", "https://localhost/", "https://localhost./"),
        *("https://a@push.example.org/", "https:///x", "https://push.example.org:99999/", "ftp://a.example/"),
    ],
)
def test_what_is_no_https_address_by_name(url: str) -> None:
    assert not is_https_name(url)


def test_what_is_one() -> None:
    assert is_https_name("https://push.example.org:8443/p/1?x=y")


class _Fixed(AbstractResolver):
    """Resolves every name to the same addresses."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self._addresses
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("93.184.215.14", "127.0.0.1")])
async def test_a_name_that_leads_inside_is_not_connected_to(addresses: tuple[str, ...]) -> None:
    """Rebinding: what is checked is what would be connected to; a listener in the way hears nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        connector = aiohttp.TCPConnector(resolver=PublicResolver(_Fixed(*addresses)))
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(aiohttp.ClientConnectorDNSError):
                await session.get(f"https://push.example.org:{port}/")
        with pytest.raises(BlockingIOError):
            listener.accept()
