"""What can be wrong with a configuration, told in one line each: the key, the value, and what would be valid."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from valence_gap.configuration import Configuration
from valence_gap.definitions import Model, Recipe
from valence_gap.errors import valid_names

FIGURES = tuple(f"figure_{number:02d}" for number in range(2, 14))
TABLES = tuple(f"table_{number}" for number in range(1, 4))
CLAIMS = "claims"
MINIATURE_ROOT = "{miniature}"


def recipe_of(configuration: Configuration, model: Model) -> Recipe:
    """The recipe of a model, with its overrides."""
    recipe = configuration.recipes[model.recipe]
    values = TypeAdapter(Recipe).dump_python(recipe, mode="json") | dict(model.overrides)
    return TypeAdapter(Recipe).validate_json(json.dumps(values))


def wrong_names(configuration: Configuration) -> Iterator[str]:
    """Every name that refers to nothing."""

    def unknown(key: str, name: str | None, kind: str, valid: Collection[str]) -> Iterator[str]:
        if name is not None and name not in valid:
            yield f"{key}: '{name}' is not a {kind}; {valid_names(valid)}"

    corpora, models, backbones = configuration.corpora, configuration.models, configuration.backbones
    yield from unknown("train_corpus", configuration.train_corpus, "corpus", corpora)
    yield from unknown("recogniser", configuration.recogniser, "backbone", backbones)
    yield from unknown("text_encoder", configuration.text_encoder, "backbone", backbones)
    for name, model in models.items():
        yield from unknown(f"models.{name}.backbone", model.backbone, "backbone", backbones)
        yield from unknown(f"models.{name}.recipe", model.recipe, "recipe", configuration.recipes)
    for name, fusion in configuration.fusions.items():
        yield from unknown(f"fusions.{name}.audio", fusion.audio, "model", models)
        yield from unknown(f"fusions.{name}.recipe", fusion.recipe, "recipe", configuration.recipes)
    shown = [
        *((f"figures.{name}", name, figure, FIGURES) for name, figure in configuration.figures.items()),
        *((f"tables.{name}", name, table, TABLES) for name, table in configuration.tables.items()),
    ]
    for key, name, figure, valid in shown:
        yield from unknown(key, name, key.split("s.")[0], valid)
        for model_name in figure.models:
            yield from unknown(f"{key}.models", model_name, "model", [*models, *configuration.fusions])
        for corpus in figure.corpora:
            yield from unknown(f"{key}.corpora", corpus, "corpus", corpora)
    for target in configuration.targets:
        yield from unknown("targets", target, "target of this study", targets_of(configuration))
    for condition in configuration.augmented:
        yield from unknown("augmented", condition, "condition", configuration.conditions)
    if configuration.claims:
        trained = [*models, *configuration.fusions]
        valid_of = {"model": trained, "corpus": [*corpora], "condition": [*configuration.conditions]}
        for key, name, kind in configuration.claims.wrong_names(trained, corpora, configuration.conditions):
            yield from unknown(key, name, kind, valid_of[kind])
    for name in corpora:
        yield from unknown("paths", name, "corpus with paths", configuration.paths)
    for name, pretraining in configuration.pretraining.items():
        yield from unknown(f"pretraining.{name}.speech", pretraining.speech, "speech", configuration.speech)
        made = configuration.pretraining
        yield from unknown(f"pretraining.{name}.continues", pretraining.continues, "pre-trained backbone", made)
    for name, recogniser in configuration.recogniser_training.items():
        made = configuration.pretraining
        yield from unknown(f"recogniser_training.{name}.backbone", recogniser.backbone, "pre-trained backbone", made)


def targets_of(configuration: Configuration) -> tuple[str, ...]:
    """What a study can make: the figures, the tables and the claims that it defines."""
    return (*configuration.figures, *configuration.tables, *((CLAIMS,) if configuration.claims else ()))


def wrong_values(configuration: Configuration) -> Iterator[str]:
    """Values that are each valid and contradict one another."""
    for name, model in configuration.models.items():
        if model.recipe in configuration.recipes:
            try:
                recipe_of(configuration, model)
            except ValidationError as error:
                for one in error.errors(include_url=False):
                    yield explain(one, root=("models", name, "overrides"), kind=Recipe)
        backbone = configuration.backbones.get(model.backbone)
        if backbone and backbone.architecture == "cnn14" and (model.frozen or model.layers or not model.pretrained):
            yield f"models.{name}: frozen, layers and pretrained say nothing of a cnn14 backbone; leave them out"
        if backbone and backbone.architecture in ("recogniser", "text"):
            yield f"models.{name}.backbone: '{model.backbone}' is a {backbone.architecture}; a model needs an encoder"
        if not model.pretrained and model.frozen:
            yield f"models.{name}.frozen: true, but its weights are random (pretrained: false); nothing would be learnt"
        if len(set(model.seeds)) < len(model.seeds):
            yield f"models.{name}.seeds: {list(model.seeds)} names a seed twice"
    for name in set(configuration.models) & set(configuration.fusions):
        yield f"fusions.{name}: a model has this name too"
    if configuration.fusions and not (configuration.recogniser and configuration.text_encoder):
        yield "fusions: need a recogniser and a text_encoder"
    if configuration.augmented and configuration.noise is None:
        yield "augmented: needs noise"
    train = configuration.corpora.get(configuration.train_corpus)
    if train:
        for split in ("train", "dev"):
            if split not in train.splits:
                yield f"corpora.{configuration.train_corpus}.splits: no '{split}', but models are trained on it"
    for name, backbone in configuration.backbones.items():
        if backbone.architecture != "cnn14" and not backbone.source:
            yield f"backbones.{name}.source: missing; a hub id or the path of a local folder"
    miniature = any(paths.labels.startswith(MINIATURE_ROOT) for paths in configuration.paths.values())
    if miniature and configuration.miniature is None:
        yield f"miniature: missing, but some paths begin with {MINIATURE_ROOT}"


def explain(error: Mapping[str, Any], *, root: tuple[str, ...] = (), kind: Any = Configuration) -> str:
    """One line for one validation error: the key, the value, and what would be valid."""
    where = tuple(part for part in error["loc"] if part != "[key]")
    key = ".".join(str(part) for part in (*root, *where))
    if error["type"] == "unexpected_keyword_argument":
        siblings = _properties(TypeAdapter(kind).json_schema(), where[:-1])
        return f"{key}: unknown key; {valid_names(siblings)}"
    if error["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return f"{key}: missing"
    value = json.dumps(error["input"], ensure_ascii=False, default=str)
    hint = ""
    if error["type"] in ("float_type", "int_type") and isinstance(error["input"], str):
        hint = " (YAML reads a number without a decimal point before its exponent as text: write 1.0e-3)"
    return f"{key}: {value} is not valid: {error['msg'][0].lower()}{error['msg'][1:]}{hint}"


def _properties(schema: Mapping[str, Any], where: tuple[Any, ...]) -> tuple[str, ...]:
    """The keys that are valid at a place of the configuration."""
    node: Any = schema
    for part in (*where, None):
        while "$ref" in node or "anyOf" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node["anyOf"][0]
        if part is None:
            break
        patterns = [*node.get("patternProperties", {}).values(), node.get("additionalProperties"), node.get("items")]
        node = node.get("properties", {}).get(part) or next(filter(None, patterns), {})
    return tuple(node.get("properties", {}))
