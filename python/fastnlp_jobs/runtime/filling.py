"""From a template to a try: folder, paths, and every tag filled in."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hera.workflows import models

from fastnlp_jobs.execution import EARLIER
from fastnlp_jobs.runtime import demand, model
from fastnlp_jobs.runtime.call import Call
from fastnlp_jobs.runtime.demand import Demand
from fastnlp_jobs.runtime.executor import Executor, Mount, Try
from fastnlp_jobs.runtime.files import input_file, output_file, parameter_file
from fastnlp_jobs.runtime.network import has_network
from fastnlp_jobs.runtime.record import Node
from fastnlp_jobs.runtime.scope import ScopeError
from fastnlp_jobs.runtime.tags import substitute

if TYPE_CHECKING:
    from fastnlp_jobs.runtime.engine import Engine


def prepare(engine: "Engine", call: Call, node: Node, attempt: int, gpus: Sequence[str]) -> Try:
    """Make the folder of a try and fill in everything it needs."""
    template, container = call.template, _container(call.template)
    folder = _new_folder(engine.record.folder / "steps" / (call.path or "main"), attempt + 1)
    for name in ("inputs", "outputs", "parameters"):
        (folder / name).mkdir(parents=True)
    engine.record.update(node, folder=folder, program=engine.executor.program(container.image))
    paths = _paths(engine, call, folder)
    earlier = [
        Mount(f"/earlier/{number}", path, "input", read_only=True)
        for number, path in enumerate(engine.earlier.folders(node.program, template.name or ""))
    ]
    mounts = [*paths.values(), *_volumes(engine, template, call.values), *earlier]
    declared = engine.executor.shows_declared_paths(model.words(template), mounts)
    shown = {tag: mount.path if declared else str(mount.source) for tag, mount in paths.items()}
    values = {**call.values, **shown}
    for artifact in model.input_artifacts(template):
        tag = f"inputs.artifacts.{artifact.name}.path"
        source = paths[tag].source
        node.input_artifacts[artifact.name] = shown[tag]
        if source is not None and (digest := engine.store.hash_of(source)):
            node.input_hashes[artifact.name] = digest
    arguments = [substitute(word, values) for word in container.args or []]
    mounts += [mount for mount in engine.shared if any(mount.path in word for word in arguments)]
    return Try(
        name=f"{engine.record.name}-{call.path or 'main'}-{folder.name.removeprefix('try-')}",
        folder=folder,
        image=container.image,
        command=[substitute(word, values) for word in container.command or []],
        arguments=arguments,
        script=substitute(template.script.source, values) if template.script and template.script.source else None,
        working_folder=substitute(container.working_dir, values) if container.working_dir else None,
        environment={
            **_environment(engine, container, values),
            EARLIER: os.pathsep.join(mount.path if declared else str(mount.source) for mount in earlier),
        },
        mounts=mounts,
        declared_paths=declared,
        demand=wanted(template, engine.available),
        limits=demand.limits(container),
        network=has_network(template),
        gpus=gpus,
    )


def _new_folder(parent: Path, number: int) -> Path:
    """A try's folder; a run that is resumed leaves those of the tries before."""
    while (parent / f"try-{number}").exists():
        number += 1
    return parent / f"try-{number}"


def as_declared(executor: Executor, template: models.Template) -> Try:
    """A template as a try whose tags are not filled in, for the executor to look at before the run."""
    container, nowhere = _container(template), Path()
    mounts = [
        *(Mount(one.path or "", nowhere, "input") for one in model.input_artifacts(template)),
        *(Mount(one.path or "", nowhere, "output") for one in model.output_artifacts(template)),
        *(Mount(path, nowhere, "output") for path in _parameter_paths(template).values()),
        *(Mount(one.mount_path, nowhere, "volume") for one in container.volume_mounts or []),
    ]
    return Try(
        name=template.name or "",
        folder=nowhere,
        image=container.image,
        command=container.command or [],
        arguments=container.args or [],
        script=template.script.source if template.script else None,
        working_folder=container.working_dir,
        environment={variable.name: variable.value or "" for variable in container.env or []},
        mounts=mounts,
        declared_paths=executor.shows_declared_paths(model.words(template), mounts),
        demand=demand.requested(container),
        limits=demand.limits(container),
        network=has_network(template),
    )


def wanted(template: models.Template, available: Demand) -> Demand:
    """What a step holds while it runs: a core where it says nothing."""
    asked = demand.requested(_container(template))
    return replace(asked, cores=min(asked.cores or 1, available.cores))


def _container(template: models.Template) -> model.Container:
    container = model.container(template)
    if container is None:
        raise ScopeError(f"template {template.name} runs no container")
    return container


def _paths(engine: "Engine", call: Call, folder: Path) -> dict[str, Mount]:
    """By tag the declared paths of a template and what stands there."""
    template, store = call.template, engine.store
    inputs = {
        f"inputs.artifacts.{one.name}.path": Mount(
            one.path or "", input_file(store, folder, one, call.artifacts), "input"
        )
        for one in model.input_artifacts(template)
    }
    artifacts = {
        f"outputs.artifacts.{one.name}.path": Mount(one.path or "", output_file(folder, one), "output")
        for one in model.output_artifacts(template)
    }
    parameters = {
        f"outputs.parameters.{one.name}.path": Mount(path, parameter_file(folder, one), "output")
        for one in model.output_parameters(template)
        if (path := _parameter_paths(template).get(one.name))
    }
    return {**inputs, **artifacts, **parameters}


def _parameter_paths(template: models.Template) -> dict[str, str]:
    """By name the file of each output parameter that is read from one."""
    declared = {one.name: one.value_from.path for one in model.output_parameters(template) if one.value_from}
    return {name: path for name, path in declared.items() if path}


def _volumes(engine: "Engine", template: models.Template, values: Mapping[str, str]) -> list[Mount]:
    """What the container mounts; a claim is a folder that outlives the try."""
    declared = model.volumes(engine.workflow, template)
    own = set(model.claim_templates(engine.workflow))
    mounts = []
    for mount in _container(template).volume_mounts or []:
        volume = declared.get(mount.name)
        claim = volume.persistent_volume_claim if volume else None
        source = None
        if mount.name in own:
            source = engine.record.folder / "volumes" / mount.name
        elif claim is not None:
            source = engine.record.folder.parent / "volumes" / claim.claim_name
        if source is not None:
            source = source / substitute(mount.sub_path, values) if mount.sub_path else source
            source.mkdir(parents=True, exist_ok=True)
        in_memory = bool(volume and volume.empty_dir and volume.empty_dir.medium == "Memory")
        mounts.append(Mount(mount.mount_path, source, "volume", in_memory, bool(mount.read_only)))
    return mounts


def _environment(engine: "Engine", container: model.Container, values: dict[str, str]) -> dict[str, str]:
    """The container's own variables; a secret that is optional may be missing."""
    variables = {}
    for variable in container.env or []:
        if variable.value is not None:
            variables[variable.name] = substitute(variable.value, values)
        elif variable.name in engine.secrets:
            variables[variable.name] = engine.secrets[variable.name]
    return variables
