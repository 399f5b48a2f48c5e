"""What `hera submit` refuses before the first step starts."""

import pytest

ONE_STEP = """
with Workflow(name="one", entrypoint="main"{workflow}) as workflow:
    step = python("step", "print(1)"{args}{template})
    with DAG(name="main"):
        task = step(name="only"{task})
"""


def one_step(workflow="", args="", template="", task=""):
    """A workflow of one step with something added in one place; each addition starts with a comma."""
    return ONE_STEP.format(workflow=workflow, args=args, template=template, task=task)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (
            one_step(workflow=", hooks={'running': models.LifecycleHook(template='step')}"),
            "spec.hooks.running.template",
        ),
        (one_step(workflow=", suspend=True"), "spec.suspend"),
        (one_step(template=", daemon=True"), "spec.templates[step].daemon"),
        (one_step(template=", pod_spec_patch='{}'"), "spec.templates[step].podSpecPatch"),
        (one_step(template=", sidecars=[UserContainer(name='s', image='i')]"), "spec.templates[step].sidecars[s].name"),
        (
            one_step(template=", env=[ConfigMapEnv(name='A', config_map_name='m', config_map_key='k')]"),
            "spec.templates[step].container.env[A].valueFrom.configMapKeyRef.key",
        ),
        (
            one_step(template=", inputs=[S3Artifact(name='i', path='/i', bucket='b', key='k')]"),
            "spec.templates[step].inputs.artifacts[i].s3.bucket",
        ),
        (one_step(task=", on_exit='step'"), "spec.templates[main].dag.tasks[only].onExit"),
    ],
)
def test_a_field_the_runtime_would_ignore_is_refused_by_name(run_flow, tmp_path, body, field):
    finished = run_flow(body)
    assert finished.exit_code == 2
    assert f"\n  {field}\n" in finished.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            one_step(workflow=", arguments=Parameter(name='input')"),
            "parameter `input` has no value; give it with -p input=VALUE",
        ),
        (
            one_step(args=", '{{inputs.parameters.nmae}}'", template=", inputs=[Parameter(name='name', default='x')]"),
            ("template step: nothing stands for {{inputs.parameters.nmae}}; did you mean {{inputs.parameters.name}}?"),
        ),
        (
            one_step(template=", labels={'fastnlp/network': 'no'}"),
            (
                "template step: label fastnlp/network: expected `none`, got `no`; "
                "leave the label out for a step with the network"
            ),
        ),
        (
            one_step(template=", inputs=[Parameter(name='name')]"),
            "step only: parameter `name` of `step` has no value",
        ),
        (
            one_step(task=", arguments={'colour': 'red'}"),
            "step only: passes `colour`, which `step` does not take",
        ),
        (
            one_step(template=", inputs=[Artifact(name='data', path='/in/data')]"),
            "step only: input artifact `data` has no source; give `from` or `raw`, or make it optional",
        ),
        (
            one_step(
                template=", inputs=[Artifact(name='data', path='/in/data')]",
                task=", arguments=[Artifact(name='data', from_='{{tasks.other.outputs.artifacts.data}}')]",
            ),
            "step only: input artifact `data` comes from `other`, which is no step",
        ),
        (
            one_step(
                template=", inputs=[Artifact(name='data', path='/in/data')]",
                task=", arguments=[Artifact(name='data', from_='{{workflow.name}}')]",
            ),
            (
                "step only: input artifact `data`: expected from {{tasks.STEP.outputs.artifacts.NAME}} or "
                "{{inputs.artifacts.NAME}}, got {{workflow.name}}"
            ),
        ),
        (
            one_step(template=", working_dir='/no/such/folder'"),
            (
                "template step: workingDir /no/such/folder: no such folder on this machine; "
                "make it, or run it with --on docker"
            ),
        ),
        (
            one_step(task=", depends='other'"),
            "step only: depends on `other`, which is no step; steps: only",
        ),
        (
            one_step(task=", depends='other.Failed ||'"),
            "step only: `depends` cannot be read: unexpected the end in 'other.Failed ||'",
        ),
        (
            one_step(task=", depends='only.Done'"),
            (
                "step only: depends on only.Done; expected one of Succeeded, Failed, Errored, Skipped, Omitted, "
                "Daemoned, AnySucceeded, AllFailed"
            ),
        ),
        (
            one_step(task=", when='{{=sprig.trimAll(workflow.name)}}'"),
            "template main: there is no function `sprig.trimAll` on this machine; did you mean `sprig.trim`?",
        ),
        (
            one_step(task=", depends='only'"),
            "steps wait for each other: only → only; remove one dependency",
        ),
        (
            one_step().replace('entrypoint="main"', 'entrypoint="mian"'),
            "entrypoint: there is no template `mian`; templates: main, step",
        ),
        (
            one_step().replace('"step", "print(1)"', '"main", "print(1)"'),
            "template `main` stands 2 times; names must differ",
        ),
        (
            one_step().replace('python("step", "print(1)")', 'Container(name="step", image="any")'),
            (
                "template step: sets no `command`; add one: on this machine the image, which may bring one, "
                "has no meaning"
            ),
        ),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(run_flow, tmp_path, body, message):
    finished = run_flow(body)
    assert finished.exit_code == 2
    assert finished.err == f"error: {message}\n"
    assert not (tmp_path / "runs").exists()


