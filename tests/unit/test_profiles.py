"""What must agree between the profiles, and between them and the rules."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from valence_gap.preflight.memory import JOB_PROCESSES_MB as PROCESSES_MB
from valence_gap.preflight.memory import REQUESTED_MEM_MB

ROOT = Path(__file__).parents[2]
PROFILES = sorted(path.parent.name for path in (ROOT / "profiles").glob("*/profile.yaml"))
SHARED = (
    "rerun-triggers",
    "max-checksum-file-size",
    "rerun-incomplete",
    "printshellcmds",
    "show-failed-logs",
    "scheduler",
    "max-jobs-per-timespan",
)
JOB_PROCESSES_MB = 300


def profile(name: str) -> dict[str, object]:
    return yaml.safe_load((ROOT / "profiles" / name / "profile.yaml").read_text())


def blocks() -> dict[str, str]:
    """The text of each rule, by name; that of a rule that it uses stands behind its own."""
    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "workflow" / "rules").glob("*.smk")])
    found = re.findall(r"^(?:use rule (\w+) as|rule) (\w+)(?: with)?:\n(.*?)(?=^\S|\Z)", text, re.M | re.S)
    own = {name: block for _, name, block in found}
    return {name: block + own.get(used, "") for used, name, block in found}


def rules() -> dict[str, str]:
    """Those that start jobs."""
    return {name: block for name, block in blocks().items() if "shell:" in block}


def test_all_kinds_of_machines_have_a_profile():
    assert PROFILES == ["cluster-generic", "default", "slurm", "workstation"]


@pytest.mark.parametrize("name", PROFILES)
def test_how_jobs_are_chosen_is_the_same_everywhere(name):
    default = profile("default")
    assert {key: profile(name)[key] for key in SHARED} == {key: default[key] for key in SHARED}


def test_the_slurm_profile_asks_for_the_memory_of_each_rule_and_of_its_processes():
    wanted = {
        name: f"{int(match[1]) + JOB_PROCESSES_MB} * attempt"
        for name, block in rules().items()
        if (match := re.search(r"mem_mb=(\d+)", block))
    }
    assert set(wanted) == set(rules())
    assert {name: asked["mem_mb"] for name, asked in profile("slurm")["set-resources"].items()} == wanted


def test_the_preflight_knows_what_rules_ask_for():
    wanted = {name: int(match[1]) for name, block in rules().items() if (match := re.search(r"mem_mb=(\d+)", block))}
    assert {name: wanted[name] for name in REQUESTED_MEM_MB} == REQUESTED_MEM_MB
    assert PROCESSES_MB == JOB_PROCESSES_MB


def test_trainings_are_told_that_their_time_is_up_and_no_shell_stands_between():
    told = {name for name, asked in profile("slurm")["set-resources"].items() if "--signal=USR1@" in str(asked)}
    assert told == {name for name, block in rules().items() if "--scratch" in block}
    assert all("exec valence-gap" in rules()[name] for name in told)


@pytest.mark.parametrize(("name", "block"), blocks().items())
def test_each_rule_says_what_it_does(name, block):
    assert re.match(r'    """[A-Z][^\n]*[^.\n]\."""\n', block)


@pytest.mark.parametrize(("name", "block"), rules().items())
def test_each_rule_has_what_a_job_needs(name, block):
    wanted = {"log", "benchmark", "conda", "threads", "resources", "shell"}
    # A benchmark counts as an output, and the preflight has none: it looks again whenever it is asked for.
    wanted -= {"benchmark"} if name == "preflight" else set()
    assert wanted <= set(re.findall(r"^    (\w+):", block, re.M))
    assert {"mem_mb", "runtime"} <= set(re.findall(r"^        (\w+)=", block.partition("    resources:\n")[2], re.M))


def test_rules_without_a_job_only_name_targets():
    aggregates = set(blocks()) - set(rules())
    assert aggregates == {"all", "corpora", "fetch", "models", "pretrain_miniature", "scores"}


@pytest.mark.parametrize(("name", "block"), rules().items())
def test_each_rule_gets_more_time_with_each_attempt_and_leaves_attempts_to_the_profile(name, block):
    assert re.search(r"runtime=lambda wildcards, attempt: \d+ \* attempt,", block)
    assert "retries:" not in block


def test_one_machine_uses_all_its_cores_unless_told_otherwise():
    assert {name: profile(name).get("cores") for name in PROFILES} == {
        "default": "all",
        "workstation": "all",
        "slurm": None,
        "cluster-generic": None,
    }


@pytest.mark.parametrize("name", ["slurm", "cluster-generic"])
def test_a_cluster_profile_tries_again_and_does_not_count_cards(name):
    assert profile(name)["retries"] == 2
    assert "resources" not in profile(name)


def test_the_readme_names_the_rules_that_use_a_card():
    paragraph = (ROOT / "README.md").read_text().partition("beside the `mem_mb` of")[2].partition(" say:")[0]
    assert set(re.findall(r"`(\w+)`", paragraph)) == {name for name, block in rules().items() if "gpu=1" in block}


def test_the_stand_in_for_sacct_asks_squeue_of_the_run(tmp_path):
    (tmp_path / "squeue").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "squeue").chmod(0o755)
    asked = subprocess.run(
        [ROOT / "profiles/slurm/without-accounting/sacct", "-X", "--clusters", "all", "--name", "a run", "--noheader"],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == "--noheader --states=all --format=%i|%T --name=a run\n"


def test_the_status_script_can_be_run():
    assert (
        ROOT / "profiles/cluster-generic" / str(profile("cluster-generic")["cluster-generic-status-cmd"])
    ).stat().st_mode & 0o111
