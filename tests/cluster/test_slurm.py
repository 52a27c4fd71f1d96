"""The tiny study on a real SLURM of one node, with trainings that SLURM stops; `make test-cluster`."""

import json
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from one_node import (
    OPTIONS,
    ROOT,
    Job,
    Request,
    Slurm,
    ask,
    one_node,
    skip_reason,
    snakemake,
    snakemake_output,
    wait_for,
)

from valence_gap.definitions.registry import FIGURES, TABLES

OBSTACLE = skip_reason()
pytestmark = pytest.mark.skipif(OBSTACLE is not None, reason=str(OBSTACLE))

# One model of each kind and one corpus, because Snakemake takes seconds to start each job. There are enough epochs for
# a signal to arrive while the training runs.
OVER_TINY = """
figures: {figure_02: {models: [cnn14, w2v2-b], corpora: [msp-podcast]}}
recipes: {finetune: {epochs: 8}}
"""
STUDY = ("--configfile", "tiny.yaml", "over_tiny.yaml")
RUN = "w2v2-b/seed-42"
MODEL = f"results/tiny/models/{RUN}/model.safetensors"
SCORES = f"results/tiny/scores/{RUN}/msp-podcast/clean.csv"
WITH_A_GPU = {"extract_stem_features", "finetune", "train_cnn14", "predict"}
# Time limit of six minutes, signal five minutes before the end; SLURM sends it up to a minute early. The option with
# the signal is not changed.
IN_THE_PROFILE = "finetune: {mem_mb: 8300 * attempt, slurm_extra:"
SHORT = "finetune: {runtime: 6, mem_mb: 8300 * attempt, slurm_extra:"
GREEDY = """
import sys
rule greedy:
    output: "greedy"
    log: "logs/greedy.log"
    resources: mem_mb=400, runtime=10
    shell: "python -c 'import time; held = bytes(range(100)) * 10_000_000; time.sleep(100)' 2>{log}; touch {output}"
"""
USR1, USR1_TO_THE_SHELL, CANCEL = ("--signal=USR1",), ("--batch", "--signal=USR1"), ()


