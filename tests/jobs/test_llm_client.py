"""What the client makes of everything a server may do; the server is a stub, its clock too."""

import asyncio
import json

import pytest
from tests.jobs.stub_llm_server import (
    answers_of,
    busy_until,
    completion,
    cut,
    drip,
    echo,
    endless,
    fails,
    hang,
    question,
    raw,
    saying,
    stub_server,
)
from tests.jobs.stub_site import in_a_loop

from fastnlp_jobs.errors import Refused, Unavailable
from fastnlp_jobs.llm.calls import Answer, Sampling, Shape
from fastnlp_jobs.llm.connection import MAX_ANSWER_BYTES
from fastnlp_jobs.retries import LONGEST_WAIT_S

SHAPE = Shape("mood", {"type": "object"}, 'root ::= "x"')
DAMAGED = {
    "half JSON": raw(b'{"choices": [{"mess'),
    "another shape": saying({"result": "ok"}),
    "an error that says it is none": saying({"error": {"message": "overloaded"}}),
    "a text that is a number": saying(completion("") | {"choices": [{"message": {"content": 7}}]}),
    "no choice": saying(completion("") | {"choices": []}),
    "deep JSON": raw(b"[" * 100_000),
    "a web page": raw(b"<html>please log in</html>"),
    "a packed answer": raw(b"\x1f\x8b", content_encoding="gzip"),
    "a cut answer": cut,
    "status 500": fails(500),
    "status 502": raw(b"bad gateway", 502),
    "status 503": fails(503),
}


@in_a_loop
async def test_answers_come_in_the_order_of_the_calls(tmp_path):
    async with stub_server(hang, echo) as server, server.client(tmp_path, timeout_s=0.2) as client:
        found = await answers_of(client, *(question(str(number)) for number in range(40)))
    assert [answer.text for answer in found] == [f"you said: {number}" for number in range(40)]


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": None}, {"prompt_tokens": 10**30}, {"prompt_tokens": -1}, 7])
@in_a_loop
async def test_an_answer_counts_although_nobody_can_read_what_it_took(tmp_path, usage):
    async with stub_server(saying(completion("hi", usage=usage))) as server, server.client(tmp_path) as client:
        assert await client.ask(question()) == Answer("hi", "stop")


@in_a_loop
async def test_a_model_of_another_name_is_told_once(tmp_path, capfd):
    async with stub_server(saying(completion("hi", model="other\n"))) as server, server.client(tmp_path) as client:
        await answers_of(client, question("a"), question("b"))
    told = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(one["asked"], one["answered"]) for one in told if one["event"] == "another_model_answers"] == [
        ("stub", "other ")
    ]


@in_a_loop
async def test_an_answer_says_how_it_ended_and_what_it_took(tmp_path):
    choice = {"message": {"content": None, "refusal": "I would rather not"}, "finish_reason": "content_filter"}
    async with stub_server(saying(completion("") | {"choices": [choice]})) as server, server.client(tmp_path) as client:
        assert await client.ask(question()) == Answer("", "content_filter", "I would rather not", 10, 5)


@in_a_loop
async def test_equal_calls_share_one_request_and_say_how_many_rows_it_served(tmp_path):
    async with stub_server() as server, server.client(tmp_path) as client:
        await answers_of(client, *(question("same") for _ in range(30)), question("other"))
        facts = client.facts()
    assert server.asked() == {"same": 1, "other": 1}
    assert (facts["calls"], facts["rows"], facts["tokens_in"]) == (2, 31, 20)


@in_a_loop
async def test_what_was_answered_once_is_not_asked_again(tmp_path):
    calls = [question(str(number % 5)) for number in range(10)]
    runs = []
    async with stub_server() as server:
        for _ in range(2):
            async with server.client(tmp_path, price_in=1, price_out=2) as client:
                runs.append((await answers_of(client, *calls), client.facts()))
    assert runs[0] == runs[1]
    assert runs[0][1]["cost"] == round((50 * 1 + 25 * 2) / 1e6, 6)
    assert len(server.bodies) == 5


