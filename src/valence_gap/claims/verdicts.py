"""The verdicts on statements: what is compared, what decides, and what would. Intervals decide, never estimates."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, isinf
from typing import get_args

import numpy as np

from valence_gap.claims.cases import Case, cases_of
from valence_gap.claims.decisions import INCONCLUSIVE, Decision, Verdict, decide
from valence_gap.claims.evidence import Evidence, MissingEvidenceError
from valence_gap.claims.multiplicity import adjusted, expected_false
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.definitions.claims import IN_DOMAIN, OF_SEEDS, Claims, CorpusRole, Side, Statement
from valence_gap.definitions.evaluation import CLEAN, SYNTHESISED
from valence_gap.runtime.progress import progress

# Published recalls have no intervals, so their verdicts have no p-value either.
WITHOUT_INTERVAL = ("recall_gain",)


@dataclass(frozen=True)
class ClaimResult:
    """A statement with its verdict and the numbers behind it.

    Attributes:
        statement: what is claimed.
        verdict: supported, contradicted or inconclusive.
        compared: what was compared, by name.
        why: what decided, or why it is inconclusive.
        estimate: of the deciding case; None if nothing could be computed.
        low: lower end of its interval.
        high: upper end of its interval.
        supporting: number of cases whose whole interval is on the claimed side.
        contradicting: number of cases whose whole interval is on the other side.
        cases: number of cases.
        published: value of the deciding case in the published scores, if they are known.
        p_value: two-sided, from the same resamples as the interval; None without resamples.
        p_adjusted: the same for the number of claims (Benjamini-Hochberg).
        would_take: of an inconclusive claim: how many utterances or seeds a conclusive verdict would take.
    """

    statement: Statement
    verdict: Verdict
    compared: str
    why: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    supporting: int = 0
    contradicting: int = 0
    cases: int = 0
    published: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    would_take: str = ""


def evaluate(
    statements: Iterable[Statement],
    claims: Claims,
    evidence: Evidence,
    *,
    confidence: float,
    published: Evidence | None = None,
) -> list[ClaimResult]:
    """Judge statements.

    Args:
        statements: what is claimed.
        claims: the models and corpora of each role.
        evidence: scores with resamples.
        confidence: of the intervals.
        published: published scores to compare with.
    """
    questions = [ResolvedStatement(one, claims, evidence) for one in statements]
    results = [_evaluate(one, confidence, published) for one in progress(questions, "claims", unit="statements")]
    p_values = adjusted([one.p_value for one in results])
    return [replace(one, p_adjusted=value) for one, value in zip(results, p_values, strict=True)]


def _evaluate(resolved: ResolvedStatement, confidence: float, published: Evidence | None) -> ClaimResult:
    statement = resolved.statement
    try:
        cases = cases_of(resolved)
    except MissingEvidenceError as missing:
        return ClaimResult(statement, INCONCLUSIVE, compared(resolved), str(missing))
    names = list(cases)
    rows = np.stack([cases[name] for name in names], axis=1)  # (1 + resamples, cases)
    if np.isnan(rows[0]).any():
        name = names[int(np.argmax(np.isnan(rows[0])))]
        return ClaimResult(statement, INCONCLUSIVE, compared(resolved), _named("undefined", name), cases=len(names))
    decision = decide(rows, statement, confidence, _margins(resolved, names))
    case = names[decision.case]
    would_take = _would_take(resolved, decision.growth) if decision.verdict == INCONCLUSIVE else ""
    deciding = _why(decision, case, len(names)) if statement.over else ""
    return ClaimResult(
        statement=statement,
        verdict=decision.verdict,
        compared=compared(resolved),
        why="; ".join(filter(None, [deciding, would_take])),
        estimate=float(rows[0, decision.case]),
        low=decision.low,
        high=decision.high,
        supporting=decision.supporting,
        contradicting=decision.contradicting,
        cases=len(names),
        published=_published(ResolvedStatement(statement, resolved.claims, published), case) if published else None,
        p_value=None if statement.quantity in WITHOUT_INTERVAL else decision.p_value,
        would_take=would_take,
    )


def _margins(resolved: ResolvedStatement, cases: Iterable[Case]) -> list[float] | None:
    """The margin of each case: that of its corpus, or the statement's own."""
    statement = resolved.statement
    if statement.margin is None:
        return None
    roles: dict[str, CorpusRole] = {corpus: role for role, corpus in resolved.claims.corpora.items()}
    by_corpus = {corpus: statement.margins.get(role, statement.margin) for corpus, role in roles.items()}
    return [by_corpus.get(one.corpus or two.corpus, statement.margin) for one, two in cases]


