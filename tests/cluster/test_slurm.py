"""The tiny study through a real SLURM of one node, with trainings that are told to end; `make test-cluster`."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from one_node import OPTIONS, ROOT, Job, Request, Slurm, ask, obstacle, one_node, said, snakemake, wait_for

OBSTACLE = obstacle()
pytestmark = pytest.mark.skipif(OBSTACLE is not None, reason=str(OBSTACLE))

# One model, since each job costs seconds of Snakemake processes; so many epochs that a signal finds it at work.
OVER_TINY = "figures: {figure_02: {models: [w2v2-b]}}\nrecipes: {finetune: {epochs: 8}}\n"
STUDY = ("--configfile", "tiny.yaml", "over_tiny.yaml")
RUN = "w2v2-b/seed-42"
MODEL = f"results/tiny/models/{RUN}/model.safetensors"
SCORES = f"results/tiny/scores/{RUN}/msp-podcast/clean.csv"
WITH_A_CARD = {"extract_stem_features", "finetune", "predict"}
USR1, USR1_TO_THE_SHELL, CANCEL = ("--signal=USR1",), ("--batch", "--signal=USR1"), ()


@dataclass(frozen=True)
class Study:
    """The finished tiny study and the jobs that made it."""

    root: Path
    planned: dict[str, int]
    jobs: list[Job]

    @property
    def results(self) -> Path:
        return self.root / "results/tiny"

    def numbers(self) -> dict[str, bytes]:
        """What must not change when it is made again."""
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
    stats = said(root, *STUDY, "--dry-run", "figure_02").partition("Job stats:")[2].partition("\ntotal ")[0]
    before = slurm.numbers()
    said(root, "figure_02", *STUDY, "--workflow-profile", "profiles/slurm", *OPTIONS["slurm"])
    planned = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", stats, flags=re.MULTILINE)}
    return Study(root, planned, slurm.jobs_since(before))


def request_of(rule: str, profile: str, attempt: int = 1) -> Request:
    """What a rule asks for, read in its text and in the profile."""
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    block = re.split(r"^rule ", text.partition(f"rule {rule}:")[2], flags=re.MULTILINE)[0]
    value = {key: int(number) for key, number in re.findall(r"^ +(mem_mb|gpu)=(\d+),", block, flags=re.MULTILINE)}
    minutes = re.search(r"runtime=lambda wildcards, attempt: (\d+) \* attempt,", block)
    threads = re.search(r"^ +threads: (\d+)$", block, flags=re.MULTILINE)
    assert minutes is not None
    profiled = yaml.safe_load((ROOT / "profiles" / profile / "profile.yaml").read_text()).get("set-resources")
    assert profiled is None or profiled[rule]["mem_mb"] == f"{value['mem_mb'] + 300} * attempt"
    return Request(
        memory_mb=(value["mem_mb"] + 300) * (attempt if profiled else 1),
        minutes=int(minutes[1]) * attempt,
        cpus=int(threads[1]) if threads else 1,  # a recipe's threads are 1 in this study
        cards=value.get("gpu", 0),
    )


def test_the_tiny_figure_2_is_made_by_jobs_of_slurm(slurm: Slurm, study: Study) -> None:
    assert (study.results / "figures/figure_02.pdf").stat().st_size > 0
    assert Counter(job.rule for job in study.jobs) == study.planned
    ended = slurm.ended()
    assert {(ended[job.number], job.state, job.node) for job in study.jobs} == {("COMPLETED", "COMPLETED", "localhost")}
    for job in study.jobs:
        assert job.request == request_of(job.rule, "slurm"), job.rule
    assert {job.rule for job in study.jobs if job.request.cards} == WITH_A_CARD
    assert "Nothing to be done" in said(study.root, "figure_02", *STUDY, "--workflow-profile", "profiles/slurm")


@pytest.mark.parametrize(
    ("profile", "target", "told", "states", "after"),
    [
        ("slurm", MODEL, [USR1, CANCEL], ["FAILED", "CANCELLED"], {}),
        ("cluster-generic", SCORES, [USR1_TO_THE_SHELL, CANCEL], ["FAILED", "CANCELLED"], {"predict": 1, "score": 1}),
    ],
)
def test_a_training_whose_time_is_up_goes_on_in_its_next_attempt(
    slurm: Slurm,
    study: Study,
    profile: str,
    target: str,
    told: Sequence[tuple[str, ...]],
    states: list[str],
    after: dict[str, int],
) -> None:
    undisturbed, before = study.numbers(), slurm.numbers()
    log = study.results / f"logs/finetune/{RUN}.log"
    log.unlink()
    run = (target, *STUDY, "-R", "finetune", "--workflow-profile", f"profiles/{profile}", *OPTIONS[profile])
    with snakemake(study.root, *run):
        for signal in told:
            wait_for("an epoch of the training", lambda: log.is_file() and "dev CCC" in log.read_text())
            (number,) = slurm.numbers(state="running") - before
            old = log.rename(log.with_suffix(".old"))  # its process goes on writing there
            ask("scancel", *signal, str(number))
            wait_for("a saved state", lambda: "told to stop by SIG" in old.read_text())  # noqa: B023

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
    assert record["resumes"] == len(told)
    assert study.numbers() == undisturbed
