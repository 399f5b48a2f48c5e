"""Which chat is read, where, and for how long."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from fastnlp_jobs.job import JobConfig

_CHANNEL = re.compile(r"[^\s,:#\x00-\x20]{1,50}")


def _channel(name: str) -> str:
    bare = name.removeprefix("#").lower()
    if not _CHANNEL.fullmatch(bare):
        raise ValueError(f"expected the name of a channel, as in twitch.tv/NAME, got {name!r}")
    return bare


class TwitchConfig(JobConfig):
    """Live chat, read over IRC without an account."""

    channels: list[Annotated[str, AfterValidator(_channel)]] = Field(
        min_length=1, description="names of the channels whose chat is read"
    )
    duration_s: float | None = Field(default=None, gt=0, description="end after so many seconds; null: when stopped")
    max_messages: int | None = Field(default=None, gt=0, description="end after so many messages; null: when stopped")
    server: str = Field(default="irc.chat.twitch.tv", min_length=1, description="host name of the IRC server")
    port: int = Field(default=6697, gt=0, lt=65_536, description="6697, or 6667 without TLS")
    tls: bool = Field(default=True, description="encrypt, and check the server's certificate")
