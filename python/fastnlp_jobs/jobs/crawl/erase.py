"""`fastnlp erase`: take a person out of everything that crawls, jobs and runs have left in some folders."""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastnlp_jobs import lineage
from fastnlp_jobs.errors import EXIT_DONE, EXIT_FAILED, BadInput, JobError
from fastnlp_jobs.execution import to_json
from fastnlp_jobs.jobs.crawl import classic, pseudonyms
from fastnlp_jobs.jobs.crawl.erase_runs import amend_runs
from fastnlp_jobs.jobs.crawl.erase_state import erase_from_state
from fastnlp_jobs.jobs.crawl.erase_tables import EDITABLE, Person, edit_table, ids_of, strings
from fastnlp_jobs.jobs.crawl.store import FILE as STATE_FILE
from fastnlp_jobs.processes import locked
from fastnlp_jobs.sources.twitch import emotes

_MODELS = (".safetensors", ".pt", ".bin", ".gguf", ".joblib")  # endings of what holds weights
_LEFTOVERS = (".partial", ".old")


def erase(arguments: Sequence[str]) -> int:
    """Run the command; 0, 1 where the person is still found afterwards, 2 where nothing was done."""
    options = _parser().parse_args(arguments)
    try:
        pseudonym = pseudonyms.pseudonymizer(_key(options))
        subjects = tuple(dict.fromkeys(subject.strip() for subject in options.subject))
        person = Person(options.source, subjects, tuple(map(pseudonym, subjects)))
        report = Erasure(person, options.paths).run()
    except JobError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(to_json(report))
    return EXIT_FAILED if report["still_found_in"] else EXIT_DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastnlp erase",
        description="Take a person out of outputs, states and runs below PATH; prints what was changed, what has to be "
        "made again, and which models were trained on their texts. Input files of your own are not touched.",
    )
    add = parser.add_argument
    add("paths", metavar="PATH", type=Path, nargs="+", help="folder of outputs, states or runs")
    what = "what the source knows the person by, before it became a pseudonym; may be repeated, also with names"
    add("--subject", action="append", required=True, metavar="ID", help=what)
    add("--source", required=True, metavar="NAME", help="`source` of their rows, such as douyin")
    where = f"the key, where {pseudonyms.ENVIRONMENT} is not set (default {pseudonyms.KEY_FILE})"
    add("--pseudonym-key-file", type=Path, default=pseudonyms.KEY_FILE, metavar="FILE", help=where)
    add("--public-example-key", action="store_true", help="the data were made with the public example key")
    return parser


def _key(options: argparse.Namespace) -> str:
    if options.public_example_key:
        return pseudonyms.PUBLIC_EXAMPLE_KEY
    if key := os.environ.get(pseudonyms.ENVIRONMENT):
        return pseudonyms.check_key(key, pseudonyms.ENVIRONMENT)
    return pseudonyms.read_key(pseudonyms.in_home(options.pseudonym_key_file))


