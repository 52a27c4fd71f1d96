"""The decision on the cases of a statement: verdict, p-value, and how many times the utterances it would take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from valence_gap.claims.errors import Errors
from valence_gap.claims.intervals import Intervals
from valence_gap.claims.student_intervals import StudentIntervals
from valence_gap.definitions.claims import Statement
from valence_gap.scores.metrics import Floats

Verdict = Literal["supported", "contradicted", "inconclusive"]
SUPPORTED: Verdict = "supported"
CONTRADICTED: Verdict = "contradicted"
INCONCLUSIVE: Verdict = "inconclusive"
Booleans = npt.NDArray[np.bool_]
Sides = tuple[Booleans, Booleans]
AnyIntervals = Intervals | StudentIntervals
# An interval whose centre is this near to the threshold is not expected to leave it, however many utterances there are.
LEAST_DISTANCE = 0.005
# More utterances (times today's), and more seeds, than anybody would make: beyond them, a claim counts as not decided.
MOST_GROWTH = 1e6
MOST_SEEDS = 10_000


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
        p_value: two-sided; at most 1 - confidence just if the verdict is not inconclusive.
        growth: how many times the utterances a conclusive verdict would take; infinite if none is expected. Without
            standard errors: of what the intervals are over.
        seeds: how many seeds of every training it would take; infinite if none is expected, 0 if it is not known.
        centred: whether no number decides it, because an interval is centred on a limit.
    """

    verdict: Verdict
    case: int
    low: float
    high: float
    supporting: int
    contradicting: int
    p_value: float
    growth: float
    seeds: float = 0.0
    centred: bool = False


@dataclass(frozen=True)
class Bound:
    """A limit of the claimed side: ``sign * value > sign * limit``; limits are by case, (cases,)."""

    sign: int
    limits: Floats


def bounds(statement: Statement, margins: Sequence[float] | None = None, count: int = 1) -> list[Bound]:
    """The limits of a statement; ``within`` has two.

    Args:
        statement: comparison, threshold and margin.
        margins: by case; the statement's own by default.
        count: number of cases.
    """
    threshold = np.full(count, statement.threshold)
    margin = np.full(count, statement.margin or 0.0) if margins is None else np.array(margins)
    match statement.comparison:
        case "greater":
            return [Bound(1, threshold)]
        case "less":
            return [Bound(-1, threshold)]
        case "at least":
            return [Bound(1, threshold - margin)]
        case "at most":
            return [Bound(-1, threshold + margin)]
        case "within":
            return [Bound(1, threshold - margin), Bound(-1, threshold + margin)]


def decide(
    rows: Floats,
    statement: Statement,
    confidence: float,
    margins: Sequence[float] | None = None,
    errors: Errors | None = None,
) -> Decision:
    """The verdict on all cases together.

    A claim about each case is supported if every case's own interval supports it. It is contradicted by one of many
    cases only if that case's simultaneous interval contradicts it. For a claim about some case it is the
    reverse. A claim about most cases uses the simultaneous intervals alone.

    Args:
        rows: the estimate and the resamples of each case, (1 + resamples, cases).
        statement: quantifier, comparison and threshold.
        confidence: of one interval.
        margins: by case; the statement's own by default.
        errors: the standard errors of the cases; without them, intervals are percentiles of the resamples.
    """
    limits = bounds(statement, margins, rows.shape[1])
    found = Intervals.of(rows[1:], confidence) if errors is None else StudentIntervals.of(rows[0], errors, confidence)
    verdict, supporting, contradicting = _verdict(
        sides(*found.pointwise, limits), sides(*found.joint, limits), statement
    )
    deciding = {SUPPORTED: supporting, CONTRADICTED: contradicting, INCONCLUSIVE: ~supporting & ~contradicting}[verdict]
    nearest = statement.quantifier == "some" or (statement.quantifier == "most" and verdict == CONTRADICTED)
    order = np.where(deciding, slack(rows[0], limits), -np.inf if nearest else np.inf)
    case = int(order.argmax() if nearest else order.argmin())
    is_pointwise = verdict == {"some": CONTRADICTED, "most": None}.get(statement.quantifier, SUPPORTED)
    low, high = found.pointwise if is_pointwise else found.joint
    growth, seeds, centred = _needs(found, limits, statement) if verdict == INCONCLUSIVE else (1.0, 0.0, False)
    return Decision(
        verdict=verdict,
        case=case,
        low=float(low[case]),
        high=float(high[case]),
        supporting=int(supporting.sum()),
        contradicting=int(contradicting.sum()),
        p_value=_p_value(found, limits, statement, verdict),
        growth=growth,
        seeds=seeds,
        centred=centred,
    )


def _verdict(pointwise: Sides, joint: Sides, statement: Statement) -> tuple[Verdict, Booleans, Booleans]:
    """The verdict, and the cases that support and contradict the statement by the intervals that count."""
    if statement.quantifier == "most":
        supporting, contradicting = joint
        supported, contradicted = 2 * supporting.sum() > len(supporting), 2 * contradicting.sum() >= len(supporting)
    elif statement.quantifier == "some":
        supporting, contradicting = joint[0], pointwise[1]
        supported, contradicted = supporting.any(), contradicting.all()
    else:
        supporting, contradicting = pointwise[0], joint[1]
        supported, contradicted = supporting.all(), contradicting.any()
    verdict = SUPPORTED if supported else CONTRADICTED if contradicted else INCONCLUSIVE
    return verdict, supporting, contradicting


def sides(low: Floats, high: Floats, limits: Sequence[Bound]) -> Sides:
    """Whether whole intervals are on the claimed side, and whether they are on the other side: (cases,) each."""
    supports = [low > bound.limits if bound.sign > 0 else high < bound.limits for bound in limits]
    contradicts = [high <= bound.limits if bound.sign > 0 else low >= bound.limits for bound in limits]
    return np.all(supports, axis=0), np.any(contradicts, axis=0)


