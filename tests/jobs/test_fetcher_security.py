"""What a hostile site cannot do: lead into your own network, fill the memory, keep the crawl for ever."""

import asyncio
import contextlib
import gzip
import ssl
import tracemalloc
import zlib

import pytest
from aiohttp import web
from tests.jobs.stub_site import HOST, StubSite, in_a_loop, packed, raw, redirect, stub_site, text, to_host, unheard

from fastnlp_jobs.errors import BadInput, Refused, Unavailable
from fastnlp_jobs.sources.web.addresses import CheckedBackend, is_public
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.fetcher import Fetcher

# addresses


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"])
def test_an_address_of_the_open_internet_is_public(address):
    assert is_public(address)


NOT_PUBLIC = """
    127.0.0.1 127.9.9.9 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 192.0.2.1 198.18.0.1
    224.0.0.1 240.0.0.1 255.255.255.255
    ::1 :: fe80::1 fe80::1%eth0 fc00::1 fd12::1 fec0::1 ff02::1 2001:db8::1 100::1
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 2002:7f00:1:: 2002:a00:1:: 64:ff9b::127.0.0.1 64:ff9b::a00:1
    2001:0:4136:e378:8000:63bf:80ff:fffe
"""


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_an_address_of_any_other_kind_is_not(address):
    assert not is_public(address)


@in_a_loop
async def test_a_host_of_your_own_network_is_refused_unless_it_is_listed():
    async with stub_site({"/": [text()]}, allow_private=[]) as site:
        with pytest.raises(Refused, match=rf"{HOST}: .* its address is 127.0.0.1; .* web.allow_private"):
            await site.fetcher.get(site.url("/"))
        assert (site.asked, list(site.fetcher.refusals)) == ([], [f"{HOST}:{site.port}/"])


