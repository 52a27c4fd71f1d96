"""How long does Snakemake take to plan the paper's study, or another one?

    python benchmarks/dry_run.py                                   # the paper's preset on small corpora that it makes
    python benchmarks/dry_run.py --configfile workflow/presets/paper.yaml my-corpora.yaml

The number of jobs depends on models, training seeds, test sets and conditions, and not on the size of the corpora. So
small corpora in the real formats, those of the tests, do. Prints the number of jobs, and wall and CPU time of each dry
run.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from valence_gap.runtime.provenance import cpu_model

ROOT = Path(__file__).parents[1]
PAPER = ("workflow/presets/paper.yaml", "my-corpora.yaml")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configfile", nargs="+", help="configurations (default: the paper's, on small corpora)")
    parser.add_argument("--rounds", type=int, default=3, help="dry runs")
    args = parser.parse_args()
    print(cpu_model())
    with tempfile.TemporaryDirectory() as scratch:
        root = ROOT if args.configfile else paper_copy(Path(scratch))
        for _ in range(args.rounds):
            print(dry_run(root, args.configfile or PAPER))


def paper_copy(folder: Path) -> Path:
    """A copy of the workflow with small corpora in the formats of the paper's."""
    sys.path += [str(ROOT / "tests" / part) for part in ("workflow", "shared")]
    from paper_corpora import write_corpora
    from working_copy import copy_workflow

    root: Path = copy_workflow(folder).root
    write_corpora(root)
    return root


def dry_run(root: Path, configfiles: tuple[str, ...] | list[str]) -> str:
    """Plan a study once: the number of jobs and the time, in words."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--configfile", *configfiles]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    printed = subprocess.run(command, cwd=root, text=True, capture_output=True, check=True).stdout
    wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    jobs = re.search(r"^total +(\d+)$", printed, re.MULTILINE)
    return f"{jobs[1] if jobs else 0} jobs, {wall_s:.1f} s, {cpu_s:.1f} s of CPU time"


if __name__ == "__main__":
    main()
