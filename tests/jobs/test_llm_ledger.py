"""The ledger of calls: what stands in it, who may open it, how it is counted, planned with, and made to forget."""

import asyncio
import contextlib
import json
import sqlite3

import pytest
from tests.jobs.stub_llm_server import answers_of, completion, echo, fails, hang, question, saying, stub_server
from tests.jobs.stub_site import in_a_loop

from fastnlp_jobs.errors import BadInput, JobError, Refused
from fastnlp_jobs.llm.client import Client
from fastnlp_jobs.llm.config import Endpoint
from fastnlp_jobs.llm.ledger import FILE, INTERRUPT, Ledger, forget, opened
from fastnlp_jobs.llm.plan import plan

ENDPOINT = Endpoint(base_url="http://127.0.0.1:1/v1", model="stub", price_in=2, price_out=10, currency="CNY")


def planned(folder):
    return plan(ENDPOINT, folder, [question("a")])


def rows(folder, query):
    with contextlib.closing(sqlite3.connect(folder / FILE)) as connection:
        return connection.execute(query).fetchall()


@in_a_loop
async def test_the_raw_answer_is_kept_and_the_question_is_not(tmp_path):
    async with stub_server() as server, server.client(tmp_path) as client:
        await client.ask(question("很秘密的话", texts=("很秘密的话",)))
        await client.ask(question("b"))
    assert rows(tmp_path, "SELECT state, text, finish_reason, tokens_in, tokens_out FROM calls ORDER BY text")[0] == (
        ("answered", "you said: b", "stop", 10, 5)
    )
    async with stub_server(saying(completion("好"))) as server, server.client(tmp_path / "other") as client:
        await client.ask(question("很秘密的话", texts=("很秘密的话",)))
    assert "很秘密".encode() not in (tmp_path / "other" / FILE).read_bytes()


@in_a_loop
async def test_no_row_holds_a_time(tmp_path):
    async with stub_server() as server:
        for folder in ("one", "two"):
            async with server.client(tmp_path / folder) as client:
                await answers_of(client, question("a"), question("b"))
    dumps = []
    for folder in ("one", "two"):
        with contextlib.closing(sqlite3.connect(tmp_path / folder / FILE)) as connection:
            dumps.append(sorted(connection.iterdump()))
    assert dumps[0] == dumps[1]


def test_a_run_begins_without_a_look_at_every_call(tmp_path):
    Ledger(tmp_path).close()
    (step,) = rows(tmp_path, f"EXPLAIN QUERY PLAN {INTERRUPT}")
    assert "USING INDEX unanswered" in step[3]  # ten million calls were looked at in 7.6 s


@in_a_loop
async def test_a_row_counts_as_soon_as_it_has_its_answer(tmp_path):
    async def twice(text):
        return [await client.ask(question(text)), await client.ask(question(f"{text} again"))]

    async def answer(request, body):
        return await (hang if body["messages"][-1]["content"] == "b" else echo)(request, body)

    async with stub_server(answer) as server, server.client(tmp_path) as client:
        async for text, _ in client.each(["a", "b"], twice):
            await server.until_asked(3)
            assert (text, client.figures()["rows"], client.figures()["asked"]) == ("a", 1, 3)
            break


@in_a_loop
async def test_what_was_under_way_when_a_run_ended_is_counted_and_asked_again(tmp_path, capfd):
    async with stub_server(hang) as server, server.client(tmp_path, timeout_s=9) as client:
        outcomes = client.answers([question("a"), question("b")])
        waiting = asyncio.ensure_future(anext(outcomes))
        await server.until_asked(2)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
    forget(tmp_path / FILE, ["never said"])  # which is no run
    async with stub_server() as server, server.client(tmp_path) as client:
        assert len(await answers_of(client, question("a"), question("b"))) == 2
    last = [json.loads(line) for line in capfd.readouterr().err.splitlines()][-1]
    assert (last["event"], last["interrupted_in_earlier_runs"], last["asked"]) == ("calls", 2, 2)
    with opened(tmp_path) as ledger:
        assert ledger.interrupted == 0


@pytest.mark.parametrize("status", [400, 401])
@in_a_loop
async def test_a_call_that_was_refused_is_not_under_way_any_more(tmp_path, status):
    async with stub_server(fails(status)) as server, server.client(tmp_path) as client:
        for number in range(9 if status == 400 else 0):  # the tenth is too many
            await client.ask(question(str(number)))
        with pytest.raises(Refused):
            await client.ask(question("the last"))
    with opened(tmp_path) as ledger:
        assert ledger.interrupted == 0


@in_a_loop
async def test_facts_are_of_the_last_run_alone(tmp_path):
    async with stub_server() as server:
        async with server.client(tmp_path) as client:
            await answers_of(client, question("a"), question("a"), question("b"))
        async with server.client(tmp_path) as client:
            await answers_of(client, question("a"))
            assert (client.facts()["calls"], client.facts()["rows"]) == (1, 1)


@in_a_loop
async def test_answers_without_a_count_of_tokens_are_counted_themselves(tmp_path):
    answer = completion("hi")
    del answer["usage"]
    async with stub_server(saying(answer)) as server, server.client(tmp_path) as client:
        await client.ask(question())
        assert (client.facts()["uncounted"], client.facts()["tokens_in"]) == (1, 0)


