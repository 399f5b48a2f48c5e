"""The engine on drawn DAGs, with an executor that ends each step at once as its command says."""

import tempfile
import threading
from pathlib import Path

from hera.workflows import models
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnlp_jobs.runtime.demand import Demand
from fastnlp_jobs.runtime.engine import Engine, Machine
from fastnlp_jobs.runtime.executor import Exit
from fastnlp_jobs.runtime.record import RunRecord

NAMES = "abcdef"
RESULTS = {"Succeeded": "Succeeded", "Failed": "Failed", "Skipped": "Skipped", "Omitted": "Omitted"}


class Instant:
    """An executor without processes: the exit code is the last word of the command."""

    def __init__(self):
        self.started, self.running, self.most = [], 0, 0
        self._lock = threading.Lock()

    def program(self, image):
        return str(image)

    def refusal(self, *_):
        return None

    def shows_declared_paths(self, *_):
        return True

    def command_line(self, prepared):
        return " ".join(prepared.command)

    def start(self, prepared):
        with self._lock:
            self.started.append(prepared.folder.parent.name)
            self.running += 1
            self.most = max(self.most, self.running)
        (prepared.folder / "stdout.log").touch()
        return Ended(self, int(prepared.command[-1]))

    def ended(self):
        with self._lock:
            self.running -= 1


class Ended:
    """A try of it."""

    def __init__(self, executor, code):
        self._executor, self._code = executor, code

    def wait(self):
        self._executor.ended()
        return Exit(self._code)

    def stop(self, why):
        """It has ended already."""

    def kill(self):
        """It has ended already."""


@st.composite
def dags(draw):
    """Tasks that succeed, fail or are skipped, each waiting for results of some before it."""
    tasks = []
    for index, name in enumerate(NAMES):
        before = sorted(draw(st.sets(st.sampled_from(NAMES[:index]), max_size=3))) if index else []
        wanted = [(one, draw(st.sampled_from((None, *RESULTS)))) for one in before]
        signs = [draw(st.sampled_from(["&&", "||"])) for _ in wanted[1:]]
        kind = draw(st.sampled_from(["0", "1", "skipped"]))
        tasks.append((name, wanted, signs[0] if signs else "&&", kind))
    return tasks


def run(tasks, **spec):
    """The phase of the DAG, the phases of its tasks and what the executor saw."""
    dag = [
        models.DAGTask(
            name=name,
            template="step",
            depends=f" {sign} ".join(f"{one}.{result}" if result else one for one, result in wanted) or None,
            when="1 == 2" if kind == "skipped" else None,
            arguments=models.Arguments(parameters=[models.Parameter(name="code", value=kind)]),
        )
        for name, wanted, sign, kind in tasks
    ]
    step = models.Template(
        name="step",
        inputs=models.Inputs(parameters=[models.Parameter(name="code")]),
        container=models.Container(image="any", command=["leave", "{{inputs.parameters.code}}"]),
    )
    templates = [models.Template(name="main", dag=models.DAGTemplate(tasks=dag)), step]
    workflow = models.Workflow(
        metadata=models.ObjectMeta(name="drawn"),
        spec=models.WorkflowSpec(entrypoint="main", templates=templates, **spec),
    )
    executor = Instant()
    with tempfile.TemporaryDirectory() as folder:
        record = RunRecord(Path(folder), "drawn", {})
        Engine(workflow, record, Machine(executor, Demand(8, 1 << 40), {})).run()
    phases = {node.display_name: node.phase for node in record.nodes.values() if node.name != "drawn"}
    return record.phase, phases, executor


def met(phases, wanted, sign):
    """Whether results of earlier steps let one run, said in Python."""
    truths = [
        phases[one] == RESULTS[result] if result else phases[one] in ("Succeeded", "Skipped") for one, result in wanted
    ]
    return (all(truths) if sign == "&&" else any(truths)) if truths else True


@settings(deadline=None, max_examples=25)
@given(dags())
def test_a_step_runs_where_the_ends_of_those_before_it_let_it(tasks):
    _, phases, executor = run(tasks)
    for name, wanted, sign, kind in tasks:
        expected = {"0": "Succeeded", "1": "Failed", "skipped": "Skipped"}[kind]
        assert phases[name] == (expected if met(phases, wanted, sign) else "Omitted")
    assert sorted(executor.started) == sorted(name for name in phases if phases[name] in ("Succeeded", "Failed"))
    for name, wanted, _, _ in tasks:
        for one, _ in wanted:
            if name in executor.started and one in executor.started:
                assert executor.started.index(one) < executor.started.index(name)


@settings(deadline=None, max_examples=25)
@given(dags())
def test_a_dag_fails_where_a_last_step_failed_or_did_not_run_after_a_failure(tasks):
    phase, phases, _ = run(tasks)
    before = {name: [one for one, _ in wanted] for name, wanted, _, _ in tasks}
    waited_for = {one for names in before.values() for one in names}

    def failed(name):
        if phases[name] in ("Succeeded", "Failed"):
            return phases[name] == "Failed"
        return any(failed(one) for one in before[name])

    assert phase == ("Failed" if any(failed(name) for name in set(before) - waited_for) else "Succeeded")


@settings(deadline=None, max_examples=25)
@given(dags(), st.integers(1, 3))
def test_never_more_steps_run_at_once_than_the_parallelism(tasks, parallelism):
    phase, phases, executor = run(tasks, parallelism=parallelism)
    assert executor.most <= parallelism
    assert (phase, phases) == run(tasks)[:2]
