"""Jobs in parts: a job's `stage`s write a part each of the work, mostly that of a shard of the rows; one merges them.

A merge gives the bytes that one run gives which does it all, so its lineage says nothing of how the work was split.
"""

import re
from abc import abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, model_validator

from fastnlp_jobs.job import JobConfig, Role

Parts = Annotated[Path | None, Role("parts")]


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


_ALL_ROWS = Shard(1, 1)


def _is_shard(text: str) -> str:
    Shard.parse(text)
    return text


ShardName = Annotated[str, AfterValidator(_is_shard)]


class StagedConfig(JobConfig):
    """Base of the configs of jobs with stages; each declares `stage`, `parts` and the key `PART` names."""

    READS_PARTS_OF: ClassVar[dict[str, str | None]]
    """Every stage, and the stage whose parts it reads; the last one merges."""
    PART: ClassVar[str]
    """The key that says which part a stage writes."""
    WHOLE: ClassVar[str | None] = None
    """The `stage` with which one run does what all stages do together."""

    if TYPE_CHECKING:
        stage: str | None
        parts: Path | None

    @abstractmethod
    def part_names(self, found: Collection[str], /) -> list[str]:
        """What the parts of one run are called, in order; `found` are those that are there, at least one."""

    @classmethod
    def merge_stage(cls) -> str:
        """The stage that joins the parts, the last one."""
        return list(cls.READS_PARTS_OF)[-1]

    @classmethod
    def stage_keys(cls) -> tuple[str, str, str]:
        """The keys that say what of the job a run does."""
        return ("stage", cls.PART, "parts")

    @model_validator(mode="after")
    def _a_stage_has_what_it_needs(self) -> Self:
        taken = {self.PART: self.stage is not None and not self._merges, "parts": self._stage_before is not None}
        for key, is_taken in taken.items():
            given = getattr(self, key)
            if is_taken and given is None and self.stage != self.WHOLE:
                raise ValueError(f"stage {self.stage} needs `{key}`; add it")
            if given is not None and not is_taken:
                raise ValueError(f"`{key}` is {given}, but {self._called} takes none; remove it or set another stage")
        return self

    @property
    def _called(self) -> str:
        return f"stage {self.stage}" if self.stage else "the whole job (no `stage`)"

    @property
    def _stage_before(self) -> str | None:
        return self.READS_PARTS_OF[self.stage] if self.stage else None

    @property
    def _merges(self) -> bool:
        return self.stage == self.merge_stage()

    def identity(self) -> dict[str, Any]:
        """A merge is named like the run that does it all; a part names its stage and itself too."""
        named = {"stage": self.WHOLE if self._merges else self.stage, self.PART: getattr(self, self.PART)}
        shared = {key: value for key, value in super().identity().items() if key not in self.stage_keys()}
        return shared | {key: value for key, value in named.items() if value is not None}

    def identity_of_part(self, name: str) -> dict[str, Any]:
        """What the part of that name, left for this stage, names."""
        return self.identity() | {"stage": self._stage_before, self.PART: name}


class ShardedConfig(StagedConfig):
    """Base of the configs of jobs whose stages work on a shard of the rows each."""

    PART = "shard"

    if TYPE_CHECKING:
        shard: str | None

    def own_rows(self, total: int) -> range:
        """Which of `total` rows this run works on: those of its shard, or all."""
        return (Shard.parse(self.shard) if self.shard else _ALL_ROWS).rows(total)

    def part_names(self, found: Collection[str], /) -> list[str]:
        """As many shards as the parts say there are."""
        number = max(int(name.partition("/")[2] or 1) for name in found)
        return [f"{shard}/{number}" for shard in range(1, number + 1)]
