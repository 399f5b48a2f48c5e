"""Finding the workflow in a Python file or in an Argo YAML manifest."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hera.workflows import Workflow, models
from pydantic import BaseModel, ValidationError

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.manifest import Manifest, shown_name

_MODULE = "fastnlp_submitted_workflow"
_MODELS: dict[str, type[BaseModel]] = {
    "Workflow": models.Workflow,
    "WorkflowTemplate": models.WorkflowTemplate,
    "CronWorkflow": models.CronWorkflow,
}


class _ManifestLoader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a date is text."""


_ManifestLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_manifest(path: Path, name: str | None = None) -> Manifest:
    """The one workflow of a file, as Argo's YAML would hold it; executes a Python file.

    Args:
        path: Python file, or YAML or JSON manifest.
        name: which workflow, where there are several.

    Raises:
        BadInput: no such file, no workflow in it, several, another kind, or a field Argo does not know.
    """
    if path.suffix not in (".py", ".yaml", ".yml", ".json") or not path.is_file():
        raise BadInput(f"{path}: expected a Python file that defines a Hera Workflow, or a YAML manifest, found none")
    found = _in_python(path) if path.suffix == ".py" else list(_in_yaml(path))
    names = ", ".join(shown_name(manifest) for manifest in found)
    if name is not None:
        found = [manifest for manifest in found if shown_name(manifest).rstrip("-") == name.rstrip("-")]
        if not found:
            raise BadInput(f"--workflow {name}: {path} holds no such workflow; it has: {names or 'none'}")
    if len(found) != 1:
        choose = f" ({names}); choose with --workflow NAME" if found else ""
        raise BadInput(f"{path}: expected one workflow, found {len(found)}{choose}")
    return found[0]


def _in_python(path: Path) -> list[Manifest]:
    """Workflow objects of a module, built; one that stands under two names counts once."""
    for folder in (str(path.resolve().parent), str(Path.cwd())):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path}: Python cannot load this file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    spec.loader.exec_module(module)
    found = {id(item): item for item in vars(module).values() if isinstance(item, Workflow)}
    return [_checked_kind(path, workflow.to_dict()) for workflow in found.values()]


def _in_yaml(path: Path) -> Iterator[Manifest]:
    try:
        documents = list(yaml.load_all(path.read_text(encoding="utf-8-sig"), _ManifestLoader))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{path}: expected YAML in UTF-8: {' '.join(str(error).split())}") from error
    for manifest in documents:
        if manifest is None:
            continue
        if not isinstance(manifest, dict) or not isinstance(manifest.get("spec"), dict):
            raise BadInput(f"{path}: expected an Argo manifest with `kind`, `metadata` and `spec`")
        _checked_kind(path, manifest)
        _values_as_text(manifest)
        _refuse_unknown_fields(path, manifest)
        yield manifest


def _checked_kind(path: Path, manifest: Manifest) -> Manifest:
    if manifest.get("kind") not in _MODELS:
        raise BadInput(f"{path}: expected kind {', '.join(_MODELS)}, got {manifest.get('kind')}")
    return manifest


def _values_as_text(value: object) -> None:
    """Argo reads `value: 5` of a parameter as the text 5; Hera's models take only text."""
    if isinstance(value, list):
        for item in value:
            _values_as_text(item)
    if not isinstance(value, dict):
        return
    for parameter in value.get("parameters") or [] if isinstance(value.get("parameters"), list) else []:
        for key in parameter.keys() & {"value", "default"} if isinstance(parameter, dict) else set():
            if isinstance(parameter[key], int | float):
                parameter[key] = json.dumps(parameter[key])
    for child in value.values():
        _values_as_text(child)


def _refuse_unknown_fields(path: Path, manifest: Manifest) -> None:
    """A strict round trip: what Hera's models would leave out is a misspelt field, which Argo would leave out too."""
    try:
        model = _MODELS[manifest["kind"]].model_validate(manifest)
    except ValidationError as error:
        mistakes = [f"  {_dotted(mistake['loc'])}: {mistake['msg']}" for mistake in error.errors(include_url=False)]
        raise BadInput("\n".join([f"{path}: not what Argo expects:", *mistakes])) from error
    lost = list(_lost(manifest, model.model_dump(by_alias=True, exclude_unset=True), ""))
    if lost:
        raise BadInput("\n".join([f"{path}: Argo knows no such fields:", *(f"  {where}" for where in lost)]))


def _lost(given: Any, kept: Any, where: str) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            place = f"{where}.{key}" if where else str(key)
            if key in kept:
                yield from _lost(value, kept[key], place)
            else:
                yield place
    elif isinstance(given, list) and isinstance(kept, list):
        for index, (value, same) in enumerate(zip(given, kept, strict=True)):
            yield from _lost(value, same, f"{where}[{index}]")


def _dotted(location: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in location)
