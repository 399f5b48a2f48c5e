"""Jobs in shards: a job's `stage`s map a share of the rows each to a part, and one merges the parts.

A merge gives the bytes that the whole job gives, so its lineage says nothing of how the rows were split.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, model_validator

from fastnlp_jobs.job import JobConfig, Role

Parts = Annotated[Path | None, Role("parts")]
STAGE_KEYS = ("stage", "shard", "parts")


@dataclass(frozen=True)
class Shard:
    """One of `of` ranges of rows that are as equal as can be; `number` counts from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The shard that "2/7" stands for.

        Raises:
            ValueError: it is none.
        """
        found = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", text)
        if found is None or int(found[1]) > int(found[2]):
            raise ValueError("expected a shard such as 2/7, the second of seven")
        return cls(int(found[1]), int(found[2]))

    def rows(self, total: int) -> range:
        """Which of `total` rows are in it; some shards have none where there are fewer rows than shards."""
        return range(total * (self.number - 1) // self.of, total * self.number // self.of)


WHOLE = Shard(1, 1)


def _is_shard(text: str) -> str:
    Shard.parse(text)
    return text


ShardName = Annotated[str, AfterValidator(_is_shard)]


class ShardedConfig(JobConfig):
    """Base of the configs of jobs with stages; each declares `stage`, `shard` and `parts` last, as help shows them."""

    READS_PARTS_OF: ClassVar[dict[str, str | None]]
    """Every stage, and the stage whose parts it reads."""

    if TYPE_CHECKING:
        stage: str | None
        shard: str | None
        parts: Path | None

    def own_rows(self, total: int) -> range:
        """Which of `total` rows this run works on: those of its shard, or all."""
        return (Shard.parse(self.shard) if self.shard else WHOLE).rows(total)

    @model_validator(mode="after")
    def _a_stage_has_what_it_needs(self) -> Self:
        needed = {"shard": self.stage not in (None, "merge"), "parts": self._stage_before is not None}
        for key, is_needed in needed.items():
            given = getattr(self, key)
            if is_needed and given is None:
                raise ValueError(f"stage {self.stage} needs `{key}`; add it")
            if given is not None and not is_needed:
                raise ValueError(f"`{key}` is {given}, but {self._called} takes none; remove it or set another stage")
        return self

    @property
    def _called(self) -> str:
        return f"stage {self.stage}" if self.stage else "the whole job (no `stage`)"

    @property
    def _stage_before(self) -> str | None:
        return self.READS_PARTS_OF[self.stage] if self.stage else None

    def identity(self) -> dict[str, Any]:
        """A merge is named like the whole job; a part names its stage and shard too."""
        kept = () if self.stage in (None, "merge") else ("stage", "shard")
        return {key: value for key, value in super().identity().items() if key in kept or key not in STAGE_KEYS}

    def identity_of_part(self, shard: str) -> dict[str, Any]:
        """What the part that `shard` left for this stage names."""
        whole = {key: value for key, value in self.identity().items() if key not in STAGE_KEYS}
        return whole | {"stage": self._stage_before, "shard": shard}
