"""Figure 5: CCC of the fine-tuned minus that of the frozen model, for each backbone (section IV-D)."""

import pandas as pd

from valence_gap import statistics
from valence_gap.definitions import CLEAN
from valence_gap.errors import UserError
from valence_gap.figures import bars
from valence_gap.figures.description import Description, Inputs, ShownModel
from valence_gap.figures.style import Drawing
from valence_gap.figures.tables import Predicted, over_seeds, read_predictions


def draw(inputs: Inputs, description: Description) -> Drawing:
    """Bars of the differences, with intervals of the paired bootstrap: both models on the same resamples.

    Args:
        inputs: with ``predictions`` and ``labels``.
        description: models: fine-tuned and frozen ones, which belong together by their backbone.
    """
    pairs = pairs_by_backbone(description)
    rows = []
    for corpus in description.corpora:
        for dimension in corpus.dimensions:
            found = read_predictions(inputs, corpus.name, CLEAN, dimension)
            for tuned, frozen in pairs:
                for seed, first, second in common_seeds(found, tuned, frozen):
                    difference = _difference(first, second, description)
                    rows.append(
                        {"corpus": corpus.name, "dimension": dimension, "model": tuned.name, "frozen": frozen.name}
                        | {"seed": seed, **difference}
                    )
    table = over_seeds(pd.DataFrame(rows), ["corpus", "dimension", "model", "frozen"])
    look = bars.Look(
        models=tuple(tuned for tuned, _ in pairs),
        note=description.note,
        label="ΔCCC",
        interval=description.interval_label(),
        signed=True,
    )
    return Drawing(bars.draw(bars.rows_by_corpus(table, description), look), table)


def pairs_by_backbone(description: Description) -> list[tuple[ShownModel, ShownModel]]:
    """Each fine-tuned model with the frozen one of its backbone, in order.

    Raises:
        UserError: if a model has no counterpart, or more than one.
    """
    tuned = [model for model in description.models if not model.frozen]
    frozen = [model for model in description.models if model.frozen]
    found = {one.name: [other for other in frozen if other.backbone == one.backbone] for one in tuned}
    wrong = [
        f"{name}: {len(others)} frozen models of its backbone" for name, others in found.items() if len(others) != 1
    ]
    if wrong:
        raise UserError("each fine-tuned model needs one frozen model of its backbone", wrong, "mend figures.*.models")
    return [(one, found[one.name][0]) for one in tuned]


def common_seeds(
    found: dict[str, dict[int, Predicted]], first: ShownModel, second: ShownModel
) -> list[tuple[int, Predicted, Predicted]]:
    """Predictions of two models that were trained with the same seed.

    Raises:
        UserError: if there is no such seed.
    """
    one, other = found.get(first.name, {}), found.get(second.name, {})
    seeds = sorted(one.keys() & other.keys())
    if not seeds:
        raise UserError(
            "no seed has predictions of both models",
            [f"{model.name}: seeds {sorted(runs)}" for model, runs in ((first, one), (second, other))],
            "predict with both, or give them a seed in common",
        )
    return [(seed, one[seed], other[seed]) for seed in seeds]


def _difference(first: Predicted, second: Predicted, description: Description) -> dict[str, float]:
    evaluation = description.evaluation
    ids = first.table.index.intersection(second.table.index)
    truth, predictions = first.only(ids)
    estimate = statistics.paired_difference(
        truth,
        predictions,
        second.only(ids)[1],
        resamples=evaluation.bootstrap,
        confidence=evaluation.confidence,
        rng=statistics.generator(evaluation.seed, first.run.corpus, "all"),
    )
    return {"ccc": estimate.value[0], "low": estimate.low[0], "high": estimate.high[0]}
