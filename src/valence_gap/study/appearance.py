"""Labels and colours of models and fusions that name none."""

from dataclasses import replace
from itertools import cycle

from valence_gap.definitions.colours import DEFAULTS
from valence_gap.definitions.models import FusionModel, Model
from valence_gap.study.configuration import Configuration


def with_appearance(configuration: Configuration) -> Configuration:
    """Give every model a label and a colour.

    A model without a label is shown by its name. Models without a colour get those of ``DEFAULTS`` that no model names,
    in the order in which these models are defined: one more of them at the end changes none of the others. A fusion
    looks like its audio model, beside which figure 3 shows it.
    """
    given = {str(model.colour).lower() for model in configuration.models.values()}
    colours = cycle([colour for colour in DEFAULTS if colour not in given] or DEFAULTS)
    models: dict[str, Model] = {
        name: replace(model, label=model.label or name, colour=model.colour or next(colours))
        for name, model in configuration.models.items()
    }

    def fused(fusion: FusionModel) -> FusionModel:
        audio = models[fusion.audio]
        return replace(fusion, label=fusion.label or audio.label, colour=fusion.colour or audio.colour)

    return replace(
        configuration, models=models, fusions={name: fused(each) for name, each in configuration.fusions.items()}
    )