def _would_take(resolved: ResolvedStatement, growth: float) -> str:
    """The smallest number of utterances, or of seeds, with a conclusive verdict if intervals keep their centres."""
    if isinf(growth):
        return "no number decides it, because an interval is centred on the threshold"
    statement, sides = resolved.statement, [resolved.statement.first, *filter(None, [resolved.second()])]
    if statement.quantity in OF_SEEDS:
        models = {model for side in sides for model in resolved.models(side)}
        seeds = min(len(resolved.evidence.dev_curves(model)) for model in models)
        return f"would take {ceil(growth * seeds):,} seeds instead of {seeds}"
    if statement.quantity == "separation":
        models = {model for side in sides for model in resolved.models(side)}
        used = min(resolved.evidence.embedded_utterances(model, str(statement.attribute)) for model in models)
        return f"would take {ceil(growth * used):,} embedded utterances instead of {used:,}"
    roles = dict.fromkeys(role for side in sides for role in side.corpora or (IN_DOMAIN,))
    if statement.quantity == "relative_drop":
        roles[IN_DOMAIN] = None
    conditions = {side.condition for side in sides}
    condition = SYNTHESISED if SYNTHESISED in conditions else CLEAN
    counts = {corpus: resolved.evidence.utterances(corpus, condition) for corpus in resolved.corpora([*roles])}
    amounts = [f"{ceil(growth * count):,} of {corpus} instead of {count:,}" for corpus, count in counts.items()]
    return f"would take these utterances, speakers in proportion: {', '.join(amounts)}"


def _published(resolved: ResolvedStatement, case: Case) -> float | None:
    try:
        rows = cases_of(resolved, case).get(case)
    except MissingEvidenceError:
        return None
    return None if rows is None else float(rows[0])


def _why(decision: Decision, case: Case, count: int) -> str:
    return _named(f"{decision.supporting} of {count} support it, {decision.contradicting} contradict it; shown", case)


def _named(text: str, case: Case) -> str:
    names = " minus ".join(dict.fromkeys(str(cell) for cell in case if str(cell)))
    return f"{text}: {names}" if names else text


def compared(resolved: ResolvedStatement) -> str:
    """What is compared, with the names of the study; an empty role is shown as its own name in brackets."""
    statement = resolved.statement
    second = statement.second
    if statement.contrast:
        return f"recall gain of {statement.contrast.replace('-', ' ')} in table I ({statement.quantifier} of the pairs)"
    parts = [_side_text(resolved, statement.first)]
    if second and second.reference:
        parts.append(f"published {second.reference}")
    elif second:
        parts.append(_side_text(resolved, second))
    joined = (" with " if statement.quantity == "correlation_over_models" else " minus ").join(parts)
    rival = f" over {', '.join(_names(resolved, Side(models=statement.rival)))}" if statement.rival else ""
    attribute = f" of {statement.attribute}" if statement.attribute else ""
    cases = f" ({statement.quantifier} of the {', '.join(statement.over)})" if statement.over else ""
    return f"{statement.quantity.replace('_', ' ')}{attribute}{rival}: {joined}{cases}"


def _side_text(resolved: ResolvedStatement, side: Side) -> str:
    parts = [", ".join(_names(resolved, side)) if side.models else ""]
    corpora = {str(role): name for role, name in resolved.claims.corpora.items()}
    parts.append(", ".join(corpora.get(role, role) for role in side.corpora))
    parts += [", ".join(side.dimensions), ", ".join(side.conditions) or side.condition or ""]
    return "; ".join(part for part in parts if part)


def _names(resolved: ResolvedStatement, side: Side) -> tuple[str, ...]:
    try:
        return resolved.models(side)
    except MissingEvidenceError:
        return (f"[{side.models}]",)


def summary(results: Sequence[ClaimResult], confidence: float) -> str:
    """The number of claims with each verdict, how many may be false, and how many hold after the correction."""
    verdicts = [result.verdict for result in results]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in get_args(Verdict))
    tested = [result.p_value for result in results if result.p_value is not None]
    held = sum(holds_corrected(result, confidence) for result in results)
    return (
        f"{len(verdicts)} claims: {counts}; of {len(tested)} tested at {100 * confidence:g} %, up to "
        f"{expected_false(tested, confidence):.1f} false verdicts are expected; {held} hold after correction"
    )


def holds_corrected(result: ClaimResult, confidence: float) -> bool:
    """Whether a verdict is conclusive after the correction for the number of claims."""
    return result.p_adjusted is not None and result.p_adjusted <= 1 - confidence and result.verdict != INCONCLUSIVE


def by_section(results: Iterable[ClaimResult]) -> Mapping[str, list[ClaimResult]]:
    """Results by section of the paper, in order of the sections."""
    found: dict[str, list[ClaimResult]] = {}
    for result in sorted(results, key=lambda one: one.statement.section):
        found.setdefault(result.statement.section, []).append(result)
    return found