@in_a_loop
async def test_a_sample_is_a_call_of_its_own_with_its_number_as_seed(tmp_path):
    async with stub_server() as server, server.client(tmp_path) as client:
        await answers_of(client, *(question(sample=number) for number in range(3)))
    assert sorted(body["seed"] for body in server.bodies) == [0, 1, 2]


@pytest.mark.parametrize("more", [{"sampling": Sampling(temperature=0.5)}, {"shape": SHAPE}, {"texts": ()}])
@in_a_loop
async def test_only_what_changes_the_request_makes_another_call(tmp_path, more):
    async with stub_server() as server, server.client(tmp_path) as client:
        await answers_of(client, question(texts=("hello",)), question(**more))
    assert len(server.bodies) == (1 if "texts" in more else 2)


@pytest.mark.parametrize(
    ("structured", "key"), [("json_schema", "response_format"), ("gbnf", "grammar"), ("prompt", None)]
)
@in_a_loop
async def test_a_shape_is_asked_for_as_the_server_understands_it(tmp_path, structured, key):
    async with stub_server() as server, server.client(tmp_path, structured=structured) as client:
        await client.ask(question(shape=SHAPE))
    assert {"response_format", "grammar"} & server.bodies[0].keys() == ({key} if key else set())


@pytest.mark.parametrize(("top_p", "sent"), [(1, None), (0.9, 0.9)])
@in_a_loop
async def test_a_share_of_all_words_is_not_sent_since_some_servers_refuse_it(tmp_path, top_p, sent):
    async with stub_server() as server, server.client(tmp_path) as client:
        await client.ask(question(sampling=Sampling(top_p=top_p)))
    assert server.bodies[0].get("top_p") == sent


@pytest.mark.parametrize("name", DAMAGED)
@in_a_loop
async def test_what_is_no_answer_is_asked_for_again(tmp_path, name):
    async with stub_server(DAMAGED[name], echo) as server, server.client(tmp_path) as client:
        assert (await client.ask(question())).text == "you said: hello"
    assert server.asked() == {"hello": 2}


@pytest.mark.parametrize("handler", [hang, drip])
@in_a_loop
async def test_an_answer_that_does_not_end_is_given_up_in_time(tmp_path, handler):
    async with stub_server(handler, echo) as server, server.client(tmp_path, timeout_s=0.2) as client:
        assert (await client.ask(question())).text == "you said: hello"


@pytest.mark.parametrize("handler", [hang, drip])
@in_a_loop
async def test_a_server_that_takes_too_long_is_told_by_the_limit(tmp_path, handler):
    async with stub_server(handler) as server, server.client(tmp_path, timeout_s=0.2, retries=0) as client:
        with pytest.raises(Unavailable, match=r"no answer in 1 tries: no whole answer in 0.2 s;"):
            await client.ask(question())


@in_a_loop
async def test_an_answer_of_50_mb_is_not_read(tmp_path):
    sent: list[int] = []
    async with stub_server(endless(sent), echo) as server, server.client(tmp_path) as client:
        assert (await client.ask(question())).text == "you said: hello"
    assert sent[0] < 4 * MAX_ANSWER_BYTES  # what the sockets hold beside


@in_a_loop
async def test_waits_double_until_the_tries_are_used_up(tmp_path):
    async with stub_server(fails(500)) as server, server.client(tmp_path) as client:
        with pytest.raises(Unavailable, match="no answer in 6 tries: status 500; no other call is answered either"):
            await client.ask(question())
    assert server.times == [0, 2, 6, 14, 30, 62, 62]  # the last asks whether anything is answered