def slack(values: Floats, limits: Sequence[Bound]) -> Floats:
    """How far estimates are on the claimed side (negative: on the other), (cases,)."""
    smallest: Floats = np.min([bound.sign * (values - bound.limits) for bound in limits], axis=0)
    return smallest


def _p_value(found: AnyIntervals, limits: Sequence[Bound], statement: Statement, verdict: Verdict) -> float:
    """The p-value of the verdict, or the smaller one of both conclusive verdicts, by the intervals that count.

    For ``each`` it is the largest of the cases' p-values (an intersection-union test), for ``some`` the smallest of
    those that hold for all cases at once, for ``most`` that of the case that makes the majority.
    """
    pointwise, joint = (
        _combined([p_values(bound.sign, bound.limits) for bound in limits])
        for p_values in (found.pointwise_p, found.joint_p)
    )
    count = len(found.pointwise[0])
    if statement.quantifier == "most":
        supports = float(np.sort(joint[0])[count // 2])
        contradicts = float(np.sort(joint[1])[(count + 1) // 2 - 1])
    elif statement.quantifier == "some":
        supports, contradicts = float(joint[0].min()), float(pointwise[1].max())
    else:
        supports, contradicts = float(pointwise[0].max()), float(joint[1].min())
    return {SUPPORTED: supports, CONTRADICTED: contradicts, INCONCLUSIVE: min(supports, contradicts)}[verdict]


def _combined(by_bound: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """All limits must be met to support a claim; one that is not met contradicts it."""
    return np.max([one for one, _ in by_bound], axis=0), np.min([other for _, other in by_bound], axis=0)


def _needs(found: AnyIntervals, limits: Sequence[Bound], statement: Statement) -> tuple[float, float, bool]:
    """How many times the utterances, and how many seeds, decide a claim; and whether no number of both does."""
    if isinstance(found, Intervals):
        growth = _growth(found, limits, statement)
        return growth, 0.0, bool(np.isinf(growth))
    distance = np.min([np.abs(found.estimates - bound.limits) for bound in limits], axis=0)
    open_ones = distance < LEAST_DISTANCE

    def decided(errors: Floats, critical: Floats, joint_critical: Floats) -> bool:
        """Whether a claim is decided if all intervals that are not centred on a limit get these half widths."""
        shrunk = []
        for own, other in ((found.critical, critical), (found.joint_critical, joint_critical)):
            half = np.where(open_ones, own * found.standard_errors, other * errors)
            shrunk.append(sides(found.estimates - half, found.estimates + half, limits))
        return _verdict(shrunk[0], shrunk[1], statement)[0] != INCONCLUSIVE

    def by_utterances(growth: float) -> bool:
        errors, _ = found.errors.total(growth=growth)
        return decided(errors, found.critical, found.joint_critical)

    def by_seeds(count: float) -> bool:
        other = StudentIntervals.of(found.estimates, found.errors, found.confidence, seeds=int(count))
        return decided(other.standard_errors, other.critical, other.joint_critical)

    nothing = np.zeros_like(found.estimates)
    if not decided(nothing, found.critical, found.joint_critical):
        return np.inf, np.inf, True
    growth = _smallest(by_utterances, 1.0, MOST_GROWTH, 1e-9)
    return growth, _smallest(by_seeds, 1.0, MOST_SEEDS, 0.5) if found.errors.kinds else np.inf, False


def _smallest(decided: Callable[[float], bool], least: float, most: float, precision: float) -> float:
    """The smallest number that decides a claim, by bisection; infinite if ``most`` does not. Whole for precision .5."""
    if not decided(most):
        return np.inf
    whole = precision >= 0.5
    while most - least > (1 if whole else precision * least):
        middle = (least + most) // 2 if whole else (least + most) / 2
        least, most = (least, middle) if decided(middle) else (middle, most)
    return most


def _growth(found: Intervals, limits: Sequence[Bound], statement: Statement) -> float:
    """How many times the utterances a conclusive verdict takes, if intervals keep their centres.

    Intervals shrink with the square root of the number. A case whose centre is within :data:`LEAST_DISTANCE` of a limit
    is never decided.
    """
    kinds = [_shrinking(low, high, limits) for low, high in (found.pointwise, found.joint)]
    for growth in np.unique(np.concatenate([factors[np.isfinite(factors)] for *_, factors in kinds])):
        shrunk = []
        for centre, half, factors in kinds:
            # The interval no longer contains the limit just beyond this factor.
            width = half * np.where(np.isfinite(factors), (1 - 1e-9) / np.sqrt(growth), 1.0)
            shrunk.append(sides(centre - width, centre + width, limits))
        if _verdict(shrunk[0], shrunk[1], statement)[0] != INCONCLUSIVE:
            return float(growth)
    return np.inf


def _shrinking(low: Floats, high: Floats, limits: Sequence[Bound]) -> tuple[Floats, Floats, Floats]:
    """Centres, half widths, and the factors at which intervals leave the nearest limit (at least 1), (cases,) each."""
    centre, half = (low + high) / 2, (high - low) / 2
    distance = np.min([np.abs(centre - bound.limits) for bound in limits], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.where(distance < LEAST_DISTANCE, np.inf, np.maximum((half / distance) ** 2, 1.0))
    return centre, half, factors


def satisfied(value: float, statement: Statement, margin: float | None = None) -> bool:
    """Whether a number without an interval, such as a published one, is on the claimed side."""
    limits = bounds(statement, None if margin is None else [margin])
    return bool(slack(np.array([value]), limits)[0] > 0)
