"""A SLURM of one node, the state of its jobs, and Snakemake runs that use it."""

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
# Frequent status checks: by default the first one is after 40 s.
OPTIONS = {
    "slurm": ("--slurm-init-seconds-before-status-checks", "3"),
    "cluster-generic": ("--seconds-between-status-checks", "2"),
}


def skip_reason() -> str | None:
    """Return why these tests cannot start a SLURM on this machine, or None if they can."""
    missing = [name for name in ("slurmctld", "slurmd", "sbatch", "squeue") if shutil.which(name) is None]
    if missing:
        return f"SLURM is not installed ({', '.join(missing)} missing); `make test-cluster` says what to install"
    missing = [name.replace("_", "-") for name in PLUGINS if importlib.util.find_spec(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed; requirements.lock contains them"
    if os.geteuid() != 0:
        return "the daemons of SLURM need root; run these tests as root"
    configuration = Path("/etc/slurm/slurm.conf")
    if configuration.exists() and "started by tests/cluster" not in configuration.read_text():
        return "this machine has its own SLURM configuration, /etc/slurm/slurm.conf, which these tests do not change"
    return None


@dataclass(frozen=True)
class Request:
    """The resources that a job requested from SLURM."""

    memory_mb: int
    minutes: int
    cpus: int
    gpus: int


@dataclass(frozen=True)
class Job:
    """A job as SLURM describes it."""

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
        """Return the numbers of all jobs, or of those in a state, from squeue."""
        return set(map(int, ask("squeue", "--noheader", f"--states={state}", "--format=%i").split()))

    def job(self, number: int) -> Job:
        """Return a job, from scontrol."""
        text = ask("scontrol", "--oneliner", "show", "job", str(number))
        field = {key: value for key, _, value in (word.partition("=") for word in text.split())}
        comment = re.search(
            r"Comment=rule_(\w+?)(?:_wildcards_\S*)?\s", text
        )  # set by the plugin, whose job name is the id of its run
        gpus = re.search(r"TresPerJob=gres:gpu:(\d+)", text)
        return Job(
            number=number,
            rule=comment[1] if comment else field["JobName"],
            state=field["JobState"],
            node=field["NodeList"],
            request=Request(
                memory_mb=megabytes(field["MinMemoryNode"]),
                minutes=minutes(field["TimeLimit"]),
                cpus=int(field["NumCPUs"]),
                gpus=int(gpus[1]) if gpus else 0,
            ),
        )

    def jobs_since(self, before: set[int]) -> list[Job]:
        """Return the jobs that are not in `before`, in the order of their submission."""
        return [self.job(number) for number in sorted(self.numbers() - before)]

    def ended(self) -> dict[int, str]:
        """Return the final state of each job, from the log of slurmctld: number -> state."""
        log = (self.folder / "jobcomp.log").read_text()
        return {int(number): state for number, state in re.findall(r"^JobId=(\d+) .*?JobState=(\w+)", log, re.M)}


@contextmanager
def one_node(folder: Path) -> Iterator[Slurm]:
    """Run a SLURM until the end of the block."""
    try:
        up = [HERE / "slurm_up.sh", folder]
        started = subprocess.run(up, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert started.returncode == 0, started.stderr
        yield Slurm(folder)
    finally:
        subprocess.run([HERE / "slurm_down.sh", folder], timeout=120, check=True)


@contextmanager
def snakemake(folder: Path, *arguments: str, status: int = 0, timeout_s: int = 1500) -> Iterator[None]:
    """Run Snakemake during the block, then wait for its end; its exit status must be `status`."""
    environment = os.environ | {
        "VALENCE_GAP_DEVICE": "cpu",  # the node has made-up GPUs, which a job would refuse to do without
        # This SLURM has no accounting database, so it uses the replacement that the README gives for such clusters.
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
    """Run Snakemake and return its output."""
    with snakemake(folder, *arguments):
        pass
    return (folder / "snakemake.txt").read_text()


def wait_for(what: str, condition: Callable[[], object], timeout_s: float = 300) -> None:
    """Check a condition every 0.1 s until it is true."""
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, f"waited {timeout_s:.0f} s for {what}"
        time.sleep(0.1)


def ask(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def megabytes(text: str) -> int:
    """Convert a size as SLURM prints it: 500M, 2300M, 4G."""
    return int(float(text[:-1]) * {"M": 1, "G": 1024}[text[-1]])


def minutes(text: str) -> int:
    """Convert a time as SLURM prints it: 00:30:00, 1-00:00:00."""
    days, _, clock = text.rpartition("-")
    hours, past, _ = map(int, clock.split(":"))
    return (int(days or 0) * 24 + hours) * 60 + past
