"""Ways in which the site misbehaves on request, each at requests that can be foretold."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fastnlp_jobs.errors import BadInput

ROBOTS = "/robots.txt"

# kind: what a matching request gets.
STATUSES = ("400", "401", "403", "404", "410", "429", "500", "502", "503", "504")
ANSWERS = {
    "html": "a page in HTML that asks to prove being human, with status 200",
    "redirect": "status 302 to the address in `to`",
    "redirect-loop": "status 302 to a path that answers the same",
    "robots-forbid": "a robots.txt that forbids all (no `path` needed)",
    "silent": "no byte for `seconds`, then the right answer",
    "huge": "a body of `megabytes` that is announced by its length",
    "endless": "a body of `megabytes` whose length is not announced",
    "bomb": "a gzip body of some kB that unpacks to `megabytes`",
}
BODIES = {
    "slow": "the right answer in small pieces over `seconds`",
    "cut": "the right length announced, half of the body sent, then the connection closed",
    "broken": "the first half of the body as if it were whole: JSON that does not parse",
    "charset": "the body in GB18030 that claims to be UTF-8",
}
CONTENTS = {
    "loop": "a page whose next page is the first one again",
    "duplicates": "a page that starts with the last five comments of the page before",
    "vanish": "a page without every third comment, the first among them",
}
KINDS = {**dict.fromkeys(STATUSES, "this status"), **ANSWERS, **BODIES, **CONTENTS}


class Misbehaviour(BaseModel):
    """One rule; it counts the requests whose path it matches, from 1.

    Written `KIND` or `KIND,key=value,…`, such as `429,path=/aweme/,every=5,times=3,retry_after_s=2`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    path: str = ""  # what the path starts with, query included; without it every path but /robots.txt
    every: int = Field(default=1, ge=1)  # each so-manieth of the matching requests
    after: int = Field(default=0, ge=0)  # but none of the first so many
    times: int = Field(default=0, ge=0)  # and so often at most; 0: without end
    seconds: float = Field(default=5, ge=0)
    megabytes: int = Field(default=50, ge=0)
    retry_after_s: int = 0  # a Retry-After header in seconds, with a status
    retry_after_date_s: int = 0  # the same as a date so far from now
    to: str = "http://169.254.169.254/latest/meta-data/"  # link-local: where clouds keep the secrets of a machine

    @classmethod
    def parse(cls, rule: str) -> "Misbehaviour":
        """Read a rule as it is written on the command line.

        Raises:
            BadInput: no such kind or key, or a value that does not fit.
        """
        kind, *settings = rule.split(",")
        if kind not in KINDS:
            raise BadInput(f"misbehave: {rule!r}: expected one of {', '.join(KINDS)}, got {kind!r}")
        values = {key: value for key, _, value in (setting.partition("=") for setting in settings)}
        try:
            return cls.model_validate({**values, "kind": kind})
        except ValidationError as error:
            first = error.errors()[0]
            keys = ", ".join(name for name in cls.model_fields if name != "kind")
            what = f"{first['loc'][0]}: {first['msg']}, got {first['input']!r}"
            raise BadInput(f"misbehave: {rule!r}: {what}; keys are {keys}") from error

    def matches(self, path: str) -> bool:
        """Whether it counts requests for this path."""
        if self.kind == "robots-forbid":
            return path == ROBOTS
        return path.startswith(self.path) if self.path else path != ROBOTS

    def fires(self, number: int) -> bool:
        """Whether it applies to the matching request of this number, from 1."""
        place = number - self.after
        return place > 0 and place % self.every == 0 and (self.times == 0 or place // self.every <= self.times)
