"""From a question to its cases: the quantity of the first side minus that of the second, for all that compares."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from valence_gap.claims.evidence import MissingEvidenceError
from valence_gap.claims.quantities import (
    MEASURES,
    SQUARED,
    ccc,
    rank_correlations,
    signed_root,
    squared_gap,
    variance_over_models,
)
from valence_gap.claims.resolved_statements import Cell, ResolvedStatement
from valence_gap.definitions.claims import Axis, Side
from valence_gap.scores.metrics import Floats

# Fewer models have no correlation worth the name.
MIN_MODELS = 4

FIELDS: Mapping[Axis, str] = {
    "models": "model",
    "corpora": "corpus",
    "dimensions": "dimension",
    "conditions": "condition",
    "speakers": "speaker",
}
Rows = dict[Cell, Floats]
Case = tuple[Cell, Cell]


def cases_of(resolved: ResolvedStatement, only: Case | None = None) -> dict[Case, Floats]:
    """What a statement compares with its threshold.

    Args:
        resolved: the statement, its roles and what it is judged by.
        only: the one case that is asked for; by default all.

    Returns:
        For each case, named by its cells of the first and second side: (1 + resamples,), the estimate first.

    Raises:
        MissingEvidenceError: if a role is not filled or a score is not at hand.
    """
    statement = resolved.statement
    if statement.quantity == "correlation_over_models":
        return {(Cell(), Cell()): _correlation(resolved)}
    first = _side(resolved, statement.first, statement.over, only and only[0])
    if statement.second is None:
        return {(cell, Cell()): rows for cell, rows in first.items()}
    second = _second(resolved, statement.second, only and only[1])
    own = bool(statement.second.models or statement.second.reference)
    pairs = itertools.product(first, second)
    found = {(one, two): first[one] - second[two] for one, two in pairs if _compare(one, two, own_models=own)}
    if not found:
        raise MissingEvidenceError("both sides are the same model")
    return _without_mirrors(found) if statement.comparison == "within" else found


def _side(resolved: ResolvedStatement, side: Side, over: Sequence[Axis], only: Cell | None) -> Rows:
    """The quantity of a side, averaged over what does not make the cases."""
    measure = MEASURES[resolved.statement.quantity]
    cells = [cell for cell in resolved.cells(side) if only is None or _blanked(cell, over) == only]
    rows = {cell: measure(resolved, cell) for cell in cells}
    if resolved.statement.quantity == "spread_over_models":
        rows = _variances_over_models(rows)
    if resolved.statement.quantity == "absolute_average_gender_gap":
        rows = {cell: squared_gap(gap) for cell, gap in averaged(rows, ["models"]).items()}
    found = averaged(rows, over)
    return {cell: signed_root(row) for cell, row in found.items()} if resolved.statement.quantity in SQUARED else found


def _variances_over_models(rows: Rows) -> Rows:
    """In each place, before places are averaged: in a mean, opposite differences in two dimensions would cancel."""
    by_place: dict[Cell, list[Floats]] = {}
    for cell, values in rows.items():
        by_place.setdefault(replace(cell, model=""), []).append(values)
    if any(len(models) < 2 for models in by_place.values()):
        raise MissingEvidenceError("one model has no spread")
    return {place: variance_over_models(np.stack(models)) for place, models in by_place.items()}


def _second(resolved: ResolvedStatement, second: Side, only: Cell | None) -> Rows:
    first, over = resolved.statement.first, resolved.statement.over
    if second.reference:
        values = resolved.reference(second).items()
        rows = {
            Cell(second.reference, dimension=name): np.full(1 + resolved.evidence.resamples, value)
            for name, value in values
        }
        return averaged(rows, [*over, "models"])
    full = resolved.second() or second
    # Along an axis on which the sides differ by design, there is nothing to match: the second side is averaged, or each
    # of what it names is a case (others).
    differs: dict[Axis, bool] = {
        "corpora": full.corpora != first.corpora,
        "dimensions": full.dimensions != first.dimensions,
        "conditions": (full.condition, full.conditions) != (first.condition, first.conditions),
        "models": second.models is not None,
    }
    spread = [axis for axis in over if not differs.get(axis)]
    if "others" not in over:
        return _side(resolved, full, spread, only)
    own: dict[Axis, bool] = {"models": second.models is not None, "dimensions": bool(second.dimensions)}
    spread += [axis for axis, named in own.items() if named]
    if not second.conditions:
        return _side(resolved, full, spread, only)
    return _by_role(resolved, full, spread, only)


def _by_role(resolved: ResolvedStatement, side: Side, over: Sequence[Axis], only: Cell | None) -> Rows:
    """The quantity of a side for each role of its conditions, averaged over the conditions of the role."""
    rows: Rows = {}
    for role in side.conditions:
        if only is None or only.condition == role:
            own = replace(side, condition=role, conditions=())
            found = _side(resolved, own, over, only and replace(only, condition=""))
            rows |= {replace(cell, condition=role): values for cell, values in found.items()}
    return rows


def averaged(rows: Rows, over: Sequence[Axis]) -> Rows:
    """Means over all that is not one of the axes."""
    groups: dict[Cell, list[Floats]] = {}
    for cell, values in rows.items():
        groups.setdefault(_blanked(cell, over), []).append(values)
    return {cell: np.mean(group, axis=0) for cell, group in groups.items()}


def _blanked(cell: Cell, over: Sequence[Axis]) -> Cell:
    """A cell without what is averaged."""
    return replace(cell, **{field: "" for axis, field in FIELDS.items() if axis not in over})


def _compare(one: Cell, two: Cell, *, own_models: bool) -> bool:
    """Whether cells of the two sides belong together: the same place; the same model, unless both sides have own."""
    places = ((getattr(one, name), getattr(two, name)) for name in ("corpus", "dimension", "condition", "speaker"))
    if any(a and b and a != b for a, b in places):
        return False
    return not (one.model and one.model == two.model) if own_models else one.model == two.model


def _without_mirrors(cases: dict[Case, Floats]) -> dict[Case, Floats]:
    """A pair of models that are alike need not be compared both ways."""
    kept: dict[Case, Floats] = {}
    for (one, two), rows in cases.items():
        mirror = (replace(one, model=two.model), replace(two, model=one.model))
        if mirror not in kept:
            kept[one, two] = rows
    return kept


def _correlation(resolved: ResolvedStatement) -> Floats:
    first, second = resolved.statement.first, resolved.second()
    if second is None:
        raise MissingEvidenceError("a correlation takes two sides")
    models = resolved.models(first)
    if len(models) < MIN_MODELS:
        raise MissingEvidenceError(f"{len(models)} models have no correlation worth the name; it takes {MIN_MODELS}")
    sides = []
    for side in (first, second):
        rows = averaged({cell: ccc(resolved, cell) for cell in resolved.cells(side)}, ["models"])
        sides.append(np.stack([rows[Cell(model)] for model in models]))  # (models, 1 + resamples)
    return rank_correlations(*sides)
