"""Jobs that end for lack of memory are told of, with what to do."""

import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import torch

from valence_gap.errors import of_system
from valence_gap.killed import killed_jobs

SNAKEFILE = """
rule all:
    input: "replaced", "inside", "failed"
rule replaced:
    output: "replaced"
    shell: "exec sh -c 'kill -9 $$'"
rule inside:
    output: "inside"
    shell: "sh -c 'kill -9 $$'"
rule failed:
    output: "failed"
    shell: "exit 1"
"""


@pytest.mark.parametrize(
    ("targets", "told"),
    [(["failed"], None), (["inside", "failed"], "a job was killed"), (["all"], "2 jobs were killed")],
)
def test_killed_jobs_are_recognised_in_the_log(targets: list[str], told: str | None, tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--keep-going", *targets]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 1
    said = killed_jobs(map(str, (tmp_path / ".snakemake/log").glob("*.log")))
    assert said is None if told is None else said is not None and told in said and "micro_batch_size" in said


def test_a_log_that_is_not_there_tells_nothing(tmp_path: Path) -> None:
    assert killed_jobs([str(tmp_path / "absent.log")]) is None


def allocate() -> None:
    torch.empty(2**58)


@pytest.mark.parametrize("error", [MemoryError("no"), torch.OutOfMemoryError("no"), BrokenProcessPool("ended")])
def test_lack_of_memory_is_what_a_user_can_mend(error: Exception) -> None:
    told = of_system(error)
    assert told is not None
    assert "more memory" in told.remedy


def test_memory_that_torch_is_refused_is_what_a_user_can_mend() -> None:
    with pytest.raises(RuntimeError) as refused:
        allocate()
    told = of_system(refused.value)
    assert told is not None
    assert told.what == "memory ran out"
    assert of_system(RuntimeError("shapes differ")) is None
