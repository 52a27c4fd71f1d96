"""Figure 12: CCC by the number of transformer layers that are kept (section V-B)."""

from pathlib import Path

from valence_gap.definitions.figures import Description, Inputs, in_words
from valence_gap.figures.drawing.captions import Caption
from valence_gap.figures.drawing.plots import Plot
from valence_gap.figures.drawing.steps import Steps, plot_steps
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json


def plot(inputs: Inputs, description: Description) -> Plot:
    """CCC against the bottom layers kept, a curve for each corpus.

    Args:
        inputs: with ``scores``, and ``configs`` of the models that keep all layers.
        description: models: variants of one backbone; one without ``layers`` keeps all.

    Raises:
        UserError: if no model has dropped layers, or the number of layers of another one is unknown.
    """
    if not any(model.layers for model in description.models):
        raise UserError("no model of this figure has dropped layers", remedy="give its models 'layers'")
    unknown = [model.name for model in description.models if not model.layers and model.name not in inputs.configs]
    if unknown:
        raise UserError(
            "the number of layers of these models is unknown", unknown, "pass their config.json with --configs"
        )
    steps = {
        model.name: float(model.layers or num_layers_of(inputs.configs[model.name])) for model in description.models
    }
    whole = [model.label for model in description.models if not model.layers]
    caption = Caption(
        "How many transformer layers are needed?",
        f"CCC of {in_words(whole) or 'a model'} by the number of its transformer layers that are kept: the top ones "
        f"are removed before fine-tuning. Test set{description.plural()} of {description.corpus_labels()}.",
        note=description.note,
    )
    return plot_steps(inputs, description, Steps(steps, "Transformer layers kept", " layers"), caption)


def num_layers_of(config: Path) -> int:
    """Read the number of transformer layers from a model's ``config.json``.

    Raises:
        UserError: if the file does not contain it.
    """
    try:
        return int(read_json(config)["num_hidden_layers"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            "a configuration does not contain the number of layers (num_hidden_layers)",
            [f"{config}: {error!r}"],
            "pass the config.json of a transformer",
        ) from error
