"""Which model answers, where it is, how hard it may be asked, and what it costs."""

import ipaddress
import os
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.job import JobConfig

_EXPECTED = "expected an http or https address without user, query or fragment, such as http://127.0.0.1:8001/v1"
_LARGEST_PORT = 65_535


def _address(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise ValueError(_EXPECTED) from error
    is_plain = base_url.isascii() and base_url.isprintable() and " " not in base_url
    is_bare = parts.username is None and not parts.query and not parts.fragment
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain or not is_bare:
        raise ValueError(_EXPECTED)
    if port is not None and not 0 < port <= _LARGEST_PORT:
        raise ValueError(_EXPECTED)
    return base_url.rstrip("/")


class Endpoint(JobConfig):
    """An OpenAI-compatible server and one of its models. The key stays in the environment, no file holds it."""

    # Not repeated in messages: somebody may write a password or the key itself here.
    base_url: Annotated[str, AfterValidator(_address)] = Field(
        repr=False, description="address of the server up to and with /v1, or what its documentation calls base URL"
    )
    model: str = Field(min_length=1, description="the model's name, as the server's /v1/models lists it")
    key_variable: str | None = Field(
        default=None,
        pattern=r"^[A-Z][A-Z0-9_]*$",
        repr=False,
        description="name of the environment variable that holds the key; none for a server that asks for no key",
    )
    structured: Literal["json_schema", "gbnf", "prompt"] = Field(
        default="json_schema",
        description="how answers are held to a schema: by the server, by a grammar (llama.cpp), or by the prompt alone",
    )
    concurrency: int = Field(default=16, gt=0, le=1_000, description="calls under way at a time")
    requests_per_minute: int | None = Field(default=None, gt=0, description="the server's limit, if it has one")
    tokens_per_minute: int | None = Field(
        default=None, gt=0, description="the server's limit on tokens in and out together, if it has one"
    )
    delay_s: float = Field(
        default=0, ge=0, allow_inf_nan=False, description="least time from one request to the next, further tries too"
    )
    timeout_s: float = Field(default=120, gt=0, allow_inf_nan=False, description="for one answer, to its last byte")
    retries: int = Field(default=5, ge=0, le=20, description="further tries after one that brought no answer")
    price_in: float = Field(default=0, ge=0, allow_inf_nan=False, description="of a million tokens sent")
    price_out: float = Field(default=0, ge=0, allow_inf_nan=False, description="of a million tokens answered")
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="of the prices")

    def identity(self) -> dict[str, Any]:
        """What decides answers and cost; where the server stands, and how it is asked, does not."""
        return self.model_dump(mode="json", include={"model", "structured", "price_in", "price_out", "currency"})

    def key(self) -> str | None:
        """The key, from the environment.

        Raises:
            BadInput: it is not set, or holds what no key does.
        """
        if self.key_variable is None:
            return None
        key = os.environ.get(self.key_variable, "").strip()
        if not key:
            raise BadInput(f"endpoint: set the environment variable {self.key_variable} to the key of {self.host}")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise BadInput(f"endpoint: expected a key in {self.key_variable}, got spaces or signs no key has")
        return key

    @property
    def host(self) -> str:
        """The server as messages name it."""
        return urlsplit(self.base_url).netloc

    @property
    def is_on_this_machine(self) -> bool:
        """Whether the server is asked over the loopback."""
        name = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name == "localhost"

    def cost(self, tokens_in: int, tokens_out: int) -> float:
        """What so many tokens cost, in `currency`."""
        return round((tokens_in * self.price_in + tokens_out * self.price_out) / 1_000_000, 6)
