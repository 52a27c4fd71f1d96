"""The miniature with other seeds of the corpora: how much do its CCCs and headline claims depend on the seed?

    python benchmarks/corpus_seeds.py                 # the shipped seed, and three more
    python benchmarks/corpus_seeds.py --output docs/corpus-seeds.json && python docs/named_run.py render

Runs figure 2 and the claims once per seed, with the same backbones, training seeds and number format. Each seed is a
study of its own: the shipped one is in results/miniature, the others are in results/miniature-seed-N, without the
models that no headline claim needs (fewer layers, less data, random weights). Prints the CCC of every model, corpus and
dimension with its interval, and the verdict of every headline claim (those of the paper's title, abstract and
conclusion). For seeds that are finished already, it only reads the results.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from valence_gap.claims.across_runs import compare_verdicts, table_of
from valence_gap.runtime.files import read_json, write_json

ROOT = Path(__file__).parents[1]
KEYS = ["corpus", "dimension", "model"]
FIGURE = "figure_02"
NOT_NEEDED = (
    "random",
    "full-depth",
    "half-depth",
    "below-half-depth",
    "full-data",
    "three-quarters-data",
    "quarter-data",
    "eighth-data",
)
"""Roles that no headline claim names."""


def run(seed: int, shipped: int, cores: int) -> Path:
    """Make figures and claims with the corpora of a seed; return the folder of the study."""
    config = {"study": "miniature"} if seed == shipped else config_of(seed)
    use_format_of(ROOT / "results/miniature", ROOT / "results" / config["study"])
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(config, file)
        file.flush()
        command = ["snakemake", FIGURE, "claims", "--cores", str(cores), "--configfile", file.name]
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)
    return ROOT / "results" / config["study"]


def config_of(seed: int) -> dict[str, Any]:
    """The study of another corpus seed: what differs from the default configuration."""
    return {
        "study": f"miniature-seed-{seed}",
        "miniature": {"seed": seed},
        "figures": {"figure_10": {"models": ["cnn14", "w2v2-L-robust"]}},  # the claims read its embeddings
        "claims": {"roles": {role: [] for role in NOT_NEEDED}},
    }


def use_format_of(first: Path, other: Path) -> None:
    """Make a study compute in the number format that was chosen for the first one, unless it has one already."""
    chosen, own = first / "precision.json", other / "precision.json"
    if chosen.is_file() and not own.exists():
        own.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(chosen, own)


def scores(folder: Path) -> pd.DataFrame:
    """The values of the figure (models x corpora x dimensions) by ``KEYS``."""
    return pd.read_csv(folder / "figures" / f"{FIGURE}.csv").set_index(KEYS)


def with_interval(row: pd.Series) -> str:
    """Format a CCC with its interval, such as ``0.36 [0.26, 0.46]``."""
    return f"{row['ccc']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def record(folder: Path, seed: int) -> dict[str, Any]:
    """What docs/corpus_seeds.md shows of a study."""
    made = read_json(folder / "claims.run.json")
    kept = ("id", "section", "claim", "headline", "verdict", "estimate", "low", "high")
    return {
        "seed": seed,
        "commit": made["git_commit"],
        "processor": made["hardware"]["cpu"],
        "scores": scores(folder).reset_index()[[*KEYS, "ccc", "low", "high"]].round(4).to_dict("records"),
        "claims": [{key: _short(one[key]) for key in kept} for one in read_json(folder / "claims.json")["claims"]],
    }


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def verdicts(folders: Sequence[Path], seeds: Sequence[int]) -> str:
    """A Markdown table of the headline claims, those with different verdicts first."""
    comparison = compare_verdicts(folders)
    headline = [one["id"] for one in read_json(folders[0] / "claims.json")["claims"] if one["headline"]]
    shown = replace(comparison, table=comparison.table[comparison.table["id"].isin(headline)])
    return "\n".join([*shown.summary(), "", *table_of(shown, [f"seed {seed}" for seed in seeds])])


def main() -> None:
    """Run every seed and print both tables."""
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["miniature"]["seed"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    drawn = list(range(shipped, shipped + 4))
    parser.add_argument("--seeds", type=int, nargs="+", default=drawn, help="of the corpora (default: %(default)s)")
    parser.add_argument("--cores", type=int, default=2, help="cores of each run")
    parser.add_argument("--output", type=Path, help="also write what docs/corpus_seeds.md shows, as JSON")
    args = parser.parse_args()
    folders = [run(seed, shipped, args.cores) for seed in args.seeds]
    if args.output:
        studies = [record(folder, seed) for folder, seed in zip(folders, args.seeds, strict=True)]
        write_json(args.output, {"studies": studies})
    tables = {seed: scores(folder) for seed, folder in zip(args.seeds, folders, strict=True)}
    shown = pd.DataFrame({f"seed {seed}": table.apply(with_interval, axis=1) for seed, table in tables.items()})
    shown["mean"] = sum(table["ccc"] for table in tables.values()) / len(tables)
    print(shown.round(2).to_string())
    if len(folders) > 1:
        print(verdicts(folders, args.seeds))


if __name__ == "__main__":
    main()
