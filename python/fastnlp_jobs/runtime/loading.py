"""Finding the workflow in a Python file or in an Argo YAML manifest."""

import importlib.util
import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import yaml
from hera.workflows import Workflow

from fastnlp_jobs.errors import BadInput, JobError
from fastnlp_jobs.runtime.lint import lint
from fastnlp_jobs.runtime.manifest import Manifest, shown_name

_MODULE = "fastnlp_submitted_workflow"
_KINDS = ("Workflow", "WorkflowTemplate", "CronWorkflow")


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
        BadInput: no such file, an error in it, no workflow, several, another kind, or a field Argo does not know.
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
    try:
        spec.loader.exec_module(module)
        found = {id(item): item for item in vars(module).values() if isinstance(item, Workflow)}
        return [_checked_kind(path, workflow.to_dict()) for workflow in found.values()]
    except JobError:
        raise
    except Exception as error:
        raise BadInput(f"{path}: it fails before there is a workflow:\n{_told(error, path)}") from error


def _told(error: Exception, path: Path) -> str:
    """The error as Python tells it, from the user's own lines on."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [number for number, frame in enumerate(frames) if Path(frame.filename) == path.absolute()]
    lines = traceback.format_list(frames[own[0] :]) if own else []
    return "".join([*lines, *traceback.format_exception_only(error)]).rstrip("\n")


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
        try:
            lint(manifest)
        except BadInput as error:
            raise BadInput("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from error
        yield manifest


def _checked_kind(path: Path, manifest: Manifest) -> Manifest:
    if manifest.get("kind") not in _KINDS:
        raise BadInput(f"{path}: expected kind {', '.join(_KINDS)}, got {manifest.get('kind')}")
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
