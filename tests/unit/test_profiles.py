"""What must agree between the profiles, and between them and the rules."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from valence_gap.definitions.registry import FIGURES, TABLES
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
    "logger",
    "scheduler",
    "max-jobs-per-timespan",
)
JOB_PROCESSES_MB = 300


def profile(name: str) -> dict[str, object]:
    return yaml.safe_load((ROOT / "profiles" / name / "profile.yaml").read_text())


def blocks() -> dict[str, str]:
    """The text of each rule by name, followed by the text of the rule that it uses, if any."""
    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "workflow" / "rules").glob("*.smk")])
    found = re.findall(r"^(?:use rule (\w+) as|rule) (\w+)(?: with)?:\n(.*?)(?=^\S|\Z)", text, re.M | re.S)
    own = {name: block for _, name, block in found}
    return {name: block + own.get(used, "") for used, name, block in found}


def rules() -> dict[str, str]:
    """The blocks of rules that start jobs."""
    return {name: block for name, block in blocks().items() if "shell:" in block}


def test_each_kind_of_machine_has_a_profile():
    assert PROFILES == ["cluster-generic", "default", "slurm", "workstation"]


@pytest.mark.parametrize("name", PROFILES)
def test_the_settings_that_select_jobs_are_the_same_in_all_profiles(name):
    default = profile("default")
    assert {key: profile(name)[key] for key in SHARED} == {key: default[key] for key in SHARED}


def test_the_slurm_profile_requests_the_memory_of_each_rule_and_of_its_processes():
    expected = {
        name: f"{int(match[1]) + JOB_PROCESSES_MB} * attempt"
        for name, block in rules().items()
        if (match := re.search(r"mem_mb=(\d+)", block))
    }
    assert set(rules()) - set(expected) == {*FIGURES, *TABLES}  # they have the memory and time of default-resources
    assert {name: values["mem_mb"] for name, values in profile("slurm")["set-resources"].items()} == expected
    assert f"mem_mb={2000 + JOB_PROCESSES_MB} * attempt" in profile("slurm")["default-resources"]
    assert all("mem_mb=2000" in profile(name)["default-resources"] for name in PROFILES if name != "slurm")


def test_the_preflight_knows_the_memory_that_rules_request():
    requested = {name: int(match[1]) for name, block in rules().items() if (match := re.search(r"mem_mb=(\d+)", block))}
    assert {name: requested[name] for name in REQUESTED_MEM_MB} == REQUESTED_MEM_MB
    assert PROCESSES_MB == JOB_PROCESSES_MB


def test_trainings_receive_a_signal_before_their_time_limit_without_a_shell_in_between():
    resources = profile("slurm")["set-resources"]
    with_signal = {name for name, values in resources.items() if "--signal=USR1@" in str(values)}
    assert with_signal == {name for name, block in rules().items() if "--scratch" in block}
    assert all("exec valence-gap" in rules()[name] for name in with_signal)


@pytest.mark.parametrize(("name", "block"), blocks().items())
def test_each_rule_has_a_description(name, block):
    assert re.match(r'    """[A-Z][^\n]*[^.\n]\."""\n', block)


@pytest.mark.parametrize(("name", "block"), rules().items())
def test_each_rule_has_what_a_job_needs(name, block):
    required = {"log", "benchmark", "conda", "threads", "shell"}
    # A benchmark counts as an output. These rules have none, so that they run whenever they are requested.
    required -= {"benchmark"} if name in ("preflight", "corpora") else set()
    assert required <= set(re.findall(r"^    (\w+):", block, re.M))


@pytest.mark.parametrize("name", sorted(set(rules()) - {*FIGURES, *TABLES}))
def test_each_rule_except_figures_and_tables_sets_its_own_memory_and_time(name):
    resources = rules()[name].partition("    resources:\n")[2]
    assert {"mem_mb", "runtime"} <= set(re.findall(r"^        (\w+)=", resources, re.M))
    assert re.search(r"runtime=lambda wildcards, attempt: \d+ \* attempt,", resources)


@pytest.mark.parametrize("name", PROFILES)
def test_figures_and_tables_get_more_time_with_each_attempt_by_default(name):
    assert "runtime=60 * attempt" in profile(name)["default-resources"]


def test_rules_without_a_job_only_name_targets():
    aggregates = set(blocks()) - set(rules())
    assert aggregates == {"all", "fetch", "models", "pretrain_miniature", "scores"}


@pytest.mark.parametrize(("name", "block"), rules().items())
def test_each_rule_leaves_attempts_to_the_profile(name, block):
    assert "retries:" not in block


def test_by_default_one_machine_uses_all_its_cores():
    assert {name: profile(name).get("cores") for name in PROFILES} == {
        "default": "all",
        "workstation": "all",
        "slurm": None,
        "cluster-generic": None,
    }


@pytest.mark.parametrize("name", ["slurm", "cluster-generic"])
def test_a_cluster_profile_retries_and_does_not_count_gpus(name):
    assert profile(name)["retries"] == 2
    assert "resources" not in profile(name)


def test_the_documentation_names_the_rules_that_use_a_gpu():
    paragraph = (ROOT / "docs/clusters.md").read_text().partition("beside the `mem_mb` of")[2].partition("say:")[0]
    assert set(re.findall(r"`(\w+)`", paragraph)) == {name for name, block in rules().items() if "gpu=1" in block}


def test_the_replacement_of_sacct_queries_squeue_for_the_run(tmp_path):
    (tmp_path / "squeue").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "squeue").chmod(0o755)
    done = subprocess.run(
        [ROOT / "profiles/slurm/without-accounting/sacct", "-X", "--clusters", "all", "--name", "a run", "--noheader"],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "--noheader --states=all --format=%i|%T --name=a run\n"


def test_the_status_script_is_executable():
    assert (
        ROOT / "profiles/cluster-generic" / str(profile("cluster-generic")["cluster-generic-status-cmd"])
    ).stat().st_mode & 0o111
