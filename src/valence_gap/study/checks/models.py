"""Checks of the definitions of models, made before anything is trained."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from valence_gap.definitions.models import Backbone, Checkpoint, Model, Recipe, Training
from valence_gap.definitions.validation import explain
from valence_gap.study.checks.recipes import MIN_BATCH_SIZE, NO_CCC, ONCE_AN_EPOCH, training_errors
from valence_gap.study.configuration import Configuration
from valence_gap.weights.local import local_source, looks_like_folder, num_layers_of

# Keys of a model that determine its training, with their default values.
UNSET: Mapping[str, Any] = {
    "backbone": None,
    "recipe": None,
    "overrides": {},
    "frozen": False,
    "pretrained": True,
    "layers": None,
    "fraction": 1.0,
}


def recipe_of(configuration: Configuration, model: Model) -> Recipe:
    """The recipe of a model, with its overrides."""
    recipe = configuration.recipes[str(model.recipe)]
    values = TypeAdapter(Recipe).dump_python(recipe, mode="json") | dict(model.overrides)
    return TypeAdapter(Recipe).validate_json(json.dumps(values))


def training_of(configuration: Configuration, model: Model, backbone: Backbone, seed: int) -> Training:
    """Everything that determines one trained model.

    Args:
        configuration: contains its recipe.
        model: its definition.
        backbone: its backbone, without the fields that do not change the model.
        seed: one of the model's seeds.

    Raises:
        ValidationError: an override is not a key of the recipe, or its value is not valid.
    """
    return Training(
        backbone=backbone,
        recipe=recipe_of(configuration, model),
        frozen=model.frozen,
        pretrained=model.pretrained,
        layers=model.layers,
        fraction=model.fraction,
        seed=seed,
    )


def model_errors(configuration: Configuration) -> Iterator[str]:
    """Contradictions in the definitions of the models, including their recipes and overrides."""
    for name, model in configuration.models.items():
        backbone = configuration.backbones.get(model.backbone or "")
        if backbone:
            yield from _backbone_errors(name, model, backbone)
        if len(set(model.seeds)) < len(model.seeds):
            yield f"models.{name}.seeds: {list(model.seeds)} names a seed twice"
        if model.recipe not in configuration.recipes:
            continue
        try:
            training = training_of(configuration, model, backbone or Backbone(), model.seeds[0])
        except ValidationError as error:
            for one in error.errors(include_url=False):
                yield explain(one, Recipe, root=("models", name, "overrides"))
            continue
        stored = bool(backbone and configuration.cached_splits) and not training.backbone.streamed
        for key, complaint in training_errors(training, stored=stored):
            yield f"{_place_of(key, name, model)}: {complaint}"
    for name, fusion in configuration.fusions.items():
        recipe = configuration.recipes.get(fusion.recipe)
        if recipe and recipe.batch_size < MIN_BATCH_SIZE:
            yield f"recipes.{fusion.recipe}.batch_size ({name}): {NO_CCC}"
        if recipe and recipe.evaluate_every is not None:
            yield f"recipes.{fusion.recipe}.evaluate_every ({name}): {recipe.evaluate_every}, {ONCE_AN_EPOCH}"


def source_errors(configuration: Configuration) -> Iterator[str]:
    """Folders that are written like hub ids."""
    sources: list[tuple[str, Backbone | Checkpoint | None]] = [
        *((f"backbones.{name}", backbone) for name, backbone in configuration.backbones.items()),
        *((f"models.{name}.checkpoint", model.checkpoint) for name, model in configuration.models.items()),
    ]
    for key, one in sources:
        if one and looks_like_folder(one.source, one.revision):
            yield f"{key}.source: '{one.source}' is read as a hub id; for the folder write ./{one.source}"


def _backbone_errors(name: str, model: Model, backbone: Backbone) -> Iterator[str]:
    folder = local_source(backbone.source)
    there = num_layers_of(folder) if folder else None
    if model.layers and there is not None and model.layers > there:
        yield f"models.{name}.layers: {model.layers}, but '{model.backbone}' has {there}; valid: 1 to {there}"
    if backbone.architecture in ("recogniser", "text"):
        yield f"models.{name}.backbone: '{model.backbone}' is a {backbone.architecture}; a model needs an encoder"


def _place_of(key: str, name: str, model: Model) -> str:
    """Where a field of a training is set: in the model, in its overrides, or in its recipe."""
    if key in UNSET:
        return f"models.{name}.{key}"
    return f"models.{name}.overrides.{key}" if key in model.overrides else f"recipes.{model.recipe}.{key} ({name})"
