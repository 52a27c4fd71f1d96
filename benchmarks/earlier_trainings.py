"""How much CPU time and memory do the miniature's trainings take, beside an earlier commit's code?

    git worktree add ../earlier COMMIT && make -C ../earlier install
    python benchmarks/earlier_trainings.py --before ../earlier cnn14 w2v2-L-robust

The earlier commit's workflow makes its own corpora and stem features. Then its training of each model (seed 42) is
computed by its code and by this checkout's, each in its environment (``.venv``), at the same time with one thread each,
from the same files and the same definition. So both have the same load beside them; the machine needs two free cores.
Prints CPU seconds, peak memory, and the ratios of this checkout to the earlier one.
"""

import argparse
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from valence_gap.runtime.provenance import cpu_model

ROOT = Path(__file__).parents[1]
TRAINING_RULES = ("finetune", "train_cnn14")
RUN = "import sys; from valence_gap.cli import main; sys.exit(main())"


def main() -> None:
    """Prepare, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="models of the earlier commit's default study")
    parser.add_argument("--before", type=Path, required=True, help="checkout of the earlier commit")
    parser.add_argument("--cores", type=int, default=2, help="cores of the preparation (default: %(default)s)")
    args = parser.parse_args()
    before = args.before.resolve()
    targets = [f"results/miniature/models/{model}/seed-42/model.safetensors" for model in args.models]
    _snakemake(before, targets, "--cores", str(args.cores), "--omit-from", *TRAINING_RULES)
    print(f"{cpu_model()}; {_commit(before)} and {_commit(ROOT)}")
    for model, target in zip(args.models, targets, strict=True):
        options = training_options(_snakemake(before, [target], "--dry-run", "--printshellcmds", "--cores", "1"))
        then, now = together(options, before)
        ratio = f"{now[0] / then[0]:.2f} of the time, {now[1] / then[1]:.2f} of the memory"
        print(f"{model}: {then[0]:.0f} and {now[0]:.0f} CPU s, {then[1]:.0f} and {now[1]:.0f} MB: {ratio}", flush=True)


def training_options(printed: str) -> list[str]:
    """The options of the one training in a dry run that prints shell commands, without those of its outputs."""
    command = re.search(r"valence-gap train (.*?)2>", printed.replace("\\\n", " "), re.DOTALL)
    if command is None:
        raise SystemExit(f"error: the dry run trains nothing:\n{printed}")
    options = shlex.split(command[1])
    own = {"--output", "--scratch"}
    dropped = {place for place, each in enumerate(options) if each in own or options[place - 1] in own}
    return [each for place, each in enumerate(options) if place not in dropped]


def together(options: list[str], before: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """CPU seconds and peak MB of the earlier checkout's training and this one's, run at the same time."""
    with tempfile.TemporaryDirectory() as scratch:
        processes = []
        for name, checkout, python in (("before", before, _python(before)), ("now", ROOT, sys.executable)):
            folder = Path(scratch) / name
            folder.mkdir()
            outputs = ["--scratch", str(folder / "scratch"), "--output", str(folder / "model")]
            environment = os.environ | {"PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1"}
            with (folder / "log").open("w") as log:
                command = [python, "-c", RUN, "train", *options, *outputs]
                process = subprocess.Popen(command, cwd=before, env=environment, stdout=log, stderr=log)
            processes.append((process, folder / "log"))
        ended = [(os.wait4(process.pid, 0), log) for process, log in processes]  # both, also where one fails
        then, now = (_used(status, usage, log) for (_, status, usage), log in ended)
        return then, now


def _used(status: int, usage: resource.struct_rusage, log: Path) -> tuple[float, float]:
    if status:
        raise SystemExit(f"error: a training failed:\n{log.read_text(encoding='utf-8')}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def _snakemake(root: Path, targets: list[str], *options: str) -> str:
    """Run Snakemake in a checkout, with its code; return what it prints."""
    path = os.pathsep.join([str(root / ".venv/bin"), os.environ["PATH"]])  # of the jobs
    environment = os.environ | {"PYTHONPATH": str(root / "src"), "PATH": path}
    command = [_python(root), "-m", "snakemake", *targets, *options]
    done = subprocess.run(command, cwd=root, env=environment, text=True, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"error: {shlex.join(command)} in {root} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout + done.stderr


def _python(root: Path) -> str:
    return str(root / ".venv/bin/python")


def _commit(root: Path) -> str:
    return subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=root, text=True).strip()


if __name__ == "__main__":
    main()