@in_a_loop
async def test_a_full_disk_ends_the_run_in_one_line_and_keeps_what_was_written(tmp_path):
    calls = [question(str(number)) for number in range(300)]
    async with stub_server() as server:
        with opened(tmp_path) as ledger:
            ledger._connection.execute("PRAGMA max_page_count = 12")
            async with Client(server.endpoint(), ledger) as client:
                with pytest.raises(JobError, match=r"database or disk is full.; what stands in it is kept"):
                    await answers_of(client, *calls)
        kept = len(rows(tmp_path, "SELECT 1 FROM calls WHERE state = 'answered'"))
        async with server.client(tmp_path) as client:
            assert len(await answers_of(client, *calls)) == 300
            assert client.figures()["asked"] == 300 - kept


def test_two_runs_never_share_a_ledger(tmp_path):
    with opened(tmp_path), pytest.raises(BadInput, match=r"state: another run .*; .*another state"), opened(tmp_path):
        pass


def test_a_state_in_which_nothing_can_be_written_is_refused_in_one_line(tmp_path):
    (tmp_path / "lock").mkdir()  # root may write into any folder, but not into this
    said = r"state: cannot write .*lock \(Is a directory\); choose another state"
    with pytest.raises(BadInput, match=said), opened(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4_000])
def test_a_file_that_is_no_database_is_refused(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(BadInput, match=r"expected a ledger of calls, cannot use it .*; give another `state`"):
        Ledger(tmp_path)


@in_a_loop
async def test_a_damaged_ledger_is_refused_in_one_line(tmp_path):
    async with stub_server() as server:
        async with server.client(tmp_path) as client:
            await answers_of(client, *(question(str(number)) for number in range(300)))
        content = (tmp_path / FILE).read_bytes()
        (tmp_path / FILE).write_bytes(content[:8192] + b"\xa5" * (len(content) - 8192))
        with pytest.raises(BadInput, match="expected a ledger of calls") as refused:
            async with server.client(tmp_path) as client:
                await answers_of(client, *(question(str(number)) for number in range(300)))
    assert "\n" not in str(refused.value)


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("CREATE TABLE mine (a)")
    for use in (Ledger, planned):
        with pytest.raises(BadInput, match="a database of something else"):
            use(tmp_path)
    assert rows(tmp_path, "SELECT name FROM sqlite_master") == [("mine",)]


def test_a_ledger_of_another_version_is_refused(tmp_path):
    with opened(tmp_path):
        pass
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for use in (Ledger, planned):
        with pytest.raises(BadInput, match="version 99, this release writes version 1"):
            use(tmp_path)


def test_a_ledger_in_which_nothing_stands_yet_knows_no_call(tmp_path):
    (tmp_path / FILE).touch()  # as a run leaves it that is killed at its very start
    assert planned(tmp_path)["in_ledger"] == 0


@in_a_loop
async def test_calls_that_hold_a_text_can_be_forgotten_without_a_trace(tmp_path):
    async with stub_server() as server:
        async with server.client(tmp_path) as client:
            calls = [question("my words", texts=("my words",)), question("both", texts=("my words", "yours"))]
            await answers_of(client, *calls, question("yours", texts=("yours",)))
        assert forget(tmp_path / FILE, ["my words", "never said"]) == 2
        assert rows(tmp_path, "SELECT text FROM calls") == [("you said: yours",)]
        assert rows(tmp_path, "SELECT count(*) FROM texts") == [(1,)]
        written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"said: my words" not in written
        assert b"said: both" not in written


def test_a_ledger_that_a_run_holds_forgets_nothing(tmp_path):
    with opened(tmp_path), pytest.raises(BadInput, match="another run"):
        forget(tmp_path / FILE, ["my words"])


@in_a_loop
async def test_a_plan_counts_what_is_in_the_ledger_and_what_the_rest_would_cost(tmp_path):
    async with stub_server() as server, server.client(tmp_path) as client:
        await answers_of(client, question("a"))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    limited = ENDPOINT.model_copy(update={"requests_per_minute": 30, "tokens_per_minute": 600})
    found = plan(limited, tmp_path, [question(text) for text in "aabbbc"])
    assert found == {
        "rows": 6,
        "calls": 3,
        "in_ledger": 1,
        "to_make": 2,
        "tokens_in_about": 36,
        "tokens_out_at_most": 512,
        "cost_at_most": round((36 * 2 + 512 * 10) / 1e6, 6),
        "currency": "CNY",
        "seconds_at_the_limits": 54.8,
    }
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_plan_knows_how_long_the_delay_between_calls_makes_it_last():
    slow = ENDPOINT.model_copy(update={"requests_per_minute": 600, "delay_s": 2.5})
    assert plan(slow, None, [question(text) for text in "abb"])["seconds_at_the_limits"] == 5.0


def test_a_plan_without_a_state_or_limits_knows_no_answer_and_no_time(tmp_path):
    for state in (None, tmp_path / "not there yet"):
        found = plan(ENDPOINT, state, [question("a")])
        assert (found["in_ledger"], found["to_make"], found["seconds_at_the_limits"]) == (0, 1, None)


@in_a_loop
async def test_a_plan_sees_what_a_killed_run_left_in_the_journal(tmp_path):
    async with stub_server() as server, server.client(tmp_path / "one") as client:
        await client.ask(question("a"))
        (tmp_path / "two").mkdir()
        for path in (tmp_path / "one").iterdir():
            (tmp_path / "two" / path.name).write_bytes(path.read_bytes())
    assert plan(ENDPOINT, tmp_path / "two", [question("a")])["in_ledger"] == 1


def test_a_plan_refuses_what_is_no_ledger(tmp_path):
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(BadInput, match="expected a ledger of calls"):
        plan(ENDPOINT, tmp_path, [question("a")])