@in_a_loop
async def test_waits_are_drawn_between_nothing_and_the_longest(tmp_path):
    drawn = []

    def jitter(least, longest):
        drawn.append((least, longest))
        return 0.0

    handlers = [fails(500), fails(500), echo]
    async with stub_server(*handlers) as server, server.client(tmp_path, jitter=jitter) as client:
        await client.ask(question())
    assert drawn == [(0, 2), (0, 4)]


@pytest.mark.parametrize("asked", ["30", busy_until(30)])
@in_a_loop
async def test_nobody_asks_before_the_time_that_retry_after_names(tmp_path, asked):
    handlers = [fails(429, retry_after=asked), echo]
    async with stub_server(*handlers) as server, server.client(tmp_path, concurrency=1) as client:
        await answers_of(client, question("one"), question("two"))
    assert min(server.times[1:]) >= 30


@in_a_loop
async def test_whether_anything_is_answered_is_not_asked_before_that_time_either(tmp_path):
    async with stub_server(fails(429, retry_after="30")) as server, server.client(tmp_path, retries=1) as client:
        with pytest.raises(Unavailable, match="no other call is answered"):
            await client.ask(question())
    assert server.times == [0, 30, 60]


@in_a_loop
async def test_a_server_that_asks_to_come_back_much_later_ends_the_run(tmp_path):
    handler = fails(429, retry_after=f"{LONGEST_WAIT_S * 2:.0f}")
    async with stub_server(handler) as server, server.client(tmp_path) as client:
        with pytest.raises(Unavailable, match="answered 429 and asks to wait 1200 s; do so"):
            await client.ask(question())
    assert len(server.bodies) == 1


@in_a_loop
async def test_a_server_that_is_not_there_ends_the_run_and_what_was_answered_is_kept(tmp_path):
    async with stub_server() as server, server.client(tmp_path) as client:
        await client.ask(question("one"))
    async with server.client(tmp_path) as client:
        with pytest.raises(Unavailable, match=r"no whole answer \("):
            await answers_of(client, question("one"), question("two"))
        assert (await client.ask(question("one"))).text == "you said: one"


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (fails(401, "bad key"), "refused for good .*bad key.*give `key_variable`, the name of the"),
        (fails(403), "give `key_variable`"),
        (fails(402), "give `key_variable`"),
        (fails(404, "no such model"), "check `model` .stub. and `base_url`, which mostly ends in /v1"),
        (raw(b"", 302, location="http://elsewhere.test/v1"), "it leads elsewhere; give the final address"),
        (fails(429, "quota", code="insufficient_quota"), "the account has no money left"),
    ],
)
@in_a_loop
async def test_a_refusal_for_good_ends_the_run_at_once(tmp_path, handler, message):
    async with stub_server(handler) as server, server.client(tmp_path, concurrency=1) as client:
        with pytest.raises(Refused, match=message):
            await answers_of(client, *(question(str(number)) for number in range(20)))
    assert len(server.bodies) == 1


@in_a_loop
async def test_a_call_that_the_server_rejects_ends_alone_and_for_good(tmp_path):
    async def reject_long(request, body):
        is_long = body["messages"][-1]["content"] == "long"
        return await (fails(400, "context length") if is_long else echo)(request, body)

    async with stub_server(reject_long) as server:
        for _ in range(2):
            async with server.client(tmp_path) as client:
                found = await answers_of(client, question("a"), question("long"), question("b"))
                assert client.facts()["rejected"] == 1
    assert [answer.failure for answer in found] == [
        None,
        "the server rejects it: Error code: 400 - context length",
        None,
    ]
    assert server.asked()["long"] == 1


@in_a_loop
async def test_a_server_that_rejects_every_call_ends_the_run_and_is_asked_again(tmp_path):
    calls = [question(str(number)) for number in range(20)]
    async with stub_server(*[fails(400, "unknown response_format")] * 10, echo) as server:
        async with server.client(tmp_path, concurrency=1) as client:
            with pytest.raises(Refused, match=r"rejected the first 10 calls .*unknown response_format"):
                await answers_of(client, *calls)
        async with server.client(tmp_path) as client:
            found = await answers_of(client, *calls)
    assert [answer.failure for answer in found] == [None] * 20


