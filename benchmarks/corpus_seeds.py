"""Figure 2 of the miniature over several seeds of the corpora: how far do its CCCs depend on the draw?

    python benchmarks/corpus_seeds.py --seeds 1 2 3 --cores 2

Runs `snakemake figure_02` once per seed, each as a study of its own, and prints the CCC of every model, corpus and
dimension: mean over the seeds, least and greatest.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import yaml

KEYS = ["corpus", "dimension", "model"]


def run(seed: int, cores: int) -> Path:
    """Make Figure 2 on corpora of another seed; the CSV of its numbers."""
    study = f"miniature-seed-{seed}"
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        yaml.safe_dump({"study": study, "miniature": {"seed": seed}}, config)
        config.flush()
        command = [sys.executable, "-m", "snakemake", "figure_02", "--cores", str(cores), "--configfile", config.name]
        subprocess.run(command, check=True)
    return Path("results") / study / "figures" / "figure_02.csv"


def main() -> None:
    """Run every seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="seeds of the miniature corpora")
    parser.add_argument("--cores", type=int, default=2, help="cores of each run")
    args = parser.parse_args()
    tables = [pd.read_csv(run(seed, args.cores)) for seed in args.seeds]
    ccc = pd.concat(tables).groupby(KEYS, sort=False)["ccc"].agg(["mean", "min", "max"]).round(3)
    print(ccc.to_string())


if __name__ == "__main__":
    main()
