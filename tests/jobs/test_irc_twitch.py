"""Live chat from a stub server, for what only Twitch sends and what no server should."""

import asyncio

import pytest
from tests.jobs.irc_servers import TIMEOUT_S, StubPeer, free_port, our_client, read, stub_server

from fastnlp_jobs.errors import Refused, Unavailable
from fastnlp_jobs.sources.twitch.irc import Patience
from fastnlp_jobs.sources.twitch.messages import MAX_LINE_BYTES, TOO_LONG
from fastnlp_jobs.sources.twitch.source import MOST_WAITING


async def stay(peer: StubPeer) -> None:
    await peer.stay()


def test_nobody_listening_is_unavailable_after_some_tries() -> None:
    async def test() -> None:
        patience = Patience(first_retry_s=0.01, longest_retry_s=0.01, attempts=3)
        with pytest.raises(Unavailable, match=r"cannot connect .*, 3 times; run the same command again later"):
            await read(free_port(), "one", patience=patience).end()

    asyncio.run(test())


def test_tags_replies_emotes_and_deletions_of_twitch_arrive_in_the_pages() -> None:
    async def twitch(peer: StubPeer) -> None:
        await peer.welcome("one")
        await peer.send(
            "@emotes=25:3-7;id=1;user-id=5 :a!a@a.tmi.twitch.tv PRIVMSG #one :好 Kappa",
            "@id=2;reply-parent-msg-id=1;user-id=6 :b!b@b.tmi.twitch.tv PRIVMSG #one :@a 对",
            "@emotes=25:2-6;id=3;user-id=5 :a!a@a.tmi.twitch.tv PRIVMSG #one :好 Kappa",
            "@login=a;target-msg-id=1 :tmi.twitch.tv CLEARMSG #one :好",
            "@target-user-id=6 :tmi.twitch.tv CLEARCHAT #one :b",
            "@id=4;user-id=7 :c!c@c.tmi.twitch.tv PRIVMSG #another :not asked for",
            ":tmi.twitch.tv CLEARCHAT #another",
        )
        await peer.stay()

    async def test() -> None:
        async with stub_server(twitch) as port:
            reading = read(port, "one")
            await reading.until(lambda: any(page.gone_authors for page in reading.pages))
            await reading.stop()
        assert [comment.parent_id for comment in reading.comments] == [None, "1", None]
        assert [comment.extra["emotes"] for comment in reading.comments] == [None, None, "25:1"]
        assert [gone for page in reading.pages for gone in page.gone] == ["1"]
        assert [gone for page in reading.pages for gone in page.gone_authors] == [("one", "6")]
        assert [gone for page in reading.pages for gone in page.gone_threads] == []

    asyncio.run(test())


def test_when_asked_to_reconnect_we_read_to_the_end_and_come_back() -> None:
    async def first(peer: StubPeer) -> None:
        await peer.welcome("one")
        await peer.send("@id=1 :a!a@a PRIVMSG #one :before", ":tmi.twitch.tv RECONNECT")
        await peer.hears("QUIT")
        await peer.send("@id=2 :a!a@a PRIVMSG #one :on the way")

    async def second(peer: StubPeer) -> None:
        await peer.welcome("one")
        await peer.send("@id=3 :a!a@a PRIVMSG #one :after")
        await peer.stay()

    async def test() -> None:
        async with stub_server(first, second) as port:
            reading = read(port, "one", max_messages=3)
            await reading.end()
        assert reading.texts == ["before", "on the way", "after"]
        assert [missed.rpartition(": ")[2] for missed in reading.missed] == ["the server asked to reconnect"]

    asyncio.run(test())


def test_a_server_that_falls_silent_is_asked_and_then_left() -> None:
    async def silent(peer: StubPeer) -> None:
        await peer.welcome("one")
        await peer.hears("PING :fastnlp")
        await peer.stay()

    async def talking(peer: StubPeer) -> None:
        await peer.welcome("one")
        await peer.send("@id=1 :a!a@a PRIVMSG #one :here")
        await peer.stay()

    async def test() -> None:
        async with stub_server(silent, talking) as port:
            reading = read(port, "one", max_messages=1, patience=Patience(silence_s=0.3, first_retry_s=0.01))
            await reading.end()
        assert reading.texts == ["here"]
        assert reading.missed[0].endswith("no answer to PING within 0.3 s")

    asyncio.run(test())