@dataclass
class Erasure:
    """One person, and what is done about them below some paths."""

    person: Person
    paths: list[Path]
    rows: int = 0
    edited: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    made_from: set[str] = field(default_factory=set)  # names of the user's own files
    _ids: set[str] = field(default_factory=set)
    _theirs: set[Path] = field(default_factory=set)  # folders with rows of the person
    _changed: dict[str, str | None] = field(default_factory=dict)  # hash of a folder before to that after; None: gone
    _job_of: dict[str, str] = field(default_factory=dict)  # of what was deleted
    _done: set[Path] = field(default_factory=set)

    def run(self) -> dict[str, Any]:
        """Erase, and say what was done.

        Raises:
            BadInput: a path is not there, or something is being written below it.
        """
        for path in self.paths:
            if not path.is_dir():
                raise BadInput(f"{path}: expected a folder of outputs, states or runs; check the path")
        self._clear_leftovers()
        folders = sorted(path.parent for path in self._files() if path.name == lineage.FILE)
        records = {folder: lineage.read(folder) for folder in folders}
        self._find_rows(folders)
        states = [path for path in self._files() if path.name == STATE_FILE]
        for state in states:
            self._ids |= erase_from_state(state, self.person)
        by_hash: dict[str, list[Path]] = {}
        for folder in folders:
            by_hash.setdefault(lineage.hash_path(folder), []).append(folder)
        hashes = {folder: digest for digest, same in by_hash.items() for folder in same}
        for folder in folders:
            self._process(folder, records, hashes, by_hash)
        resumable = amend_runs(self.paths, self._changed, [Path(path) for path in self.deleted])
        return {
            "rows": self.rows,
            "states": [str(state) for state in states],
            "edited": self.edited,
            "deleted": self.deleted,
            "make_again": self._make_again(resumable),
            "models_trained_on_them": self.models,
            "not_touched": [f"{name}: your own file; take the person out of it" for name in sorted(self.made_from)],
            "still_found_in": [str(path) for path in self._remaining()],
        }

    def _make_again(self, resumable: list[Path]) -> list[str]:
        alone = [path for path in self.deleted if not any(Path(path).is_relative_to(run) for run in resumable)]
        again = [f"{path}: run the job that wrote it, {self._job_of[path]}, again" for path in alone]
        return [*(f"fastnlp resume {run}" for run in resumable), *again]

    def _files(self) -> Iterator[Path]:
        for path in self.paths:
            yield from sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())

    def _clear_leftovers(self) -> None:
        """What a killed run left half-written: beside it stands the folder of that run."""
        for path in self.paths:
            for leftover in [folder for folder in path.rglob("*") if folder.suffix in _LEFTOVERS]:
                lock = leftover.with_suffix(".run") / "lock"
                if lock.is_file():
                    with locked(lock, leftover.with_suffix("")):
                        shutil.rmtree(leftover)

    def _find_rows(self, folders: list[Path]) -> None:
        for folder in folders:
            for table in folder.glob("*.parquet"):
                ids = ids_of(table, self.person)
                self._ids |= ids
                if ids:
                    self._theirs.add(folder)

    def _process(
        self, folder: Path, records: dict[Path, Any], hashes: dict[Path, str], by_hash: dict[str, list[Path]]
    ) -> None:
        """Edit or delete a folder, after those it was made from."""
        if folder in self._done:
            return
        self._done.add(folder)
        inputs = {name: entry["sha256"] for name, entry in records[folder]["inputs"].items()}
        for digest in inputs.values():
            for source in by_hash.get(digest, []):
                self._process(source, records, hashes, by_hash)
        is_derived = any(digest in self._changed for digest in inputs.values())
        if _is_editable(folder):
            ids = self._ids if is_derived or folder in self._theirs else set()
            is_changed = self._edit(folder, records[folder], ids)
        elif is_derived:
            is_changed = self._give_up(folder, records[folder]["job"])
        else:
            return
        if is_changed:
            self._changed[hashes[folder]] = lineage.hash_path(folder) if folder.exists() else None
            if not any(digest in by_hash for digest in inputs.values()):
                self.made_from |= {entry["name"] for entry in records[folder]["inputs"].values()}

    def _edit(self, folder: Path, record: dict[str, Any], ids: set[str]) -> bool:
        """Take the person out of every table of a folder and say so in its lineage."""
        rows = cells = 0
        for table in sorted(folder.glob("*.parquet")):
            gone, changed = edit_table(table, self.person, ids)
            rows, cells = rows + gone, cells + changed
        inputs = {name: self._now(entry) for name, entry in record["inputs"].items()}
        if not rows and not cells and inputs == record["inputs"]:
            return False
        if (folder / emotes.FILE).exists():
            (folder / emotes.FILE).unlink()
            emotes.write_emotes(folder)
        if (folder / classic.FOLDER).exists():
            shutil.rmtree(folder / classic.FOLDER)
            classic.write_classic(folder)
        kept = {key: value for key, value in record.items() if key not in ("outputs", "counts")}
        erased = {"erased": record.get("erased", 0) + rows, "inputs": inputs}
        (folder / lineage.FILE).unlink()  # an earlier run may hold the same file under another name
        lineage.write(folder, kept | erased, record["counts"])
        self.rows += rows
        self.edited.append(str(folder))
        return True

    def _now(self, entry: dict[str, Any]) -> dict[str, Any]:
        digest = entry["sha256"]
        return entry | {"sha256": self._changed.get(digest) or digest}

    def _give_up(self, folder: Path, job: str) -> bool:
        """Delete what sums up texts of the person, except models: what those cost is for their owner to weigh."""
        if any(path.suffix in _MODELS for path in folder.rglob("*")):
            self.models.append(str(folder))
            return False
        self._job_of[str(folder)] = job
        shutil.rmtree(folder)
        self.deleted.append(str(folder))
        return True

    def _remaining(self) -> list[Path]:
        """Files in which the person is still found: by pseudonym, by id, or by name."""
        return [path for path in self._files() if any(map(self._is_named, _contents(path)))]

    def _is_named(self, text: str) -> bool:
        named = self.person.mention is not None and self.person.mention.search(text)
        return bool(named) or any(pseudonym in text for pseudonym in self.person.pseudonyms)


def _is_editable(folder: Path) -> bool:
    """Whether a folder holds nothing but tables in which a person's rows can be told."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != lineage.FILE]
    tables = [path for path in files if path.parent != folder / classic.FOLDER]
    return bool(tables) and all(path.suffix == ".parquet" and path.stem in EDITABLE for path in tables)


def _contents(path: Path) -> Iterator[str]:
    """The name of a file and what can be read in it."""
    yield path.name
    if path.suffix == ".parquet":
        yield from strings(path)
    with path.open("rb") as handle:
        before = b""
        while chunk := handle.read(1 << 20):
            yield (before + chunk).decode("utf-8", "replace")
            before = chunk[-1_000:]
