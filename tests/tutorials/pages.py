"""Pages whose fenced blocks are executed from top to bottom, and compared with what they show.

| block | what happens |
|---|---|
| any, below a line that is nothing but the name of a file (`` `my.yaml`: ``) | is written to that file |
| `console` | each `$ command` runs in bash; what stands below it is what it prints |
| `python` | a session, as doctest reads it |
| `text` | is only shown; the line above it says that, and why |

What is shown and what is printed are compared without what differs from run to run and from data to data (`masked`).
`…` alone on a line stands for any lines. A command fails where the page shows its `error:`, and nowhere else. Events,
which a terminal shows as a moving bar and anything else as lines of JSON, stand on no page.
"""

import doctest
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

_FENCE = re.compile(r"(?:^([^\n]+)\n\n?)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w./-]+)`:?")
_NEED = re.compile(r"<!-- needs ([\w-]+) -->")
_EVENT = '{"time": '
_TIMEOUT_S = 300
_MASKS = (
    (re.compile(r"(?<= s) \(.*\)$"), ""),  # seconds of each step, in the order in which they ended
    (re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}"), "RUN"),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8,64}\b"), "HASH"),
    (re.compile(r"(?<![\w.])-?\d+(,\d{3})*(\.\d+)?(e[-+]?\d+)?"), "0"),
    (re.compile(r"-{2,}"), "--"),  # a table is as wide as its cells
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True)
class Block:
    """A fenced block, and the line above it."""

    language: str
    text: str
    above: str

    @property
    def file(self) -> str | None:
        """The file it is to be written to."""
        found = _FILE.fullmatch(self.above)
        return found[1] if found else None

    @property
    def need(self) -> str | None:
        """What of the machine it needs."""
        found = _NEED.fullmatch(self.above)
        return found[1] if found else None


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [Block(language, text, above) for above, language, text in found]


def execute(page: Path, folder: Path, environment: Mapping[str, str], require: Callable[[str], Path]) -> None:
    """Execute a page in a folder, which is the current one; assert that all it shows is what comes."""
    names: dict[str, Any] = {}
    for block in blocks(page):
        if block.need:
            require(block.need)
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            run_session(block.text, page.name, names)
        elif block.language == "console":
            for command, shown in commands(block.text):
                _run_command(command, shown, folder, environment)
        else:
            assert block.language == "text", f"{page.name}: a block `{block.language}` is neither executed nor a file"
            assert "not run" in block.above, f"{page.name}: {block.text!r} is not run, and nothing above it says so"


def run_session(text: str, name: str, names: dict[str, Any], checker: doctest.OutputChecker | None = None) -> int:
    """Run a Python session that goes on with `names`; the number of its examples."""
    test = doctest.DocTestParser().get_doctest(text, names, name, name, 0)
    failures: list[str] = []
    outcome = doctest.DocTestRunner(checker or Masked(), verbose=False).run(
        test, out=failures.append, clear_globs=False
    )
    names.update(test.globs)
    assert outcome.failed == 0, "".join(failures)
    return outcome.attempted


class Masked(doctest.OutputChecker):
    """Takes outputs for equal that have the same shape."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        """Whether what came looks like what is shown."""
        del optionflags
        return difference(want, got) is None


def commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the lines shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        continued = len(list(takewhile(lambda line: line.endswith("\\"), lines)))
        yield "\n".join(lines[: continued + 1]), "\n".join(lines[continued + 1 :])


def _run_command(command: str, shown: str, folder: Path, environment: Mapping[str, str]) -> None:
    answer = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    lines = (answer.stdout + answer.stderr).splitlines()
    printed = "\n".join(line for line in lines if not line.startswith(_EVENT)).replace(f"{folder}/", "")
    assert (answer.returncode != 0) == ("error: " in shown), f"$ {command}\n{printed}\nexit code {answer.returncode}"
    found = difference(shown, printed)
    assert found is None, f"$ {command}\n{found}"


def difference(shown: str, printed: str) -> str | None:
    """Where two outputs differ in shape."""
    parts = [""]
    for line in masked(shown):
        if line == "…":
            parts.append("")
        else:
            parts[-1] += re.escape(f"{line}\n")
    first, *others = parts
    pattern = first + "".join(f"(?>(?:.*\n)*?{part})" for part in others[:-1])
    pattern += "".join(f"(?:.*\n)*{part}" for part in others[-1:])
    came = "".join(f"{line}\n" for line in masked(printed))
    if re.fullmatch(pattern, came):
        return None
    wanted = "".join(f"{line}\n" for line in masked(shown))
    return f"shown, as it is compared:\n{wanted}printed:\n{came}"


def masked(text: str) -> list[str]:
    """The lines without times, hashes and numbers, and without the cells of tables below their heads."""
    lines, in_body = [], False
    for line in text.splitlines():
        for pattern, mask in _MASKS:
            line = pattern.sub(mask, line)
        in_body = in_body and line.startswith("|")
        lines.append("|" * line.count("|") if in_body else line.strip())
        in_body = in_body or line.startswith("|--")
    return [line for line in lines if line]
