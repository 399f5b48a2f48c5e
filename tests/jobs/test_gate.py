"""The proxy in front of a browser: it leads to checked addresses only, whatever way a page asks."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from fastnlp_jobs.sources.demo_site.server import running_site
from fastnlp_jobs.sources.web.addresses import Resolve
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.gate import Gate

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Host and port of the demo site."""
    with running_site(["huge,path=/forum/"]) as running:
        yield running.url.removeprefix("http://")


async def resolve_to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def through_gate(
    talk: Callable[[Streams], Awaitable[bytes]], *allow_private: str, resolve_host: Resolve | None = None
) -> tuple[bytes, dict[str, str]]:
    """What `talk` heard on a connection to a gate, and whom the gate refused."""

    async def run() -> tuple[bytes, dict[str, str]]:
        refusals: dict[str, str] = {}
        config = WebConfig(contact="tester@demo.example", allow_private=allow_private, max_body_mb=0.1)
        async with Gate(config, refusals, *filter(None, [resolve_host])) as gate:
            host, port = gate.address.removeprefix("http://").split(":")
            streams = await asyncio.open_connection(host, int(port))
            heard = await asyncio.wait_for(talk(streams), 20)
            streams[1].close()
        return heard, refusals

    return asyncio.run(run())


def asking(*parts: str) -> Callable[[Streams], Awaitable[bytes]]:
    """Send the parts, each after the answer to the one before, and give the last answer to its end."""

    async def talk(streams: Streams) -> bytes:
        reader, writer = streams
        for part in parts[:-1]:
            writer.write(part.encode())
            await reader.readuntil(b"\r\n\r\n")
        writer.write(parts[-1].encode())
        return await reader.read()

    return talk


def test_a_page_of_an_allowed_host_comes_through(site: str) -> None:
    request = f"GET http://{site}/robots.txt HTTP/1.1\r\nHost: {site}\r\nProxy-Connection: keep-alive\r\n\r\n"
    heard, refusals = through_gate(asking(request), "127.0.0.1")
    assert heard.startswith(b"HTTP/1.1 200 OK")
    assert b"Disallow: /private/" in heard
    assert refusals == {}


def test_a_tunnel_to_an_allowed_host_passes_bytes_both_ways(site: str) -> None:
    inner = f"GET /robots.txt HTTP/1.1\r\nHost: {site}\r\nConnection: close\r\n\r\n"
    heard, _ = through_gate(asking(f"CONNECT {site} HTTP/1.1\r\nHost: {site}\r\n\r\n", inner), "127.0.0.1")
    assert b"Disallow: /private/" in heard


@pytest.mark.parametrize("request_", ["GET http://{}/ HTTP/1.1\r\n\r\n", "CONNECT {} HTTP/1.1\r\n\r\n"])
def test_a_private_address_is_refused_and_noted(site: str, request_: str) -> None:
    heard, refusals = through_gate(asking(request_.format(site)))
    assert heard.startswith(b"HTTP/1.1 403 Forbidden")
    assert "expected a host on the open internet" in refusals["127.0.0.1"]


def test_a_name_with_a_private_address_is_refused(site: str) -> None:
    port = site.partition(":")[2]
    request = f"CONNECT public.example:{port} HTTP/1.1\r\n\r\n"
    heard, refusals = through_gate(asking(request), resolve_host=resolve_to_loopback)
    assert heard.startswith(b"HTTP/1.1 403 Forbidden")
    assert list(refusals) == ["public.example"]


@pytest.mark.parametrize(
    "request_", ["GET / HTTP/1.1\r\n\r\n", "GET file:///etc/passwd HTTP/1.1\r\n\r\n", "nothing\r\n\r\n"]
)
def test_what_is_no_request_to_a_proxy_is_answered_400(request_: str) -> None:
    assert through_gate(asking(request_))[0].startswith(b"HTTP/1.1 400 Bad Request")


def test_a_head_without_end_closes_the_connection() -> None:
    with pytest.raises(ConnectionResetError):  # closed with the rest unread
        through_gate(asking("GET http://a.example/" + "a" * 200_000))


def test_an_answer_far_above_the_limit_is_cut(site: str) -> None:
    heard, _ = through_gate(asking(f"GET http://{site}/forum/ HTTP/1.1\r\nHost: {site}\r\n\r\n"), "127.0.0.1")
    assert 1_000_000 < len(heard) < 1_200_000
