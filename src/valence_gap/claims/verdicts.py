"""The verdicts on statements: what is compared, what decides, and what would. Intervals decide, never estimates."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from valence_gap.claims.cases import Case, cases_of
from valence_gap.claims.decisions import INCONCLUSIVE, Decision, Verdict, decide
from valence_gap.claims.errors import errors_of
from valence_gap.claims.evidence import Evidence, MissingEvidenceError
from valence_gap.claims.multiplicity import adjusted, expected_false
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.claims.results import LIMITS, ClaimResult
from valence_gap.claims.settling import error_parts, with_needs
from valence_gap.definitions.claims import OF_SEEDS, Claims, CorpusRole, Side, Statement
from valence_gap.runtime.progress import progress

# Published recalls have no intervals, so their verdicts have no p-value either.
WITHOUT_INTERVAL = ("recall_gain",)


def evaluate(
    statements: Iterable[Statement],
    claims: Claims,
    evidence: Evidence,
    *,
    confidence: float,
    published: Evidence | None = None,
    kinds: Mapping[str, str] | None = None,
    not_converged: Collection[str] = (),
) -> list[ClaimResult]:
    """Judge statements.

    Args:
        statements: what is claimed.
        claims: the models and corpora of each role.
        evidence: scores with resamples.
        confidence: of the intervals.
        published: published scores to compare with.
        kinds: the kind of each model; a variance between seeds is pooled over models of a kind.
        not_converged: models that fail the stopping rule.
    """
    questions = [ResolvedStatement(one, claims, evidence) for one in statements]
    judge = _Judge(confidence, published, kinds or {}, not_converged)
    results = [judge.judge(one) for one in progress(questions, "claims", unit="statements")]
    p_values = adjusted([one.p_value for one in results])
    return [replace(one, p_adjusted=value) for one, value in zip(results, p_values, strict=True)]


@dataclass(frozen=True)
class _Judge:
    """What all statements are judged with: see :func:`evaluate`."""

    confidence: float
    published: Evidence | None
    kinds: Mapping[str, str]
    not_converged: Collection[str]

    def judge(self, resolved: ResolvedStatement) -> ClaimResult:
        """The verdict on a statement; inconclusive if evidence is missing."""
        statement = resolved.statement
        try:
            cases = cases_of(resolved)
        except MissingEvidenceError as missing:
            return ClaimResult(statement, INCONCLUSIVE, compared(resolved), str(missing), limited_by="roles")
        names = list(cases)
        rows = np.stack([cases[name] for name in names], axis=1)  # (1 + resamples, cases)
        if np.isnan(rows[0]).any():
            why = _named("undefined", names[int(np.argmax(np.isnan(rows[0])))])
            result = ClaimResult(statement, INCONCLUSIVE, compared(resolved), why, cases=len(names))
            return replace(result, limited_by="roles")
        errors, parts = None, None
        if statement.quantity not in (*WITHOUT_INTERVAL, *OF_SEEDS):
            errors, parts = errors_of(resolved, rows, self.kinds, names)
        decision = decide(rows, statement, self.confidence, _margins(resolved, names), errors)
        case = names[decision.case]
        result = self._result(resolved, decision, len(names), case)
        own = error_parts(resolved, errors, parts, decision.case)
        if decision.verdict == INCONCLUSIVE:
            result = with_needs(result, resolved, decision, own)
        failed = [name for name in own.seeds if self._fails(resolved, name)]
        return replace(result, estimate=float(rows[0, decision.case]), errors=own, not_converged=tuple(failed))

    def _result(self, resolved: ResolvedStatement, decision: Decision, cases: int, case: Case) -> ClaimResult:
        statement = resolved.statement
        published = ResolvedStatement(statement, resolved.claims, self.published) if self.published else None
        return ClaimResult(
            statement=statement,
            verdict=decision.verdict,
            compared=compared(resolved),
            why=_why(decision, case, cases) if statement.over else "",
            low=decision.low,
            high=decision.high,
            supporting=decision.supporting,
            contradicting=decision.contradicting,
            cases=cases,
            published=_published(published, case) if published else None,
            p_value=None if statement.quantity in WITHOUT_INTERVAL else decision.p_value,
        )

    def _fails(self, resolved: ResolvedStatement, model: str) -> bool:
        """Whether a model, or the audio model of a fusion, fails the stopping rule."""
        audio = {fusion: name for name, fusion in resolved.claims.fusion.items()}.get(model, model)
        return model in self.not_converged or audio in self.not_converged


def _margins(resolved: ResolvedStatement, cases: Iterable[Case]) -> list[float] | None:
    """The margin of each case: that of its corpus, or the statement's own."""
    statement = resolved.statement
    if statement.margin is None:
        return None
    roles: dict[str, CorpusRole] = {corpus: role for role, corpus in resolved.claims.corpora.items()}
    by_corpus = {corpus: statement.margins.get(role, statement.margin) for corpus, role in roles.items()}
    return [by_corpus.get(one.corpus or two.corpus, statement.margin) for one, two in cases]


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
    """The number of claims with each verdict, what limits the others, and how many verdicts may be false."""
    verdicts = [result.verdict for result in results]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in get_args(Verdict))
    limits = [result.limited_by for result in results if result.verdict == INCONCLUSIVE]
    shown = ", ".join(f"{limits.count(limit)} {LIMITS[limit]}" for limit in LIMITS if limit in limits)
    tested = [result.p_value for result in results if result.p_value is not None]
    held = sum(holds_corrected(result, confidence) for result in results)
    return (
        f"{len(verdicts)} claims: {counts}{f' ({shown})' if shown else ''}; of {len(tested)} tested at "
        f"{100 * confidence:g} %, up to {expected_false(tested, confidence):.1f} false verdicts are expected; {held} "
        "of the supported and contradicted ones hold after correction for their number"
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
