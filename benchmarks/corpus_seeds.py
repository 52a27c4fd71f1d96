"""Figure 2 of the miniature over several seeds of the corpora: how much do its CCCs depend on the seed?

    python benchmarks/corpus_seeds.py --seeds 1 2 3 --cores 2

Runs `snakemake figure_02 figure_09` once per seed, each in a separate study, and prints the CCC of every model, corpus
and dimension: with its 95 % interval for each seed, and the mean over the seeds. Figure 9 adds the model with random
initialisation. For seeds that are finished already, it only reads the results.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import yaml

KEYS = ["corpus", "dimension", "model"]
FIGURES = ("figure_02", "figure_09")


def run(seed: int, cores: int) -> pd.DataFrame:
    """Make the figures with the corpora of a seed; return their values (models x corpora x dimensions) by ``KEYS``."""
    study = f"miniature-seed-{seed}"
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        yaml.safe_dump({"study": study, "miniature": {"seed": seed}}, config)
        config.flush()
        command = [sys.executable, "-m", "snakemake", *FIGURES, "--cores", str(cores), "--configfile", config.name]
        subprocess.run(command, check=True)
    tables = [pd.read_csv(Path("results") / study / "figures" / f"{figure}.csv") for figure in FIGURES]
    return pd.concat(tables).drop_duplicates(KEYS).set_index(KEYS)


def with_interval(row: pd.Series) -> str:
    """Format a CCC with its interval, such as ``0.36 [0.26, 0.46]``."""
    return f"{row['ccc']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def main() -> None:
    """Run every seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="seeds of the miniature corpora")
    parser.add_argument("--cores", type=int, default=2, help="cores of each run")
    args = parser.parse_args()
    tables = {seed: run(seed, args.cores) for seed in args.seeds}
    shown = pd.DataFrame({f"seed {seed}": table.apply(with_interval, axis=1) for seed, table in tables.items()})
    shown["mean"] = sum(table["ccc"] for table in tables.values()) / len(tables)
    print(shown.round(2).to_string())


if __name__ == "__main__":
    main()
