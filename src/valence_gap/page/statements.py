"""The paper's statements on the page: those behind each figure, and the table of all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from valence_gap.claims.paper_roles import BEST
from valence_gap.claims.rendering import SECTIONS
from valence_gap.definitions.claims_file import read_statements
from valence_gap.definitions.page import PageDescription
from valence_gap.page.numbers import NONE, count, decimal, interval
from valence_gap.page.results import Results

SECTIONS_OF: Mapping[str, tuple[str, ...]] = {
    "figure_02": ("IV-A", "IV-E", "IV-F", "IV-G"),
    "figure_03": ("IV-B",),
    "figure_04": ("IV-C",),
    "figure_05": ("IV-D",),
    "figure_06": ("IV-H",),
    "figure_07": ("IV-I",),
    "figure_08": ("IV-J",),
    "figure_09": ("IV-K",),
    "figure_10": ("IV-K",),
    "figure_11": ("V-A",),
    "figure_12": ("V-B",),
    "figure_13": ("V-C",),
    "table_1": ("II",),
    "table_3": ("IV-H",),
}
"""The sections of the paper whose statements rest on a figure or table."""
OF_EMBEDDINGS = "separation"
"""The quantity of section IV-K that Figure 10 shows; Figure 9 shows the others."""
NOT_EVALUATED = "not evaluated"
CLAIM_COLUMNS = (
    *("section", "verdict", "words", "estimate", "low", "high", "claimed", "seeds", "settles", "headline"),
    *("compared", "covers"),
)


def statements_of(target: str, results: Results, claims_file: Path) -> list[dict[str, Any]]:
    """The statements of the paper that rest on a figure or table, those of its title and abstract first.

    Args:
        target: the figure or table.
        results: the study; without claims, the verdicts are 'not evaluated'.
        claims_file: ``workflow/claims.yaml``.
    """
    if results.claims is not None:
        rows = [_row(claim) for claim in results.claims["claims"]]
    else:
        known = read_statements(claims_file)
        rows = [
            _row({"section": one.section, "claim": one.words, "quantity": one.quantity, "headline": one.headline})
            for one in known
        ]
    chosen = [row for row in rows if row["section"] in SECTIONS_OF.get(target, ()) and _shows(target, row["quantity"])]
    return sorted(chosen, key=lambda row: not row["headline"])


def section_title(section: str) -> str:
    """A section with its title: 'IV-A The valence gap'."""
    return f"{section} {SECTIONS.get(section, '')}".strip()


def claim_rows(claims: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """The cells of the table of all claims, in the order of :data:`CLAIM_COLUMNS`, with the marks of claims.md."""
    rows = [
        _row(claim) | {"headline": "yes" if claim.get("headline") else "", "words": _marked(claim)} for claim in claims
    ]
    return [[row[name] for name in CLAIM_COLUMNS] for row in rows]


def _marked(claim: Mapping[str, Any]) -> str:
    """The words; ‡: of the title, abstract or conclusion; †: the verdict holds after correction for their number."""
    marks = [("‡", claim.get("headline")), ("†", claim.get("holds_corrected"))]
    return " ".join([str(claim["claim"]), *(mark for mark, applies in marks if applies)])


def headlines(results: Results) -> list[dict[str, Any]]:
    """The statements of the paper's title, abstract and conclusion; none if the study evaluates no claims."""
    return [_row(claim) for claim in (results.claims or {}).get("claims", ()) if claim.get("headline")]


def best_transformer(description: PageDescription) -> str:
    """Which model "the best transformer" of a statement is: the paper's best one, and not the best of the study."""
    text = f"“The best transformer” of a statement is the paper's best model, {BEST}, not the best of this study."
    if description.best == BEST:
        return text
    return f"{text} Here {description.best or 'no model'} takes its place."


def _shows(target: str, quantity: str) -> bool:
    return (quantity == OF_EMBEDDINGS) == (target == "figure_10") or target not in ("figure_09", "figure_10")


def _row(claim: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "section": claim["section"],
        "words": claim["claim"],
        "quantity": claim["quantity"],
        "headline": bool(claim.get("headline")),
        "verdict": claim.get("verdict", NOT_EVALUATED),
        "estimate": claim.get("estimate"),
        "low": claim.get("low"),
        "high": claim.get("high"),
        "shown": _shown(claim),
        "measured": claim.get("compared") or claim["quantity"],
        "claimed": _claimed(claim),
        "seeds": _seeds(claim.get("seeds")),
        "settles": _settles(claim),
        "compared": "; ".join(filter(None, (claim.get("compared"), claim.get("why")))),
        "covers": claim.get("interval_covers") or "",
        "lacks": _lacks(claim),
        "not_converged": ", ".join(claim.get("not_converged") or ()),
    }


def _shown(claim: Mapping[str, Any]) -> str:
    if claim.get("estimate") is None:
        return ""
    low, high = claim.get("low"), claim.get("high")
    bounds = "" if low == high else interval(low, high, 3)  # a count of published numbers has no interval
    return f"{decimal(claim['estimate'], 3)} {bounds}".strip()


def _claimed(claim: Mapping[str, Any]) -> str:
    """The claimed side: '> 0', 'within .05 of 0'; empty where the file does not say."""
    comparison, threshold, margin = (claim.get(name) for name in ("comparison", "threshold", "margin"))
    if comparison is None or threshold is None:
        return ""
    match comparison:
        case "greater":
            return f"> {decimal(threshold, 2)}"
        case "less":
            return f"< {decimal(threshold, 2)}"
        case "within":
            return f"within {decimal(margin)} of {decimal(threshold)}"
        case _:
            return f"{comparison} {decimal(threshold)} (margin {decimal(margin)})"


def _seeds(seeds: Any) -> str:
    """How many training seeds the compared models have: '3', or '1 to 3'; empty where the file does not say."""
    if not isinstance(seeds, Mapping) or not seeds:
        return ""
    numbers = sorted({int(number) for number in seeds.values()})
    return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _settles(claim: Mapping[str, Any]) -> str:
    """What would settle an inconclusive claim; a dash for others."""
    if claim.get("verdict") != "inconclusive":
        return NONE
    needs = claim.get("needs") or {}
    parts = [f"{number:,} utterances of {corpus}" for corpus, number in (needs.get("utterances") or {}).items()]
    parts += [count(int(needs["seeds"]), "training seed")] if needs.get("seeds") else []
    text = " and ".join(parts) or str(claim.get("would_take") or "")
    return text or _lacks(claim) or "unknown"


def _lacks(claim: Mapping[str, Any]) -> str:
    """Why a claim has no estimate: 'no model in the role of strong (in the paper hubert-L)'; empty for others."""
    is_open = claim.get("verdict") == "inconclusive" and claim.get("estimate") is None
    return str(claim.get("why") or "") if is_open else ""
