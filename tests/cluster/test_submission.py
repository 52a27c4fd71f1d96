"""What the cluster profiles request from `sbatch`, with a program of that name that writes down its arguments."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from one_node import PLUGINS, ROOT

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, PLUGINS)), reason="requirements.lock contains the plugins"
)

SNAKEFILE = """
rule all:
    input: "trained", "scored"

rule finetune:
    output: "trained"
    resources: mem_mb=8000, runtime=10, gpu=1
    shell: "touch {output}"

rule score:
    output: "scored"
    resources: mem_mb=1000, runtime=10
    shell: "touch {output}"
"""
REFUSE = 'echo "$@" >>{calls}\nexit 1\n'  # a refused job ends the run at once
OPTIONS = {"slurm": ("--slurm-init-seconds-before-status-checks", "1"), "cluster-generic": ()}
WITHOUT_MEMORY = ("--resources", "mem_mb=0")


def submitted(folder: Path, profile: str, *options: str, **environment: str) -> dict[str, str]:
    """Return the options of `sbatch` by rule: those for the training, and those for the scoring."""
    calls = folder / "calls"
    (folder / "Snakefile").write_text(SNAKEFILE)
    programs = folder / "bin"
    programs.mkdir()
    for name in ("sbatch", "sacct", "sacctmgr", "squeue", "sinfo", "scontrol", "scancel"):
        (programs / name).write_text("#!/bin/sh\n" + (REFUSE.format(calls=calls) if name == "sbatch" else ""))
        (programs / name).chmod(0o755)
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", ROOT / "profiles" / profile, "--retries", "0"]
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [*command, *OPTIONS[profile], *options, "--keep-going"],
        cwd=folder,
        env=os.environ | {"PATH": path} | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert calls.is_file(), done.stdout
    lines = [line.partition("--wrap=")[0] for line in calls.read_text().splitlines() if "--parsable" in line]
    return {rule: next(line for line in lines if rule in line) for rule in ("finetune", "score")}


@pytest.mark.parametrize("profile", OPTIONS)
def test_a_job_requests_memory_and_a_counted_gpu(profile: str, tmp_path: Path) -> None:
    lines = submitted(tmp_path, profile)
    assert "--gpus=1" in lines["finetune"]
    assert "--gres" not in lines["finetune"]
    assert "--mem" in lines["finetune"]
    assert "8300" in lines["finetune"]
    assert "--gpus" not in lines["score"]
    assert "1300" in lines["score"]


@pytest.mark.parametrize("profile", OPTIONS)
@pytest.mark.parametrize("gres", ["gpu:1", "gpu:a100:1"])
def test_one_setting_requests_gpus_as_generic_resources(profile: str, gres: str, tmp_path: Path) -> None:
    lines = submitted(tmp_path, profile, VALENCE_GAP_GRES=gres)
    assert f"--gres={gres}" in lines["finetune"]
    assert "--gpus" not in lines["finetune"]
    assert "--gres" not in lines["score"]


@pytest.mark.parametrize("profile", OPTIONS)
def test_one_setting_requests_no_memory(profile: str, tmp_path: Path) -> None:
    lines = submitted(tmp_path, profile, *WITHOUT_MEMORY)
    assert "--mem" not in lines["finetune"]
    assert "--mem" not in lines["score"]
    assert "--gpus=1" in lines["finetune"]
