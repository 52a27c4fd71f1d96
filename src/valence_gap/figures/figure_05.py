"""Figure 5: CCC of the fine-tuned minus that of the frozen model, for each backbone (section IV-D)."""

from valence_gap.definitions.figures import Description, Inputs, ShownModel
from valence_gap.figures.drawing import differences
from valence_gap.figures.drawing.captions import Caption
from valence_gap.figures.drawing.plots import Plot
from valence_gap.runtime.errors import UserError


def plot(inputs: Inputs, description: Description) -> Plot:
    """Bars of the differences, with intervals: both models on the same resamples, and the spread over seeds.

    Args:
        inputs: with ``predictions``, ``labels`` and ``utterances``.
        description: models: fine-tuned and frozen ones, paired by their backbone.
    """
    pairs = [(tuned, frozen.name) for tuned, frozen in pairs_by_backbone(description)]
    caption = Caption(
        "What fine-tuning adds",
        "ΔCCC: CCC of the fine-tuned model minus CCC of the one with frozen transformer layers, of the same backbone. "
        f"Above 0, fine-tuning helps. Test set{description.plural()} of {description.corpus_labels()}.",
        note=description.note,
    )
    return differences.plot(pairs, inputs, description, subtrahend="frozen", caption=caption)


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
        raise UserError(
            "each fine-tuned model needs one frozen model of its backbone", wrong, "correct figures.*.models"
        )
    return [(one, found[one.name][0]) for one in tuned]
