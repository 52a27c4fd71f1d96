"""Snakemake's scheduler keeps one timer in place of one for each job that has ended."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from valence_gap.runtime.scheduling_rounds import keep_one_timer

JOBS = 24
SNAKEFILE = f"""
import threading

rule all:
    input: expand("{{number}}.txt", number=range({JOBS}))

rule one:
    output: "{{number}}.txt"
    shell: "touch {{output}}"

onstart:
    from valence_gap.runtime.scheduling_rounds import keep_one_timer
    SETUP

onsuccess:
    print("threads at the end:", threading.active_count())
"""


def threads_at_the_end(folder: Path, setup: str) -> int:
    """Run a workflow and return the number of threads of Snakemake after its last job."""
    folder.mkdir()
    (folder / "Snakefile").write_text(SNAKEFILE.replace("SETUP", setup))
    options = ["--cores", "1", "--max-jobs-per-timespan", "300/3s"]
    command = [sys.executable, "-m", "snakemake", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert len(list(folder.glob("*.txt"))) == JOBS
    found = re.search(r"threads at the end: (\d+)", done.stdout + done.stderr)
    assert found is not None
    return int(found[1])


def test_timers_do_not_pile_up(tmp_path):
    kept = threads_at_the_end(tmp_path / "one", "keep_one_timer(workflow.scheduler)")
    piled = threads_at_the_end(tmp_path / "each", "pass")
    assert piled > 10, "Snakemake no longer starts a timer for each job: remove keep_one_timer"
    assert kept < piled / 3


@pytest.mark.parametrize("scheduler", [None, SimpleNamespace(), SimpleNamespace(_open_jobs=None)])
def test_another_scheduler_is_left_as_it_is(scheduler):
    before = None if scheduler is None else dict(vars(scheduler))
    keep_one_timer(scheduler)
    assert (None if scheduler is None else dict(vars(scheduler))) == before
