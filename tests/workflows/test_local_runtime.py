"""The local runtime: order, artifacts, parameters, failures."""

import json
import sys

import pytest

from fastnlp_jobs import processes
from fastnlp_jobs.lineage import hash_path

DIAMOND = """
with Workflow(name="diamond", entrypoint="main") as workflow:
    note = python("note", "import sys; open(sys.argv[2], 'a').write(sys.argv[1])",
                  "{{inputs.parameters.letter}}", "{{workflow.parameters.file}}", inputs=[Parameter(name="letter")])
    with DAG(name="main"):
        a, b, c, d = [note(name=letter, arguments={"letter": letter}) for letter in "abcd"]
        a >> [b, c] >> d
workflow.arguments = Parameter(name="file")
"""


def test_steps_run_after_those_they_depend_on(run_flow, tmp_path):
    order = tmp_path / "order.txt"
    finished = run_flow(DIAMOND, "-p", f"file={order}")
    assert finished.exit_code == 0
    assert order.read_text() in ("abcd", "acbd")


def test_steps_that_wait_for_nothing_run_at_the_same_time(run_flow, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "usable_cores", lambda: 2)
    finished = run_flow(
        """
MEET = '''
import pathlib, sys, time
mine, other = (pathlib.Path(sys.argv[1]) / name for name in sys.argv[2:])
mine.touch()
end = time.monotonic() + 30
while not other.exists():
    assert time.monotonic() < end, "the other step never ran beside this one"
'''
with Workflow(name="meet", entrypoint="main", arguments=Parameter(name="folder")) as workflow:
    left = python("left", MEET, "{{workflow.parameters.folder}}", "left", "right")
    right = python("right", MEET, "{{workflow.parameters.folder}}", "right", "left")
    with DAG(name="main"):
        left(name="left"), right(name="right")
""",
        "-p",
        f"folder={tmp_path}",
    )
    assert finished.phases == {"left": "Succeeded", "right": "Succeeded"}


def test_no_more_steps_run_at_once_than_there_are_cores(run_flow, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "usable_cores", lambda: 1)
    finished = run_flow(
        """
ALONE = '''
import os, sys
os.mkdir(sys.argv[1])
os.rmdir(sys.argv[1])
'''
with Workflow(name="alone", entrypoint="main", arguments=Parameter(name="folder")) as workflow:
    alone = python("alone", ALONE, "{{workflow.parameters.folder}}")
    with DAG(name="main"):
        for number in range(6):
            alone(name=f"step-{number}")
""",
        "-p",
        f"folder={tmp_path / 'lock'}",
    )
    assert set(finished.phases.values()) == {"Succeeded"}


FAILING = """
with Workflow(name="failing", entrypoint="main") as workflow:
    bad = python("bad", "import sys; [print('line', n, file=sys.stderr) for n in range(30)]; sys.exit(3)")
    good = python("good", "print('fine')")
    with DAG(name="main"):
        broken = bad(name="broken")
        broken >> good(name="after") >> good(name="after-that")
        good(name="sibling") >> good(name="after-sibling")
"""


def test_after_a_failure_siblings_finish_and_dependents_are_omitted(run_flow):
    finished = run_flow(FAILING)
    assert finished.exit_code == 1
    assert finished.state["status"]["phase"] == "Failed"
    assert finished.phases == {
        "broken": "Failed",
        "after": "Omitted",
        "after-that": "Omitted",
        "sibling": "Succeeded",
        "after-sibling": "Succeeded",
    }


def test_a_failed_step_is_named_with_its_last_lines_and_its_command(run_flow):
    finished = run_flow(FAILING)
    assert "step broken: Failed, exit code 3" in finished.err
    assert "  line 29\n" in finished.err
    assert "  line 10\n" in finished.err
    assert "line 9\n" not in finished.err
    command = (finished.folder / "steps" / "broken" / "try-1" / "command.txt").read_text()
    assert f"to run this step alone again:\n  {command}" in finished.err
    assert f"to go on from here: fastnlp resume runs/{finished.folder.resolve().name}\n" in finished.err


def test_the_state_of_a_failed_step_holds_its_exit_code_and_times(run_flow):
    node = run_flow(FAILING).nodes["broken"]
    assert node["outputs"]["exitCode"] == "3"
    assert node["message"] == "main: Error (exit code 3)"
    assert node["startedAt"] <= node["finishedAt"]


def test_a_file_passes_from_step_to_step_and_keeps_its_ending(run_flow):
    finished = run_flow("""
with Workflow(name="file", entrypoint="main") as workflow:
    write = python("write", "import sys; open(sys.argv[1], 'w', encoding='utf-8').write('caf\\u00e9')",
                   "{{outputs.artifacts.text.path}}", outputs=[Artifact(name="text", path="/out/text.txt")])
    read = python("read", "import sys; print(ascii(open(sys.argv[1], encoding='utf-8').read()), sys.argv[1][-8:])",
                  "{{inputs.artifacts.text.path}}", inputs=[Artifact(name="text", path="/in/text.txt")])
    with DAG(name="main"):
        written = write(name="write")
        written >> read(name="read", arguments=[written.get_artifact("text")])
""")
    assert finished.stdout("read") == "'caf\\xe9' text.txt\n"
    assert (finished.folder / "artifacts" / "write" / "text.txt").read_text(encoding="utf-8") == "café"