def test_an_output_that_the_maker_does_not_write_is_refused(run_flow):
    finished = run_flow("""
with Workflow(name="two", entrypoint="main") as workflow:
    make, use = python("make", ""), python("use", "", inputs=[Artifact(name="data", path="/in/data")])
    with DAG(name="main"):
        made = make(name="made")
        made >> use(name="used", arguments=[Artifact(name="data", from_="{{tasks.made.outputs.artifacts.dta}}")])
""")
    assert finished.err == (
        "error: step used: input artifact `data` comes from `dta` of step made, which writes no such artifact\n"
    )


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("inptu=x", "-p inptu=x: the workflow has no parameter `inptu`; did you mean `input`?"),
        ("zzz=x", "-p zzz=x: the workflow has no parameter `zzz`; it has: input, seed"),
        ("input", "-p input: expected NAME=VALUE, such as -p input=comments.csv"),
    ],
)
def test_an_unknown_parameter_is_refused_with_the_known_ones(run_flow, option, message):
    body = one_step(workflow=", arguments=[Parameter(name='input', value='x'), Parameter(name='seed', value='1')]")
    finished = run_flow(body, "-p", option)
    assert finished.exit_code == 2
    assert finished.err == f"error: {message}\n"


def test_a_file_without_a_workflow_is_refused(run_flow):
    finished = run_flow("")
    assert finished.exit_code == 2
    assert finished.err.endswith("flow.py: expected one workflow, found 0\n")


@pytest.mark.parametrize(
    ("code", "error"), [("1 / 0", "ZeroDivisionError: division by zero"), ("(", "was never closed")]
)
def test_an_error_in_a_file_is_told_from_its_own_lines_on(run_flow, code, error):
    finished = run_flow(code)
    assert finished.exit_code == 2
    assert "flow.py: it fails before there is a workflow:\n  File " in finished.err
    assert finished.err.rstrip().endswith(error)
    assert "fastnlp_jobs" not in finished.err


def test_a_file_with_two_workflows_is_refused_with_their_names(run_flow):
    finished = run_flow("first, second = Workflow(name='first'), Workflow(generate_name='second-')")
    assert finished.err.endswith("expected one workflow, found 2 (first, second-); choose with --workflow NAME\n")


def test_a_workflow_under_two_names_counts_once(run_flow):
    assert run_flow(one_step() + "\nalias = workflow").exit_code == 0


def test_another_kind_of_workflow_is_refused(run_flow):
    finished = run_flow(one_step().replace("with Workflow(", "with WorkflowTemplate("))
    assert finished.err.endswith("expected a Workflow, got a WorkflowTemplate; only Argo keeps those (--on argo)\n")


def test_a_file_that_does_not_exist_is_refused(tmp_path, capsys):
    from fastnlp_jobs.runtime.submit import submit

    assert submit([str(tmp_path / "absent.py")]) == 2
    assert (
        "absent.py: expected a Python file that defines a Hera Workflow, or a YAML manifest, found none"
        in capsys.readouterr().err
    )


def test_a_run_folder_that_cannot_be_made_is_refused(run_flow, tmp_path):
    (tmp_path / "taken").write_text("a file")
    finished = run_flow(one_step(), "--run-dir", "taken")
    assert finished.exit_code == 2
    assert finished.err == "error: --run-dir taken: cannot create a folder in it (Not a directory)\n"


def test_a_workflow_file_may_import_from_its_folder_and_from_the_current_one(run_flow, tmp_path):
    (tmp_path / "beside_the_flow.py").write_text("WORD = 'found'")
    finished = run_flow("from beside_the_flow import WORD\n" + one_step().replace("print(1)", "print('found')"))
    assert finished.stdout("only") == "found\n"
