"""Models that are trained a second time, with twice as many epochs, to check the stopping rule."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from valence_gap.definitions.convergence import DOUBLED
from valence_gap.study.checks.models import recipe_of
from valence_gap.study.configuration import Configuration


def with_doubled(configuration: Configuration) -> Configuration:
    """Add a model with twice as many epochs, and the same seeds, for each of ``convergence.doubled``.

    A schedule of the learning rate is stretched with the epochs. The definitions of all other models stay as they are.
    """
    models = dict(configuration.models)
    for name in configuration.convergence.doubled:
        model = models[name]
        overrides = {**model.overrides, "epochs": 2 * recipe_of(configuration, model).epochs}
        models[name + DOUBLED] = replace(model, overrides=overrides, label=f"{model.label} (epochs x 2)")
    return replace(configuration, models=models)


def doubled_errors(configuration: Configuration) -> Iterator[str]:
    """Models that cannot be trained for twice as many epochs; reference_errors reports those that are not defined."""
    key, models = "convergence.doubled", configuration.models
    for name, count in Counter(configuration.convergence.doubled).items():
        if count > 1:
            yield f"{key}: '{name}' is named {count} times; valid: once"
        if name in models and models[name].checkpoint is not None:
            yield f"{key}: '{name}' is a checkpoint, which is not trained; valid: a trained model"
        if name + DOUBLED in {*models, *configuration.fusions}:
            yield f"{key}: '{name}' needs the name {name}{DOUBLED}, which is in use; rename that one"
