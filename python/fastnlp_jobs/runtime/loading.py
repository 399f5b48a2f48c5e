"""Finding the workflow in a Python file."""

import importlib.util
import sys
from pathlib import Path

from hera.workflows import Workflow, models

from fastnlp_jobs.errors import BadInput

_MODULE = "fastnlp_submitted_workflow"


def load_workflow(path: Path) -> models.Workflow:
    """Execute a Python file and build the one Hera Workflow it defines.

    Raises:
        BadInput: no such file, no workflow in it, several, or one of another kind.
    """
    if path.suffix != ".py" or not path.is_file():
        raise BadInput(f"{path}: expected a Python file that defines a Hera Workflow, found none")
    found = _workflows_in(path)
    if len(found) != 1:
        names = ", ".join(str(workflow.name or workflow.generate_name) for workflow in found)
        raise BadInput(f"{path}: expected one Hera Workflow, found {len(found)}{f' ({names})' if names else ''}")
    built = found[0].build()
    if not isinstance(built, models.Workflow):
        raise BadInput(f"{path}: expected a Workflow, got a {built.kind}; the local runtime runs no other kind")
    return built


def _workflows_in(path: Path) -> list[Workflow]:
    """Workflow objects of a module; one that stands under two names counts once."""
    for folder in (str(path.resolve().parent), str(Path.cwd())):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path}: Python cannot load this file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    spec.loader.exec_module(module)
    return list({id(item): item for item in vars(module).values() if isinstance(item, Workflow)}.values())
