"""Live chat from a real IRC server (ngircd)."""

import asyncio
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.jobs.irc_servers import (
    NgIrcd,
    Talker,
    make_certificate,
    our_client,
    read,
)

from fastnlp_jobs.errors import Refused

FLOOD_PER_S = 5_000


@pytest.fixture
def ngircd(require: Callable[[str], Path], tmp_path: Path) -> NgIrcd:
    return NgIrcd(require("ngircd"), tmp_path)


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

    ngircd.run(test())


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

    asyncio.run(test())


def test_the_server_s_pings_are_answered(require: Callable[[str], Path], tmp_path: Path) -> None:
    ngircd = NgIrcd(require("ngircd"), tmp_path, ping_s=1)

    async def test() -> None:
        reading = read(ngircd.port, "one", duration_s=5)  # a client that says nothing is thrown out after two
        await reading.end()
        assert reading.missed == []

    ngircd.run(test())


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

    ngircd.run(test())


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

    ngircd.run(test())


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

    ngircd.run(test())


def test_a_server_that_knows_no_guests_refuses(require: Callable[[str], Path], tmp_path: Path) -> None:
    ngircd = NgIrcd(require("ngircd"), tmp_path, nick_length=9)  # shorter than any guest's nick

    async def test() -> None:
        with pytest.raises(Refused, match="lets nobody in without an account: Nickname too long"):
            await read(ngircd.port, "one").end()

    ngircd.run(test())


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

    ngircd.run(test())