@pytest.mark.parametrize("host", ["other.test", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"])
@in_a_loop
async def test_a_redirect_into_your_own_network_is_refused(host):
    async with stub_site({"/": [to_host(host, "/secret")], "/secret": [text()]}) as site:
        with pytest.raises(Refused, match="on the open internet"):
            await site.fetcher.get(site.url("/"))
        assert site.paths() == ["robots.txt", ""]


@in_a_loop
async def test_a_robots_that_redirects_into_your_own_network_is_refused():
    async with stub_site({"/robots.txt": [to_host("127.0.0.1", "/secret")], "/secret": [text()]}) as site:
        with pytest.raises(Refused, match="on the open internet"):
            await site.fetcher.get(site.url("/"))
        assert site.paths() == ["robots.txt"]


@in_a_loop
async def test_one_address_that_is_not_public_among_others_is_enough_to_refuse():
    async def both(_host: str, _port: int) -> list[str]:
        return ["1.1.1.1", "10.0.0.7"]

    with pytest.raises(Refused, match=r"its address is 10\.0\.0\.7"):
        await CheckedBackend((), both).connect_tcp("a.test", 80)


@in_a_loop
async def test_a_name_is_looked_up_once_so_that_what_was_checked_is_what_is_connected_to():
    async with stub_site({"/robots.txt": [text()], "/": [text("here")]}) as site:
        answers = iter([["127.0.0.1"]])  # a second look would fail, and no other name server knows .test

        async def rebind(_host: str, _port: int) -> list[str]:
            return next(answers)

        config = WebConfig(contact="me@example.org", delay_s=0, allow_private=(HOST,))
        async with Fetcher(config, unheard, resolve_host=rebind) as fetcher:
            assert (await fetcher.get(site.url("/"))).body == b"here"
        assert site.requests[-1].headers["host"] == f"{HOST}:{site.port}"


@in_a_loop
async def test_a_certificate_is_asked_for_by_name_although_the_connection_goes_to_an_address():
    names: list[str] = []
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # without a certificate: the handshake ends after the name
    secure.sni_callback = lambda _socket, name, _context: names.append(name)

    async def loopback(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=secure)
    config = WebConfig(contact="me@example.org", delay_s=0, allow_private=(HOST,))
    async with server, Fetcher(config, unheard, resolve_host=loopback, jitter=lambda _least, _most: 0) as fetcher:
        with pytest.raises(Unavailable, match="gave no whole answer"):
            await fetcher.get(f"https://{HOST}:{server.sockets[0].getsockname()[1]}/")
    assert set(names) == {HOST}


@in_a_loop
async def test_the_next_address_is_tried_where_one_does_not_answer():
    async with stub_site({"/": [text("here")]}) as site:

        async def two(_host: str, _port: int) -> list[str]:
            return ["127.0.0.2", "127.0.0.1"]  # the stub listens at the second

        config = WebConfig(contact="me@example.org", delay_s=0, allow_private=(HOST,))
        async with Fetcher(config, unheard, resolve_host=two) as fetcher:
            assert (await fetcher.get(site.url("/"))).body == b"here"


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://a.test/", "javascript:alert(1)", "http://me:pw@a.test/"]
)
@in_a_loop
async def test_a_redirect_to_what_is_no_web_address_is_refused(target):
    async with stub_site({"/": [redirect(target)]}) as site:
        with pytest.raises(Refused, match="expected an http or https address") as refusal:
            await site.fetcher.get(site.url("/"))
        assert "pw" not in str(refusal.value)


@in_a_loop
async def test_a_port_that_cannot_be_is_refused():
    async with stub_site({}) as site:
        with pytest.raises(BadInput, match="expected an http or https address"):
            await site.fetcher.get(f"http://{HOST}:99999/")


@in_a_loop
async def test_no_proxy_and_no_netrc_of_the_environment_is_used(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login me password pw\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with stub_site({"/": [text()]}) as site:
        await site.fetcher.get(site.url("/"))
        assert "authorization" not in site.requests[-1].headers


@in_a_loop
async def test_a_message_holds_no_control_characters_of_an_address():
    async with stub_site({}) as site:
        with pytest.raises(BadInput, match=r"/a%0A%1B\[31mfake: there is no such page"):
            await site.fetcher.get(site.url("/a%0A%1B[31mfake"))


# sizes and times


def unpacks_to(size: int) -> bytes:
    """gzip of so many zeros, made without holding them."""
    stream = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    zeros = bytes(1_000_000)
    return b"".join(stream.compress(zeros) for _ in range(size // len(zeros))) + stream.flush()


async def refused_as_too_large(site: StubSite) -> int:
    """Peak of the memory that reading took."""
    tracemalloc.start()
    with contextlib.ExitStack() as stack:
        stack.callback(tracemalloc.stop)
        with pytest.raises(Refused, match=r"/: larger than 1 MB; raise web.max_body_mb"):
            await site.fetcher.get(site.url("/"))
        return tracemalloc.get_traced_memory()[1]


@in_a_loop
async def test_a_gzip_bomb_is_cut_off_at_the_limit():
    async with stub_site({"/": [packed(unpacks_to(20_000_000))]}, max_body_mb=1) as site:
        assert await refused_as_too_large(site) < 5_000_000


@in_a_loop
async def test_an_endless_body_is_cut_off_at_the_limit():
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # the fetcher hangs up
            while True:
                await response.write(bytes(10_000))
        return response

    async with stub_site({"/": [endless]}, max_body_mb=1) as site:
        assert await refused_as_too_large(site) < 5_000_000


@in_a_loop
async def test_a_body_of_just_the_limit_is_read():
    async with stub_site({"/": [packed(unpacks_to(1_000_000))]}, max_body_mb=1) as site:
        assert len((await site.fetcher.get(site.url("/"))).body) == 1_000_000


@pytest.mark.parametrize("packing", ["gzip, gzip", "br", "zstd", "gzip,"])
@in_a_loop
async def test_a_packing_nobody_asked_for_is_not_unpacked(packing):
    async with stub_site({"/": [packed(gzip.compress(b"x"), packing)]}) as site:
        with pytest.raises(Unavailable, match="which nobody asked for"):
            await site.fetcher.get(site.url("/"))


@pytest.mark.parametrize("broken", [b"no gzip", gzip.compress(b"x" * 1000)[:-9], b""])
@in_a_loop
async def test_a_damaged_packing_is_no_answer(broken):
    async with stub_site({"/": [packed(broken), text("whole")]}) as site:
        assert (await site.fetcher.get(site.url("/"))).body == b"whole"


@pytest.mark.parametrize(
    ("body", "packing"),
    [
        (gzip.compress(b"one") + gzip.compress(b" two"), "gzip"),
        (zlib.compress(b"one two"), "deflate"),
        (b"one two", "identity"),
        (gzip.compress(b"one two"), "X-GZIP"),
    ],
)
@in_a_loop
async def test_a_packed_body_is_unpacked(body, packing):
    async with stub_site({"/": [packed(body, packing)]}) as site:
        assert (await site.fetcher.get(site.url("/"))).body == b"one two"


@in_a_loop
async def test_headers_without_end_are_not_read():
    async with stub_site({"/": [raw(b"", x="y" * 300_000)]}) as site:
        with pytest.raises(Unavailable, match="gave no whole answer"):
            await site.fetcher.get(site.url("/"))
