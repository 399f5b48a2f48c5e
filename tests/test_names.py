"""One word finds everything: a job or an algorithm has the same name everywhere, and imports point one way."""

import ast
import inspect
import re
import sys
import tomllib
from pathlib import Path

import pytest

import fastnlp_core
from fastnlp_jobs.config import load_config
from fastnlp_jobs.job import job_names, load_job

ROOT = Path(__file__).resolve().parent.parent
JOBS = job_names()
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]


def stage(name):
    """Parent and text of a stage of the Dockerfile."""
    found = re.search(rf"^FROM (\S+) AS {name}\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert found, f"docker/Dockerfile has no target {name}"
    return found[1], found[2]


def rust_sources(crate):
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "crates" / crate).rglob("*.rs")))


CORE, BINDING = rust_sources("fastnlp_core/src"), rust_sources("fastnlp_core_py/src")


def defined_in(file):
    """Names of the functions and classes of a Python file or stub."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


STUB = defined_in(ROOT / "python" / "fastnlp_core" / "_native.pyi")
# A class that only Python knows (a result that holds columns) has no name to share.
ALGORITHMS = sorted(
    name for name in fastnlp_core.__all__ if name in STUB or inspect.isfunction(getattr(fastnlp_core, name))
)


def imported_by(file, package):
    """Full names of the modules a file imports, and of the names it takes from them."""
    inside = ".".join([package, *file.relative_to(ROOT / "python" / package).parts[:-1]])
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(inside.split(".")[: len(inside.split(".")) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [above, node.module]))
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def files_of(package):
    return sorted((ROOT / "python" / package).rglob("*.py"))


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_a_config_that_ships(job):
    assert list((ROOT / "configs" / job).glob("*.yaml"))


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_a_page(job):
    assert (ROOT / "docs" / "jobs" / f"{job}.md").is_file()


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_tests(job):
    assert list((ROOT / "tests" / "jobs").glob(f"test_{job}*.py"))


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_an_image_that_runs_it(job):
    parent, target = stage(f"job-{job}")
    assert f'ENTRYPOINT ["fastnlp", "{job}"]' in target
    assert parent in (f"with-{load_job(job).EXTRA}", f"with-{job}")
    assert f"source=requirements/{load_job(job).EXTRA}.txt," in stage(parent)[1]


def test_one_call_builds_the_image_of_every_job():
    bake = (ROOT / "docker" / "docker-bake.hcl").read_text(encoding="utf-8")
    names = re.search(r"matrix += { name = (\[.*?\]) }", bake)
    assert names is not None
    assert sorted(ast.literal_eval(names[1])) == JOBS


@pytest.mark.parametrize("job", JOBS)
def test_an_image_carries_an_example_of_its_job(job):
    load_config(load_job(job).Config, str(ROOT / "docker" / "example" / f"{job}.yaml"), [])


@pytest.mark.parametrize("job", JOBS)
def test_a_job_names_an_extra_of_the_distribution(job):
    assert load_job(job).EXTRA in EXTRAS


def test_nothing_is_named_after_a_job_that_does_not_exist():
    configs = {folder.name for folder in (ROOT / "configs").iterdir()} - {"workflows"}
    pages = {page.stem for page in (ROOT / "docs" / "jobs").glob("*.md")} - {"README"}
    images = set(re.findall(r"^FROM \S+ AS job-(\S+)$", DOCKERFILE, re.MULTILINE))
    assert (configs, pages, images) == (set(JOBS), set(JOBS), set(JOBS))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_has_one_name_in_rust_stub_and_wrapper(name):
    definition = re.compile(rf"\b(fn|struct) {name}(_column)?\b")
    assert definition.search(CORE), f"no pub fn or struct {name} in crates/fastnlp_core"
    assert definition.search(BINDING), f"no fn or struct {name} in crates/fastnlp_core_py"
    assert name in STUB
    assert any(name in defined_in(file) for file in files_of("fastnlp_core"))


def test_the_core_imports_only_itself_arrow_and_the_standard_library():
    allowed = {"fastnlp_core", "pyarrow", *sys.stdlib_module_names}
    for file in files_of("fastnlp_core"):
        assert {module.partition(".")[0] for module in imported_by(file, "fastnlp_core")} <= allowed, file


def test_jobs_do_not_import_workflows_tests_or_tools():
    tools = {file.stem for file in (ROOT / "tools").glob("*.py")}
    for file in files_of("fastnlp_jobs"):
        above = {module.partition(".")[0] for module in imported_by(file, "fastnlp_jobs")}
        assert not above & {"workflows", "tests", *tools}, file


@pytest.mark.parametrize("job", JOBS)
def test_a_job_imports_no_other_job(job):
    folder = ROOT / "python" / "fastnlp_jobs" / "jobs"
    others = [f"fastnlp_jobs.jobs.{other}" for other in JOBS if other != job]
    for file in [folder / f"{job}.py", *sorted((folder / job).rglob("*.py"))]:
        if file.is_file():
            modules = imported_by(file, "fastnlp_jobs")
            assert not [name for name in modules if name.startswith(tuple(others))], file
