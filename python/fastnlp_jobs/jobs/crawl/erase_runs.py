"""What the records of runs say after a person was erased: other hashes, and steps that have to run again."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

_RECORD = "run.json"
_WHY = "a person was erased from what this step wrote"


def amend_runs(paths: list[Path], changed: Mapping[str, str | None], deleted: Collection[Path]) -> list[Path]:
    """Bring every run.json below `paths` up to date.

    Args:
        paths: folders that are searched.
        changed: hash of an artifact before to that after.
        deleted: artifacts that are gone.

    Returns:
        The folders of the runs that `fastnlp resume` completes.
    """
    gone = {path.resolve() for path in deleted}
    resumable = []
    for record in sorted(found for path in paths for found in path.rglob(_RECORD)):
        state = json.loads(record.read_text(encoding="utf-8"))
        if "status" not in state:  # the record of a job, not of a workflow
            continue
        incomplete = [node for node in state["status"]["nodes"].values() if _wrote(node, record.parent, gone)]
        for node in incomplete:
            node |= {"phase": "Failed", "message": _WHY}
        if incomplete:
            state["status"] |= {"phase": "Failed", "message": _WHY}
            resumable.append(record.parent)
        text = json.dumps(state, indent=1, ensure_ascii=False)
        for before, after in changed.items():
            text = text.replace(before, after or before)
        beside = record.with_name(f"{_RECORD}.partial")
        beside.write_text(text + "\n", encoding="utf-8")
        beside.replace(record)
    return resumable


def _wrote(node: dict[str, Any], run: Path, gone: Collection[Path]) -> bool:
    """Whether a node of the run wrote an artifact that is gone."""
    written = node.get("outputs", {}).get("artifacts", [])
    return any((run / artifact["path"]).resolve() in gone for artifact in written)