def test_oversized_and_malformed_lines_are_counted_and_skipped() -> None:
    async def hostile(peer: StubPeer) -> None:
        await peer.welcome("one")
        await peer.send(
            b"@" + b"x" * (3 * MAX_LINE_BYTES),
            b"PRIVMSG #one :\xff",
            b"@;;==;\\=\\ : ",
            b"PRIVMSG",
            b"CLEARCHAT",
            b"001",
            b"NOTICE",
            b"@id=1 :a!a@a PRIVMSG #one :still here",
        )
        await peer.stay()

    async def test() -> None:
        async with stub_server(hostile) as port:
            reading = read(port, "one", max_messages=1)
            await reading.end()
        assert reading.texts == ["still here"]
        assert reading.rejected == [TOO_LONG, "bytes that are no UTF-8", "no command"]

    asyncio.run(test())


def test_what_came_before_a_connection_broke_is_not_lost() -> None:
    async def breaking(peer: StubPeer) -> None:
        await peer.welcome("one")
        await peer.send(*[f"@id={number} :a!a@a PRIVMSG #one :{number}" for number in range(500)])
        peer.writer.transport.abort()  # what is unsent is thrown away

    async def test() -> None:
        async with stub_server(breaking, stay) as port:
            reading = read(port, "one")
            await reading.until(lambda: reading.missed or len(reading.texts) == 500)
            await reading.stop()
        assert reading.texts == [str(number) for number in range(500)]

    asyncio.run(test())


def test_a_slow_reader_holds_the_server_back_and_loses_nothing() -> None:
    count = 3 * MOST_WAITING

    async def test() -> None:
        held_back = asyncio.Event()

        async def flooding(peer: StubPeer) -> None:
            await peer.welcome("one")
            for first in range(0, count, 100):
                numbers = range(first, first + 100)
                peer.writer.write("".join(f"@id={at} :a!a@a PRIVMSG #one :{'x' * 400}\n" for at in numbers).encode())
                try:
                    async with asyncio.timeout(1):
                        await peer.writer.drain()
                except TimeoutError:
                    held_back.set()
                    await peer.writer.drain()
            await peer.stay()

        async with stub_server(flooding) as port, asyncio.timeout(TIMEOUT_S):
            pages = our_client(port, "one", max_messages=count).pages(lambda _: None)
            ids = [comment.id for comment in (await anext(pages)).comments]
            await held_back.wait()
            async for page in pages:
                ids += [comment.id for comment in page.comments]
        assert ids == [str(number) for number in range(count)]

    asyncio.run(test())


def test_a_login_that_fails_is_refused() -> None:
    async def refusing(peer: StubPeer) -> None:
        await peer.hears("NICK")
        await peer.send(":tmi.twitch.tv NOTICE * :Login authentication failed")
        await peer.stay()

    async def test() -> None:
        async with stub_server(refusing) as port:
            with pytest.raises(Refused, match="without an account: Login authentication failed"):
                await read(port, "one").end()

    asyncio.run(test())


def test_a_suspended_channel_is_refused() -> None:
    async def twitch(peer: StubPeer) -> None:
        await peer.welcome()
        await peer.hears("JOIN #gone")
        await peer.send("@msg-id=msg_channel_suspended :tmi.twitch.tv NOTICE #gone :This channel is suspended")
        await peer.stay()

    async def test() -> None:
        async with stub_server(twitch) as port:
            with pytest.raises(Refused, match="#gone: This channel is suspended"):
                await read(port, "gone").end()

    asyncio.run(test())


def test_a_server_that_never_welcomes_is_unavailable_with_what_it_said() -> None:
    async def closing(peer: StubPeer) -> None:
        await peer.hears("NICK")
        await peer.send("ERROR :Too many \x02connections")

    async def test() -> None:
        async with stub_server(closing) as port:
            patience = Patience(first_retry_s=0.01, longest_retry_s=0.01, attempts=2)
            with pytest.raises(Unavailable, match="the server said: Too many connections, 2 times"):
                await read(port, "one", patience=patience).end()

    asyncio.run(test())
