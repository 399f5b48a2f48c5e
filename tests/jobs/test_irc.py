"""Live chat from a real IRC server (ngircd), and from a stub for what only Twitch sends."""

import asyncio
import resource
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.irc_servers import (
    TIMEOUT_S,
    NgIrcd,
    StubPeer,
    Talker,
    free_port,
    make_certificate,
    our_client,
    read,
    stub_server,
)

from fastnlp_jobs.errors import Refused, Unavailable
from fastnlp_jobs.sources.twitch.irc import Patience
from fastnlp_jobs.sources.twitch.messages import MAX_LINE_BYTES, TOO_LONG
from fastnlp_jobs.sources.twitch.source import MOST_WAITING

FLOOD_PER_S = 5_000


@pytest.fixture
def ngircd(require: Callable[[str], Path], tmp_path: Path) -> NgIrcd:
    return NgIrcd(require("ngircd"), tmp_path)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


async def stay(peer: StubPeer) -> None:
    await peer.stay()


def test_several_channels_are_read_at_once(ngircd: NgIrcd) -> None:
    async def test() -> None:
        talker = await Talker.arrive(ngircd.port, "wanfeng", "one", "two", "three")
        reading = read(ngircd.port, "one", "#Two", max_messages=2)
        await talker.meets_us("one")
        await talker.meets_us("two")
        await talker.say("three", "nobody reads this")
        await talker.say("one", "你好")
        await talker.say("two", "hello")
        await reading.end()
        found = [(comment.thread_id, comment.text, comment.author) for comment in reading.comments]
        assert found == [("one", "你好", "wanfeng"), ("two", "hello", "wanfeng")]
        assert reading.missed == []
        await talker.leave()

    with ngircd.running():
        run(test())


def test_after_a_restart_of_the_server_all_channels_are_joined_again_and_the_gap_is_told(ngircd: NgIrcd) -> None:
    async def test() -> None:
        with ngircd.running():
            talker = await Talker.arrive(ngircd.port, "first", "one", "two")
            reading = read(ngircd.port, "one", "two")
            await talker.meets_us("one")
            await talker.meets_us("two")
            await talker.say("two", "before")
            await reading.until(lambda: reading.texts == ["before"])
            await talker.leave()
        with ngircd.running():
            await reading.until(lambda: len(reading.missed) == 2)
            talker = await Talker.arrive(ngircd.port, "second", "one")
            await talker.say("one", "after")
            await reading.until(lambda: reading.texts == ["before", "after"])
            await reading.stop()
            await talker.leave()
        assert [missed.partition(":")[0] for missed in reading.missed] == ["#one", "#two"]

    run(test())


def test_the_server_s_pings_are_answered(require: Callable[[str], Path], tmp_path: Path) -> None:
    ngircd = NgIrcd(require("ngircd"), tmp_path, ping_s=1)

    async def test() -> None:
        reading = read(ngircd.port, "one", duration_s=5)  # a client that says nothing is thrown out after two
        await reading.end()
        assert reading.missed == []

    with ngircd.running():
        run(test())


def test_nothing_of_a_flood_is_lost(ngircd: NgIrcd) -> None:
    with ngircd.running():
        asyncio.run(flood(ngircd, 20_000))


@pytest.mark.slow
def test_five_thousand_messages_a_second_are_read_in_flat_memory(ngircd: NgIrcd) -> None:
    with ngircd.running():
        asyncio.run(flood(ngircd, 2 * FLOOD_PER_S))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        per_s = asyncio.run(flood(ngircd, 60 * FLOOD_PER_S))
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert per_s >= FLOOD_PER_S
    assert grown_kib < 20 * 1024


