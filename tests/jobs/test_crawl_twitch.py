"""crawl on Twitch's chat, as a command: live and downloaded, with nobody's name, and on to prepare."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from tests.jobs.irc_servers import TIMEOUT_S, NgIrcd, StubPeer, Talker, stub_server

LEGAL = {"purpose": "a test", "legal_basis": "none is needed", "retention_until": "2030-01-01"}
NAMES = ["wanfeng_77", "晚风晚风", "xiaoyu_88", "1234512345"]


async def fastnlp(job: str, folder: Path, **settings: Any) -> Process:
    """Start a job in `folder`."""
    (folder / f"{job}.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [sys.executable, "-m", "fastnlp_jobs", job, "--config", f"{job}.yaml"]
    environment = {**os.environ, "FASTNLP_PSEUDONYM_KEY": "a key only for this test"}  # pragma: allowlist secret
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, cwd=folder, env=environment)


async def start_chat(folder: Path, port: int, **settings: Any) -> Process:
    twitch = {"server": "127.0.0.1", "port": port, "tls": False, "channels": ["one"], **settings}
    return await fastnlp("crawl", folder, source="twitch", output="out", twitch=twitch, **LEGAL)


async def result_of(process: Process) -> Any:
    async with asyncio.timeout(TIMEOUT_S):
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return json.loads(out)["result"]


def column(path: Path, name: str) -> list[Any]:
    found: list[Any] = pq.read_table(path)[name].to_pylist()
    return found


def every_byte(folder: Path) -> bytes:
    return b"\n".join(path.name.encode() + path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_live_chat_becomes_comments_and_emotes_without_a_name_and_prepare_knows_the_emotes(tmp_path: Path) -> None:
    async def twitch(peer: StubPeer) -> None:
        await peer.welcome("one")
        ours, theirs = "display-name=晚风晚风;user-id=1234512345", "display-name=Xiaoyu_88;user-id=6"
        await peer.send(
            f"@emotes=25:0-4/emotesv2_d:6-7;id=1;{ours} :wanfeng_77!w@w PRIVMSG #one :Kappa :D encore et encore",
            f"@emotes=25:11-15;id=2;{theirs} :xiaoyu_88!x@x PRIVMSG #one :@晚风晚风 bon, Kappa alors",
            f"@id=3;{theirs} :xiaoyu_88!x@x PRIVMSG #one :a message that a moderator deletes",
            "@target-msg-id=3 :tmi.twitch.tv CLEARMSG #one :a message",
            f"@id=4;{ours} :wanfeng_77!w@w PRIVMSG #one :the last one of all",
        )
        await peer.stay()

    async def test() -> None:
        async with stub_server(twitch) as port:
            result = await result_of(await start_chat(tmp_path, port, max_messages=4))
        assert (result["rows_out"], result["rows_removed"]) == (3, 1)
        prepare = await fastnlp("prepare", tmp_path, input="out", output="documents", duplicates="keep")
        await result_of(prepare)

    asyncio.run(test())
    texts = column(tmp_path / "out" / "comments.parquet", "text")
    assert texts == ["Kappa :D encore et encore", "<mention> bon, Kappa alors", "the last one of all"]
    emotes = pq.read_table(tmp_path / "out" / "emotes.parquet").to_pylist()
    assert [(emote["name"], emote["uses"]) for emote in emotes] == [(":D", 1), ("Kappa", 2)]
    tokens = column(tmp_path / "documents" / "documents.parquet", "tokens")
    assert [[token for token in row if token in ("Kappa", ":D")] for row in tokens] == [["Kappa", ":D"], ["Kappa"], []]
    written = every_byte(tmp_path)
    assert [name for name in NAMES if name.encode() in written] == []
    assert b"moderator deletes" not in written


def test_a_chat_that_is_stopped_keeps_every_word_and_the_next_run_tells_the_gap(
    require: Callable[[str], Path], tmp_path: Path
) -> None:
    ngircd = NgIrcd(require("ngircd"), tmp_path)

    async def test() -> None:
        talker = await Talker.arrive(ngircd.port, "talker", "one")
        process = await start_chat(tmp_path, ngircd.port)
        await talker.meets_us("one")
        await talker.say("one", "the last words")
        await talker.send("WHOIS nobody")
        await talker.hears("318")  # the server has handled what came before
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(TIMEOUT_S):
            _, errors = await process.communicate()
        assert process.returncode == 128 + signal.SIGTERM, errors.decode()
        assert not (tmp_path / "out").exists()
        process = await start_chat(tmp_path, ngircd.port, max_messages=1)
        await talker.meets_us("one")
        await talker.say("one", "and on")
        result = await result_of(process)
        await talker.leave()
        assert column(tmp_path / "out" / "comments.parquet", "text") == ["the last words", "and on"]
        (missed,) = result["live"]["missed"]
        assert "#one: not read for" in missed
        assert missed.endswith("no run since its last page")

    with ngircd.running():
        asyncio.run(test())


def test_downloaded_chat_becomes_comments_without_a_name(tmp_path: Path) -> None:
    commenter = {"_id": "1234512345", "name": "wanfeng_77", "display_name": "晚风晚风"}
    fragments = [{"text": "@xiaoyu_88 voilà "}, {"text": "Kappa", "emoticon": {"emoticon_id": "25"}}]
    comment = {"_id": "1", "content_id": "18", "content_offset_seconds": 2.5, "commenter": commenter}
    chat = {"streamer": {"name": "Ponce"}, "comments": [{**comment, "message": {"fragments": fragments}}]}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "chat.json").write_text(json.dumps(chat), encoding="utf-8")

    async def test() -> None:
        await result_of(await fastnlp("crawl", tmp_path, source="twitch_vod", input="in", output="out"))

    asyncio.run(test())
    (row,) = pq.read_table(tmp_path / "out" / "comments.parquet").to_pylist()
    assert (row["source"], row["thread_id"], row["text"]) == ("twitch_vod", "18", "<mention> voilà Kappa")
    assert (row["x_emotes"], row["x_channel"], row["x_offset_s"]) == ("25:2", "ponce", "2.5")
    written = every_byte(tmp_path / "out")
    assert [name for name in NAMES if name.encode() in written] == []
