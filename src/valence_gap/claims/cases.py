"""The cases of a statement: the quantity of the first side minus that of the second, for each pair of cells."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from valence_gap.claims.evidence import Cell, MissingEvidenceError
from valence_gap.claims.literature import recall_gains
from valence_gap.claims.quantities import (
    MEASURES,
    SQUARED,
    ccc,
    rank_correlations,
    signed_root,
    squared_gap,
    variance_over_models,
)
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.definitions.claims import Axis, Side
from valence_gap.scores.metrics import Floats

# A rank correlation over fewer models is not meaningful.
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
    """Compute the values that a statement compares with its threshold.

    Args:
        resolved: the statement, the models and corpora of its roles, and its evidence.
        only: compute this case only; all cases by default.

    Returns:
        For each case, named by its cells of the first and second side: (1 + resamples,), the estimate first.

    Raises:
        MissingEvidenceError: if a role is empty or a score is not available.
    """
    statement = resolved.statement
    if statement.quantity == "correlation_over_models":
        return {(Cell(), Cell()): _correlation(resolved)}
    if statement.quantity == "recall_gain":
        return _recall_gains(resolved)
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
    """Compute the quantity of a side, averaged over every axis that does not distinguish cases."""
    quantity = resolved.statement.quantity
    cells = [cell for cell in resolved.cells(side) if only is None or _blanked(cell, over) == only]
    if quantity == "spread_over_models":
        measured = {cell: MEASURES[quantity](resolved, cell) for cell in cells}
        found = averaged(_variances_over_models(measured), over)
    elif quantity == "absolute_average_gender_gap":
        gaps = _averages(resolved, cells, ["models"])
        found = averaged({cell: squared_gap(gap) for cell, gap in gaps.items()}, over)
    else:
        found = _averages(resolved, cells, over)
    return {cell: signed_root(row) for cell, row in found.items()} if quantity in SQUARED else found


def _averages(resolved: ResolvedStatement, cells: Sequence[Cell], over: Sequence[Axis]) -> Rows:
    """Compute the quantity, averaged over every axis that is not in ``over``; known averages are used as they are."""
    groups: dict[Cell, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(_blanked(cell, over), []).append(cell)
    return {blanked: _average(resolved, members) for blanked, members in groups.items()}


def _average(resolved: ResolvedStatement, cells: Sequence[Cell]) -> Floats:
    quantity = resolved.statement.quantity
    known = resolved.evidence.average(quantity, cells)
    if known is not None:
        return known
    if len(cells) == 1:
        return MEASURES[quantity](resolved, cells[0])
    average: Floats = np.mean([_average(resolved, [cell]) for cell in cells], axis=0)
    return average


def _variances_over_models(rows: Rows) -> Rows:
    """Compute the variance over models in each place (corpus, dimension, ...), before places are averaged.

    If places were averaged first, opposite differences in two dimensions would cancel.
    """
    by_place: dict[Cell, list[Floats]] = {}
    for cell, values in rows.items():
        by_place.setdefault(replace(cell, model=""), []).append(values)
    if any(len(models) < 2 for models in by_place.values()):
        raise MissingEvidenceError("a spread over models needs at least two models")
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
    # On an axis where the sides differ by design, cells cannot be matched. The second side is averaged over this axis.
    # With `others` in `over`, each model, dimension or condition that the second side names is a case instead.
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
    """Compute the quantity of a side for each role of its conditions, averaged over the conditions of the role."""
    rows: Rows = {}
    for role in side.conditions:
        if only is None or only.condition == role:
            own = replace(side, condition=role, conditions=())
            found = _side(resolved, own, over, only and replace(only, condition=""))
            rows |= {replace(cell, condition=role): values for cell, values in found.items()}
    return rows


def averaged(rows: Rows, over: Sequence[Axis]) -> Rows:
    """Average the rows over every axis that is not in ``over``."""
    groups: dict[Cell, list[Floats]] = {}
    for cell, values in rows.items():
        groups.setdefault(_blanked(cell, over), []).append(values)
    return {cell: np.mean(group, axis=0) for cell, group in groups.items()}


def _blanked(cell: Cell, over: Sequence[Axis]) -> Cell:
    """Return the cell with the fields of all averaged axes empty."""
    return replace(cell, **{field: "" for axis, field in FIELDS.items() if axis not in over})


def _compare(one: Cell, two: Cell, *, own_models: bool) -> bool:
    """Whether two cells are compared: same place; same model, or two different models if ``own_models``."""
    places = ((getattr(one, name), getattr(two, name)) for name in ("corpus", "dimension", "condition", "speaker"))
    if any(a and b and a != b for a, b in places):
        return False
    return not (one.model and one.model == two.model) if own_models else one.model == two.model


def _without_mirrors(cases: dict[Case, Floats]) -> dict[Case, Floats]:
    """Keep only one of the cases (a, b) and (b, a) of each pair of models."""
    kept: dict[Case, Floats] = {}
    for (one, two), rows in cases.items():
        mirror = (replace(one, model=two.model), replace(two, model=one.model))
        if mirror not in kept:
            kept[one, two] = rows
    return kept


def _recall_gains(resolved: ResolvedStatement) -> dict[Case, Floats]:
    """Differences between rows of table I; published recalls have no resamples, so all rows are the same number."""
    if resolved.statement.contrast is None:
        raise MissingEvidenceError("a gain of recall needs a contrast")
    gains = recall_gains(resolved.statement.contrast)
    if not resolved.statement.over:
        gains = {("", ""): sum(gains.values()) / len(gains)}
    count = 1 + resolved.evidence.resamples
    return {(Cell(first), Cell(second)): np.full(count, gain) for (first, second), gain in gains.items()}


def _correlation(resolved: ResolvedStatement) -> Floats:
    first, second = resolved.statement.first, resolved.second()
    if second is None:
        raise MissingEvidenceError("a correlation needs two sides")
    models = resolved.models(first)
    if len(models) < MIN_MODELS:
        raise MissingEvidenceError(
            f"{len(models)} models are too few for a correlation; it needs at least {MIN_MODELS}"
        )
    sides = []
    for side in (first, second):
        rows = averaged({cell: ccc(resolved, cell) for cell in resolved.cells(side)}, ["models"])
        sides.append(np.stack([rows[Cell(model)] for model in models]))  # (models, 1 + resamples)
    return rank_correlations(*sides)
