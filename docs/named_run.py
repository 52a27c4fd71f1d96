"""Keep a finished run small under docs/runs/, and write the numbers of the documentation from it.

    python docs/named_run.py collect results/miniature docs/runs/NAME   # also renews docs/figures/*.png
    python docs/named_run.py collect --beside results/training-seeds docs/runs/NAME   # a run that is only compared
    python docs/named_run.py render NAME                                # docs/results.md, docs/claims.md, README.md
    python docs/named_run.py render --check                             # fails if a page differs from its run

A run has scores, claims, the tables of the figures, the stopping rule, the curves of all trainings, and what made it:
processors, versions, seeds, durations. No sentence of the pages has a number of the run in it: docs/templates has the
text, and numbers are filled in. README.md has them between `<!-- run: BLOCK -->` and `<!-- end -->`; the text of a
block is docs/templates/readme/BLOCK.md.j2.
"""

import argparse
import hashlib
import io
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from run_pages import README, RESULTS_PAGE, pages, run_of_page

from valence_gap.definitions.convergence import DOUBLED
from valence_gap.figures.training_curves import draw
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import atomic_folder, read_json, write_json, write_text

DOCS = Path(__file__).parent
ROOT = DOCS.parent
RUNS = DOCS / "runs"
FIGURES = DOCS / "figures"
KEPT = (
    "scores.csv",
    "claims.json",
    "claims.md",
    "convergence.csv",
    "convergence.json",
    "convergence.md",
    "curves.csv",
    "figures/figure_*.csv",
    "tables/table_*.csv",
)
"""What is kept of a run, as patterns below results/<study>."""
LEFT_OUT = ("figures/figure_10.csv",)
"""The points of t-SNE: they are large, and no text has a number of them."""
LARGEST = 1_000_000
"""Bytes of a named run."""
LONG_NUMBER = re.compile(r"-?\b\d+\.\d{7,}(e-?\d+)?\b")
"""A number of a table with more digits than are kept: six."""
COLOURS = 256
"""Colours of a figure of the documentation: a quarter of the bytes, and no difference is seen."""


def collect(results: Path, folder: Path, *, beside: bool = False) -> None:
    """Copy what the documentation shows of a finished run.

    Args:
        results: a folder results/<study> in which all targets have been made.
        folder: docs/runs/NAME; an existing one is replaced.
        beside: docs/figures stay as they are, those of the run that the pages show.

    Raises:
        UserError: something is not there, or the run would be larger than 1 MB.
    """
    found = {pattern: sorted(results.glob(pattern)) for pattern in (*KEPT, "figures/figure_*.png", "claims.run.json")}
    missing = [f"{results}/{pattern}" for pattern, paths in found.items() if not paths]
    if missing:
        raise UserError(
            "the run is not finished", missing, "Make all targets of the study first: snakemake --cores all"
        )
    kept = [path for pattern in KEPT for path in found[pattern] if str(path.relative_to(results)) not in LEFT_OUT]
    figures = {} if beside else _figures(found["figures/figure_*.png"], results / "curves.csv")
    info = run_info(results) | {"name": folder.name, "figures": {name: _sha256(data) for name, data in figures.items()}}
    with atomic_folder(folder) as scratch:
        for path in kept:
            target = scratch / path.relative_to(results)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".csv":
                write_text(target, LONG_NUMBER.sub(_rounded, path.read_text(encoding="utf-8")))
            else:
                shutil.copyfile(path, target)
        write_json(scratch / "run.json", info)
        size = sum(path.stat().st_size for path in scratch.rglob("*") if path.is_file())
        if size > LARGEST:
            large = sorted(scratch.rglob("*.*"), key=lambda path: -path.stat().st_size)[:5]
            lines = [f"{path.relative_to(scratch)}: {path.stat().st_size:,} bytes" for path in large]
            raise UserError(f"the run would have {size:,} bytes, more than {LARGEST:,}", lines, "Leave files out.")
    for name, data in figures.items():
        (FIGURES / name).write_bytes(data)


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.6g}"


def _figures(paths: Iterable[Path], curves: Path) -> dict[str, bytes]:
    """The PNGs of the documentation, in few colours: those of the run, and its curves."""
    from PIL import Image

    made = {}
    with TemporaryDirectory() as scratch:
        drawn = Path(scratch) / "curves.png"
        draw(curves, drawn, note="miniature")
        for path in (*paths, drawn):
            small = io.BytesIO()
            with Image.open(path) as image:
                few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
                few.save(small, format="PNG", optimize=True)
            made[path.name] = small.getvalue()
    return made


