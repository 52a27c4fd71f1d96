"""A SLURM of one node, what it knows of its jobs, and Snakemake runs through it."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PLUGINS = ("snakemake_executor_plugin_slurm", "snakemake_executor_plugin_cluster_generic")
# Quick checks: by default the first comes after 40 s.
OPTIONS = {
    "slurm": ("--slurm-init-seconds-before-status-checks", "3"),
    "cluster-generic": ("--seconds-between-status-checks", "2"),
}


def skip_reason() -> str | None:
    """Why there can be no SLURM for tests here; None where there can."""
    missing = [name for name in ("slurmctld", "slurmd", "sbatch", "squeue") if shutil.which(name) is None]
    if missing:
        return f"no SLURM on this machine ({', '.join(missing)}); `make test-cluster` says what to install"
    missing = [name.replace("_", "-") for name in PLUGINS if importlib.util.find_spec(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed; requirements.lock has them"
    if os.geteuid() != 0:
        return "the daemons of SLURM need root"
    configuration = Path("/etc/slurm/slurm.conf")
    if configuration.exists() and "started by tests/cluster" not in configuration.read_text():
        return "this machine has a SLURM of its own, which is left alone"
    return None


@dataclass(frozen=True)
class Request:
    """What a job asked SLURM for."""

    memory_mb: int
    minutes: int
    cpus: int
    cards: int


@dataclass(frozen=True)
class Job:
    """What SLURM knows of a job."""

    number: int
    rule: str
    state: str
    node: str
    request: Request


@dataclass(frozen=True)
class Slurm:
    """The running SLURM."""

    folder: Path

    def numbers(self, *, state: str = "all") -> set[int]:
        """Numbers of the jobs so far, or of those in a state, from squeue."""
        return set(map(int, ask("squeue", "--noheader", f"--states={state}", "--format=%i").split()))

    def job(self, number: int) -> Job:
        """A job, from scontrol."""
        text = ask("scontrol", "--oneliner", "show", "job", str(number))
        field = {key: value for key, _, value in (word.partition("=") for word in text.split())}
        comment = re.search(r"Comment=rule_(\w+?)(?:_wildcards_\S*)?\s", text)  # of the plugin; the name is its run's
        cards = re.search(r"TresPerJob=gres:gpu:(\d+)", text)
        return Job(
            number=number,
            rule=comment[1] if comment else field["JobName"],
            state=field["JobState"],
            node=field["NodeList"],
            request=Request(
                memory_mb=megabytes(field["MinMemoryNode"]),
                minutes=minutes(field["TimeLimit"]),
                cpus=int(field["NumCPUs"]),
                cards=int(cards[1]) if cards else 0,
            ),
        )

    def jobs_since(self, before: set[int]) -> list[Job]:
        """The jobs since then, in the order of their submission."""
        return [self.job(number) for number in sorted(self.numbers() - before)]

    def ended(self) -> dict[int, str]:
        """How each job ended, from the log that slurmctld writes: number -> state."""
        log = (self.folder / "jobcomp.log").read_text()
        return {int(number): state for number, state in re.findall(r"^JobId=(\d+) .*?JobState=(\w+)", log, re.M)}


@contextmanager
def one_node(folder: Path) -> Iterator[Slurm]:
    """A SLURM for the length of the block."""
    try:
        up = [HERE / "slurm_up.sh", folder]
        started = subprocess.run(up, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert started.returncode == 0, started.stderr
        yield Slurm(folder)
    finally:
        subprocess.run([HERE / "slurm_down.sh", folder], timeout=120, check=True)


@contextmanager
def snakemake(folder: Path, *arguments: str, status: int = 0, timeout_s: int = 1500) -> Iterator[None]:
    """Snakemake beside the block, and to its end after it, which must have this status."""
    environment = os.environ | {
        # This SLURM has no accounting: what stands in for it is what the README gives to clusters without one.
        "PATH": os.pathsep.join(
            [str(ROOT / "profiles/slurm/without-accounting"), str(Path(sys.executable).parent), os.environ["PATH"]]
        ),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    output = folder / "snakemake.txt"
    with output.open("w") as file:
        running = subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments], cwd=folder, env=environment, stdout=file, stderr=file
        )
        try:
            yield
            assert running.wait(timeout_s) == status, output.read_text()
        finally:
            running.kill()
            running.wait()


def snakemake_output(folder: Path, *arguments: str) -> str:
    """What Snakemake says."""
    with snakemake(folder, *arguments):
        pass
    return (folder / "snakemake.txt").read_text()


def wait_for(what: str, condition: Callable[[], object], timeout_s: float = 300) -> None:
    """Ask often, until it is so."""
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, f"waited {timeout_s:.0f} s for {what}"
        time.sleep(0.1)


def ask(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def megabytes(text: str) -> int:
    """A size as SLURM prints it: 500M, 2300M, 4G."""
    return int(float(text[:-1]) * {"M": 1, "G": 1024}[text[-1]])


def minutes(text: str) -> int:
    """A time as SLURM prints it: 00:30:00, 1-00:00:00."""
    days, _, clock = text.rpartition("-")
    hours, past, _ = map(int, clock.split(":"))
    return (int(days or 0) * 24 + hours) * 60 + past
