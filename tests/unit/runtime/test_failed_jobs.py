"""Jobs that ended because memory ran out are reported, with what to do."""

import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import torch

from valence_gap.runtime.errors import user_error_from_os_error
from valence_gap.runtime.failed_jobs import killed_jobs

ROOT = Path(__file__).parents[3]
SNAKEFILE = """
rule all:
    input: "replaced", "inside", "bus", "failed"
rule replaced:
    output: "replaced"
    log: "logs/replaced.log"
    shell: "exec sh -c 'echo Error in rule inside: >&2; kill -9 $$' 2>{log}"
rule inside:
    output: "inside"
    shell: "sh -c 'kill -9 $$'"
rule bus:
    output: "bus"
    shell: "sh -c 'kill -BUS $$'"
rule failed:
    output: "failed"
    shell: "exit 1"
"""


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (["failed"], []),
        (["inside", "failed"], ["error: a job was killed", "- inside: SIGKILL; log: none"]),
        (
            ["all"],
            [
                "error: 3 jobs were killed",
                "- inside: SIGKILL",
                "- replaced: SIGKILL; log: logs/replaced.log",
                "- bus: SIGBUS",
                "SIGBUS can also mean that the disk or /dev/shm is full",
            ],
        ),
    ],
)
def test_the_snakefile_reports_which_jobs_were_killed_and_what_to_do(
    targets: list[str], expected: list[str], tmp_path: Path
) -> None:
    onerror = (ROOT / "Snakefile").read_text().partition("\nonerror:")[2]
    (tmp_path / "Snakefile").write_text(f"import sys\n{SNAKEFILE}\nonerror:{onerror}")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--keep-going", "--show-failed-logs", *targets]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 1
    assert [words for words in expected if words not in ran.stderr] == []
    assert ("were killed" in ran.stderr or "was killed" in ran.stderr) == bool(expected)
    assert ("run fewer jobs at once" in ran.stderr) == bool(expected)


# What Snakemake 9.27 and its SLURM plugin write; the log of the cluster's job is in the same folder.
STARTED = """
[Mon Nov 23 04:53:13 2026]
rule {rule}:
    log: {rule}.log
    jobid: {number}
    resources: tmpdir=<TBD>, mem_mb=8300, mem=8300 MB, runtime=10, gpu=0
"""
ENDED = """
[Mon Nov 23 04:53:29 2026]
Error in rule {rule}:
    message: SLURM-job '7' failed, SLURM status is: '{state}'. For further error details see the cluster/cloud log.
    jobid: {number}
    log: {rule}.log, slurm-{number}.log (check log file(s) for error details)
    shell:
        valence-gap train --output x
        (command exited with non-zero exit code)
    external_jobid: 7
"""


def in_a_cluster(state: str, own: str, cluster: str) -> str | None:
    """The report on a training whose log and whose cluster's log have the given ends."""
    Path("finetune.log").write_text(own)
    Path("slurm-3.log").write_text(cluster)
    text = STARTED.format(rule="finetune", number=3) + ENDED.format(rule="finetune", number=3, state=state)
    Path("main.log").write_text(text)
    return killed_jobs(["main.log"])


@pytest.mark.parametrize(
    ("state", "own", "cluster", "how"),
    [
        ("OUT_OF_MEMORY", "", "", "it used more memory than it requested"),
        ("FAILED", "", "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0.", "it used more memory"),
        ("FAILED", "", "slurmstepd: error: StepId=7.0 exceeded memory limit (9 > 5), being killed", "it used more"),
        ("FAILED", "epoch 1", "Command 'train' died with <Signals.SIGKILL: 9>.", "SIGKILL"),
        ("FAILED", "epoch 1", "rule finetune:", "its log ends without a message"),
        ("FAILED", "error: no labels", "Command 'train' returned non-zero exit status 2.", None),
        ("FAILED", "stopped by SIGUSR1; the same command resumes from scratch/train", "", None),
        ("CANCELLED", "epoch 1", "", None),
        ("TIMEOUT", "epoch 1", "", None),
        ("NODE_FAIL", "epoch 1", "", None),
    ],
)
def test_the_end_of_a_clusters_job_is_read_in_its_logs(
    state: str, own: str, cluster: str, how: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = in_a_cluster(state, own, cluster)
    if how is None:
        assert report is None
    else:
        assert report is not None
        assert f"- finetune: {how}" in report
        assert "mem_mb=8300; log: finetune.log, slurm-3.log" in report
        assert "finetune: {mem_mb: 16600 * attempt}" in report
        assert "--retries" in report
        assert "micro_batch_size" in report
        assert "--cores 1" not in report


def test_a_job_that_succeeded_in_a_later_attempt_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert in_a_cluster("OUT_OF_MEMORY", "", "") is not None
    with Path("main.log").open("a") as log:
        log.write(STARTED.format(rule="finetune", number=3) + "Finished jobid: 3 (Rule: finetune)\n")
        log.write(STARTED.format(rule="score", number=4) + ENDED.format(rule="score", number=4, state="CANCELLED"))
    assert killed_jobs(["main.log"]) is None


def test_a_missing_log_gives_no_report(tmp_path: Path) -> None:
    assert killed_jobs([str(tmp_path / "absent.log")]) is None


def allocate() -> None:
    torch.empty(2**58)


@pytest.mark.parametrize("error", [MemoryError("no"), torch.OutOfMemoryError("no"), BrokenProcessPool("ended")])
def test_an_out_of_memory_error_becomes_a_user_error(error: Exception) -> None:
    user_error = user_error_from_os_error(error)
    assert user_error is not None
    assert "more memory" in user_error.remedy


def test_a_failed_allocation_of_torch_becomes_a_user_error() -> None:
    with pytest.raises(RuntimeError) as refused:
        allocate()
    user_error = user_error_from_os_error(refused.value)
    assert user_error is not None
    assert user_error.what == "memory ran out"
    assert user_error_from_os_error(RuntimeError("shapes differ")) is None
