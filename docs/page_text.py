"""Numbers and claims as text and as Markdown tables, for the pages of the documentation that show runs."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

CORPORA = {"msp-podcast": "MSP-Podcast", "iemocap": "IEMOCAP", "cmu-mosi": "MOSI"}
LIMITS = {
    "utterances": "too few utterances",
    "seeds": "too few training seeds",
    "centre": "estimate near the threshold",
    "roles": "no model or no evidence",
}
"""What limits an inconclusive claim (``limited_by`` of claims.json), in words."""
Claim = Mapping[str, Any]


def ccc(value: float | None) -> str:
    """A CCC or a difference of CCCs, as the paper writes it: .77, −.02; a dash if it is not known."""
    if value is None or pd.isna(value):
        return "–"
    text = f"{value:.2f}".replace("-0.00", "0.00")
    return re.sub(r"^(-?)0\.", r"\1.", text).replace("-", "−")


def deciding_case(claim: Claim) -> str:
    """The case of a claim on several cases that its verdict rests on, such as a corpus: cmu-mosi; a dash for others."""
    found = re.search(r"shown: ([^;]+)", claim.get("why") or "")
    return found[1] if found else "–"


def span(values: Iterable[float]) -> str:
    """The lowest and the highest value: .77 to .82, or .77 if they are the same."""
    found = list(values)
    ends = [ccc(min(found)), ccc(max(found))]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def words(names: Iterable[str], none: str = "none") -> str:
    """Names in a row: a, b and c."""
    *most, last = list(names) or [none]
    return f"{', '.join(most)} and {last}" if most else last


def pivot(table: pd.DataFrame, rows: str, columns: list[str], value: str = "ccc") -> str:
    """A Markdown table of values with their intervals.

    Args:
        table: has the columns ``rows``, ``columns``, ``value``, and low and high if there are intervals.
        rows: the column of the row names.
        columns: the columns whose values name a column of the table together.
        value: the column of the values.
    """
    head = list(dict.fromkeys(table[columns].itertuples(index=False, name=None)))
    names = list(dict.fromkeys(table[rows]))
    cells = {(row[rows], *(row[key] for key in columns)): with_interval(row, value) for _, row in table.iterrows()}
    titles = [" ".join(CORPORA.get(part, part) for part in dict.fromkeys(map(str, key))) for key in head]
    lines = [f"| {rows} | " + " | ".join(titles) + " |", "|---" * (1 + len(head)) + "|"]
    lines += [f"| {name} | " + " | ".join(cells.get((name, *key), "–") for key in head) + " |" for name in names]
    return "\n".join(lines)


def with_interval(row: "Claim | pd.Series[Any]", value: str) -> str:
    """A value with its interval, if it has one: .77 [.74, .80]."""
    if {"low", "high"} - set(row.keys()):
        return ccc(row[value])
    return f"{ccc(row[value])} [{ccc(row['low'])}, {ccc(row['high'])}]"


def claims_table(claims: Iterable[Claim]) -> str:
    """A Markdown table of claims: verdict, estimate with interval, standard errors, seeds, and what would settle it.

    A run whose claims have no part of the training seeds in their intervals lacks some of these numbers.
    """
    lines = ["| claim | verdict | estimate | standard errors | seeds | limited by |", "|---|---|---|---|---|---|"]
    for one in claims:
        unfinished = one.get("not_converged") or []
        verdict = f"**{one['verdict']}**" + (f" (not converged: {words(unfinished)})" if unfinished else "")
        interval = "" if one["p_value"] is None else f" [{ccc(one['low'])}, {ccc(one['high'])}]"
        cells = [one["claim"], verdict, ccc(one["estimate"]) + interval, _errors(one), _seeds(one), _limit(one)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _errors(claim: Claim) -> str:
    """The standard errors over utterances, over speakers and over training seeds."""
    names = {"se_utterances": "utterances", "se_speakers": "speakers", "se_seeds": "seeds"}
    known = [f"{name} {claim[key]:.3f}" for key, name in names.items() if claim.get(key) is not None]
    return ", ".join(known) or "–"


def _seeds(claim: Claim) -> str:
    """The number of training seeds of the compared models: the same for all, or the least and the greatest."""
    counts = sorted((claim.get("seeds") or {}).values())
    if not counts:
        return "–"
    return str(counts[0]) if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"


def _limit(claim: Claim) -> str:
    """Why an inconclusive claim is not settled, and what would settle it."""
    limit = LIMITS.get(claim.get("limited_by") or "", "")
    needs = claim.get("needs") or {}
    amounts = [f"{number:,} of {CORPORA.get(name, name)}" for name, number in (needs.get("utterances") or {}).items()]
    found = [words(amounts)] if amounts else []
    found += [f"{needs['seeds']} seeds"] if needs.get("seeds") else []
    return limit + (f"; needs {' or '.join(found)}" if limit and found else "")
