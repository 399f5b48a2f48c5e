"""What an endpoint may be, and that its key is nowhere but in the environment; its limits on a stub clock."""

import asyncio

import pytest
from tests.jobs.stub_site import START, StubClock, in_a_loop

from fastnlp_jobs.config import YamlFile, validate
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.job import JobConfig
from fastnlp_jobs.llm.config import Endpoint
from fastnlp_jobs.llm.limits import Limits


class _Job(JobConfig):
    endpoint: Endpoint


def endpoint(**settings):
    return Endpoint.model_validate({"base_url": "http://127.0.0.1:8001/v1", "model": "m", **settings})


@pytest.mark.parametrize(
    "base_url",
    [
        "ftp://models.test/v1",
        "file:///etc/passwd",
        "models.test/v1",
        "http://",
        "https://me:password@models.test/v1",  # pragma: allowlist secret
        "https://models.test/v1?key=1",
        "https://models.test/v1#a",
        "http://models.test:99999/v1",
        "http://[::1/v1",
        "http://a b/v1",
    ],
)
def test_only_a_plain_http_address_is_one(base_url):
    with pytest.raises(BadInput, match=r"endpoint.base_url: expected an http or https address") as refused:
        validate(_Job, YamlFile("job.yaml", f'endpoint: {{model: m, base_url: "{base_url}"}}'))
    assert "password" not in str(refused.value)


def test_a_key_that_was_put_where_its_variable_is_named_is_not_repeated():
    text = "endpoint: {model: m, base_url: 'http://m.test/v1', key_variable: sk-1234567890}"
    with pytest.raises(BadInput, match=r"endpoint.key_variable: String should match pattern") as refused:
        validate(_Job, YamlFile("job.yaml", text))
    assert "sk-1" not in str(refused.value)


def test_a_key_comes_from_the_variable_that_the_config_names(monkeypatch):
    monkeypatch.setenv("GLM_KEY", " k.1 \n")
    assert endpoint(key_variable="GLM_KEY").key() == "k.1"
    assert endpoint().key() is None


@pytest.mark.parametrize(("value", "message"), [("", "set the environment variable GLM_KEY"), ("a b", "got spaces")])
def test_a_key_that_cannot_be_one_is_refused(monkeypatch, value, message):
    monkeypatch.setenv("GLM_KEY", value)
    with pytest.raises(BadInput, match=message):
        endpoint(key_variable="GLM_KEY").key()


def test_only_what_decides_answers_and_cost_identifies_an_endpoint():
    identity = endpoint(concurrency=3, key_variable="GLM_KEY").identity()
    assert identity == {"model": "m", "structured": "json_schema", "price_in": 0, "price_out": 0, "currency": "USD"}


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [("http://localhost/v1", True), ("http://127.9.0.1/v1", True), ("http://[::1]:8/v1", True), ("http://m/v1", False)],
)
def test_the_loopback_is_known_by_its_names(base_url, expected):
    assert endpoint(base_url=base_url).is_on_this_machine == expected


async def turns(limits, clock, amounts):
    times = []
    for amount in amounts:
        await limits.turn(amount)
        times.append(round(clock.now - START, 3))
    return times


@in_a_loop
async def test_requests_leave_at_the_pace_of_the_limit_after_a_burst_of_a_second():
    clock = StubClock()
    limits = Limits(endpoint(requests_per_minute=120), clock.clock)
    assert await turns(limits, clock, [1] * 6) == [0, 0, 0, 0.5, 1, 1.5]


@in_a_loop
async def test_a_call_of_many_tokens_delays_those_after_it():
    clock = StubClock()
    limits = Limits(endpoint(tokens_per_minute=600), clock.clock)
    assert await turns(limits, clock, [100, 100, 10]) == [0, 9, 19]


@in_a_loop
async def test_tokens_that_were_not_used_are_given_back():
    clock = StubClock()
    limits = Limits(endpoint(tokens_per_minute=600), clock.clock)
    await limits.turn(100)
    limits.settle(100, 20)
    assert await turns(limits, clock, [10]) == [1]


@in_a_loop
async def test_requests_that_wait_together_leave_a_delay_apart():
    clock = StubClock()
    limits = Limits(endpoint(delay_s=2), clock.clock)
    left = await asyncio.gather(*(turns(limits, clock, [1, 1]) for _ in range(3)))
    assert sorted(time for times in left for time in times) == [0, 2, 4, 6, 8, 10]


@in_a_loop
async def test_nothing_leaves_while_the_server_asks_for_quiet():
    clock = StubClock()
    limits = Limits(endpoint(), clock.clock)
    limits.be_quiet(7)
    limits.be_quiet(3)
    assert await turns(limits, clock, [1]) == [7]


@in_a_loop
async def test_who_waited_when_the_quiet_began_leaves_at_the_pace_of_the_limit_after_it():
    clock = StubClock()
    limits = Limits(endpoint(requests_per_minute=60, tokens_per_minute=6_000), clock.clock)
    waiting = [asyncio.create_task(turns(limits, clock, [100])) for _ in range(6)]
    await asyncio.sleep(0)
    limits.be_quiet(30)
    left = sorted(time for times in await asyncio.gather(*waiting) for time in times)
    assert left == [0, 0, 30, 30, 31, 32]
