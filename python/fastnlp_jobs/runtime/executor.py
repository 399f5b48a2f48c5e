"""How one try of a step runs, whatever runs it: the seam between the engine and processes or docker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal, Protocol

from fastnlp_jobs.runtime.demand import Demand


@dataclass(frozen=True)
class Mount:
    """A path that the template declares, and what stands there."""

    path: str  # as the template writes it: absolute, POSIX
    source: Path | None  # here on this machine; an output does not exist yet; None: an empty folder for this try alone
    kind: Literal["input", "output", "volume"]
    in_memory: bool = False  # emptyDir with medium Memory
    read_only: bool = False


@dataclass(frozen=True)
class Try:
    """One try of a container or script template with every tag filled in.

    The engine has emptied `folder`, made the parents of each output's source and removed the output itself. The
    executor writes stdout.log and stderr.log into `folder`; `private` below it is its own.
    """

    name: str  # unique within the run: letters, digits, `-`, `_` and `.`
    folder: Path
    image: str | None
    command: Sequence[str]
    arguments: Sequence[str]
    script: str | None  # a file's text, whose path comes last on the command
    working_folder: str | None
    environment: Mapping[str, str]  # what the container sets itself; values may be secret: print and store none
    mounts: Sequence[Mount]
    declared_paths: bool  # the answer of `Executor.shows_declared_paths`
    demand: Demand  # what the engine holds for it
    limits: Demand  # more than this it must not use; zero: no limit
    network: bool  # False: it can do without, and is not given any where the executor can keep it away
    gpus: Sequence[str] = ()  # the ones it may use, by index


@dataclass(frozen=True)
class Exit:
    """How a try ended."""

    code: int  # as in a shell: 128 + N after signal N
    reason: str = "Error"  # of a code that is not 0, as Kubernetes names it: Error or OOMKilled


class Why(Enum):
    """Why a try is stopped."""

    ASKED = "asked"  # a signal, or a failure elsewhere
    DEADLINE = "deadline"


class Running(Protocol):
    """A try that was started."""

    def wait(self) -> Exit:
        """Wait for the end; the outputs then stand at their mounts' sources.

        Returns:
            How it ended. A command that a DEADLINE ended without handling SIGTERM gives 137, as the first process of
            a container would.

        Raises:
            OSError: what ran it broke down; the step is an Error.
        """
        ...

    def stop(self, why: Why) -> None:
        """Send SIGTERM; after the executor's grace SIGKILL. Returns at once; may be called from any thread."""
        ...

    def kill(self) -> None:
        """End it at once; may be called from any thread."""
        ...


class Executor(Protocol):
    """What runs containers: processes of this machine, or docker."""

    def refusal(self, prepared: Try) -> str | None:
        """Why this try cannot run here and what to change, before anything has started; None if it can.

        Called once per template with tags that are not known yet still in the texts.
        """
        ...

    def shows_declared_paths(self, words: Sequence[str], mounts: Sequence[Mount]) -> bool:
        """Whether a try finds its files where the template declares them.

        Asked before tags are filled in: True makes `{{outputs.artifacts.x.path}}` the declared path, False the
        mount's source.

        Args:
            words: command, arguments and script of the template, as they stand there.
            mounts: what it declares.
        """
        ...

    def program(self, image: str | None) -> str:
        """What runs in a container of this image: equal only for equal programs."""
        ...

    def start(self, prepared: Try) -> Running:
        """Start it.

        Raises:
            OSError: it cannot be started, with a message for the user; the step is an Error.
        """
        ...

    def command_line(self, prepared: Try) -> str:
        """One line that runs the same try again from the current directory; holds no value of the environment."""
        ...
