"""Where the error of a claim comes from, and how many utterances or seeds would settle an inconclusive one."""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, isfinite

from valence_gap.claims.decisions import Decision
from valence_gap.claims.errors import Errors
from valence_gap.claims.evidence import AUGMENTED, condition_set_of
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.claims.results import ClaimResult, ErrorParts, Limit, Needs
from valence_gap.claims.seed_parts import SeedParts
from valence_gap.definitions.claims import IN_DOMAIN, OF_SEEDS, ORIGINAL, Side
from valence_gap.definitions.evaluation import CLEAN, SYNTHESISED

EMBEDDED = "embedded"


def error_parts(resolved: ResolvedStatement, errors: Errors | None, parts: SeedParts | None, case: int) -> ErrorParts:
    """The parts of the error of one case."""
    if resolved.statement.quantity in OF_SEEDS:
        models = {model for side in _sides(resolved) for model in resolved.models(side)}
        seeds = {model: len(resolved.evidence.dev_curves(model)) for model in sorted(models)}
        return ErrorParts(seeds=seeds, interval_covers="seeds")
    if errors is None or parts is None:
        return ErrorParts()
    standard_error, freedom = (float(values[case]) for values in errors.total())
    known = bool(parts.donors)
    return ErrorParts(
        se_utterances=float(errors.utterances[case]),
        se_speakers=None if errors.speakers is None else float(errors.speakers[case]),
        se_bootstrap=float(errors.bootstrap[case]),
        se_seeds=float(errors.seeds[case]) if known else None,
        standard_error=standard_error,
        degrees_of_freedom=freedom if isfinite(freedom) else None,
        seeds=parts.seeds,
        borrowed_from=parts.donors,
        seeds_unknown=parts.unknown,
        interval_covers="utterances and seeds" if known and not parts.unknown else "utterances only",
    )


def with_needs(result: ClaimResult, resolved: ResolvedStatement, decision: Decision, own: ErrorParts) -> ClaimResult:
    """An inconclusive result with the numbers that would settle it, if its centre stays."""
    if decision.centred:
        text = "no number decides it, because an interval is centred on the threshold"
        return replace(result, limited_by="centre", would_take=text, why=_joined(result.why, text))
    of_seeds = resolved.statement.quantity in OF_SEEDS
    counts = {} if of_seeds else _counts(resolved)
    seeds = decision.growth * min(own.seeds.values()) if of_seeds else decision.seeds
    reachable = isfinite(decision.growth) and bool(counts)
    needs = Needs(
        utterances={name: ceil(decision.growth * count) for name, count in counts.items()} if reachable else None,
        seeds=ceil(seeds) if isfinite(seeds) and seeds else None,
    )
    text = _would_take(needs, counts, own)
    by_seeds = of_seeds or needs.utterances is None or (own.se_seeds or 0.0) > (own.se_bootstrap or 0.0)
    if needs.seeds is None and needs.utterances is not None:
        by_seeds = False
    limit: Limit = "seeds" if by_seeds else "utterances"
    return replace(result, needs=needs, limited_by=limit, would_take=text, why=_joined(result.why, text))


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def _sides(resolved: ResolvedStatement) -> list[Side]:
    return [resolved.statement.first, *filter(None, [resolved.second()])]


def _counts(resolved: ResolvedStatement) -> dict[str, int]:
    """The number of utterances, by corpus, that an interval is over."""
    statement, sides = resolved.statement, _sides(resolved)
    if statement.quantity == "separation":
        models = {model for side in sides for model in resolved.models(side)}
        used = min(resolved.evidence.embedded_utterances(model, str(statement.attribute)) for model in models)
        return {EMBEDDED: used}
    roles = dict.fromkeys(role for side in sides for role in side.corpora or (IN_DOMAIN,))
    if statement.quantity == "relative_drop":
        roles[IN_DOMAIN] = None
    conditions = {name for side in sides for name in resolved.conditions(side)}
    augmented = [name for name in sorted(conditions) if name != ORIGINAL and condition_set_of(name) == AUGMENTED]
    condition = SYNTHESISED if SYNTHESISED in conditions else next(iter(augmented), CLEAN)
    return {corpus: resolved.evidence.utterances(corpus, condition) for corpus in resolved.corpora([*roles])}


def _would_take(needs: Needs, counts: Mapping[str, int], own: ErrorParts) -> str:
    """The smallest number of utterances, or of seeds, with a conclusive verdict if intervals keep their centres."""
    texts = []
    if needs.utterances and EMBEDDED in needs.utterances:
        texts.append(f"{needs.utterances[EMBEDDED]:,} embedded utterances instead of {counts[EMBEDDED]:,}")
    elif needs.utterances:
        amounts = [f"{count:,} of {name} instead of {counts[name]:,}" for name, count in needs.utterances.items()]
        texts.append(f"these utterances, speakers in proportion: {', '.join(amounts)}")
    if needs.seeds:
        texts.append(f"{needs.seeds:,} seeds instead of {min(own.seeds.values(), default=1)}")
    if not texts:
        return "neither more utterances nor more seeds alone decide it"
    return f"would take {', or '.join(texts)}"
