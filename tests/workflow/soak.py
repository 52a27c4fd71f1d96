"""Run the tiny study while its jobs are killed, and compare it with an undisturbed run: `make soak`.

    python tests/workflow/soak.py --kills 20 --every-s 5

The study first runs undisturbed, one job at a time. Then it runs in a second copy, two jobs at a time. Every few
seconds a random process of a job, or sometimes Snakemake itself, gets SIGKILL, and Snakemake is started again until the
study is done. Further copies follow until there were enough kills. When Snakemake was killed, its jobs continue while
the next Snakemake runs. At the end all numbers and weights must equal those of the undisturbed run, so they do not
depend on the number of jobs at once or on their order either. No half-written file may be left.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psutil
from working_copy import ENVIRONMENT, copy_workflow

STUDY = ("--configfile", "tiny.yaml", "soak.yaml")
OVER_TINY = "recipes: {finetune: {epochs: 3}, cnn14: {epochs: 3}}\n"  # epochs to resume from
RESULTS = "results/tiny"
SNAKEMAKE_SHARE = 0.15  # of the kills
MAX_STARTS = 300


@dataclass
class Tally:
    """The kills and starts that a study needed until it was done."""

    kills: dict[str, int] = field(default_factory=dict)
    starts: int = 0

    @property
    def total(self) -> int:
        return sum(self.kills.values())

    def note(self, victim: str) -> None:
        self.kills[victim] = self.kills.get(victim, 0) + 1


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "snakemake", *STUDY, *arguments]


def prepare(folder: Path) -> Path:
    folder.mkdir()
    copy_workflow(folder)
    (folder / "soak.yaml").write_text(OVER_TINY)
    return folder


def run_undisturbed(root: Path) -> None:
    with (root / "snakemake.log").open("w") as log:
        subprocess.run(command("--cores", "1"), cwd=root, env=ENVIRONMENT, stdout=log, stderr=log, check=True)


def run_under_kills(root: Path, draws: random.Random, every_s: float) -> Tally:
    """Start the study, with kills, as often as needed until it is done."""
    tally = Tally()
    with (root / "snakemake.log").open("w") as log:
        while tally.starts < MAX_STARTS:
            subprocess.run(command("--unlock"), cwd=root, env=ENVIRONMENT, stdout=log, stderr=log, check=True)
            tally.starts += 1
            arguments = command("--cores", "2", "--retries", "2", "--keep-going")
            with subprocess.Popen(
                arguments, cwd=root, env=ENVIRONMENT, stdout=log, stderr=log, start_new_session=True
            ) as snakemake:
                kill_until_it_ends(snakemake, draws, every_s, tally)
            print(f"start {tally.starts}: ended with {snakemake.returncode}; {tally.total} kills so far", flush=True)
            if snakemake.returncode == 0:
                return tally
    sys.exit(f"not done after {MAX_STARTS} starts; its log: {root / 'snakemake.log'}")


def kill_until_it_ends(snakemake: subprocess.Popen[bytes], draws: random.Random, every_s: float, tally: Tally) -> None:
    while True:
        try:
            # Kills become rarer. Otherwise a slow machine, whose jobs take longer than this, would never finish.
            snakemake.wait(timeout=draws.uniform(0, 2 * every_s * (1 + tally.total / 10)))
            return
        except subprocess.TimeoutExpired:
            pass
        jobs = processes_of_jobs(snakemake.pid)
        if not jobs:
            continue
        if draws.random() < SNAKEMAKE_SHARE:
            victim, name = psutil.Process(snakemake.pid), "snakemake"
        else:
            victim, name = draws.choice(jobs)
        try:
            victim.kill()
        except psutil.NoSuchProcess:  # it has just ended by itself
            continue
        tally.note(name)


def processes_of_jobs(snakemake: int) -> list[tuple[psutil.Process, str]]:
    """Return the processes that run a sub-command, including its workers, with the name of the sub-command."""
    found = []
    try:
        descendants = psutil.Process(snakemake).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    for process in descendants:
        try:
            words = process.cmdline()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        names = [word for before, word in pairwise(words) if before.endswith("bin/valence-gap")]
        if names:
            found.append((process, names[0]))
    return found


def differing_numbers(first: Path, second: Path) -> int:
    """Print what `valence-gap verify` reports with no tolerance, and return the number of differing values."""
    listed = second / "differences.csv"
    arguments = ["verify", str(first / RESULTS), str(second / RESULTS), "--tolerance", "0", "--output", str(listed)]
    done = subprocess.run(
        [sys.executable, "-m", "valence_gap.cli", *arguments], env=ENVIRONMENT, capture_output=True, text=True
    )
    print((done.stdout + done.stderr).strip())
    count = len(listed.read_text().splitlines()) - 1
    if (done.returncode == 0) != (count == 0):
        sys.exit("error: the exit status of verify and its list of differences do not agree")
    return count


def differing_weights(first: Path, second: Path) -> list[str]:
    """Return the models whose weights are not the same bytes."""
    weights = [
        {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.glob(f"{RESULTS}/models/*/*/*.safetensors")
        }
        for root in (first, second)
    ]
    if not weights[0]:
        sys.exit("error: the undisturbed study has no models to compare")
    return sorted(
        name for name in weights[0].keys() | weights[1].keys() if weights[0].get(name) != weights[1].get(name)
    )


def orphans(root: Path) -> list[str]:
    """Return the half-written files and folders that killed jobs have left behind."""
    hidden = [path for name in ("results", "resources") for path in (root / name).rglob(".*")]
    own = (".snakemake", "._")  # Snakemake's own, and the files from macOS in the miniature's IEMOCAP
    return sorted(path.relative_to(root).as_posix() for path in hidden if not path.name.startswith(own))


def soak(root: Path, kills: int, every_s: float, draws: random.Random) -> bool:
    """Return whether nothing differs and no half-written file is left after at least `kills` kills."""
    undisturbed = prepare(root / "undisturbed")
    began = time.monotonic()
    run_undisturbed(undisturbed)
    print(f"undisturbed: {time.monotonic() - began:.0f} s", flush=True)
    total, differing = Tally(), 0
    left: list[str] = []
    while total.total < kills:
        killed = prepare(root / f"killed-{total.starts}")
        tally = run_under_kills(killed, draws, every_s)
        total.starts += tally.starts
        for name, count in tally.kills.items():
            total.kills[name] = total.kills.get(name, 0) + count
        weights = differing_weights(undisturbed, killed)
        differing += differing_numbers(undisturbed, killed) + len(weights)
        for name in weights:
            print(f"different weights: {name}")
        left += orphans(killed)
        shutil.rmtree(killed / RESULTS / "raw")
    by_name = ", ".join(f"{name} {count}" for name, count in sorted(total.kills.items()))
    print(f"{total.total} kills ({by_name}), {total.starts} starts of Snakemake, {time.monotonic() - began:.0f} s")
    print(f"{differing} differing numbers or weights; half-written and left behind: {', '.join(left) or 'nothing'}")
    return not differing and not left


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="lowest number of kills")
    parser.add_argument("--every-s", type=float, default=5.0, help="mean time between the first kills, in seconds")
    parser.add_argument(
        "--seed", type=int, default=None, help="seed of the random choices; a different one each time by default"
    )
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else int.from_bytes(os.urandom(4), "little")
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        same = soak(Path(folder), args.kills, args.every_s, random.Random(seed))
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
