"""The tiny study and failing jobs through a real SLURM of one node; `make test-cluster` says what it needs."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ONE_MODEL = "figures: {figure_02: {models: [w2v2-b]}}\n"  # each job costs seconds of Snakemake processes
WITH_A_CARD = {"extract_stem_features", "finetune", "predict"}
FAILS_ONCE = r"""
rule figure_02:
    input: "first.txt"
    output: "second.txt"
    resources:
        mem_mb=200, runtime=lambda wildcards, attempt: 30 * attempt,
    shell: "cp {input} {output}"

rule finetune:
    output: "first.txt"
    resources:
        mem_mb=200, runtime=lambda wildcards, attempt: 60 * attempt, gpu=1,
    shell: "test -e tried || {{ touch tried; exit 1; }}; echo card $CUDA_VISIBLE_DEVICES > {output}"
"""


def obstacle() -> str | None:
    """Why there can be no SLURM for tests here; None where there can."""
    missing = [name for name in ("slurmctld", "slurmd", "sbatch", "squeue") if shutil.which(name) is None]
    if missing:
        return f"no SLURM on this machine ({', '.join(missing)}); `make test-cluster` says what to install"
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "snakemake-executor-plugin-slurm is not installed: pip install -e .[slurm]"
    if os.geteuid() != 0:
        return "the daemons of SLURM need root"
    configuration = Path("/etc/slurm/slurm.conf")
    if configuration.exists() and "started by tests/cluster" not in configuration.read_text():
        return "this machine has a SLURM of its own, which is left alone"
    return None


OBSTACLE = obstacle()
pytestmark = pytest.mark.skipif(OBSTACLE is not None, reason=str(OBSTACLE))


@dataclass(frozen=True)
class Job:
    """What SLURM knows of a job."""

    name: str
    state: str
    memory_mb: int
    time: str
    cards: int


@dataclass(frozen=True)
class Slurm:
    """The running SLURM."""

    folder: Path

    def known(self) -> set[str]:
        """Ids of all jobs so far, from squeue."""
        return set(ask("squeue", "--noheader", "--states=all", "--format=%i").split())

    def job(self, number: str) -> Job:
        """A job, from scontrol."""
        text = ask("scontrol", "--oneliner", "show", "job", number)
        field = {key: value for key, _, value in (word.partition("=") for word in text.split())}
        comment = re.search(r"Comment=rule_(\w+)", text)
        cards = re.search(r"TresPerJob=gres:gpu:(\d+)", text)
        return Job(
            name=comment[1] if comment else field["JobName"],
            state=field["JobState"],
            memory_mb=megabytes(field["MinMemoryNode"]),
            time=field["TimeLimit"],
            cards=int(cards[1]) if cards else 0,
        )

    def ended(self) -> dict[str, str]:
        """How each job ended, from the log that slurmctld writes: id -> state."""
        log = (self.folder / "jobcomp.log").read_text()
        return dict(re.findall(r"^JobId=(\d+) .*?JobState=(\w+)", log, flags=re.MULTILINE))


def ask(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def megabytes(text: str) -> int:
    """A size as SLURM prints it: 500M, 2300M, 4G."""
    return int(float(text[:-1]) * {"M": 1, "G": 1024}[text[-1]])


def snakemake(folder: Path, *arguments: str, timeout_s: int = 1500) -> str:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    folder = tmp_path_factory.mktemp("slurm")
    try:
        started = subprocess.run(
            [HERE / "slurm_up.sh", folder], timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert started.returncode == 0, started.stderr
        yield Slurm(folder)
    finally:
        subprocess.run([HERE / "slurm_down.sh", folder], timeout=60, check=True)


@pytest.mark.parametrize(
    ("profile", "options", "memory_mb"),
    [
        ("slurm", ["--slurm-init-seconds-before-status-checks", "3"], [6300, 12600, 2300]),
        ("cluster-generic", [], [500, 500, 500]),
    ],
)
def test_a_failed_job_is_tried_again_with_more(
    slurm: Slurm, tmp_path: Path, profile: str, options: list[str], memory_mb: list[int]
) -> None:
    plugin = f"snakemake_executor_plugin_{profile.replace('-', '_')}"
    if importlib.util.find_spec(plugin) is None:
        pytest.skip(f"{plugin.replace('_', '-')} is not installed")
    (tmp_path / "Snakefile").write_text(FAILS_ONCE)
    shutil.copytree(ROOT / "profiles" / profile, tmp_path / "profiles" / profile)
    before = slurm.known()
    snakemake(tmp_path, "--workflow-profile", f"profiles/{profile}", *options, "second.txt", timeout_s=300)
    jobs = [slurm.job(number) for number in sorted(slurm.known() - before, key=int)]
    assert [(job.name, job.state) for job in jobs] == [
        ("finetune", "FAILED"),
        ("finetune", "COMPLETED"),
        ("figure_02", "COMPLETED"),
    ]
    assert [job.time for job in jobs] == ["01:00:00", "02:00:00", "00:30:00"]
    assert [job.cards for job in jobs] == [1, 1, 0]
    assert [job.memory_mb for job in jobs] == memory_mb
    assert (tmp_path / "second.txt").read_text() == "card 0\n"


def test_the_tiny_figure_2_is_made_by_jobs_of_slurm(slurm: Slurm, tmp_path: Path) -> None:
    for name in ("Snakefile", "config.yaml", "tests/workflow/tiny.yaml"):
        shutil.copy2(ROOT / name, tmp_path)
    for name in ("workflow", "profiles", "envs", "src", "resources/miniature"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    (tmp_path / "one.yaml").write_text(ONE_MODEL)
    study = ("--configfile", "tiny.yaml", "one.yaml", "--workflow-profile", "profiles/slurm")
    stats = snakemake(tmp_path, *study, "--dry-run", "figure_02").partition("Job stats:")[2].partition("\ntotal ")[0]
    planned = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", stats, flags=re.MULTILINE)}
    before = slurm.known()
    snakemake(tmp_path, "figure_02", *study, "--slurm-init-seconds-before-status-checks", "5")

    figures = tmp_path / "results/tiny/figures"
    assert (figures / "figure_02.pdf").stat().st_size > 0
    jobs = {number: slurm.job(number) for number in slurm.known() - before}
    assert Counter(job.name for job in jobs.values()) == planned
    assert {slurm.ended()[number] for number in jobs} == {"COMPLETED"}
    asked = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())["set-resources"]
    for job in jobs.values():
        assert f"{job.memory_mb} * attempt" == asked[job.name]["mem_mb"]
        assert job.cards == (1 if job.name in WITH_A_CARD else 0)
    assert "Nothing to be done" in snakemake(tmp_path, *study, "figure_02")
