"""Configs from YAML, `--set` and the environment; every mistake names file, line and key."""

import os
import sys
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from fastnlp_jobs.errors import BadInput, suggest
from fastnlp_jobs.job import JobConfig, secrets

MAX_CONFIG_BYTES = 64 * 1024
KeyPath = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)
Config = TypeVar("Config", bound=JobConfig)


class YamlFile:
    """The values of a YAML file, and the line on which each key stands."""

    def __init__(self, name: str, text: str) -> None:
        """Parse `text`; `name` is the file's name in messages.

        Raises:
            BadInput: no YAML, no mapping, a key twice, larger than 64 kB, or holding `{{`.
        """
        self.name = name
        self.lines: dict[KeyPath, int] = {}
        _refuse_unsubmittable(name, text)
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise BadInput(f"{name}: expected YAML, got a syntax error: {_one_line(error)}") from error
        self.values: dict[str, Any] = {}
        if node is not None:
            if not isinstance(node, yaml.MappingNode):
                raise BadInput(f"{name}:1: expected `key: value` lines, got {node.tag.rsplit(':', 1)[-1]}")
            self._note_lines(node, ())
            self.values = yaml.safe_load(text)

    def _note_lines(self, node: yaml.Node, path: KeyPath) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                child = (*path, str(key.value))
                line = key.start_mark.line + 1
                if child in self.lines:
                    raise BadInput(f"{self.name}:{line}: `{dotted(child)}` stands twice; remove one")
                self.lines[child] = line
                self._note_lines(value, child)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.lines[(*path, index)] = value.start_mark.line + 1
                self._note_lines(value, (*path, index))

    def part(self, path: KeyPath) -> "YamlFile":
        """The mapping under `path` as a file of its own, which still names the lines of the whole."""
        part = YamlFile(self.name, "")
        values: Any = self.values
        for key in path:
            values = values[key]
        part.values = dict(values or {})
        part.lines = {key[len(path) :]: line for key, line in self.lines.items() if key[: len(path)] == path}
        return part

    def where(self, path: KeyPath) -> str:
        """`file:line` of the key, or of the nearest key around it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return f"{self.name}:{self.lines[path[:length]]}"
        return self.name


def read_yaml(source: str) -> YamlFile:
    """Read a config file, or standard input for `-`.

    Raises:
        BadInput: it cannot be read, or holds no config.
    """
    if source == "-":
        return YamlFile("<stdin>", sys.stdin.read(MAX_CONFIG_BYTES + 1))
    try:
        return YamlFile(source, Path(source).read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{source}: expected UTF-8, got other bytes at position {error.start}; save it as UTF-8"
        ) from error
    except OSError as error:
        raise BadInput(f"{source}: cannot read the config ({error.strerror})") from error


def load_config(config_class: type[Config], source: str | None, overrides: list[str]) -> Config:
    """Build a job's config from a file, `--set key.path=value` and, for secrets, the environment.

    Raises:
        BadInput: every mistake in it, one line each.
    """
    file = read_yaml(source) if source else YamlFile("config", "")
    for override in overrides:
        _apply(file, override)
    for field, variable in secrets(config_class).items():
        if field in file.values:
            raise BadInput(f"{file.where((field,))}: {field} is a secret; set the environment variable {variable}")
        if value := os.environ.get(variable):
            file.values[field] = value
    return validate(config_class, file)


def validate(model: type[Model], file: YamlFile) -> Model:
    """The values of `file` as `model`.

    Raises:
        BadInput: every mistake, one line each: where, what was expected, what came.
    """
    try:
        return model.model_validate(file.values)
    except ValidationError as error:
        lines = [_explain(model, file, dict(mistake)) for mistake in error.errors(include_url=False)]
        raise BadInput("\n".join(lines)) from error


def dotted(path: KeyPath) -> str:
    """`("a", 0, "b")` as `a.0.b`, the form `--set` takes."""
    return ".".join(str(part) for part in path)


def _apply(file: YamlFile, override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise BadInput(f"--set {override}: expected KEY=VALUE, such as --set min_support=0.01")
    path = key.split(".")
    values = file.values
    for part in path[:-1]:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise BadInput(f"--set {override}: `{part}` is not a group of keys")
    try:
        values[path[-1]] = yaml.safe_load(value) if value else ""
    except yaml.YAMLError:
        values[path[-1]] = value  # plain text such as *.csv, which YAML reads as its own syntax


def _explain(model: type[BaseModel], file: YamlFile, mistake: dict[str, Any]) -> str:
    path: KeyPath = tuple(mistake["loc"])
    where, key = file.where(path), dotted(path)
    if mistake["type"] == "extra_forbidden":
        known = sorted(_fields_at(model, path[:-1]))
        hint = suggest(str(path[-1]), known, "known keys") if known else "remove it"
        return f"{where}: unknown key `{key}`; {hint}"
    if mistake["type"] == "missing":
        return f"{where}: the key `{key}` is missing; add it to the file or give --set {key}=VALUE"
    message = mistake["msg"].removeprefix("Value error, ")
    given = repr(mistake["input"])
    is_shown = key and len(given) <= 80 and _may_be_shown(model, path)
    return f"{where}: {key or 'config'}: {message}" + (f", got {given}" if is_shown else "")


def _fields_at(model: type[BaseModel], path: KeyPath) -> dict[str, FieldInfo]:
    """Known keys of the model at `path`; none where the path leads through a union."""
    annotation: Any = model
    for part in path:
        group = _group(annotation)
        if group is None:  # a list or a mapping: all its values are of one type
            annotation = (typing.get_args(annotation) or (None,))[-1]
        else:
            field = group.model_fields.get(str(part))
            annotation = field.annotation if field else None
    group = _group(annotation)
    return dict(group.model_fields) if group else {}


def _group(annotation: Any) -> type[BaseModel] | None:
    """The model that `Model` or `Model | None` names."""
    kinds = [kind for kind in typing.get_args(annotation) if kind is not types.NoneType]
    if typing.get_origin(annotation) in (types.UnionType, typing.Union) and len(kinds) == 1:
        annotation = kinds[0]
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _may_be_shown(model: type[BaseModel], path: KeyPath) -> bool:
    """Not what a model hides from its own `repr`: somebody may have written a password there."""
    fields = _fields_at(model, path[:-1])
    name = str(path[-1])
    return name not in fields or fields[name].repr


def _refuse_unsubmittable(name: str, text: str) -> None:
    """A config travels inside the submitted workflow: Argo expands `{{` and limits its size."""
    size = len(text.encode())
    if size > MAX_CONFIG_BYTES:
        raise BadInput(
            f"{name}: {size} bytes, limit {MAX_CONFIG_BYTES}; keep word lists and tables in files of their own"
        )
    for number, line in enumerate(text.splitlines(), start=1):
        if "{{" in line:
            raise BadInput(f"{name}:{number}: `{{{{` is not allowed, workflows would expand it; templates use {{name}}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
