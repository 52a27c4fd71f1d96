"""From the cases of a statement to its verdict: by intervals, never by estimates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from valence_gap.claims.cases import Case, cases_of
from valence_gap.claims.evidence import Evidence, MissingError
from valence_gap.claims.intervals import simultaneous
from valence_gap.claims.questions import Question
from valence_gap.definitions.claims import Claims, Side, Statement
from valence_gap.runtime.progress import progress
from valence_gap.scores import statistics
from valence_gap.scores.metrics import Floats

Verdict = Literal["holds", "does not hold", "cannot be told"]
HOLDS: Verdict = "holds"
FAILS: Verdict = "does not hold"
UNTOLD: Verdict = "cannot be told"
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Judgement:
    """A statement and what became of it.

    Attributes:
        statement: what is claimed.
        verdict: holds, does not hold or cannot be told.
        compared: what was compared, by name.
        why: what decided, or why it cannot be told.
        estimate: of the deciding case; None where nothing could be computed.
        low: lower end of its interval.
        high: upper end of its interval.
        holding: cases whose interval lies wholly on the claimed side.
        failing: cases whose interval lies wholly on the other side.
        cases: number of cases.
        published: what the published scores give for the deciding case, where they are known.
    """

    statement: Statement
    verdict: Verdict
    compared: str
    why: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    holding: int = 0
    failing: int = 0
    cases: int = 0
    published: float | None = None


def evaluate(
    statements: Iterable[Statement],
    claims: Claims,
    evidence: Evidence,
    *,
    confidence: float,
    published: Evidence | None = None,
) -> list[Judgement]:
    """Judge statements.

    Args:
        statements: what is claimed.
        claims: who plays which role.
        evidence: scores with resamples.
        confidence: of the intervals.
        published: published scores to compare with.
    """
    questions = [Question(one, claims, evidence) for one in statements]
    return [_judge(one, confidence, published) for one in progress(questions, "claims", unit="statements")]


def _judge(question: Question, confidence: float, published: Evidence | None) -> Judgement:
    statement = question.statement
    try:
        cases = cases_of(question)
    except MissingError as missing:
        return Judgement(statement, UNTOLD, compared(question), str(missing))
    names = list(cases)
    rows = np.stack([cases[name] for name in names], axis=1)  # (1 + resamples, cases)
    if np.isnan(rows[0]).any():
        name = names[int(np.argmax(np.isnan(rows[0])))]
        return Judgement(statement, UNTOLD, compared(question), _named("undefined", name), cases=len(names))
    decision = decide(rows, statement, confidence)
    case = names[decision.case]
    return Judgement(
        statement=statement,
        verdict=decision.verdict,
        compared=compared(question),
        why=_why(decision, case, len(names)) if statement.over else "",
        estimate=float(rows[0, decision.case]),
        low=decision.low,
        high=decision.high,
        holding=decision.holding,
        failing=decision.failing,
        cases=len(names),
        published=_published(Question(statement, question.claims, published), case) if published else None,
    )


@dataclass(frozen=True)
class Decision:
    """What the intervals of all cases say together.

    Attributes:
        verdict: on all of them.
        case: index of the case that decides, or comes nearest to deciding.
        low: lower end of its interval.
        high: upper end of its interval.
        holding: number of cases that hold.
        failing: number of cases that do not.
    """

    verdict: Verdict
    case: int
    low: float
    high: float
    holding: int
    failing: int


def decide(rows: Floats, statement: Statement, confidence: float) -> Decision:
    """The verdict on all cases together.

    A claim about each case holds if every case's own interval says so; that one of many cases fails is said only if it
    does with the intervals widened to hold all at once. For some it is the other way round; for most the widened
    intervals count.

    Args:
        rows: the estimate and the resamples of each case, (1 + resamples, cases).
        statement: quantifier, comparison and threshold.
        confidence: of one interval.
    """
    count = rows.shape[1]
    plain = statistics.interval(rows[1:], confidence)
    joint = simultaneous(rows[1:], confidence)
    (plain_holds, plain_fails), (joint_holds, joint_fails) = sides(*plain, statement), sides(*joint, statement)
    if statement.quantifier == "most":
        holding, failing = joint_holds, joint_fails
        verdict = HOLDS if 2 * holding.sum() > count else FAILS if 2 * failing.sum() >= count else UNTOLD
    elif statement.quantifier == "some":
        holding, failing = joint_holds, plain_fails
        verdict = HOLDS if holding.any() else FAILS if failing.all() else UNTOLD
    else:
        holding, failing = plain_holds, joint_fails
        verdict = HOLDS if holding.all() else FAILS if failing.any() else UNTOLD
    deciding = {HOLDS: holding, FAILS: failing, UNTOLD: ~holding & ~failing}[verdict]
    nearest = statement.quantifier == "some" or (statement.quantifier == "most" and verdict == FAILS)
    order = np.where(deciding, _slack(rows[0], statement), -np.inf if nearest else np.inf)
    case = int(order.argmax() if nearest else order.argmin())
    is_plain = verdict == {"some": FAILS, "most": None}.get(statement.quantifier, HOLDS)
    low, high = plain if is_plain else joint
    return Decision(verdict, case, float(low[case]), float(high[case]), int(holding.sum()), int(failing.sum()))


def sides(low: Floats, high: Floats, statement: Statement) -> tuple[Booleans, Booleans]:
    """Whether intervals lie wholly on the claimed side, and wholly on the other: (cases,) each."""
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


def _published(question: Question, case: Case) -> float | None:
    try:
        rows = cases_of(question, case).get(case)
    except MissingError:
        return None
    return None if rows is None else float(rows[0])


def _why(decision: Decision, case: Case, count: int) -> str:
    return _named(f"{decision.holding} of {count} hold, {decision.failing} do not; shown", case)


def _named(text: str, case: Case) -> str:
    names = " minus ".join(dict.fromkeys(str(cell) for cell in case if str(cell)))
    return f"{text}: {names}" if names else text


def compared(question: Question) -> str:
    """What is compared, by the names of the study; roles that nobody plays keep their own name."""
    statement = question.statement
    second = statement.second
    parts = [_side_text(question, statement.first)]
    if second and second.reference:
        parts.append(f"published {second.reference}")
    elif second:
        parts.append(_side_text(question, second))
    joined = (" with " if statement.quantity == "correlation_over_models" else " minus ").join(parts)
    rival = f" over {', '.join(_names(question, Side(models=statement.rival)))}" if statement.rival else ""
    about = f" of {statement.attribute}" if statement.attribute else ""
    cases = f" ({statement.quantifier} of the {', '.join(statement.over)})" if statement.over else ""
    return f"{statement.quantity.replace('_', ' ')}{about}{rival}: {joined}{cases}"


def _side_text(question: Question, side: Side) -> str:
    parts = [", ".join(_names(question, side)) if side.models else ""]
    corpora = {str(role): name for role, name in question.claims.corpora.items()}
    parts.append(", ".join(corpora.get(role, role) for role in side.corpora))
    parts += [", ".join(side.dimensions), ", ".join(side.conditions) or side.condition or ""]
    return "; ".join(part for part in parts if part)


def _names(question: Question, side: Side) -> tuple[str, ...]:
    try:
        return question.models(side)
    except MissingError:
        return (f"[{side.models}]",)


def summary(judgements: Iterable[Judgement]) -> str:
    """The one line that says how it ended."""
    verdicts = [judgement.verdict for judgement in judgements]
    told = [verdict for verdict in verdicts if verdict != UNTOLD]
    return f"{told.count(HOLDS)} of {len(told)} claims that could be told hold; {verdicts.count(UNTOLD)} cannot be told"


def by_section(judgements: Iterable[Judgement]) -> Mapping[str, list[Judgement]]:
    """Judgements by section of the paper, in its order."""
    found: dict[str, list[Judgement]] = {}
    for judgement in sorted(judgements, key=lambda one: one.statement.section):
        found.setdefault(judgement.statement.section, []).append(judgement)
    return found
