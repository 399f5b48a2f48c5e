"""One person taken out of all that lies below some folders, so that a kill at any moment leaves the rest to be found.

Nothing is changed before everything is ready. Then each folder goes after those that were made from it, and the states
of crawls last: what tells which rows are the person's, and what was made from them, is still there until then. The same
command finds the rest and does it.
"""

import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastnlp_jobs import lineage, outputs
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.crawl import classic, erase_folders
from fastnlp_jobs.jobs.crawl.erase_runs import amend, runs_below
from fastnlp_jobs.jobs.crawl.erase_state import erase_from_state, found_in_state, opened_state
from fastnlp_jobs.jobs.crawl.erase_tables import EDITABLE, Person, edit_table, ids_of, strings, texts_of
from fastnlp_jobs.jobs.crawl.store import FILE as STATE_FILE
from fastnlp_jobs.llm import ledger
from fastnlp_jobs.processes import locked
from fastnlp_jobs.sources.twitch import emotes

_MODELS = (".safetensors", ".pt", ".bin", ".gguf", ".joblib")  # endings of what holds weights
_LEFTOVERS = (".partial", ".old")  # of outputs
# Keys of a lineage. What was made earlier from the folder names it by these:
_BEFORE = "hashes_before_erasing"
# or by those of what was made from it in between, and is deleted:
_BETWEEN = "hashes_deleted_with_it"


