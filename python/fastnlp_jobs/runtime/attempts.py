"""Runs a template again after a failure, as its retryStrategy says."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hera.workflows import models

from fastnlp_jobs.runtime.call import Call
from fastnlp_jobs.runtime.evaluation import condition
from fastnlp_jobs.runtime.expressions import ExpressionError
from fastnlp_jobs.runtime.functions import as_text
from fastnlp_jobs.runtime.halting import STOPPED, Halt
from fastnlp_jobs.runtime.record import Node, now
from fastnlp_jobs.runtime.scope import ScopeError, whole
from fastnlp_jobs.runtime.tags import substitute

if TYPE_CHECKING:
    from fastnlp_jobs.runtime.engine import Engine

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_RETRIED = {"Always": ("Failed", "Error"), "OnFailure": ("Failed",), "OnError": ("Error",)}


@dataclass(frozen=True)
class _Strategy:
    """A retryStrategy whose tags are filled in."""

    limit: int | None
    phases: tuple[str, ...]
    expression: str | None
    wait_s: float
    factor: int
    longest_wait_s: float | None
    longest_s: float | None  # from the start of the first try


def run_with_retries(engine: "Engine", call: Call, given: models.RetryStrategy) -> Node:
    """Run a template until it succeeds or its strategy gives up; the node takes after its last try."""
    node = engine.add(call, "Retry", phase="Running", input_parameters=dict(call.parameters))
    try:
        strategy = _strategy(engine, call, given)
        last, message = _run_tries(engine, call, node, strategy)
    except (ScopeError, ExpressionError) as error:
        engine.record.update(node, phase="Error", message=str(error))
        return node
    outputs = {"parameters": last.parameters, "artifacts": last.artifacts, "output_hashes": last.output_hashes}
    outputs |= {"result": last.result, "exit_code": last.exit_code}
    engine.record.update(node, phase=last.phase, message=message, **outputs)
    return node


def _run_tries(engine: "Engine", call: Call, node: Node, strategy: _Strategy) -> tuple[Node, str]:
    """The last try, and why there was no other."""
    started, last, number = now(), None, -1
    while True:
        number += 1
        last = _run_try(engine, call, node, number, last)
        if not last.unsuccessful:
            return last, ""
        if not engine.may_start(call):
            return last, last.message if engine.halting.state is Halt.DEADLINE else STOPPED
        wait_s = _wait_s(strategy, number)
        taken_s = (now() - started).total_seconds()
        if strategy.longest_s is not None and taken_s > strategy.longest_s:
            return last, "Max duration limit exceeded"
        if strategy.longest_s is not None and taken_s + wait_s > strategy.longest_s:
            return last, "Backoff would exceed max duration limit"
        if last.phase not in strategy.phases:
            return last, last.message
        if strategy.limit is not None and number >= strategy.limit:
            return last, "No more retries left"
        variables = {**call.values, "retries": str(number), **_of_last(last)}
        if strategy.expression is not None and not condition(strategy.expression, variables):
            return last, "retryStrategy.expression evaluated to false"
        if not engine.halting.pause(wait_s, in_exit_handler=call.in_exit_handler):
            return last, STOPPED


def _run_try(engine: "Engine", call: Call, node: Node, number: int, last: Node | None) -> Node:
    """One try; its node is a child of the retry's."""
    values = {**call.values, "retries": str(number), **(_of_last(last) if last else {})}
    is_pod = call.template.dag is None and call.template.steps is None
    one = replace(
        call,
        name=f"{call.name}({number})",
        display_name=f"{call.display_name}({number})",
        path=call.path if is_pod else f"{call.path}.try-{number + 1}",
        values=values,
        boundary=node,
    )
    return engine.run_once(one, number)


def _of_last(last: Node) -> dict[str, str]:
    """What the tags and variables `lastRetry.…` stand for."""
    return {
        "lastRetry.exitCode": "-1" if last.exit_code is None else str(last.exit_code),
        "lastRetry.status": last.phase,
        "lastRetry.duration": as_text(last.seconds or 0.0),
        "lastRetry.message": last.message,
    }


def _wait_s(strategy: _Strategy, number: int) -> float:
    """The wait after a try: it grows by the factor, up to the cap."""
    wait_s = strategy.wait_s * (strategy.factor**number if strategy.factor > 0 else 1)
    return wait_s if strategy.longest_wait_s is None else min(wait_s, strategy.longest_wait_s)


def _strategy(engine: "Engine", call: Call, given: models.RetryStrategy) -> _Strategy:
    backoff = given.backoff or models.Backoff(duration="0")
    # Argo's own defaults: only failures, unless an expression decides
    policy = given.retry_policy or ("Always" if given.expression else "OnFailure")
    if policy not in _RETRIED:
        raise ScopeError(f"{policy} is not a valid RetryPolicy")
    limit, factor = engine.resolved(given.limit, call), engine.resolved(backoff.factor, call)
    return _Strategy(
        limit=None if limit is None else whole("retryStrategy.limit", limit),
        phases=_RETRIED[policy],
        expression=given.expression and substitute(given.expression, call.values),
        wait_s=seconds(backoff.duration or "0"),
        factor=whole("retryStrategy.backoff.factor", factor or "0"),
        longest_wait_s=None if backoff.cap is None else seconds(backoff.cap),
        longest_s=None if backoff.max_duration is None else seconds(backoff.max_duration),
    )


def seconds(text: str) -> float:
    """A duration such as `30`, `30s` or `1h30m` in seconds.

    Raises:
        ScopeError: it is none.
    """
    if text.strip().isdigit():
        return float(text)
    if not re.fullmatch(f"(?:{_PART.pattern})+", text.strip()):
        raise ScopeError(f"expected a duration such as 30, 30s or 1h30m, got {text!r}")
    return sum(float(amount) * _UNIT_S[unit] for amount, unit in _PART.findall(text))
