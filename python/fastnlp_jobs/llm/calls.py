"""One question to a model, and what came back. A call's key is the hash of all that could change its answer."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastnlp_jobs.llm.config import Endpoint

_BYTES_A_TOKEN = 3  # a Chinese character; English has about four
_TOKENS_A_MESSAGE = 8  # role and separators


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model draws its words."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 256


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer has to look like, in both languages that servers understand."""

    name: str
    schema: Mapping[str, Any]  # JSON schema
    grammar: str  # GBNF


@dataclass(frozen=True, slots=True)
class Call:
    """A question. A follow-up turn is a call whose messages hold the earlier answer."""

    messages: Sequence[Mapping[str, str]]  # turns, each with `role` (system, user, assistant) and `content`
    prompt_version: str  # of the template, such as "label-zh-1"
    sampling: Sampling = Sampling()
    shape: Shape | None = None
    sample: int = 0  # the same question asked again; also the request's seed
    texts: tuple[str, ...] = ()  # what people wrote, exactly as tables hold it: `fastnlp erase` finds the call by them

    def body(self, endpoint: Endpoint) -> dict[str, Any]:
        """The request."""
        return {
            "model": endpoint.model,
            "messages": list(self.messages),
            "temperature": self.sampling.temperature,
            "max_tokens": self.sampling.max_tokens,
            "seed": self.sample,
            **self._shaped(endpoint),
            # Zhipu's cloud has refused 1, which means nothing, with its error 1214.
            **({"top_p": self.sampling.top_p} if self.sampling.top_p < 1 else {}),
        }

    def _shaped(self, endpoint: Endpoint) -> dict[str, Any]:
        if self.shape is None or endpoint.structured == "prompt":
            return {}
        if endpoint.structured == "gbnf":
            return {"grammar": self.shape.grammar}
        schema = {"name": self.shape.name, "schema": self.shape.schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}

    def key(self, endpoint: Endpoint) -> bytes:
        """SHA-256 of the request and the prompt's version."""
        return key_of(self.body(endpoint), self.prompt_version)

    def tokens_in(self) -> int:
        """About how many tokens the messages have."""
        return sum(len(one["content"].encode()) // _BYTES_A_TOKEN + _TOKENS_A_MESSAGE for one in self.messages)


def key_of(body: Mapping[str, Any], prompt_version: str) -> bytes:
    """SHA-256 of a request and its prompt's version."""
    return hashlib.sha256(json.dumps([prompt_version, body], sort_keys=True).encode()).digest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said, as it came; what it means is for the caller to find out."""

    text: str
    finish_reason: str = ""  # "stop", "length", "content_filter", … as the server calls it
    refusal: str | None = None  # what the model says instead of answering, where the server tells
    tokens_in: int | None = None  # None: the server does not count
    tokens_out: int | None = None
    failure: str | None = None  # why there is no answer; `text` is empty then
