"""What the options of `hera submit` change in a workflow before it is sent or run."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import yaml

from fastnlp_jobs.errors import BadInput, suggest

Manifest = dict[str, Any]
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")


def apply_options(manifest: Manifest, options: argparse.Namespace) -> None:
    """Set parameters, entrypoint, names, labels, namespace and service account as the options say.

    Raises:
        BadInput: an unknown parameter or template, a name that is none, or an option of another form than expected.
    """
    spec, metadata = workflow_spec(manifest), manifest.setdefault("metadata", {})
    _set_parameters(spec, options.parameter_file, options.parameter)
    if options.entrypoint:
        _set_entrypoint(spec, options.entrypoint)
    if options.name or options.generate_name:
        for key, value in (("name", options.name), ("generateName", options.generate_name)):
            metadata.pop(key, None)
            metadata |= {key: value} if value else {}
    _refuse_strange_name(metadata)
    if options.labels:
        metadata.setdefault("labels", {}).update(_labels(options.labels))
    if options.namespace:
        metadata["namespace"] = options.namespace
    if options.serviceaccount:
        spec["serviceAccountName"] = options.serviceaccount


def workflow_spec(manifest: Manifest) -> dict[str, Any]:
    """The part that describes the workflow; a CronWorkflow holds it one level deeper."""
    spec: dict[str, Any] = manifest["spec"]
    return spec["workflowSpec"] if manifest["kind"] == "CronWorkflow" else spec


def shown_name(manifest: Manifest) -> str:
    """The name, or the first part of it where Argo completes it."""
    metadata = manifest.get("metadata") or {}
    return str(metadata.get("name") or metadata.get("generateName") or "without a name")


def _refuse_strange_name(metadata: dict[str, Any]) -> None:
    """Raise for a name that Kubernetes would not take, and that could lead a run's folder elsewhere."""
    for key in ("name", "generateName"):
        name = str(metadata.get(key) or "x")
        if not _NAME.fullmatch(name if key == "name" else f"{name}x"):
            raise BadInput(
                f"metadata.{key}: expected at most 63 lower-case letters, digits, `-` and `.`, such as mining-2, "
                f"got {name!r}; give --name or --generate-name"
            )


def _set_parameters(spec: dict[str, Any], file: str | None, given: list[str]) -> None:
    values = dict(_read_parameter_file(file)) if file else {}
    where = dict.fromkeys(values, f"-f {file}")
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadInput(f"-p {text}: expected NAME=VALUE, such as -p input=comments.csv")
        values[name], where[name] = value, f"-p {text}"
    if not values:
        return
    parameters = spec.setdefault("arguments", {}).setdefault("parameters", [])
    known = {parameter["name"]: parameter for parameter in parameters}
    for name, value in values.items():
        if name not in known:
            if "workflowTemplateRef" not in spec:  # there, the template on the server holds the parameters
                hint = suggest(name, list(known), "it has")
                raise BadInput(f"{where[name]}: the workflow has no parameter `{name}`; {hint}")
            parameters.append(known.setdefault(name, {"name": name}))
        known[name].pop("valueFrom", None)
        known[name]["value"] = value


def _read_parameter_file(file: str) -> dict[str, str]:
    """By name the text of each value; what is no text travels as JSON, as with `argo submit`."""
    try:
        values = yaml.safe_load(Path(file).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"-f {file}: expected YAML or JSON: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise BadInput(f"-f {file}: expected `NAME: VALUE` lines, got {type(values).__name__}")
    return {
        str(name): value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        for name, value in values.items()
    }


def _set_entrypoint(spec: dict[str, Any], entrypoint: str) -> None:
    names = [template.get("name") for template in spec.get("templates") or []]
    if entrypoint not in names and "workflowTemplateRef" not in spec:
        raise BadInput(f"--entrypoint {entrypoint}: there is no such template; {suggest(entrypoint, names, 'it has')}")
    spec["entrypoint"] = entrypoint


def _labels(given: list[str]) -> dict[str, str]:
    pairs = [pair.strip().partition("=") for text in given for pair in text.split(",")]
    for name, equals, value in pairs:
        if not equals or not name:
            raise BadInput(f"-l {name}{equals}{value}: expected KEY=VALUE, such as -l team=research")
    return {name: value for name, _, value in pairs}