async def flood(ngircd: NgIrcd, count: int) -> float:
    """Let four people write `count` messages and read them all; messages a second of this process, theirs included.

    They write as fast as we read, with at most 2,000 messages on the way: ngircd holds 32 KiB for each client and
    throws out who is slower.
    """
    talkers = [await Talker.arrive(ngircd.port, f"talker{number}", "flood") for number in range(4)]
    seen, received = bytearray(count), 0
    news = asyncio.Condition()

    async def talk() -> None:
        await talkers[0].meets_us("flood")
        for first in range(0, count, 100):
            while first - received >= 2_000:
                async with news:
                    await news.wait()
            texts = [f"message {number} of a flood of chat" for number in range(first, first + 100)]
            await talkers[first // 100 % 4].say("flood", *texts)

    talking = asyncio.create_task(talk())
    started = 0.0
    async for page in our_client(ngircd.port, "flood", max_messages=count).pages(lambda _: None):
        started = started or time.process_time()
        assert page.missed == ()
        for comment in page.comments:
            seen[int(comment.text.split()[1])] += 1
        received += len(page.comments)
        async with news:
            news.notify_all()
    seconds = time.process_time() - started
    await talking
    for talker in talkers:
        await talker.leave()
    assert seen == b"\x01" * count
    return count / seconds


def test_a_line_that_cannot_be_read_costs_itself_only(ngircd: NgIrcd) -> None:
    async def test() -> None:
        talker = await Talker.arrive(ngircd.port, "talker", "one")
        reading = read(ngircd.port, "one", max_messages=2)
        await talker.meets_us("one")
        await talker.say("one", "before")
        await talker.send("PRIVMSG #one :café".encode("latin-1"))
        await talker.say("one", "after")
        await reading.end()
        assert reading.texts == ["before", "after"]
        assert reading.rejected == ["bytes that are no UTF-8"]
        await talker.leave()

    with ngircd.running():
        run(test())


def test_a_chat_is_read_over_tls_if_the_certificate_is_trusted(
    ngircd: NgIrcd, require: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(require("openssl"), tmp_path)
    port = ngircd.listen_with_tls(certificate, key)

    async def test() -> None:
        with pytest.raises(Refused, match=r"its certificate is not valid .*self-signed"):
            await read(port, "one", tls=True).end()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        reading = read(port, "one", tls=True, max_messages=1)
        talker = await Talker.arrive(ngircd.port, "talker", "one")
        await talker.meets_us("one")
        await talker.say("one", "in secret")
        await reading.end()
        assert reading.texts == ["in secret"]
        await talker.leave()

    with ngircd.running():
        run(test())


def test_a_channel_that_lets_us_not_in_is_told_of_and_the_others_are_read(ngircd: NgIrcd) -> None:
    async def test() -> None:
        talker = await Talker.arrive(ngircd.port, "talker", "closed", "open")
        await talker.send("MODE #closed +i")
        await talker.hears("MODE #closed +i")
        reading = read(ngircd.port, "closed", "open", max_messages=1)
        await talker.meets_us("open")
        await talker.say("open", "hello")
        await reading.end()
        assert reading.missed == ["#closed: refused: Cannot join channel (+i) -- Invited users only"]
        with pytest.raises(Refused, match="lets nobody into the channels: #closed: Cannot join"):
            await read(ngircd.port, "closed").end()
        await talker.leave()

    with ngircd.running():
        run(test())


def test_a_server_that_knows_no_guests_refuses(require: Callable[[str], Path], tmp_path: Path) -> None:
    ngircd = NgIrcd(require("ngircd"), tmp_path, nick_length=9)  # shorter than any guest's nick

    async def test() -> None:
        with pytest.raises(Refused, match="lets nobody in without an account: Nickname too long"):
            await read(ngircd.port, "one").end()

    with ngircd.running():
        run(test())


def test_nobody_listening_is_unavailable_after_some_tries() -> None:
    async def test() -> None:
        patience = Patience(first_retry_s=0.01, longest_retry_s=0.01, attempts=3)
        with pytest.raises(Unavailable, match=r"cannot connect .*, 3 times; run the same command again later"):
            await read(free_port(), "one", patience=patience).end()

    run(test())


def test_a_run_that_is_stopped_gives_what_it_received_and_the_next_tells_the_gap(ngircd: NgIrcd) -> None:
    async def test() -> None:
        talker = await Talker.arrive(ngircd.port, "talker", "one")
        pages = our_client(ngircd.port, "one").pages(lambda _: None)
        next_page = asyncio.ensure_future(anext(pages))
        await talker.meets_us("one")
        await talker.say("one", "the last words", "ping me")
        await talker.send("WHOIS nobody")
        await talker.hears("318")  # the server has handled what came before
        next_page.cancel()
        page = await next_page
        assert [comment.text for comment in page.comments] == ["the last words", "ping me"]
        last = await anext(pages)
        with pytest.raises(asyncio.CancelledError):
            await anext(pages)
        again = read(ngircd.port, "one", cursor=last.cursor)
        await again.until(lambda: again.missed)
        assert again.missed[0].endswith("no run since its last page")
        await again.stop()
        await talker.leave()

    with ngircd.running():
        run(test())


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

    run(test())


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

    run(test())


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

    run(test())


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

    run(test())


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

    run(test())


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

    run(test())


def test_a_login_that_fails_is_refused() -> None:
    async def refusing(peer: StubPeer) -> None:
        await peer.hears("NICK")
        await peer.send(":tmi.twitch.tv NOTICE * :Login authentication failed")
        await peer.stay()

    async def test() -> None:
        async with stub_server(refusing) as port:
            with pytest.raises(Refused, match="without an account: Login authentication failed"):
                await read(port, "one").end()

    run(test())


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

    run(test())


def test_a_server_that_never_welcomes_is_unavailable_with_what_it_said() -> None:
    async def closing(peer: StubPeer) -> None:
        await peer.hears("NICK")
        await peer.send("ERROR :Too many \x02connections")

    async def test() -> None:
        async with stub_server(closing) as port:
            patience = Patience(first_retry_s=0.01, longest_retry_s=0.01, attempts=2)
            with pytest.raises(Unavailable, match="the server said: Too many connections, 2 times"):
                await read(port, "one", patience=patience).end()

    run(test())