@dataclass(frozen=True)
class Study:
    """The finished tiny study and the SLURM jobs that made it."""

    root: Path
    planned: dict[str, int]
    jobs: list[Job]

    @property
    def results(self) -> Path:
        return self.root / "results/tiny"

    def numbers(self) -> dict[str, bytes]:
        """Return the contents of the files that must not change when the study is made again."""
        names = (MODEL, f"results/tiny/models/{RUN}/training.csv", SCORES)
        return {name: (self.root / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    with one_node(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture(scope="module")
def study(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> Study:
    root = tmp_path_factory.mktemp("study")
    for name in ("Snakefile", "config.yaml", "tests/workflow/tiny.yaml"):
        shutil.copy2(ROOT / name, root)
    for name in ("workflow", "profiles", "envs", "src", "resources/miniature"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    (root / "over_tiny.yaml").write_text(OVER_TINY)
    stats = snakemake_output(root, *STUDY, "--dry-run", "figure_02").partition("Job stats:")[2].partition("\ntotal ")[0]
    before = slurm.numbers()
    snakemake_output(root, "figure_02", *STUDY, "--workflow-profile", "profiles/slurm", *OPTIONS["slurm"])
    planned = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", stats, flags=re.MULTILINE)}
    return Study(root, planned, slurm.jobs_since(before))


def request_of(rule: str, profile: str, attempt: int = 1) -> Request:
    """Return what a rule requests, according to its text and to the profile."""
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    base = re.search(rf"^use rule (\w+) as {rule} with:$", text, flags=re.MULTILINE)
    block = re.split(r"^rule ", text.partition(f"rule {base[1] if base else rule}:")[2], flags=re.MULTILINE)[0]
    value = {key: int(number) for key, number in re.findall(r"^ +(mem_mb|gpu)=(\d+),", block, flags=re.MULTILINE)}
    minutes = re.search(r"runtime=lambda wildcards, attempt: (\d+) \* attempt,", block)
    threads = re.search(r"^ +threads: (\d+)$", block, flags=re.MULTILINE)
    settings = yaml.safe_load((ROOT / "profiles" / profile / "profile.yaml").read_text())
    profiled = settings.get("set-resources")
    if minutes is None:  # figures and tables have the memory and time of default-resources
        assert rule in (*FIGURES, *TABLES)
        default = dict(each.split("=", 1) for each in settings["default-resources"])
        memory, time = (re.fullmatch(r"(\d+)( \* attempt)?", default[key]) for key in ("mem_mb", "runtime"))
        return Request(
            memory_mb=int(memory[1]) * (attempt if memory[2] else 1) + (0 if profiled else 300),
            minutes=int(time[1]) * (attempt if time[2] else 1),
            cpus=int(threads[1]),
            gpus=0,
        )
    assert profiled is None or profiled[rule]["mem_mb"] == f"{value['mem_mb'] + 300} * attempt"
    return Request(
        memory_mb=(value["mem_mb"] + 300) * (attempt if profiled else 1),
        minutes=int(minutes[1]) * attempt,
        cpus=int(threads[1]) if threads else 1,  # a recipe's threads are 1 in this study
        gpus=value.get("gpu", 0),
    )


def test_jobs_of_slurm_make_the_tiny_figure_2(slurm: Slurm, study: Study) -> None:
    assert (study.results / "figures/figure_02.pdf").stat().st_size > 0
    assert Counter(job.rule for job in study.jobs) == study.planned
    ended = slurm.ended()
    assert {(ended[job.number], job.state, job.node) for job in study.jobs} == {("COMPLETED", "COMPLETED", "localhost")}
    for job in study.jobs:
        assert job.request == request_of(job.rule, "slurm"), job.rule
    assert {job.rule for job in study.jobs if job.request.gpus} == WITH_A_GPU
    assert "Nothing to be done" in snakemake_output(
        study.root, "figure_02", *STUDY, "--workflow-profile", "profiles/slurm"
    )


@pytest.mark.parametrize(
    ("profile", "target", "signals", "states", "after"),
    [
        ("slurm", MODEL, [USR1, CANCEL], ["FAILED", "CANCELLED"], {}),
        ("cluster-generic", SCORES, [USR1_TO_THE_SHELL, CANCEL], ["FAILED", "CANCELLED"], {"predict": 1, "score": 1}),
    ],
)
def test_a_training_whose_time_is_up_resumes_in_its_next_attempt(
    slurm: Slurm,
    study: Study,
    profile: str,
    target: str,
    signals: Sequence[tuple[str, ...]],
    states: list[str],
    after: dict[str, int],
) -> None:
    undisturbed, before = study.numbers(), slurm.numbers()
    log = study.results / f"logs/finetune/{RUN}.log"
    log.unlink()
    run = (target, *STUDY, "-R", "finetune", "--workflow-profile", f"profiles/{profile}", *OPTIONS[profile])
    with snakemake(study.root, *run):
        for signal in signals:
            wait_for("an epoch of the training", lambda: log.is_file() and "dev CCC" in log.read_text())
            (number,) = slurm.numbers(state="running") - before
            old = log.rename(log.with_suffix(".old"))  # its process continues to write there
            ask("scancel", *signal, str(number))
            wait_for("a saved state", lambda: "stopped by SIG" in old.read_text())  # noqa: B023

    jobs = slurm.jobs_since(before)
    attempts = [job for job in jobs if job.rule == "finetune"]
    assert [job.state for job in attempts] == [*states, "COMPLETED"]
    assert [job.request for job in attempts] == [
        request_of("finetune", profile, number) for number in range(1, len(attempts) + 1)
    ]
    others = [job for job in jobs if job.rule != "finetune"]
    assert Counter(job.rule for job in others) == after
    assert all(job.request == request_of(job.rule, profile) for job in others)
    record = json.loads((study.results / f"models/{RUN}/run.json").read_text())
    assert record["resumes"] == len(signals)
    assert study.numbers() == undisturbed


def test_slurm_signals_a_training_before_its_time_is_up(slurm: Slurm, study: Study) -> None:
    undisturbed, before = study.numbers(), slurm.numbers()
    profile = (study.root / "profiles/slurm/profile.yaml").read_text()
    assert IN_THE_PROFILE in profile
    (study.root / "profiles/short").mkdir()
    (study.root / "profiles/short/profile.yaml").write_text(profile.replace(IN_THE_PROFILE, SHORT))
    log = study.results / f"logs/finetune/{RUN}.log"
    log.unlink()
    with snakemake(
        study.root, MODEL, *STUDY, "-R", "finetune", "--workflow-profile", "profiles/short", *OPTIONS["slurm"]
    ):
        wait_for("an epoch of the training", lambda: log.is_file() and "dev CCC" in log.read_text())
        old = log.rename(log.with_suffix(".old"))
        (training,) = trainings(study.root)
        # Stopped, it cannot finish before the signal and uses no CPU; SLURM continues it when it sends the signal.
        os.kill(training, signal.SIGSTOP)
        wait_for("the signal of SLURM", lambda: "stopped by SIGUSR1" in old.read_text())

    jobs = slurm.jobs_since(before)
    assert [(job.rule, job.state, job.request.minutes) for job in jobs] == [
        ("finetune", "FAILED", 6),
        ("finetune", "COMPLETED", 6),
    ]
    assert json.loads((study.results / f"models/{RUN}/run.json").read_text())["resumes"] == 1
    assert study.numbers() == undisturbed


def trainings(root: Path) -> list[int]:
    """Return the ids of the processes that train in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"train" in words and b"--scratch" in words and (entry / "cwd").resolve() == root:
                found.append(int(entry.name))
    return found


def test_jobs_that_exceed_their_memory_are_reported_with_a_remedy(slurm: Slurm, tmp_path: Path) -> None:
    onerror = (ROOT / "Snakefile").read_text().partition("\nonerror:")[2]
    with ExitStack() as beside:
        for profile in OPTIONS:
            folder = tmp_path / profile
            shutil.copytree(ROOT / "profiles" / profile, folder / "profiles" / profile)
            (folder / "Snakefile").write_text(f"{GREEDY}\nonerror:{onerror}")
            options = ("--workflow-profile", f"profiles/{profile}", *OPTIONS[profile], "--retries", "0")
            beside.enter_context(snakemake(folder, *options, status=1))
    for profile in OPTIONS:
        output = (tmp_path / profile / "snakemake.txt").read_text()
        assert "error: a job was killed, most often because memory ran out" in output
        assert "- greedy: it used more memory than it requested, mem_mb=400; log: logs/greedy.log, " in output
        assert "greedy: {mem_mb: 800 * attempt}" in output
    ended = slurm.ended()
    states = [ended[job.number] for job in slurm.jobs_since(set()) if job.rule == "greedy"]
    assert len(states) == len(OPTIONS)
    assert set(states) <= {"FAILED", "OUT_OF_MEMORY"}
