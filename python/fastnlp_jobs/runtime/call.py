"""A template that is about to run: as which node, with which inputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hera.workflows import models

from fastnlp_jobs.runtime import model
from fastnlp_jobs.runtime.capacity import Capacity
from fastnlp_jobs.runtime.record import Node
from fastnlp_jobs.runtime.scope import UNRESOLVED, ScopeError, json_text
from fastnlp_jobs.runtime.tags import only_tag, substitute


@dataclass(frozen=True)
class Raw:
    """An artifact that is a text in the workflow."""

    text: str


@dataclass(frozen=True)
class Stored:
    """An artifact that is looked up in the run's own repository."""

    key: str


Source = Path | Raw | Stored


@dataclass(frozen=True)
class Call:
    """One use of a template."""

    name: str  # of its node
    display_name: str
    path: str  # of its files below `steps`
    template: models.Template
    values: Mapping[str, str]  # what the template's tags stand for
    parameters: Mapping[str, str]
    artifacts: Mapping[str, Source]
    boundary: Node | None = None  # the DAG, steps or retry it belongs to
    limit: Capacity | None = None  # the `parallelism` of the template around it
    order: int = 0  # in which the steps of a run come to wait for cores
    captures_result: bool = False
    in_exit_handler: bool = False


@dataclass(frozen=True)
class Arguments:
    """What a step passes, tags filled in."""

    parameters: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, Source] = field(default_factory=dict)


def arguments_of(
    task: model.Task, called: models.Template, values: Mapping[str, str], artifacts: Mapping[str, Source]
) -> Arguments:
    """Fill in what a step passes to its template.

    Args:
        task: the step.
        called: its template.
        values: what tags stand for where the step is.
        artifacts: by tag, such as `tasks.a.outputs.artifacts.x`, what can be passed on.

    Raises:
        ScopeError: an artifact that is not optional does not exist.
    """
    given = model.given_parameters(task)
    parameters = {name: substitute(text, values) for name, text in given.items() if text is not None}
    optional = {one.name for one in model.input_artifacts(called) if one.optional}
    found = {
        name: _source(one, values, artifacts, optional=bool(one.optional) or name in optional)
        for name, one in model.given_artifacts(task).items()
    }
    return Arguments(parameters, {name: source for name, source in found.items() if source is not None})


def bound_parameters(template: models.Template, given: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """A template's input parameters: what is given, else its own value, else its default.

    Raises:
        ScopeError: nothing gives a value.
    """
    bound = {}
    for parameter in model.input_parameters(template):
        own = parameter.value if parameter.value is not None else parameter.default
        if parameter.name in given:
            bound[parameter.name] = given[parameter.name]
        elif own is not None:
            bound[parameter.name] = substitute(own, values)
        else:
            raise ScopeError(f"inputs.parameters.{parameter.name} was not supplied")
    return bound


def bound_artifacts(
    template: models.Template, given: Mapping[str, Source], values: Mapping[str, str]
) -> dict[str, Source]:
    """A template's input artifacts: what is given, else its own source.

    Raises:
        ScopeError: one that is not optional has no source.
    """
    bound = {}
    for artifact in model.input_artifacts(template):
        source = given.get(artifact.name) or _source(artifact, values, {}, optional=bool(artifact.optional))
        if source is not None:
            bound[artifact.name] = source
        elif not artifact.optional:
            raise ScopeError(f"inputs.artifacts.{artifact.name} was not supplied")
    return bound


def input_values(parameters: Mapping[str, str]) -> dict[str, str]:
    """The tags of a template's input parameters."""
    listed = [{"name": name, "value": value} for name, value in parameters.items()]
    return {"inputs.parameters": json_text(listed)} | {
        f"inputs.parameters.{name}": value for name, value in parameters.items()
    }


def _source(
    artifact: models.Artifact, values: Mapping[str, str], artifacts: Mapping[str, Source], *, optional: bool
) -> Source | None:
    if artifact.raw is not None:
        return Raw(substitute(artifact.raw.data or "", values))
    if artifact.s3 is not None:
        return Stored(substitute(artifact.s3.key or "", values))
    if artifact.from_ is None:
        return None
    source = artifacts.get(only_tag(substitute(artifact.from_, values)) or "")
    if source is None:
        if optional:
            return None
        raise ScopeError(f"{UNRESOLVED}{artifact.from_}")
    inside = substitute(artifact.sub_path, values) if artifact.sub_path else None
    return source / inside if isinstance(source, Path) and inside else source
