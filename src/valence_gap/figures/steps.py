"""CCC against a property of the models, such as the layers kept or the share of the training data."""

from dataclasses import dataclass

from valence_gap.definitions import CLEAN
from valence_gap.figures import curves, style
from valence_gap.figures.description import Description, Inputs
from valence_gap.figures.style import Drawing
from valence_gap.figures.tables import of_condition, over_seeds, read_scores


@dataclass(frozen=True)
class Step:
    """Where a model stands on the horizontal axis, and what the axis says there."""

    place: float
    label: str


def draw_steps(
    inputs: Inputs, description: Description, steps: dict[str, Step], *, x_label: str, x_log: bool = False
) -> Drawing:
    """A panel for each dimension, a curve with intervals for each corpus.

    Args:
        inputs: with ``scores``.
        description: models and corpora.
        steps: by model.
        x_label: of the horizontal axes.
        x_log: a logarithmic horizontal axis.
    """
    table = over_seeds(of_condition(read_scores(inputs, description, group_by="all"), CLEAN))
    table["step"] = table["model"].map({name: step.label for name, step in steps.items()})
    drawn = table.assign(
        curve=table["corpus"], x=table["model"].map({name: step.place for name, step in steps.items()})
    )
    ticks = dict(sorted((step.place, step.label) for step in steps.values()))
    sentiment = any(corpus.is_sentiment() for corpus in description.corpora)
    look = curves.Look(
        curves=tuple(
            curves.Curve(corpus.name, corpus.label, *style.of_corpus(place))
            for place, corpus in enumerate(description.corpora)
        ),
        dimensions=tuple(
            (name, "Valence / sent." if sentiment and name == "valence" else name.capitalize())
            for name in description.dimensions()
        ),
        note=description.note,
        x_label=x_label,
        x_ticks=(list(ticks), list(ticks.values())),
        x_log=x_log,
    )
    return Drawing(curves.draw(drawn, look), table)
