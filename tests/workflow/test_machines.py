"""Runs on machines that lack something: permissions of files, a home folder, or a system that jobs need."""

import subprocess
import sys
from pathlib import Path

import pytest
from working_copy import ENVIRONMENT, Workflow

# Python runs a file of this name at its start; here in Snakemake and in each of its jobs.
AT_THE_START = "sitecustomize.py"
NO_CHMOD = """
import errno, os

real = os.chmod


def refuse(path, *arguments, **options):
    folders = os.path.abspath(os.fspath(path)).split(os.sep)
    if "results" in folders:
        raise OSError(errno.ENOTSUP, "Operation not supported", str(path))
    real(path, *arguments, **options)


os.chmod = refuse
"""


def run(workflow: Workflow, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--configfile", "tiny.yaml"]
    return subprocess.run(
        command,
        cwd=workflow.root,
        env=ENVIRONMENT | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def at_the_start(folder: Path, code: str) -> dict[str, str]:
    """Return the variable with which every Python process runs some code first."""
    (folder / AT_THE_START).write_text(code)
    return {"PYTHONPATH": f"{folder}:{ENVIRONMENT.get('PYTHONPATH', '')}"}


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("start")


def test_a_study_runs_on_a_file_system_that_refuses_chmod(workflow: Workflow, folder: Path) -> None:
    weights = "results/tiny/pretrained/mini-w2v2-b/model.safetensors"
    done = run(workflow, "corpora", weights, **at_the_start(folder, NO_CHMOD))
    assert done.returncode == 0, done.stdout
    assert (workflow.root / weights).is_file()
    assert (workflow.root / "results/tiny/corpora/iemocap/report.json").is_file()


def test_one_setting_replaces_a_home_folder(workflow: Workflow, folder: Path) -> None:
    nowhere = {"HOME": "/proc/nowhere"}  # cannot be made, not even by root
    weights = "results/tiny/pretrained/mini-w2v2-b/model.safetensors"
    assert run(workflow, weights, "--dry-run", **nowhere).returncode != 0
    done = run(workflow, weights, **nowhere, XDG_CACHE_HOME=str(folder / "cache"))
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout
    assert (workflow.root / weights).is_file()


def test_windows_is_refused_in_one_line(workflow: Workflow, folder: Path) -> None:
    """Snakemake itself runs there; the name of the system is changed when this project is first imported."""
    systems = workflow.root / "src/valence_gap/runtime/systems.py"
    systems.write_text(systems.read_text().replace("import sys\n", "import sys\n\nsys.platform = 'win32'\n", 1))
    done = run(Workflow(workflow.root), "--dry-run", PYTHONPATH=str(workflow.root / "src"))
    assert done.returncode != 0
    lines = [line for line in done.stdout.splitlines() if "WSL 2" in line]
    assert lines == ["error: valence-gap runs on Linux and macOS. On Windows, install and run it in WSL 2."]
    assert "Traceback" not in done.stdout
