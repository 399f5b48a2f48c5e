"""Lock pyproject's extras and groups into requirements/*.txt: every version and hash, for Python 3.11 to 3.13.

Run by `make requirements` with the `uv` of `.venv`. The smaller locks are made under the constraint of the largest,
so a package has one version in all of them.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--fork-strategy=fewest",
    "--generate-hashes",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-header",
    "--quiet",
)
HEADER = "# Written by `make requirements` from pyproject.toml; do not edit.\n"
# Name of the file: extras and dependency groups it holds. The first contains the others.
LOCKS: dict[str, tuple[list[str], list[str]]] = {
    "bench": (["all"], ["bench", "lint", "lock", "test"]),
    "test": (["all"], ["lint", "lock", "test"]),
    "demo": (["crawl", "mine", "report", "workflows"], ["demo"]),
    "jobs": (["jobs"], []),
    "crawl": (["crawl"], []),
    "mine": (["mine"], []),
    "report": (["report"], []),
    "llm": (["llm"], []),
    "classify": (["classify"], []),
    "augment": (["augment"], []),
    "workflows": (["workflows"], []),
    "build": ([], ["build"]),
    "backends": ([], ["backends"]),
    "demo-data": ([], ["demo-data"]),
    "rust": ([], ["rust"]),
    "embedded-llm": ([], ["embedded-llm"]),
}
# Nothing of these is in the largest, so they stand under no constraint.
APART = {"rust", "embedded-llm"}
# These hold what their group names and nothing that it depends on.
ALONE = {"embedded-llm"}


def lock(name: str, constraint: Path | None) -> Path:
    """Write requirements/<name>.txt and give its path."""
    extras, groups = LOCKS[name]
    file = REQUIREMENTS / f"{name}.txt"
    # Without extras, the package's own dependencies stay out too: the tools alone.
    words = ["pyproject.toml", *(f"--extra={extra}" for extra in extras)] if extras else []
    words += [f"--group={group}" for group in groups]
    command = ["uv", "pip", "compile", *words, *OPTIONS, f"--output-file={file.relative_to(ROOT)}"]
    if constraint is not None:
        command.append(f"--constraint={constraint.relative_to(ROOT)}")
    if name in ALONE:
        command.append("--no-deps")
    # The locks hold what the public index serves, whatever else this machine's pip may look at.
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_FIND"))}
    subprocess.run(command, cwd=ROOT, env=variables, check=True)
    file.write_text(HEADER + file.read_text(encoding="utf-8"), encoding="utf-8")
    return file


def main() -> None:
    """Write all locks, the largest first."""
    REQUIREMENTS.mkdir(exist_ok=True)
    largest, *others = LOCKS
    constraint = lock(largest, None)
    for name in others:
        lock(name, None if name in APART else constraint)
    print(f"wrote {len(LOCKS)} locks into {REQUIREMENTS.relative_to(ROOT)}/", file=sys.stderr)


if __name__ == "__main__":
    main()
