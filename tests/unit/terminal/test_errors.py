"""Errors as a user sees them."""

from pathlib import Path

import pytest

from valence_gap.terminal.errors import LINES, WIDTH, failed_job, is_of_a_job, message_of, workflow_error
from valence_gap.terminal.jobs import Job

JSON = '{"a": ' + "1" * 18_000 + "}"
RAISED = f"""RuleException:
CalledProcessError in file "/x/workflow/rules/training.smk", line 50:
Command 'set -euo pipefail;
        valence-gap train --training {JSON}' STATUS
"""


def job(tmp_path: Path, log: str) -> Job:
    (tmp_path / "log").write_text(log)
    return Job(7, "finetune", {"model": "a"}, (str(tmp_path / "log"), str(tmp_path / "cluster")))


def test_the_message_of_a_job_is_what_its_log_ends_with(tmp_path: Path) -> None:
    log = "progress\nerror: an earlier one\nmore\nerror: labels are missing\n  - a.csv:3\nAdd them.\n"
    assert failed_job(job(tmp_path, log), raised=RAISED) == ["labels are missing", "  - a.csv:3", "Add them."]
    log = 'progress\nTraceback (most recent call last):\n  File "x.py", line 3\nValueError: no\n'
    assert failed_job(job(tmp_path, log), raised=RAISED) == ["ValueError: no"]


def test_the_log_of_a_cluster_is_read_if_that_of_the_job_has_no_message(tmp_path: Path) -> None:
    (tmp_path / "cluster").write_text("error: the module is missing\n")
    assert failed_job(job(tmp_path, "")) == ["the module is missing"]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("died with <Signals.SIGKILL: 9>.", "its process was ended by SIGKILL"),
        ("returned non-zero exit status 137.", "its process ended with exit status 137"),
    ],
)
def test_a_job_that_was_killed_has_no_message_and_no_command_is_shown(
    tmp_path: Path, status: str, message: str
) -> None:
    raised = RAISED.replace("STATUS", status)
    assert is_of_a_job(raised)
    assert failed_job(job(tmp_path, "epoch 1\n"), raised=raised) == ["epoch 1", message]


def test_what_an_executor_says_is_shown_if_nothing_else_is_known(tmp_path: Path) -> None:
    said = "SLURM-job '7' failed, SLURM status is: 'NODE_FAIL'. For further error details see the cluster/cloud log"
    assert failed_job(job(tmp_path, ""), said) == ["SLURM-job '7' failed, SLURM status is: 'NODE_FAIL'. "]
    assert failed_job(job(tmp_path, "")) == ["it failed without a message"]


def test_long_messages_are_cut() -> None:
    shown = message_of("error: " + "x" * 10_000 + "\n" + "\n".join(f"  - {row}" for row in range(100)))
    assert len(shown) == LINES + 1
    assert max(map(len, shown)) <= WIDTH + 4
    assert shown[-1] == "... and 71 more lines"


def test_a_rule_that_is_meant_is_named() -> None:
    text = "MissingRuleException:\nNo rule to produce {} (if you use input functions make sure ...)."
    rules = ["figure_02", "figure_12", "claims"]
    assert workflow_error(text.format("figure_2"), rules)[1] == "Did you mean figure_02?"
    assert workflow_error(text.format("claim"), rules)[1] == "Did you mean claims?"
    assert workflow_error(text.format("results/x.csv"), rules) == [
        "no rule and no rule's output is called results/x.csv",
        "`snakemake --list` names every rule.",
    ]


@pytest.mark.parametrize(
    ("name", "advice"), [("nope.yaml", "Correct the path"), ("figure_2", "A target stands before")]
)
def test_a_configuration_file_that_does_not_exist_is_named_without_a_traceback(name: str, advice: str) -> None:
    text = f"Traceback ...\n in load_configfile\nFileNotFoundError: [Errno 2] No such file or directory: '{name}'\n"
    first, second = workflow_error(text, [])
    assert first == f"no configuration file {name}"
    assert second.startswith(advice)


def test_other_errors_of_snakemake_keep_their_text_without_their_kind() -> None:
    assert workflow_error("LockException:\nError: Directory cannot be locked.\nUse --unlock", []) == [
        "Error: Directory cannot be locked.",
        "Use --unlock",
    ]
    assert workflow_error("WorkflowError:\nAt least one job did not complete successfully.", []) == []