FOLDER = """
with Workflow(name="folder", entrypoint="main") as workflow:
    write = python("write",
                   "import os, sys; d = sys.argv[1]; os.makedirs(d + '/sub'); open(d + '/sub/b', 'w').write('2')",
                   "{{outputs.artifacts.data.path}}",
                   outputs=[Artifact(name="data", path="/out/data", archive=NoneArchiveStrategy())])
    read = python("read", "import os, sys; print(os.listdir(sys.argv[1]), open(sys.argv[1] + '/sub/b').read())",
                  "{{inputs.artifacts.given.path}}", inputs=[Artifact(name="given", path="/in/given")])
    with DAG(name="main"):
        written = write(name="write")
        written >> read(name="read", arguments=[written.get_artifact("data").with_name("given")])
"""


def test_a_folder_passes_from_step_to_step(run_flow):
    assert run_flow(FOLDER).stdout("read") == "['sub'] 2\n"


def test_the_state_names_outputs_relative_to_the_run_folder(run_flow):
    (output,) = run_flow(FOLDER).nodes["write"]["outputs"]["artifacts"]
    assert (output["name"], output["path"]) == ("data", "artifacts/write/data")


def test_the_state_holds_the_hash_of_each_artifact_where_it_is_written_and_where_it_is_read(run_flow):
    finished = run_flow(FOLDER)
    (written,) = finished.nodes["write"]["outputs"]["artifacts"]
    (read,) = finished.nodes["read"]["inputs"]["artifacts"]
    assert written["sha256"] == read["sha256"] == hash_path(finished.folder / "artifacts" / "write" / "data")


def test_a_raw_artifact_is_a_file_with_its_tags_filled_in(run_flow):
    finished = run_flow("""
with Workflow(name="raw", entrypoint="main", arguments=Parameter(name="g", value="gv")) as workflow:
    show = python("show", "import sys; print(repr(open(sys.argv[1]).read()))", "{{inputs.artifacts.c.path}}",
                  inputs=[RawArtifact(name="c", path="/in/c.yaml", data="a: 1\\nb: {{workflow.parameters.g}}\\n")])
    with DAG(name="main"):
        show(name="show")
""")
    assert finished.stdout("show") == "'a: 1\\nb: gv\\n'\n"


def test_an_optional_artifact_may_be_missing_on_both_sides(run_flow):
    finished = run_flow("""
with Workflow(name="optional", entrypoint="main") as workflow:
    silent = python("silent", "", outputs=[Artifact(name="o", path="/out/never", optional=True)])
    show = python("show", "import os, sys; print(os.path.exists(sys.argv[1]))", "{{inputs.artifacts.i.path}}",
                  inputs=[Artifact(name="i", path="/in/never", optional=True)])
    with DAG(name="main"):
        made = silent(name="made")
        made >> show(name="from-missing", arguments=[made.get_artifact("o").with_name("i")])
        show(name="from-nothing")
""")
    assert finished.exit_code == 0
    assert finished.stdout("from-missing") == finished.stdout("from-nothing") == "False\n"


def test_a_missing_output_is_an_error_of_the_step_that_should_have_written_it(run_flow):
    finished = run_flow("""
with Workflow(name="missing", entrypoint="main") as workflow:
    silent = python("silent", "print('nothing')", outputs=[Artifact(name="o", path="/out/never")])
    with DAG(name="main"):
        silent(name="silent")
""")
    assert finished.exit_code == 1
    assert finished.phases == {"silent": "Error"}
    assert "step silent: Error, the command ended well but did not write runs/" in finished.err


def test_parameters_come_from_the_step_then_the_template_then_its_default(run_flow):
    finished = run_flow(
        """
with Workflow(name="defaults", entrypoint="main", arguments=Parameter(name="g", value="global")) as workflow:
    show = python("show", "import sys; print('|'.join(sys.argv[1:]))",
                  "{{inputs.parameters.x}}", "{{ inputs.parameters.y }}", "{{workflow.parameters.g}}",
                  inputs=[Parameter(name="x"), Parameter(name="y", default="default")])
    with DAG(name="main"):
        show(name="a", arguments={"x": "given"})
        show(name="b", arguments={"x": "{{workflow.parameters.g}}", "y": "own"})
""",
        "-p",
        "g=text with = and space",
    )
    assert finished.stdout("a") == "given|default|text with = and space\n"
    assert finished.stdout("b") == "text with = and space|own|text with = and space\n"


def test_a_value_with_braces_is_not_expanded_again(run_flow):
    finished = run_flow(
        """
with Workflow(name="braces", entrypoint="main", arguments=Parameter(name="g", value="x")) as workflow:
    show = python("show", "import sys; print(sys.argv[1])", "{{workflow.parameters.g}}")
    with DAG(name="main"):
        show(name="show")
""",
        "-p",
        "g={{workflow.parameters.g}}",
    )
    assert finished.stdout("show") == "{{workflow.parameters.g}}\n"


