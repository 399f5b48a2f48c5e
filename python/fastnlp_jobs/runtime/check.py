"""Whether everything a workflow refers to exists; run before the first step starts and by `--lint`."""

import graphlib
from collections import Counter
from collections.abc import Iterable

from hera.workflows import models

from fastnlp_jobs.errors import BadInput, closest
from fastnlp_jobs.runtime import known, model
from fastnlp_jobs.runtime.expressions import ExpressionError, names
from fastnlp_jobs.runtime.tags import only_tag, tags

_KINDS = ("container", "script", "dag", "steps")


def check(workflow: models.Workflow) -> None:
    """Raise for the first reference that leads nowhere.

    Raises:
        BadInput: names template, step and what is missing.
    """
    for parameter in model.parameters(workflow):
        if parameter.value is None:
            raise BadInput(f"parameter `{parameter.name}` has no value; give it with -p {parameter.name}=VALUE")
    _unique("template", [template.name or "" for template in workflow.spec.templates or []])
    entry = model.template(workflow, workflow.spec.entrypoint, "entrypoint")
    _check_call(entry, "entrypoint", set(model.parameter_values(workflow)), set())
    if workflow.spec.on_exit:
        model.template(workflow, workflow.spec.on_exit, "onExit")
    for template in workflow.spec.templates or []:
        try:
            _Checker(workflow, template).check()
        except (known.Unknown, ExpressionError) as error:
            raise BadInput(f"template {template.name}: {error}") from error


def order(tasks: list[models.DAGTask]) -> list[str]:
    """Names of the steps, each after those it depends on.

    Raises:
        BadInput: a dependency is unknown, or steps wait for each other.
    """
    everyone = {task.name for task in tasks}
    graph = {task.name: _dependencies(task) for task in tasks}
    for name, before in graph.items():
        for missing in [dependency for dependency in before if dependency not in everyone]:
            listed = ", ".join(sorted(everyone))
            raise BadInput(f"step {name}: depends on `{missing}`, which is no step; steps: {listed}")
    try:
        return list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        raise BadInput(f"steps wait for each other: {' → '.join(error.args[1])}; remove one dependency") from error


def _dependencies(task: models.DAGTask) -> list[str]:
    if task.depends and task.dependencies:
        raise BadInput(f"step {task.name}: sets `depends` and `dependencies`; keep one of them")
    if task.depends and task.continue_on:
        raise BadInput(f"step {task.name}: sets `depends` and `continueOn`; say it in `depends`, such as a.Failed")
    try:
        wanted = model.depends(task)
    except ExpressionError as error:
        raise BadInput(f"step {task.name}: `depends` cannot be read: {error}") from error
    for name in names(wanted) if wanted else []:
        step, _, result = name.partition(".")
        if result and result not in model.RESULTS:
            raise BadInput(f"step {task.name}: depends on {step}.{result}; expected one of {', '.join(model.RESULTS)}")
    return model.dependencies(task)


