"""The verdict on a statement from its cases. Intervals decide, never estimates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from valence_gap.claims.cases import Case, cases_of
from valence_gap.claims.evidence import Evidence, MissingEvidenceError
from valence_gap.claims.intervals import simultaneous_interval
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.definitions.claims import Claims, Side, Statement
from valence_gap.runtime.progress import progress
from valence_gap.scores import statistics
from valence_gap.scores.metrics import Floats

Verdict = Literal["supported", "contradicted", "inconclusive"]
SUPPORTED: Verdict = "supported"
CONTRADICTED: Verdict = "contradicted"
INCONCLUSIVE: Verdict = "inconclusive"
Booleans = npt.NDArray[np.bool_]


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
    return [_evaluate(one, confidence, published) for one in progress(questions, "claims", unit="statements")]


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
    decision = decide(rows, statement, confidence)
    case = names[decision.case]
    return ClaimResult(
        statement=statement,
        verdict=decision.verdict,
        compared=compared(resolved),
        why=_why(decision, case, len(names)) if statement.over else "",
        estimate=float(rows[0, decision.case]),
        low=decision.low,
        high=decision.high,
        supporting=decision.supporting,
        contradicting=decision.contradicting,
        cases=len(names),
        published=_published(ResolvedStatement(statement, resolved.claims, published), case) if published else None,
    )


@dataclass(frozen=True)
class Decision:
    """The verdict on all cases of a claim.

    Attributes:
        verdict: on all of them.
        case: index of the case that decides, or comes nearest to deciding.
        low: lower end of its interval.
        high: upper end of its interval.
        supporting: number of cases that support the claim.
        contradicting: number of cases that contradict it.
    """

    verdict: Verdict
    case: int
    low: float
    high: float
    supporting: int
    contradicting: int


def decide(rows: Floats, statement: Statement, confidence: float) -> Decision:
    """The verdict on all cases together.

    A claim about each case is supported if every case's own interval supports it. It is contradicted by one of many
    cases only if that case's simultaneous interval contradicts it. For a claim about some case it is the
    reverse. A claim about most cases uses the simultaneous intervals alone.

    Args:
        rows: the estimate and the resamples of each case, (1 + resamples, cases).
        statement: quantifier, comparison and threshold.
        confidence: of one interval.
    """
    count = rows.shape[1]
    pointwise = statistics.interval(rows[1:], confidence)
    joint = simultaneous_interval(rows[1:], confidence)
    (pointwise_supports, pointwise_contradicts), (joint_supports, joint_contradicts) = (
        sides(*pointwise, statement),
        sides(*joint, statement),
    )
    if statement.quantifier == "most":
        supporting, contradicting = joint_supports, joint_contradicts
        verdict = (
            SUPPORTED
            if 2 * supporting.sum() > count
            else CONTRADICTED
            if 2 * contradicting.sum() >= count
            else INCONCLUSIVE
        )
    elif statement.quantifier == "some":
        supporting, contradicting = joint_supports, pointwise_contradicts
        verdict = SUPPORTED if supporting.any() else CONTRADICTED if contradicting.all() else INCONCLUSIVE
    else:
        supporting, contradicting = pointwise_supports, joint_contradicts
        verdict = SUPPORTED if supporting.all() else CONTRADICTED if contradicting.any() else INCONCLUSIVE
    deciding = {SUPPORTED: supporting, CONTRADICTED: contradicting, INCONCLUSIVE: ~supporting & ~contradicting}[verdict]
    nearest = statement.quantifier == "some" or (statement.quantifier == "most" and verdict == CONTRADICTED)
    order = np.where(deciding, _slack(rows[0], statement), -np.inf if nearest else np.inf)
    case = int(order.argmax() if nearest else order.argmin())
    is_pointwise = verdict == {"some": CONTRADICTED, "most": None}.get(statement.quantifier, SUPPORTED)
    low, high = pointwise if is_pointwise else joint
    return Decision(verdict, case, float(low[case]), float(high[case]), int(supporting.sum()), int(contradicting.sum()))


def sides(low: Floats, high: Floats, statement: Statement) -> tuple[Booleans, Booleans]:
    """Whether whole intervals are on the claimed side, and whether they are on the other side: (cases,) each."""
    threshold, margin = statement.threshold, statement.margin or 0.0
    match statement.comparison:
        case "greater":
            return low > threshold, high <= threshold
        case "less":
            return high < threshold, low >= threshold
        case "at least":
            return low > threshold - margin, high <= threshold - margin
        case "at most":
            return high < threshold + margin, low >= threshold + margin
        case "within":
            inside = (low > threshold - margin) & (high < threshold + margin)
            return inside, (high <= threshold - margin) | (low >= threshold + margin)


def _slack(values: Floats, statement: Statement) -> Floats:
    """How far estimates are on the claimed side (negative: on the other)."""
    off, margin = values - statement.threshold, statement.margin or 0.0
    match statement.comparison:
        case "greater" | "at least":
            slack: Floats = off + margin
        case "less" | "at most":
            slack = margin - off
        case "within":
            slack = margin - np.abs(off)
    return slack


def satisfied(value: float, statement: Statement) -> bool:
    """Whether a number without an interval, such as a published one, is on the claimed side."""
    return bool(_slack(np.array([value]), statement)[0] > 0)


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


def summary(results: Iterable[ClaimResult]) -> str:
    """The number of claims with each verdict, in one line."""
    verdicts = [result.verdict for result in results]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in get_args(Verdict))
    return f"{len(verdicts)} claims: {counts}"


def by_section(results: Iterable[ClaimResult]) -> Mapping[str, list[ClaimResult]]:
    """Results by section of the paper, in order of the sections."""
    found: dict[str, list[ClaimResult]] = {}
    for result in sorted(results, key=lambda one: one.statement.section):
        found.setdefault(result.statement.section, []).append(result)
    return found
