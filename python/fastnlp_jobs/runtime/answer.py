"""What `hera submit -o` prints on standard output."""

import json
from typing import Any

import yaml


def answer(state: dict[str, Any], form: str) -> str:
    """A workflow, with its status or without, in the form that `-o` names."""
    if form == "name":
        metadata = state["metadata"]
        return str(metadata.get("name") or metadata["generateName"])
    if form == "json":
        return json.dumps(state, ensure_ascii=False, indent=2)
    return str(yaml.safe_dump(state, sort_keys=False, allow_unicode=True)).rstrip("\n")
