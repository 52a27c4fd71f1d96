"""The result of a claim: its verdict, the numbers behind it, and what would settle it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from valence_gap.claims.decisions import Verdict
from valence_gap.definitions.claims import Statement

Limit = Literal["", "utterances", "seeds", "centre", "roles"]
# What limits inconclusive claims, in the words of the summary.
LIMITS: Mapping[str, str] = {
    "utterances": "by utterances",
    "seeds": "by seeds",
    "centre": "at the threshold",
    "roles": "without evidence",
}
Covers = Literal["", "utterances and seeds", "utterances only", "seeds"]


@dataclass(frozen=True)
class ErrorParts:
    """Where the error of the deciding case comes from; None: not known, or there is none.

    Attributes:
        se_utterances: standard error of the bootstrap over utterances.
        se_speakers: the same over speakers with all their utterances.
        se_bootstrap: the larger of both.
        se_seeds: the part of the training seeds; None if it is not known for any compared model.
        standard_error: of both parts.
        degrees_of_freedom: of the standard error; None: infinitely many.
        seeds: number of training seeds of each compared model.
        borrowed_from: models whose seeds gave the pooled variance.
        seeds_unknown: compared models whose variance between seeds nothing tells.
        interval_covers: what the interval covers; "" if there is none.
    """

    se_utterances: float | None = None
    se_speakers: float | None = None
    se_bootstrap: float | None = None
    se_seeds: float | None = None
    standard_error: float | None = None
    degrees_of_freedom: float | None = None
    seeds: Mapping[str, int] = field(default_factory=dict)
    borrowed_from: tuple[str, ...] = ()
    seeds_unknown: tuple[str, ...] = ()
    interval_covers: Covers = ""


@dataclass(frozen=True)
class Needs:
    """The smallest numbers that would settle an inconclusive claim; None: no number does.

    Attributes:
        utterances: by corpus, speakers in proportion; "embedded" for embeddings.
        seeds: of every compared training.
    """

    utterances: Mapping[str, int] | None = None
    seeds: int | None = None


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
        errors: the parts of the error of the deciding case.
        needs: of an inconclusive claim: the same numbers.
        limited_by: of an inconclusive claim: what it lacks; centre: the estimate is at the threshold, roles: nobody has
            the role, or evidence is missing.
        not_converged: compared models that fail the stopping rule, or of which part (b) of it was not tried.
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
    errors: ErrorParts = field(default_factory=ErrorParts)
    needs: Needs = field(default_factory=Needs)
    limited_by: Limit = ""
    not_converged: tuple[str, ...] = ()
