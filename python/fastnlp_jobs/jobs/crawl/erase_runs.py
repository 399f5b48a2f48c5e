"""What the records of runs say after a person was erased: other hashes, and steps that have to run again."""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

_RECORD = "run.json"
_WHY = "a person was erased from what this step wrote"


def runs_below(paths: Iterable[Path]) -> list[Path]:
    """The folders of the runs of workflows."""
    records = sorted(found for path in paths for found in path.rglob(_RECORD))
    return [record.parent for record in records if "status" in _read(record.parent)]  # not the record of a job


def amend(run: Path, changed: Mapping[str, str | None], deleted: Collection[Path]) -> bool:
    """Bring the run.json of a run up to date, before anything is deleted.

    Args:
        run: its folder.
        changed: hash of an artifact before to that after.
        deleted: artifacts that are to go.

    Returns:
        Whether `fastnlp resume` has to complete the run.
    """
    state, gone = _read(run), {path.resolve() for path in deleted}
    incomplete = [node for node in state["status"]["nodes"].values() if _is_incomplete(node, run, gone)]
    for node in incomplete:
        node |= {"phase": "Failed", "message": _WHY}
    if incomplete:
        state["status"] |= {"phase": "Failed", "message": _WHY}
    text = json.dumps(state, indent=1, ensure_ascii=False)
    for before, after in changed.items():
        text = text.replace(before, after or before)
    beside = run / f"{_RECORD}.partial"
    beside.write_text(text + "\n", encoding="utf-8")
    beside.replace(run / _RECORD)
    return bool(incomplete)


def _read(run: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((run / _RECORD).read_text(encoding="utf-8"))
    return state


def _is_incomplete(node: dict[str, Any], run: Path, gone: Collection[Path]) -> bool:
    """Whether a node wrote an artifact that is to go, or that an erasure which was killed has deleted."""
    written = node.get("outputs", {}).get("artifacts", [])
    return node.get("message") == _WHY or any((run / artifact["path"]).resolve() in gone for artifact in written)