@in_a_loop
async def test_a_call_that_alone_brings_no_answer_does_not_end_the_run_and_is_asked_again(tmp_path):
    async def choke(request, body):
        handler = fails(500) if body["messages"][-1]["content"] == "poison" and is_choking else echo
        return await handler(request, body)

    is_choking = True
    calls = [question("poison"), *(question(str(number)) for number in range(5)), question("poison")]
    async with stub_server(choke) as server:
        async with server.client(tmp_path) as client:
            found = await answers_of(client, *calls)
            assert client.facts()["failed"] == 1
        assert found[0].failure == found[-1].failure == "no answer in 6 tries: status 500"
        is_choking = False
        async with server.client(tmp_path) as client:
            assert (await client.ask(question("poison"))).text == "you said: poison"


@in_a_loop
async def test_a_storm_of_429_fails_no_call_as_long_as_some_are_answered(tmp_path):
    number = 0

    async def let_some_through(request, body):
        nonlocal number
        number += 1
        return await (echo if number % 4 == 0 else fails(429))(request, body)

    async with stub_server(let_some_through) as server, server.client(tmp_path, concurrency=8) as client:
        found = await answers_of(client, *(question(str(number)) for number in range(30)))
    assert [answer.failure for answer in found] == [None] * 30


@in_a_loop
async def test_no_more_calls_are_under_way_than_the_endpoint_says(tmp_path):
    three = asyncio.Barrier(3)

    async def answer_three_at_a_time(request, body):
        await three.wait()
        return await echo(request, body)

    async with stub_server(answer_three_at_a_time) as server, server.client(tmp_path, concurrency=3) as client:
        await answers_of(client, *(question(str(number)) for number in range(30)))
    assert server.most_under_way == 3


@in_a_loop
async def test_the_key_goes_to_the_server_and_nowhere_else(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("STUB_KEY", "a-secret-of-the-test")
    others = {"OPENAI_API_KEY": "sk-other", "OPENAI_ORG_ID": "org-other", "OPENAI_CUSTOM_HEADERS": "X-Other: other"}
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    said = "Incorrect API key provided: a-secret-of-the-test"
    handlers = [echo, fails(400, said), fails(401, said)]
    async with stub_server(*handlers) as server, server.client(tmp_path, key_variable="STUB_KEY") as client:
        await client.ask(question("one"))
        await client.ask(question("two"))
        with pytest.raises(Refused) as refused:
            await client.ask(question("three"))
    assert server.requests[0].headers["authorization"] == "Bearer a-secret-of-the-test"
    assert not [value for value in server.requests[0].headers.values() if "other" in value]
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("utf-8", "replace")
    for place in (written, str(refused.value), *capfd.readouterr()):
        assert "a-secret" not in place
    assert "***" in str(refused.value)
    assert "check the key in the variable that `key_variable` names (STUB_KEY)" in str(refused.value)


@pytest.mark.parametrize("is_ours", [True, False])
@in_a_loop
async def test_a_proxy_is_asked_for_other_machines_only(tmp_path, monkeypatch, is_ours):
    async with stub_server() as server:
        nowhere, proxy = "http://127.0.0.1:9", server.base_url.removesuffix("/v1")
        monkeypatch.setenv("HTTP_PROXY", nowhere if is_ours else proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        if not is_ours:
            server.base_url = "http://models.test/v1"
        async with server.client(tmp_path) as client:
            assert (await client.ask(question())).text == "you said: hello"
        assert server.requests[0].host == server.endpoint().host


@in_a_loop
async def test_without_a_key_none_is_sent(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    async with stub_server() as server, server.client(tmp_path) as client:
        await client.ask(question())
    assert "authorization" not in server.requests[0].headers
