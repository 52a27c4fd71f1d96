"""Jobs that end for lack of memory are told of, with what to do."""

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
    ("targets", "told"),
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
                "SIGBUS also comes of a full disk",
            ],
        ),
    ],
)
def test_the_snakefile_says_which_jobs_were_killed_and_what_to_do(
    targets: list[str], told: list[str], tmp_path: Path
) -> None:
    onerror = (ROOT / "Snakefile").read_text().partition("\nonerror:")[2]
    (tmp_path / "Snakefile").write_text(f"import sys\n{SNAKEFILE}\nonerror:{onerror}")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--keep-going", "--show-failed-logs", *targets]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 1
    assert [words for words in told if words not in ran.stderr] == []
    assert ("were killed" in ran.stderr or "was killed" in ran.stderr) == bool(told)
    assert ("let fewer jobs run at once" in ran.stderr) == bool(told)


# What Snakemake 9.27 and its SLURM plugin write; the log of the cluster's job lies beside it.
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
    """What is said of a training whose log and whose cluster's log end so."""
    Path("finetune.log").write_text(own)
    Path("slurm-3.log").write_text(cluster)
    text = STARTED.format(rule="finetune", number=3) + ENDED.format(rule="finetune", number=3, state=state)
    Path("main.log").write_text(text)
    return killed_jobs(["main.log"])


@pytest.mark.parametrize(
    ("state", "own", "cluster", "how"),
    [
        ("OUT_OF_MEMORY", "", "", "it used more memory than it asked for"),
        ("FAILED", "", "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0.", "it used more memory"),
        ("FAILED", "", "slurmstepd: error: StepId=7.0 exceeded memory limit (9 > 5), being killed", "it used more"),
        ("FAILED", "epoch 1", "Command 'train' died with <Signals.SIGKILL: 9>.", "SIGKILL"),
        ("FAILED", "epoch 1", "rule finetune:", "its log just ends"),
        ("FAILED", "error: no labels", "Command 'train' returned non-zero exit status 2.", None),
        ("FAILED", "told to stop by SIGUSR1: the state is saved", "", None),
        ("CANCELLED", "epoch 1", "", None),
        ("TIMEOUT", "epoch 1", "", None),
        ("NODE_FAIL", "epoch 1", "", None),
    ],
)
def test_the_end_of_a_clusters_job_is_read_in_its_logs(
    state: str, own: str, cluster: str, how: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = in_a_cluster(state, own, cluster)
    if how is None:
        assert told is None
    else:
        assert told is not None
        assert f"- finetune: {how}" in told
        assert "mem_mb=8300; log: finetune.log, slurm-3.log" in told
        assert "finetune: {mem_mb: 16600 * attempt}" in told
        assert "--retries" in told
        assert "micro_batch_size" in told
        assert "--cores 1" not in told


def test_a_job_that_succeeded_in_a_later_attempt_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert in_a_cluster("OUT_OF_MEMORY", "", "") is not None
    with Path("main.log").open("a") as log:
        log.write(STARTED.format(rule="finetune", number=3) + "Finished jobid: 3 (Rule: finetune)\n")
        log.write(STARTED.format(rule="score", number=4) + ENDED.format(rule="score", number=4, state="CANCELLED"))
    assert killed_jobs(["main.log"]) is None


def test_a_log_that_is_not_there_tells_nothing(tmp_path: Path) -> None:
    assert killed_jobs([str(tmp_path / "absent.log")]) is None


def allocate() -> None:
    torch.empty(2**58)


@pytest.mark.parametrize("error", [MemoryError("no"), torch.OutOfMemoryError("no"), BrokenProcessPool("ended")])
def test_lack_of_memory_is_what_a_user_can_mend(error: Exception) -> None:
    told = user_error_from_os_error(error)
    assert told is not None
    assert "more memory" in told.remedy


def test_memory_that_torch_is_refused_is_what_a_user_can_mend() -> None:
    with pytest.raises(RuntimeError) as refused:
        allocate()
    told = user_error_from_os_error(refused.value)
    assert told is not None
    assert told.what == "memory ran out"
    assert user_error_from_os_error(RuntimeError("shapes differ")) is None
