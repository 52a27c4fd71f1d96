"""The verdicts of several finished runs side by side: the sub-command ``compare-verdicts``.

Runs of one study that differ in training seeds, machine, number format or corpus seed should not contradict each
other. A claim that one run supports and another contradicts is reversed.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from valence_gap.runtime.data_files import write_csv
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json, write_text

CONCLUSIVE = ("supported", "contradicted")
NEEDED = ("id", "section", "claim", "verdict", "estimate", "low", "high", "p_value", "statement")
"""What is read of a claim; each file ``claims.json`` has it."""
FREE = ("reason", "headline", "section")
"""Fields of a statement that do not change what is tested."""


@dataclass(frozen=True)
class VerdictComparison:
    """The claims of several runs.

    Attributes:
        runs: as they were named, in order.
        table: a row for each claim: section, id, claim, tested (its interval is known in every run), conclusive and
            reversed (in how many runs), differs, and for run n verdict_n, estimate_n, low_n and high_n.
        formats: for each run the number formats of its trainings with their numbers; empty where they are not known.
    """

    runs: tuple[str, ...]
    table: pd.DataFrame
    formats: tuple[Mapping[str, int], ...]

    @property
    def reversed_claims(self) -> list[str]:
        """Ids of the claims that one run supports and another contradicts."""
        return list(self.table.loc[self.table["reversed"] > 0, "id"])

    def differing_share(self) -> float:
        """Share of the tested claims with different verdicts in two runs, the mean over all pairs of runs.

        NaN if no claim was tested in every run.
        """
        verdicts = self._verdicts(self.table[self.table["tested"]])
        pairs = [(verdicts[one] != verdicts[two]).mean() for one, two in itertools.combinations(verdicts, 2)]
        return float(sum(pairs) / len(pairs))

    def _verdicts(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[[f"verdict_{number}" for number in range(1, len(self.runs) + 1)]]

    def summary(self) -> list[str]:
        """One line each: how many claims, how many are conclusive, how many differ, which are reversed."""
        conclusive, runs = self.table["conclusive"], len(self.runs)
        tested = int(self.table["tested"].sum())
        share = f"{100 * self.differing_share():.1f} %" if tested else "unknown"
        found = self.reversed_claims
        return [
            f"{len(self.table)} claims in {runs} runs, {tested} of them with an interval in every run",
            f"conclusive in every run: {int((conclusive == runs).sum())}; in some: "
            f"{int(conclusive.between(1, runs - 1).sum())}; in none: {int((conclusive == 0).sum())}",
            f"verdicts that differ between two runs: {share} of the claims with an interval"
            + (", mean over all pairs of runs" if runs > 2 else ""),
            f"reversed: {len(found)}" + (f" ({', '.join(found)})" if found else ""),
        ]


def compare_verdicts(runs: Sequence[Path]) -> VerdictComparison:
    """Compare the verdicts of several finished runs.

    Args:
        runs: a folder with ``claims.json``, such as ``results/<study>``, or the file itself, for each run.

    Raises:
        UserError: there are fewer than two runs, a file is missing or has no claims, or the statements of the runs
            differ in more than their reasons.
    """
    if len(runs) < 2:
        raise UserError("there is nothing to compare", remedy="Name two runs or more, such as results/miniature.")
    claims = [_claims(run) for run in runs]
    _check_statements(runs, claims)
    rows = [_row([found[name] for found in claims]) for name in claims[0]]
    return VerdictComparison(tuple(map(str, runs)), pd.DataFrame(rows), tuple(map(_formats, runs)))


def _formats(run: Path) -> Mapping[str, int]:
    """Number format of the products -> number of trainings, by the run records of the models."""
    records = (read_json(path) for path in sorted(run.glob("models/*/seed-*/run.json")))
    return dict(Counter(record["precision"] for record in records if "precision" in record).most_common())


def _claims(run: Path) -> dict[str, Mapping[str, Any]]:
    """The claims of a run by their id."""
    path = run / "claims.json" if run.is_dir() else run
    remedy = "Name a folder such as results/miniature whose claims have been made, or its claims.json."
    if not path.is_file():
        raise UserError("a run has no claims", [str(path)], remedy)
    try:
        found = read_json(path)["claims"]
        claims: dict[str, Mapping[str, Any]] = {one["id"]: {key: one[key] for key in NEEDED} for one in found}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError("a file has no claims", [f"{path}: {error!r}"], remedy) from None
    if not claims:
        raise UserError("a file has no claims", [str(path)], remedy)
    return claims


def _check_statements(runs: Sequence[Path], claims: Sequence[Mapping[str, Mapping[str, Any]]]) -> None:
    """Refuse runs that tested different statements: all differences from the first run."""
    wrong = []
    for run, found in zip(runs[1:], claims[1:], strict=True):
        for name in dict.fromkeys([*claims[0], *found]):
            if name not in found or name not in claims[0]:
                wrong.append(f"{name}: only in {run if name in found else runs[0]}")
                continue
            one, other = claims[0][name]["statement"], found[name]["statement"]
            wrong += [
                f"{name}: {key} is {one.get(key)!r} in {runs[0]} and {other.get(key)!r} in {run}"
                for key in sorted({*one, *other} - set(FREE))
                if one.get(key) != other.get(key)
            ]
    if wrong:
        remedy = "Make the claims of these runs again with the same workflow/claims.yaml."
        raise UserError("the runs tested different statements", wrong, remedy)


def _row(claims: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first, verdicts = claims[0], [one["verdict"] for one in claims]
    known = [all(one[key] is not None for key in ("low", "high", "p_value")) for one in claims]
    row = {
        "section": first["section"],
        "id": first["id"],
        "claim": first["claim"],
        "tested": all(known),
        "conclusive": sum(verdict in CONCLUSIVE for verdict in verdicts),
        "reversed": min(map(verdicts.count, CONCLUSIVE)),
        "differs": len(set(verdicts)) > 1,
    }
    for number, one in enumerate(claims, 1):
        row |= {f"{key}_{number}": one[key] for key in ("verdict", "estimate", "low", "high")}
    return row


def write_comparison(comparison: VerdictComparison, output: Path) -> None:
    """Write a comparison as Markdown, or as CSV if the name ends so.

    Raises:
        UserError: the name has another ending.
    """
    if output.suffix == ".csv":
        write_csv(output, comparison.table)
    elif output.suffix == ".md":
        write_text(output, as_markdown(comparison))
    else:
        raise UserError("the table is written as Markdown or CSV", [str(output)], "Name a file .md or .csv.")


def as_markdown(comparison: VerdictComparison) -> str:
    """A page: the runs, the summary, and one row for each claim; reversed claims and those that differ stand first."""
    names = [f"Run {number}" for number in range(1, len(comparison.runs) + 1)]
    lines = ["# Verdicts of several runs", ""]
    for number, (run, formats) in enumerate(zip(comparison.runs, comparison.formats, strict=True), 1):
        computed = ", ".join(f"{count} in {name}" for name, count in formats.items())
        lines.append(f"{number}. `{run}`" + (f" (trainings: {computed})" if computed else ""))
    lines += ["", *(f"- {line}" for line in comparison.summary()), "", *table_of(comparison, names)]
    return "\n".join(lines) + "\n"


def table_of(comparison: VerdictComparison, names: Sequence[str]) -> list[str]:
    """The lines of a Markdown table with one row for each claim.

    Args:
        comparison: the claims.
        names: heading of the column of each run.
    """
    lines = [_line(["Section", "Claim", "Conclusive in", "Reversed", *names]), _line(["---"] * (4 + len(names)))]
    ordered = comparison.table.sort_values(["reversed", "differs"], ascending=False, kind="stable")
    for row in ordered.to_dict(orient="records"):
        cells = [str(row[key]) for key in ("section", "claim", "conclusive")]
        mark = f"**in {row['reversed']}**" if row["reversed"] else ""
        lines.append(_line([*cells, mark, *(_verdict(row, number) for number in range(1, len(names) + 1))]))
    return lines


def _verdict(row: Mapping[Any, Any], number: int) -> str:
    verdict, numbers = row[f"verdict_{number}"], [row[f"{key}_{number}"] for key in ("estimate", "low", "high")]
    if pd.isna(numbers[0]):
        return str(verdict)
    estimate, *interval = ["–" if pd.isna(value) else f"{value:.3f}".replace("-", "−") for value in numbers]
    return f"{verdict}: {estimate} [{interval[0]}, {interval[1]}]"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
