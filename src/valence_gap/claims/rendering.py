"""The results of claims as CSV, Markdown and JSON."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from valence_gap.claims.results import ClaimResult
from valence_gap.claims.verdicts import by_section, holds_corrected, summary
from valence_gap.definitions.claims import NotChecked, Statement
from valence_gap.definitions.figures import in_words

SECTIONS = {
    "II": "Related work",
    "IV-A": "The valence gap",
    "IV-B": "Explicit linguistic information",
    "IV-C": "Implicit linguistic information",
    "IV-D": "Fine-tuning of the transformer layers",
    "IV-E": "Generalisation across corpora",
    "IV-F": "Pre-training data",
    "IV-G": "Size of the architecture",
    "IV-H": "Robustness",
    "IV-I": "Fairness to genders",
    "IV-J": "Fairness to speakers",
    "IV-K": "What pre-training and architecture contribute",
    "V-A": "Stability and convergence",
    "V-B": "Number of layers",
    "V-C": "Amount of training data",
}
METHOD_NOTE = (
    "The claims of the paper are given in our words. The best transformer is the paper's best model, w2v2-L-robust, or "
    "the one that has its role in the study (claims.roles: best); it need not be the best one of the study. "
    "A claim is supported if the whole interval is on the claimed "
    "side of the threshold, and contradicted if the whole interval is on the other side. Otherwise, or if numbers are "
    "missing, it is inconclusive. An interval is the estimate plus and minus Student's t times a standard error of two "
    "parts. The first is the test set's: the larger of a bootstrap over utterances and one over speakers with all "
    "their utterances, with the same resamples for all models. The second is the training seeds': if a model has "
    "several seeds, their mean is used, and the variance between seeds is pooled over models of a kind (fine-tuned, "
    "frozen, random initialisation, CNN14; each with and without a fusion). A model with one seed borrows it. Where no "
    "model of its kind has several seeds, the interval covers the utterances only, and says so. Degrees of freedom are "
    "those of Welch and Satterthwaite. Claims on single speakers and on embeddings have no bootstrap over speakers. "
    "The quantities of section V-A are different: their intervals are percentiles of draws over the seeds (Student's "
    "t, chi-square). The spread over models and absolute gender "
    "gaps are root mean squares less what sampling alone would give, so they can be below 0. If a claim is about "
    "several cases, the deciding case is shown. If one of many cases would be enough, intervals are widened until "
    "they hold for all cases at once (max-t). An inconclusive claim shows the smallest number of utterances or of "
    "seeds at which the interval no longer contains the threshold, if its centre stays and its width shrinks with the "
    "square root. The p-value is two-sided and of the same t: it is at most 0.05 just if the 95 % "
    "interval is on one side. A verdict with † also holds after a correction for the number of claims (Benjamini-"
    "Hochberg): at most 5 % of the verdicts with † are expected to be false. Holm's correction, which guards against "
    "a single false verdict, is not used, because readers take the claims one by one. Claims on "
    "published recalls (section II) have no interval and no p-value. ‡ marks a claim of the title, the abstract or "
    "the conclusion."
)


BESIDE_NOTE = "These intervals are percentiles of the bootstrap over utterances; seeds and speakers are not in them."


def table(results: Sequence[ClaimResult], *, confidence: float) -> pd.DataFrame:
    """Return one row per statement: section, id, words, verdict, quantity, compared, numbers, and what decided.

    Lists are texts here: ``seeds`` is 'cnn14 3, w2v2-b 3', models are joined by commas.
    """
    return pd.DataFrame(
        [_row(one, confidence) | _as_texts(_structured(one)) for group in by_section(results).values() for one in group]
    )


def _structured(result: ClaimResult) -> dict[str, Any]:
    """The parts of a result that are lists and mappings."""
    errors, needs = result.errors, result.needs
    return {
        "seeds": dict(errors.seeds),
        "borrowed_from": list(errors.borrowed_from),
        "seeds_unknown": list(errors.seeds_unknown),
        "not_converged": list(result.not_converged),
        "needs": {"utterances": dict(needs.utterances) if needs.utterances else None, "seeds": needs.seeds},
    }


def _as_texts(structured: dict[str, Any]) -> dict[str, Any]:
    needs = structured["needs"]
    lists = ("borrowed_from", "seeds_unknown", "not_converged")
    return {
        "seeds": _counts(structured["seeds"]),
        **{name: ", ".join(structured[name]) for name in lists},
        "needs_utterances": _counts(needs["utterances"] or {}),
        "needs_seeds": needs["seeds"],
    }


def _counts(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in numbers.items())


def _row(result: ClaimResult, confidence: float) -> dict[str, Any]:
    statement, errors = result.statement, result.errors
    known = result.estimate is not None and result.published is not None
    return {
        "section": statement.section,
        "id": statement.id,
        "headline": statement.headline,
        "claim": statement.words,
        "verdict": result.verdict,
        "quantity": statement.quantity,
        "compared": result.compared,
        "estimate": result.estimate,
        "low": result.low,
        "high": result.high,
        "se_utterances": errors.se_utterances,
        "se_speakers": errors.se_speakers,
        "se_bootstrap": errors.se_bootstrap,
        "se_seeds": errors.se_seeds,
        "standard_error": errors.standard_error,
        "degrees_of_freedom": errors.degrees_of_freedom,
        "interval_covers": errors.interval_covers,
        "comparison": statement.comparison,
        "threshold": statement.threshold,
        "margin": statement.margin,
        "p_value": result.p_value,
        "p_adjusted": result.p_adjusted,
        "holds_corrected": holds_corrected(result, confidence),
        "why": result.why,
        "limited_by": result.limited_by,
        "would_take": result.would_take,
        "cases": result.cases,
        "supporting": result.supporting,
        "contradicting": result.contradicting,
        "published": result.published,
        "difference": (result.estimate or 0) - (result.published or 0) if known else None,
    }


def as_json(
    results: Sequence[ClaimResult],
    scores: pd.DataFrame | None,
    not_checked: Sequence[NotChecked],
    *,
    confidence: float,
) -> dict[str, Any]:
    """Return all results as a JSON object."""
    rows = [
        _row(one, confidence)
        | _structured(one)
        | {"reason": one.statement.reason, "statement": _without_defaults(one.statement)}
        for group in by_section(results).values()
        for one in group
    ]
    found: dict[str, Any] = {"summary": summary(results, confidence), "claims": rows}
    found["not_checked"] = [dataclasses.asdict(one) for one in not_checked]
    if scores is not None:
        found["published"] = [
            {str(key): value if pd.notna(value) else None for key, value in row.items()}
            for row in scores.to_dict(orient="records")
        ]
    return found


def _without_defaults(statement: Statement) -> dict[str, Any]:
    def kept(value: Any) -> Any:
        if not dataclasses.is_dataclass(value):
            return value
        fields = dataclasses.fields(value)
        return {
            one.name: kept(getattr(value, one.name)) for one in fields if getattr(value, one.name) not in (None, (), {})
        }

    found: dict[str, Any] = kept(statement)
    return found


def as_markdown(
    results: Sequence[ClaimResult],
    scores: pd.DataFrame | None,
    not_checked: Sequence[NotChecked],
    *,
    note: str,
    confidence: float,
    subsets: Mapping[str, tuple[int, int]] | None = None,
) -> str:
    """Return the results as a page of Markdown: headline claims first, then all claims by section of the paper.

    Args:
        results: verdicts.
        scores: the published numbers beside the study's.
        not_checked: results of the paper without a statement.
        note: in the title.
        confidence: of the intervals.
        subsets: for each corpus of which a subset is augmented, the number of its utterances and of all.
    """
    lines = [
        "# The paper's answers, checked" + (f" ({note})" if note else ""),
        "",
        f"**{summary(results, confidence)}.**",
        "",
        METHOD_NOTE,
        *_subset_note(subsets or {}),
        "",
        "## Title, abstract and conclusion",
        "",
        *_headlines(results, confidence),
    ]
    for section, group in by_section(results).items():
        lines += ["", f"## {section} {SECTIONS[section]}", "", *_section(group, confidence)]
    if not_checked:
        lines += ["", "## Results without a claim", ""]
        lines += [f"- {one.section}: {one.result} {one.reason}" for one in not_checked]
    if scores is not None:
        lines += ["", "## Beside the published numbers", "", BESIDE_NOTE, "", *_scores(scores)]
    return "\n".join(lines) + "\n"


def _subset_note(subsets: Mapping[str, tuple[int, int]]) -> list[str]:
    if not subsets:
        return []
    parts = [f"{part:,} of {whole:,} utterances of {corpus}" for corpus, (part, whole) in subsets.items()]
    same = "A change is that from clean speech of the same utterances, on the same resamples."
    return ["", f"Augmented speech is a fixed subset of the test sets: {in_words(parts)}. {same}"]


def _headlines(results: Sequence[ClaimResult], confidence: float) -> list[str]:
    lines = [_line(["Section", "Claim", "Verdict", "Estimate", "Claimed"]), _line(["---"] * 5)]
    for one in (each for group in by_section(results).values() for each in group if each.statement.headline):
        name, verdict = one.statement.section, _verdict(one, confidence)
        lines.append(_line([name, one.statement.words, verdict, _estimate(one), claimed(one.statement)]))
    return lines


def _verdict(result: ClaimResult, confidence: float) -> str:
    return f"**{result.verdict}**" + (" †" if holds_corrected(result, confidence) else "")


def _section(group: Sequence[ClaimResult], confidence: float) -> list[str]:
    published = any(one.published is not None for one in group)
    extra_head = ["Published", "Difference"] if published else []
    head = ["Claim", "Verdict", "Estimate", "Claimed", "p", *extra_head, "Compared"]
    lines = [_line(head), _line(["---"] * len(head))]
    for one in group:
        extra = []
        if published:
            known = one.estimate is not None and one.published is not None
            extra = [_number(one.published), _number((one.estimate or 0) - (one.published or 0) if known else None)]
        details = "; ".join(text for text in (one.compared, one.why, *_caveats(one)) if text)
        words = one.statement.words + (" ‡" if one.statement.headline else "")
        numbers = [_estimate(one), claimed(one.statement), _number(one.p_value), *extra]
        lines.append(_line([words, _verdict(one, confidence), *numbers, details]))
    reasons = [f"- {one.statement.id}: {one.statement.reason}" for one in group if one.statement.reason]
    return [*lines, *(["", "Thresholds and margins:", "", *reasons] if reasons else [])]


def _caveats(result: ClaimResult) -> list[str]:
    """The standard errors, the seeds, and what the interval does not cover."""
    errors = result.errors
    if errors.standard_error is None:
        return []
    parts = {"utterances": errors.se_utterances, "speakers": errors.se_speakers, "seeds": errors.se_seeds}
    shown = ", ".join(f"{name} {_number(value)}" for name, value in parts.items() if value is not None)
    texts = [f"standard errors: {shown}", f"seeds: {_counts(dict(errors.seeds))}"]
    lonely = [name for name, count in errors.seeds.items() if count == 1 and name not in errors.seeds_unknown]
    if lonely:
        texts.append(f"variance of seeds of {', '.join(lonely)} borrowed from {', '.join(errors.borrowed_from)}")
    if errors.interval_covers == "utterances only":
        texts.append(f"utterances only: no variance of seeds is known for {', '.join(errors.seeds_unknown)}")
    if result.not_converged:
        texts.append(f"not converged: {', '.join(result.not_converged)}")
    return texts


def _scores(scores: pd.DataFrame) -> list[str]:
    head = ["Quantity", "Model", "Corpus", "Dimension", "Condition", "Value", "Published", "Difference", "Source"]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in scores.to_dict(orient="records"):
        names = [str(row[name]) for name in ("quantity", "model", "corpus", "dimension", "condition")]
        interval = "" if pd.isna(row["low"]) else f" [{_number(row['low'])}, {_number(row['high'])}]"
        numbers = [_number(row["value"]) + interval, _number(row["published"]), _number(row["difference"])]
        lines.append(_line([*names, *numbers, str(row["source"])]))
    return lines


def claimed(statement: Statement) -> str:
    """The claimed side, such as '> 0' or 'within .05 of 0'."""
    threshold = _number(statement.threshold)
    match statement.comparison:
        case "greater":
            return f"> {threshold}"
        case "less":
            return f"< {threshold}"
        case "within":
            return f"within {_number(statement.margin)} of {threshold}{_exceptions(statement)}"
        case _:
            sign = -1 if statement.comparison == "at least" else 1
            bound = _number(statement.threshold + sign * (statement.margin or 0))
            return f"{'>' if sign < 0 else '<'} {bound} (margin {_number(statement.margin)}{_exceptions(statement)})"


def _exceptions(statement: Statement) -> str:
    """The margins of corpora with one of their own."""
    return "".join(f"; {_number(margin)} on {role}" for role, margin in statement.margins.items())


def _estimate(result: ClaimResult) -> str:
    if result.estimate is None:
        return "–"
    if result.p_value is None:
        return _number(result.estimate)
    return f"{_number(result.estimate)} [{_number(result.low)}, {_number(result.high)}]"


def _number(value: float | None) -> str:
    if value is None or pd.isna(value):
        return "–"
    value = round(value, 3)
    return f"{value:.3f}".replace("-", "−") if value else "0"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