def test_a_program_that_is_not_there_is_refused_before_the_first_step(run_flow, tmp_path):
    finished = run_flow("""
with Workflow(name="absent", entrypoint="main") as workflow:
    absent = Container(name="absent", image="any", command=["no-such-program"])
    with DAG(name="main"):
        absent(name="absent")
""")
    assert finished.exit_code == 2
    assert finished.err.startswith("error: template absent: no-such-program: no such program beside ")
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a script is run by its first line")
def test_a_program_that_a_step_wrote_can_be_run_by_another(run_flow):
    finished = run_flow("""
CODE = '''
import os, sys
with open(sys.argv[1], "w") as program:
    print("#!/bin/sh", "echo ran", sep=os.linesep, file=program)
os.chmod(sys.argv[1], 0o755)
'''
with Workflow(name="program", entrypoint="main") as workflow:
    make = python("make", CODE, "{{outputs.artifacts.program.path}}",
                  outputs=[Artifact(name="program", path="/tmp/program")])
    run = Container(name="run", image="any", command=["{{inputs.artifacts.program.path}}"],
                    inputs=[Artifact(name="program", path="/tmp/program")])
    with DAG(name="main"):
        made = make(name="make")
        made >> run(name="run", arguments=[made.get_artifact("program")])
""")
    assert finished.stdout("run") == "ran\n"


def test_steps_run_where_the_command_was_given_and_see_only_the_variables_they_name(run_flow, tmp_path, monkeypatch):
    monkeypatch.setenv("FASTNLP_TEST_WORD", "from outside")
    finished = run_flow("""
with Workflow(name="where", entrypoint="main") as workflow:
    show = python("show", "import os; print(os.getcwd(), os.environ.get('FASTNLP_TEST_WORD'), os.environ['OWN'])",
                  env=[Env(name="OWN", value="named")])
    with DAG(name="main"):
        show(name="show")
""")
    assert finished.stdout("show") == f"{tmp_path} None named\n"


def test_each_submit_makes_a_run_folder_of_its_own_and_moves_latest(run_flow, tmp_path):
    first = run_flow(FOLDER).folder.resolve()
    second = run_flow(FOLDER).folder.resolve()
    assert first != second
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == sorted(["latest", first.name, second.name])


def test_the_run_folder_holds_what_was_submitted(run_flow):
    text = (run_flow(DIAMOND, "-p", "file=/dev/null").folder / "workflow.yaml").read_text()
    assert "value: /dev/null" in text


def test_the_end_names_the_artifacts_of_the_last_steps_and_the_page_in_them(run_flow):
    finished = run_flow("""
with Workflow(name="page", entrypoint="main") as workflow:
    write = python("write", "import os, sys; os.mkdir(sys.argv[1]); open(sys.argv[1] + '/report.html', 'w')",
                   "{{outputs.artifacts.report.path}}", outputs=[Artifact(name="report", path="/out/report")])
    with DAG(name="main"):
        write(name="write")
""")
    folder = finished.folder.resolve().name
    assert f"report: runs/{folder}/artifacts/write/report/report.html\n" in finished.err
    assert "Succeeded in " in finished.err


def test_json_of_the_state_is_whole_at_every_moment(run_flow):
    finished = run_flow(
        """
with Workflow(name="state", entrypoint="main", arguments=Parameter(name="runs")) as workflow:
    show = python("show", "import sys; print(open(sys.argv[1] + '/latest/run.json').read())",
                  "{{workflow.parameters.runs}}")
    with DAG(name="main"):
        show(name="show")
""",
        "-p",
        "runs=runs",
    )
    nodes = json.loads(finished.stdout("show"))["status"]["nodes"].values()
    assert [node["phase"] for node in nodes if node["displayName"] == "show"] == ["Running"]


@pytest.mark.parametrize("option", ["--help"])
def test_help_ends_well(option, capsys):
    from fastnlp_jobs.runtime.submit import submit

    with pytest.raises(SystemExit) as ended:
        submit([option])
    assert ended.value.code == 0
    assert "--settings" in capsys.readouterr().out


def test_the_command_of_a_step_runs_it_again_from_the_same_directory(run_flow, tmp_path):
    import subprocess

    finished = run_flow(FOLDER)
    command = (finished.folder / "steps" / "read" / "try-1" / "command.txt").read_text(encoding="utf-8")
    assert str(tmp_path) not in command
    again = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert again.stdout == "['sub'] 2\n"


def test_tries_are_called_by_the_name_of_their_step(run_flow):
    run = run_flow(
        "with Workflow(generate_name='flow-', entrypoint='main') as flow, DAG(name='main'):\n"
        "    python('tell', 'raise SystemExit(3)', retry_strategy=RetryStrategy(limit=1))()\n"
    )
    told = [line.partition(": ")[0] for line in run.err.splitlines() if line.endswith(": started")]
    assert told == ["tell", "tell (try 2)"]
    assert "\nstep tell (try 2): Failed, exit code 3\n" in run.err
