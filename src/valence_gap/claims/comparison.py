"""The published numbers beside those of the study."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from valence_gap.claims.cases import cases_of
from valence_gap.claims.evidence import Cell, Evidence, MissingEvidenceError
from valence_gap.claims.published import PublishedEvidence, records, reference
from valence_gap.claims.quantities import rank_correlations
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.definitions.claims import (
    ALL_MODELS,
    IN_DOMAIN,
    Axis,
    Claims,
    CorpusRole,
    QuantityName,
    Side,
    Statement,
)
from valence_gap.scores import statistics
from valence_gap.scores.metrics import Floats

COLUMNS = [
    "quantity",
    "model",
    "corpus",
    "dimension",
    "condition",
    "value",
    "low",
    "high",
    "published",
    "difference",
    "source",
]
EVERYWHERE: tuple[CorpusRole, ...] = ("in-domain", "cross-corpus", "sentiment")
# Not a number of the study: it has no role, corpus or model for it.
UNKNOWN = np.full(2, np.nan)


def beside_published(scores: Evidence, published: PublishedEvidence, claims: Claims, confidence: float) -> pd.DataFrame:
    """Compare every published number of figures 2, 6, 7 and 8, of table III and of section IV-E with the study's.

    Returns:
        quantity, model, corpus, dimension, condition (empty: the average over all), value, low, high, published,
        difference, source; NaN where the study has none.
    """
    rows = [
        *_cccs(scores, published),
        *_averages(scores, claims),
        *_drops(scores, claims),
        *_speakers(scores, claims),
    ]
    found = []
    for values, row in rows:
        low, high = statistics.interval(values[1:, None], confidence)
        ours = {"value": values[0], "low": low[0], "high": high[0], "difference": values[0] - row["published"]}
        found.append(row | ours)
    return pd.DataFrame(found, columns=COLUMNS).fillna(dict.fromkeys(("model", "corpus", "dimension", "condition"), ""))


def _cccs(scores: Evidence, published: PublishedEvidence) -> Iterator[tuple[Floats, dict[str, Any]]]:
    for row in records(published.table):
        try:
            values = scores.ccc(row["model"], row["corpus"], row["dimension"], row["condition"])
        except MissingEvidenceError:
            values = UNKNOWN
        source = "Figure 2" if row["condition"] == "clean" else "Table III"
        yield values, row | {"quantity": "ccc", "source": source}


def _averages(scores: Evidence, claims: Claims) -> Iterator[tuple[Floats, dict[str, Any]]]:
    """Changes of figure 6 and gender gaps of figure 7, averaged over all corpora, dimensions and conditions."""
    sides: dict[str, tuple[QuantityName, Side]] = {
        "figure_6": ("change", Side(models=ALL_MODELS, corpora=EVERYWHERE, condition="augmented")),
        "figure_7": ("gender_gap", Side(models=ALL_MODELS, corpora=EVERYWHERE)),
    }
    for figure, (quantity, side) in sides.items():
        for row in records(reference(figure)):
            values = _computed(scores, claims, quantity, side, ["models"], Cell(row["model"]))
            yield values, row | {"quantity": quantity, "published": row[quantity]}


def _drops(scores: Evidence, claims: Claims) -> Iterator[tuple[Floats, dict[str, Any]]]:
    side = Side(models=ALL_MODELS, corpora=EVERYWHERE[1:])
    for row in records(reference("section_4e")):
        cell = Cell(row["model"], row["corpus"], row["dimension"])
        values = _computed(scores, claims, "relative_drop", side, ["models", "corpora", "dimensions"], cell)
        yield values, row | {"quantity": "relative_drop", "published": row["relative_drop"]}


def _speakers(scores: Evidence, claims: Claims) -> Iterator[tuple[Floats, dict[str, Any]]]:
    """The number of speakers of figure 8, and the lowest and highest rank correlation of two models."""
    question = ResolvedStatement(_statement("ccc", Side(models=ALL_MODELS), ()), claims, scores)
    for row in records(reference("figure_8")):
        place = row | {"corpus": claims.corpora.get(IN_DOMAIN, "")}
        try:
            found = _agreement(question, row["dimension"])
        except MissingEvidenceError:
            found = [UNKNOWN] * 3
        names = ("speakers", "lowest agreement of speakers", "highest agreement of speakers")
        for name, values, known in zip(names, found, (row["speakers"], row["lowest"], row["highest"]), strict=True):
            yield values, place | {"quantity": name, "published": known}


def _agreement(question: ResolvedStatement, dimension: str) -> list[Floats]:
    """Number of speakers, lowest and highest rank correlation: the estimate and no resamples, (2,) each."""
    models = question.models(question.statement.first)
    by_model = [question.evidence.speakers(model, question.in_domain(), dimension) for model in models]
    names = [*by_model[0]]
    estimates = [np.array([[rows[name][0]] for name in names]) for rows in by_model]
    pairs = [float(rank_correlations(one, two)[0]) for one, two in combinations(estimates, 2)]
    return [np.array([value, np.nan]) for value in (float(len(names)), min(pairs), max(pairs))]


def _computed(
    scores: Evidence, claims: Claims, quantity: QuantityName, side: Side, over: Sequence[Axis], cell: Cell
) -> Floats:
    """A quantity of one cell by the rules of the claims; NaN if the study has no score for it."""
    question = ResolvedStatement(_statement(quantity, side, over), claims, scores)
    try:
        return cases_of(question, (cell, Cell())).get((cell, Cell()), UNKNOWN)
    except MissingEvidenceError:
        return UNKNOWN


def _statement(quantity: QuantityName, side: Side, over: Sequence[Axis]) -> Statement:
    one = Statement(
        id="comparison",
        section="IV-A",
        words="A published number is compared.",
        quantity=quantity,
        first=side,
        comparison="greater",
    )
    return replace(one, quantifier="each", over=tuple(over)) if over else one