class _Checker:
    """The references of one template."""

    def __init__(self, workflow: models.Workflow, template: models.Template) -> None:
        self._workflow = workflow
        self._template = template
        self._known = known.everywhere(workflow) | known.in_template(template)

    def check(self) -> None:
        template, where = self._template, f"template {self._template.name}"
        kinds = [kind for kind in _KINDS if getattr(template, kind) is not None]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none of them"
            raise BadInput(f"{where}: expected one of {', '.join(_KINDS)}, found {found}")
        if template.retry_strategy is not None:
            self._check_retries(where, template.retry_strategy)
        if template.dag is not None:
            self._check_dag(template.dag)
        elif template.steps is not None:
            self._check_groups(template.steps)
        else:
            self._check_container(where)

    def _check_container(self, where: str) -> None:
        template = self._template
        container = model.container(template)
        assert container is not None, "the kinds were counted"
        sources = [artifact.raw.data or "" for artifact in model.input_artifacts(template) if artifact.raw]
        keys = [artifact.s3.key or "" for artifact in self._artifacts() if artifact.s3]
        for text in [*model.words(template), *sources, *keys]:
            _refuse(where, known.unknown_tags(text, self._known), self._known)
        declared = {one.name for one in model.volumes(self._workflow, template).values()}
        declared |= set(model.claim_templates(self._workflow))
        for mount in container.volume_mounts or []:
            if mount.name not in declared:
                raise BadInput(f"{where}: mounts volume `{mount.name}`, which is not declared in `volumes`")

    def _artifacts(self) -> list[models.Artifact]:
        return [*model.input_artifacts(self._template), *model.output_artifacts(self._template)]

    def _check_retries(self, where: str, strategy: models.RetryStrategy) -> None:
        variables = self._known | {"lastRetry.exitCode", "lastRetry.status", "lastRetry.duration", "lastRetry.message"}
        if strategy.expression and not tags(strategy.expression):
            _refuse(f"{where}: retryStrategy", known.unknown_names(strategy.expression, variables), variables)

    def _check_dag(self, dag: models.DAGTemplate) -> None:
        _unique("step", [task.name for task in dag.tasks])
        by_name = {task.name: task for task in dag.tasks}
        before: dict[str, set[str]] = {}
        for name in order(dag.tasks):
            direct = model.dependencies(by_name[name])
            before[name] = {one for parent in direct for one in {parent, *before[parent]}}
        for name in (dag.target or "").split():
            if name not in by_name:
                raise BadInput(f"template {self._template.name}: target `{name}` is no step of it")
        for task in dag.tasks:
            self._check_step("tasks", task, [by_name[name] for name in before[task.name]], dag.tasks)
        self._check_outputs("tasks", dag.tasks)

    def _check_groups(self, groups: list[models.ParallelSteps]) -> None:
        _unique("step", [model.task_name(task) for task in model.tasks(self._template)])
        before: list[model.Task] = []
        for group in groups:
            for step in group.root:
                self._check_step("steps", step, before, model.tasks(self._template))
            before = [*before, *group.root]
        self._check_outputs("steps", before)

    def _check_step(
        self, prefix: str, task: model.Task, before: Iterable[model.Task], everyone: Iterable[model.Task]
    ) -> None:
        where = f"step {task.name}"
        called = model.template(self._workflow, task.template, where)
        given, passed = model.given_parameters(task), model.given_artifacts(task)
        _check_call(called, where, set(given), set(passed))
        speaks_of = self._known | self._said_of(prefix, before)
        lists = [task.with_param or ""]
        if task.with_sequence is not None:
            bounds = (task.with_sequence.count, task.with_sequence.start, task.with_sequence.end)
            lists += [str(bound.root) for bound in bounds if bound is not None]
        for text in lists:
            _refuse(where, known.unknown_tags(text, speaks_of), speaks_of)
        sources = [one.raw.data or "" for one in passed.values() if one.raw]
        keys = [one.s3.key or "" for one in passed.values() if one.s3]
        speaks_of |= known.of_item(task)
        for text in [*(value or "" for value in given.values()), *sources, *keys, task.when or ""]:
            _refuse(where, known.unknown_tags(text, speaks_of, item=task.with_param is not None), speaks_of)
        for artifact in passed.values():
            self._check_source(f"{where}: input artifact `{artifact.name}`", prefix, artifact, speaks_of, everyone)

    def _check_source(
        self, where: str, prefix: str, artifact: models.Artifact, speaks_of: set[str], everyone: Iterable[model.Task]
    ) -> None:
        """An artifact that a step passes on comes from the template's inputs or from an earlier step."""
        if artifact.from_ is None:
            if artifact.raw is None and artifact.s3 is None and not artifact.optional:
                raise BadInput(f"{where} has no source; give `from` or `raw`, or make it optional")
            return
        tag = only_tag(artifact.from_) or ""
        inputs = {f"inputs.artifacts.{one.name}" for one in model.input_artifacts(self._template)}
        if tag in inputs or (tag in speaks_of and ".outputs.artifacts." in tag):
            return
        step, _, output = tag.removeprefix(f"{prefix}.").partition(".outputs.artifacts.")
        if not tag.startswith(f"{prefix}.") or not output:
            raise BadInput(
                f"{where}: expected from {{{{{prefix}.STEP.outputs.artifacts.NAME}}}} or "
                f"{{{{inputs.artifacts.NAME}}}}, got {artifact.from_}"
            )
        if any(one.startswith(f"{prefix}.{step}.") for one in speaks_of):
            raise BadInput(f"{where} comes from `{output}` of step {step}, which writes no such artifact")
        if step not in {model.task_name(task) for task in everyone}:
            raise BadInput(f"{where} comes from `{step}`, which is no step")
        raise BadInput(f"{where} comes from `{step}`, which does not run before it; add it to `depends`")

    def _check_outputs(self, prefix: str, steps: Iterable[model.Task]) -> None:
        where, speaks_of = f"template {self._template.name}", self._known | self._said_of(prefix, steps)
        for parameter in model.output_parameters(self._template):
            source = parameter.value_from
            if source is not None and source.expression is not None:
                _refuse(where, known.unknown_names(source.expression, speaks_of), speaks_of)
            text = parameter.value if source is None else source.parameter
            _refuse(where, known.unknown_tags(text or "", speaks_of), speaks_of)
        inputs = {f"inputs.artifacts.{one.name}" for one in model.input_artifacts(self._template)}
        for artifact in model.output_artifacts(self._template):
            _refuse(where, known.unknown_tags(artifact.from_ or "", speaks_of | inputs), speaks_of)

    def _said_of(self, prefix: str, steps: Iterable[model.Task]) -> set[str]:
        said: set[str] = set()
        for step in steps:
            called = model.template(self._workflow, step.template, f"step {step.name}")
            said |= known.of_step(prefix, step, called)
        return said


def _check_call(called: models.Template, where: str, parameters: set[str], artifacts: set[str]) -> None:
    """Everything the template takes is given or has a default, and everything given is taken."""
    for parameter in model.input_parameters(called):
        if parameter.name not in parameters and parameter.value is None and parameter.default is None:
            raise BadInput(f"{where}: parameter `{parameter.name}` of `{called.name}` has no value")
    for artifact in model.input_artifacts(called):
        has_source = artifact.name in artifacts or artifact.raw or artifact.s3 or artifact.optional
        if not has_source:
            raise BadInput(
                f"{where}: input artifact `{artifact.name}` has no source; give `from` or `raw`, or make it optional"
            )
    if where == "entrypoint":
        return
    taken = {one.name for one in model.input_parameters(called)} | {one.name for one in model.input_artifacts(called)}
    for name in sorted((parameters | artifacts) - taken):
        raise BadInput(f"{where}: passes `{name}`, which `{called.name}` does not take")


def _refuse(where: str, unknown: Iterable[str], speaks_of: set[str]) -> None:
    """Raise for the first name that means nothing."""
    for name in unknown:
        meant = closest(name, sorted(speaks_of))
        hint = f"; did you mean {{{{{meant}}}}}?" if meant else ""
        raise BadInput(f"{where}: nothing stands for {{{{{name}}}}}{hint}")


def _unique(kind: str, items: Iterable[str]) -> None:
    for name, count in Counter(items).items():
        if count > 1:
            raise BadInput(f"{kind} `{name}` stands {count} times; names must differ")