def run_info(results: Path) -> dict[str, Any]:
    """What made a run: trainings, machines, versions, durations, and the models of each role.

    Models that were trained with twice as many epochs, for the stopping rule alone, are left out.

    Args:
        results: a folder results/<study>.
    """
    paths = sorted(results.glob("models/*/seed-*/run.json"))
    trainings = {path.parent: read_json(path) for path in paths if not _of_doubled(path.relative_to(results))}
    seeds: dict[str, list[int]] = {}
    for folder in trainings:
        seeds.setdefault(folder.parent.name, []).append(int(folder.name.removeprefix("seed-")))
    records = [*trainings.values(), *map(read_json, sorted(results.glob("predictions/**/*.run.json")))]
    claims = read_json(results / "claims.run.json")["definition"]
    return {
        "study": results.name,
        "note": claims["note"],
        "roles": claims["roles"]["roles"] | {"corpora": claims["roles"]["corpora"]},
        "confidence": claims["evaluation"]["confidence"],
        "seeds": {model: sorted(found) for model, found in seeds.items()},
        "epochs": {
            folder.parent.name: record["definition"]["recipe"]["epochs"] for folder, record in trainings.items()
        },
        "processors": _counted(record["hardware"]["cpu"] for record in records),
        "gpus": _counted(record["hardware"]["gpu"] for record in records if record["hardware"].get("gpu")),
        "precisions": _counted(record["precision"] for record in records if "precision" in record),
        "commits": _counted(record["git_commit"] for record in records),
        "versions": _versions(records),
        "durations": _durations(results / "benchmarks"),
    }


def _of_doubled(path: Path) -> bool:
    """Whether a path below results/<study> is of a model that was trained with twice as many epochs."""
    return any(part.endswith(DOUBLED) for part in path.parts)


def _counted(values: Iterable[Any]) -> dict[str, int]:
    """How often each value occurs, by value."""
    found = list(map(str, values))
    return {value: found.count(value) for value in sorted(set(found))}


def _versions(records: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The versions of each package; several if the run was continued after an update."""
    found: dict[str, set[str]] = {}
    for record in records:
        for name, version in record["versions"].items():
            found.setdefault(name, set()).add(str(version))
    return {name: sorted(versions) for name, versions in sorted(found.items())}


def _durations(benchmarks: Path) -> dict[str, dict[str, float]]:
    """Jobs, wall-clock seconds and processor seconds of each rule."""
    found: dict[str, dict[str, float]] = {}
    for path in sorted(benchmarks.rglob("*.tsv")):
        job = path.relative_to(benchmarks)
        if _of_doubled(job):
            continue
        table = pd.read_csv(path, sep="\t", na_values="-")
        rule = found.setdefault(job.parts[0].removesuffix(".tsv"), {})
        for key, value in (("jobs", 1), ("seconds", table["s"].iloc[-1]), ("cpu_seconds", table["cpu_time"].iloc[-1])):
            rule[key] = round(rule.get(key, 0) + (0 if pd.isna(value) else float(value)), 2)
    return found


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def differing_pages(name: str) -> list[str]:
    """The pages and figures that are not those of a run, by path below the project."""
    made = pages(RUNS / name, README.read_text(encoding="utf-8"))
    wrong = [path for path, text in made.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    sums = read_json(RUNS / name / "run.json")["figures"]
    there = {figure: FIGURES / figure for figure in sums}
    wrong += [
        path for figure, path in there.items() if not path.is_file() or _sha256(path.read_bytes()) != sums[figure]
    ]
    return [str(path.relative_to(ROOT)) for path in wrong]


def shown_run() -> str | None:
    """The name of the run that docs/results.md was written from; None if it was not written from one."""
    return run_of_page(RESULTS_PAGE.read_text(encoding="utf-8")) if RESULTS_PAGE.is_file() else None


def main() -> int:
    """Collect or render; 1 where a check fails, 2 after an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("collect", help="keep a finished run")
    command.add_argument("results", type=Path, help="a folder results/<study>")
    command.add_argument("folder", type=Path, help="docs/runs/NAME")
    command.add_argument("--beside", action="store_true", help="keep docs/figures: the pages show another run")
    command = commands.add_parser("render", help="write the pages from a run")
    command.add_argument("name", nargs="?", default=shown_run(), help="default: the run that the pages show")
    command.add_argument("--check", action="store_true", help="write nothing; fail if a page differs")
    args = parser.parse_args()
    try:
        if args.command == "collect":
            collect(args.results, args.folder, beside=args.beside)
            return 0
        if not args.name or not (RUNS / args.name / "run.json").is_file():
            there = ", ".join(path.parent.name for path in sorted(RUNS.glob("*/run.json"))) or "none"
            raise UserError("there is no such run", [str(args.name)], f"Runs under docs/runs: {there}")
        if args.check:
            wrong = differing_pages(args.name)
            print("\n".join(f"{path} is not that of run {args.name}" for path in wrong), file=sys.stderr)
            return int(bool(wrong))
        for path, text in pages(RUNS / args.name, README.read_text(encoding="utf-8")).items():
            write_text(path, text)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
