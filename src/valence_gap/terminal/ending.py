"""The end of a run: the numbers of Figure 2, the headline verdicts, what was left out, and where to read on."""

import csv
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valence_gap.runtime.errors import printable
from valence_gap.terminal.jobs import ccc

LONGEST = 220  # characters of a line on what was left out
DIMENSIONS = ("arousal", "dominance", "valence")
LIMITS = {
    "utterances": "too few utterances",
    "seeds": "too few training seeds",
    "centre": "too close to its threshold",
    "roles": "a model or evidence is missing",
}
EXAMPLES = 2
REASONS = 8  # lines on what was left out; the reports have all


def _nothing() -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class StudyView:
    """What the display of a run knows of its study.

    Attributes:
        name: its name.
        results: the folder of its results.
        targets: its figures, tables and claims.
        corpora: the names of its corpora.
        rules: returns the names of the workflow's rules.
        requested: returns the targets of the command line; none means the whole study.
    """

    name: str = ""
    results: str = ""
    targets: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()
    rules: Callable[[], Sequence[str]] = field(default=_nothing)
    requested: Callable[[], Sequence[str]] = field(default=_nothing)

    def shown(self) -> set[str]:
        """Targets of the study that the run was asked for."""
        asked = {name for name in self.requested() if name != "all"}
        return set(self.targets) & asked if asked else set(self.targets)


def ending(view: StudyView, width: int | None = None) -> list[str]:
    """The lines at the end of a run that succeeded; none if the run was asked for none of the study's targets.

    Args:
        view: the study.
        width: characters of a line, after which sentences are wrapped; None: a line for each sentence.
    """
    shown, results = view.shown(), Path(view.results)
    if not (view.results and shown):
        return []
    lines: list[str] = []
    if "figure_02" in shown:
        lines += _scores(results / "figures/figure_02.csv")
    if "claims" in shown:
        lines += _verdicts(results / "claims.json", width)
    elif "claims" not in view.targets:
        lines += ["", "Claims: not among the targets of this study."]
    return [*lines, "", *_left_out(results, view.corpora), "", *_places(results, shown)]


def _scores(path: Path) -> Iterator[str]:
    """Figure 2 as a table: a row for each model, a column for each corpus and dimension."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        cells = {(row["model"], row["corpus"], row["dimension"]): _number(row["ccc"]) for row in rows}
        several = {row["model"] for row in rows if int(row["seeds"]) > 1}
    except (OSError, KeyError, ValueError) as error:
        yield f"Figure 2: {path} cannot be read ({type(error).__name__})."
        return
    if not rows:
        yield f"Figure 2: {path} has no rows."
        return
    models, corpora = (list(dict.fromkeys(row[name] for row in rows)) for name in ("model", "corpus"))
    present = {(row["corpus"], row["dimension"]) for row in rows}
    columns = {corpus: [name for name in DIMENSIONS if (corpus, name) in present] for corpus in corpora}
    seeds = ", means over training seeds" if several else ""
    yield f"Figure 2: CCC on the test sets (aro: arousal, dom: dominance, val: valence{seeds})"
    width = max(len(name) for name in ("model", *models))
    widths = {corpus: max(len(corpus), 6 * len(names) - 1) for corpus, names in columns.items()}
    yield f"  {'':<{width}}  " + "  ".join(f"{corpus:<{widths[corpus]}}" for corpus in columns).rstrip()
    heads = {corpus: [name[:3] for name in names] for corpus, names in columns.items()}
    yield f"  {'model':<{width}}  " + _row(heads, widths)
    for model in models:
        numbers = {
            corpus: [cells.get((model, corpus, name), "-") for name in names] for corpus, names in columns.items()
        }
        yield f"  {model:<{width}}  " + _row(numbers, widths)


def _row(cells: Mapping[str, Sequence[str]], widths: Mapping[str, int]) -> str:
    parts = (f"{' '.join(f'{cell:>5}' for cell in names):<{widths[corpus]}}" for corpus, names in cells.items())
    return "  ".join(parts).rstrip()


def _number(text: str) -> str:
    return ccc(float(text)) if text else "-"


def _verdicts(path: Path, width: int | None) -> Iterator[str]:
    """Each headline claim, and the count of all verdicts."""
    yield ""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        claims = [claim for claim in found["claims"] if claim.get("headline")]
        yield f"The paper's main statements in this study ({found['summary']})"
        for claim in claims:
            limit = LIMITS.get(claim.get("limited_by") or "", "")
            words = f"{claim['claim']} [{limit}]" if limit and claim["verdict"] == "inconclusive" else claim["claim"]
            line = f"  {claim['verdict']:<12}  {words}"
            yield from textwrap.wrap(line, width, subsequent_indent=" " * 16) if width else [line]
    except (OSError, KeyError, ValueError) as error:
        yield f"Claims: {path} cannot be read ({type(error).__name__})."


def _left_out(results: Path, corpora: Sequence[str]) -> list[str]:
    """What is missing from the numbers: rows that were dropped, and audio that could not be used."""
    lines, unread = [], []
    reports = [(corpus, results / f"corpora/{corpus}/report.json", "examples") for corpus in corpora]
    for corpus in corpora:
        packs = sorted((results / f"audio/{corpus}/clean").glob("*/report.json"))
        reports += [(f"{corpus} {pack.parent.name}, audio", pack, "files") for pack in packs]
    for subject, path, names in reports:
        report = _json(path)
        if report is None:
            unread.append(subject)
            continue
        lines += [f"  {subject}: {_reason(reason, one, names)}" for reason, one in report.get("skipped", {}).items()]
        lines += [f"  {subject}: warning: {printable(each)}" for each in report.get("warnings", [])]
    if len(lines) > REASONS:
        lines = [*lines[:REASONS], f"  and {len(lines) - REASONS:,} more: {results}/corpora/*/report.json"]
    if len(unread) == len(reports):
        return ["Left out of the corpora: unknown, they were not read in this folder."]
    return ["Left out of the corpora, and warnings:", *lines] if lines else ["Left out of the corpora: nothing."]


def _reason(reason: str, found: Mapping[str, Any], names: str) -> str:
    examples = ", ".join(found.get(names, [])[:EXAMPLES])
    more = ", ..." if found["count"] > EXAMPLES else ""
    return textwrap.shorten(printable(f"{found['count']:,} {reason}: {examples}{more}"), LONGEST, placeholder=" ...")


def _places(results: Path, shown: set[str]) -> list[str]:
    """Where to read on; only what is there."""
    page, claims = results / "index.html", results / "claims.md"
    lines = [f"Open {page}"] if page.is_file() else []
    made = [f"{results}/figures"] if any(name.startswith("figure") for name in shown) else []
    made += [f"{results}/tables"] if any(name.startswith("table") for name in shown) else []
    made += [str(claims)] if "claims" in shown and claims.is_file() else []
    return [*lines, f"Results: {', '.join(made) or results}"]


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