@dataclass
class Erasure:
    """What is done about one person."""

    person: Person
    paths: list[Path]
    rows: int = 0
    states: list[Path] = field(default_factory=list)
    calls: dict[Path, int] = field(default_factory=dict)  # that were forgotten, by ledger
    edited: list[Path] = field(default_factory=list)
    deleted: dict[Path, str] = field(default_factory=dict)  # with the job that wrote it
    models: list[Path] = field(default_factory=list)
    made_from: set[str] = field(default_factory=set)  # names of the user's own files
    resumable: list[Path] = field(default_factory=list)  # runs of which something was deleted
    _records: dict[Path, dict[str, Any]] = field(default_factory=dict)  # lineage by folder
    _hashes: dict[Path, list[str]] = field(default_factory=dict)  # of a folder: now, and before earlier erasures
    _by_hash: dict[str, list[Path]] = field(default_factory=dict)
    _between: dict[Path, list[str]] = field(default_factory=dict)  # hashes that a killed erasure wrote in a copy
    _ids: set[str] = field(default_factory=set)
    _theirs: set[Path] = field(default_factory=set)  # folders with rows of the person
    _changed: dict[str, str | None] = field(default_factory=dict)  # hash of a folder before to that after; None: gone
    _changing: list[Path] = field(default_factory=list)  # each after those that it was made from
    _done: set[Path] = field(default_factory=set)

    def run(self) -> None:
        """Erase.

        Raises:
            BadInput: a path is not there, something is being written below it, or a file cannot be read.
        """
        for path in self.paths:
            if not path.is_dir():
                raise BadInput(f"{path}: expected a folder of outputs, states or runs; check the path")
        self._clear_leftovers()
        self.states = [path for path in self._files() if path.name == STATE_FILE]
        runs = runs_below(self.paths)
        with ExitStack() as stack:
            for run in runs:
                stack.enter_context(locked(run / "lock", run))
            states = [stack.enter_context(opened_state(state)) for state in self.states]
            found = {id_: text for state in states for id_, text in found_in_state(state, self.person).items()}
            self._ids |= found.keys()
            try:
                self._prepare()
                self._forget_calls(found.values())
            except BaseException:
                for folder in self._changing:
                    erase_folders.drop_copy(folder)
                raise
            self._announce()
            self.resumable = [run for run in runs if amend(run, self._changed, self.deleted)]
            erase_folders.change(reversed(self._changing))
            for state in states:
                erase_from_state(state, self.person)

    def _forget_calls(self, texts: Iterable[str]) -> None:
        """Take what models were asked about the person out of the ledgers, while tables still tell the texts."""
        ledgers = [path for path in self._files() if path.name == ledger.FILE]
        if not ledgers:
            return
        theirs = set(texts)
        for table in (table for folder in self._records for table in sorted(folder.glob("*.parquet"))):
            theirs |= texts_of(table, self.person, self._ids)
        for path in ledgers:
            self.calls[path] = ledger.forget(path, sorted(theirs))

    def _announce(self) -> None:
        """Say what no later look at the folders could tell."""
        lines = [f"deletes what {job} wrote: {folder}" for folder, job in self.deleted.items()]
        lines += [f"was trained on their texts: {folder}" for folder in self.models]
        print("".join(f"{line}\n" for line in lines), end="", file=sys.stderr, flush=True)

    def remaining(self) -> list[Path]:
        """Files in which the person is still found: by pseudonym, by id, or by name."""
        return [path for path in self._files() if any(map(self._is_named, _contents(path)))]

    def _files(self) -> Iterator[Path]:
        for path in self.paths:
            yield from sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())

    def _clear_leftovers(self) -> None:
        """What a killed run or erasure left half-written; beside that of a run stands its folder."""
        for path in self.paths:
            for folder, copy in erase_folders.left_copies(path).items():
                if (copy / lineage.FILE).exists():  # of what it names, some is deleted already
                    self._between[folder] = lineage.read(copy).get(_BETWEEN, [])
            erase_folders.recover(path)
            for leftover in [folder for folder in path.rglob("*") if folder.suffix in _LEFTOVERS]:
                output = leftover.with_suffix("")
                lock = output.with_name(f"{output.name}.run") / "lock"
                if lock.is_file():
                    with locked(lock, output):
                        outputs.recover(output)

    def _prepare(self) -> None:
        """Find what is to be changed, and make ready what it becomes."""
        folders = sorted(path.parent for path in self._files() if path.name == lineage.FILE)
        for folder in folders:
            self._records[folder] = lineage.read(folder)
            self._hashes[folder] = [lineage.hash_path(folder), *self._records[folder].get(_BEFORE, [])]
            for digest in [*self._hashes[folder], *self._records[folder].get(_BETWEEN, [])]:
                self._by_hash.setdefault(digest, []).append(folder)
            ids = [ids_of(table, self.person) for table in sorted(folder.glob("*.parquet"))]
            self._ids.update(*ids)
            if any(ids):
                self._theirs.add(folder)
        for folder in folders:
            self._process(folder)

    def _process(self, folder: Path) -> None:
        """Plan what becomes of a folder, after those it was made from."""
        if folder in self._done:
            return
        self._done.add(folder)
        record = self._records[folder]
        inputs = {name: entry["sha256"] for name, entry in record["inputs"].items()}
        for digest in inputs.values():
            for source in self._by_hash.get(digest, []):
                self._process(source)
        is_derived = any(digest in self._changed for digest in inputs.values())
        if _is_editable(folder):
            is_changed = self._edit(folder, self._ids if is_derived or folder in self._theirs else set())
        elif is_derived:
            is_changed = self._give_up(folder)
        else:
            return
        if is_changed:
            entries = record["inputs"].values()
            self.made_from |= {entry["name"] for entry in entries if entry["sha256"] not in self._by_hash}

    def _edit(self, folder: Path, ids: set[str]) -> bool:
        """Take the person out of a copy of a folder; whether anything changed."""
        record = self._records[folder]
        self._changing.append(folder)
        copy = erase_folders.copy_beside(folder)
        edits = [edit_table(table, self.person, ids) for table in sorted(copy.glob("*.parquet"))]
        rows = sum(gone for gone, _ in edits)
        inputs = {name: self._now(entry) for name, entry in record["inputs"].items()}
        if not any(map(any, edits)) and inputs == record["inputs"]:
            erase_folders.drop_copy(folder)
            self._changing.pop()
            return False
        _write_again(copy)
        between = sorted({*record.get(_BETWEEN, []), *self._between.get(folder, []), *self._deleted_with(folder)})
        erased = {"erased": record.get("erased", 0) + rows, "inputs": inputs, _BEFORE: self._hashes[folder]}
        erased |= {_BETWEEN: between} if between else {}
        kept = {key: value for key, value in record.items() if key not in ("outputs", "counts")}
        lineage.write(copy, kept | erased, record["counts"])
        self._changed |= dict.fromkeys(between) | dict.fromkeys(self._hashes[folder], lineage.hash_path(copy))
        self.rows += rows
        self.edited.append(folder)
        return True

    def _now(self, entry: dict[str, Any]) -> dict[str, Any]:
        digest = entry["sha256"]
        return entry | {"sha256": self._changed.get(digest) or digest}

    def _deleted_with(self, folder: Path) -> Iterator[str]:
        """The hashes of what sums the folder up, and of what was made from that: `_give_up` deletes them."""
        for made, record in self._records.items():
            inputs = {entry["sha256"] for entry in record["inputs"].values()}
            if inputs.intersection(self._hashes[folder]) and not _is_editable(made) and not _is_model(made):
                yield from self._hashes[made]
                yield from self._deleted_with(made)

    def _give_up(self, folder: Path) -> bool:
        """Delete what sums up texts of the person, except models: what those cost is for their owner to weigh."""
        if _is_model(folder):
            self.models.append(folder)
            return False
        self.deleted[folder] = self._records[folder]["job"]
        self._changing.append(folder)
        self._changed |= dict.fromkeys(self._hashes[folder])
        return True

    def _is_named(self, text: str) -> bool:
        named = self.person.mention is not None and self.person.mention.search(text)
        return bool(named) or any(pseudonym in text for pseudonym in self.person.pseudonyms)


def _is_editable(folder: Path) -> bool:
    """Whether a folder holds nothing but tables in which a person's rows can be told."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != lineage.FILE]
    tables = [path for path in files if path.parent != folder / classic.FOLDER]
    return bool(tables) and all(path.suffix == ".parquet" and path.stem in EDITABLE for path in tables)


def _is_model(folder: Path) -> bool:
    return any(path.suffix in _MODELS for path in folder.rglob("*"))


def _write_again(folder: Path) -> None:
    """What follows from the tables; and no lineage, whose file an earlier run may hold under another name."""
    (folder / lineage.FILE).unlink()
    if (folder / emotes.FILE).exists():
        (folder / emotes.FILE).unlink()
        emotes.write_emotes(folder)
    if (folder / classic.FOLDER).exists():
        shutil.rmtree(folder / classic.FOLDER)
        classic.write_classic(folder)


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
