"""A study: the configuration, checked as a whole, and the questions that the workflow asks of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from valence_gap.definitions import (
    Backbone,
    Configuration,
    Corpus,
    CorpusPaths,
    Model,
    Recipe,
    Speech,
    Training,
)
from valence_gap.errors import UserError, valid_names

FIGURES = ("figure_02",)
MINIATURE_ROOT = "{miniature}"

_ADAPTER: TypeAdapter[Configuration] = TypeAdapter(Configuration)


def schema() -> dict[str, Any]:
    """The JSON schema of the configuration, as in ``workflow/schemas/config.schema.json``."""
    return _ADAPTER.json_schema()


def load(config: Mapping[str, Any]) -> "Study":
    """Check a configuration and make a study of it.

    Args:
        config: the merged configuration, as Snakemake or YAML gives it.

    Raises:
        UserError: one line for each thing that is wrong: the key, the value, and what would be valid.
    """
    try:
        configuration = _ADAPTER.validate_json(json.dumps(config))
    except ValidationError as error:
        offenders = [_explain(one) for one in error.errors(include_url=False)]
        raise UserError("the configuration is not valid", offenders) from None
    offenders = [*_wrong_names(configuration), *_wrong_values(configuration)]
    if offenders:
        raise UserError("the configuration is not valid", offenders)
    return Study(configuration)


@dataclass(frozen=True)
class Study:
    """A valid configuration and what follows from it. All paths are relative to the project's root, as text."""

    configuration: Configuration

    @property
    def results(self) -> str:
        """The folder of everything that the study makes."""
        return f"results/{self.configuration.study}"

    @property
    def models(self) -> Mapping[str, Model]:
        """All defined models by name."""
        return self.configuration.models

    def is_cnn14(self, model: str) -> bool:
        """Whether a model is the CNN14 baseline rather than a transformer."""
        return self.configuration.backbones[self.models[model].backbone].architecture == "cnn14"

    def recipe(self, model: str) -> Recipe:
        """The recipe of a model, with its overrides."""
        return _recipe(self.configuration, self.models[model])

    def corpus(self, corpus: str) -> Corpus:
        """A corpus without its label, which changes nothing but figures."""
        return replace(self.configuration.corpora[corpus], label="")

    def backbone(self, backbone: str) -> Backbone:
        """A backbone without its label, which changes nothing but tables."""
        return replace(self.configuration.backbones[backbone], label="")

    def speech(self, pretraining: str) -> Speech:
        """The unlabelled speech that a miniature backbone hears."""
        return self.configuration.speech[self.configuration.pretraining[pretraining].speech]

    def training(self, model: str, seed: int) -> Training:
        """All that shapes the trained model: names, labels and colours are left out, since they cannot change it."""
        row = self.models[model]
        return Training(
            backbone=self.backbone(row.backbone),
            recipe=self.recipe(model),
            frozen=row.frozen,
            pretrained=row.pretrained,
            layers=row.layers,
            fraction=row.fraction,
            seed=seed,
        )

    def uses_stem_features(self, model: str) -> bool:
        """Whether a model is trained on the cached output of its backbone's frozen stem."""
        return not self.is_cnn14(model) and not self.recipe(model).train_stem

    def shares_stem_features(self, model: str) -> bool:
        """Whether a test set's stem features are used by more than this model, and so worth caching."""
        if not self.uses_stem_features(model):
            return False
        backbone = self.models[model].backbone
        users = [name for name in self.selected_models() if self.models[name].backbone == backbone]
        return sum(len(self.models[name].seeds) for name in users if self.uses_stem_features(name)) > 1

    def selected_models(self) -> tuple[str, ...]:
        """Models that some selected figure shows, in order of first mention."""
        figures = (self.configuration.figures[target] for target in self.configuration.targets)
        return tuple(dict.fromkeys(model for figure in figures for model in figure.models))

    def selected_backbones(self) -> tuple[str, ...]:
        """Pre-trained backbones that the selected models stand on."""
        models = (self.models[name] for name in self.selected_models() if not self.is_cnn14(name))
        return tuple(dict.fromkeys(model.backbone for model in models))

    def is_miniature(self, corpus: str) -> bool:
        """Whether a corpus is one of the embedded miniature's."""
        return self.configuration.paths[corpus].labels.startswith(MINIATURE_ROOT)

    def paths(self, corpus: str) -> CorpusPaths:
        """Where a corpus lies, with the miniature's placeholder resolved."""
        paths = self.configuration.paths[corpus]
        return replace(
            paths,
            audio=tuple(self._resolve(path) for path in paths.audio),
            labels=self._resolve(paths.labels),
            transcripts=self._resolve(paths.transcripts) if paths.transcripts else None,
            speakers=self._resolve(paths.speakers) if paths.speakers else None,
        )

    def _resolve(self, path: str) -> str:
        return path.replace(MINIATURE_ROOT, f"{self.results}/raw", 1) if path.startswith(MINIATURE_ROOT) else path

    def description(self, figure: str) -> dict[str, Any]:
        """What the code that draws a figure is told: names, labels and colours, in order."""
        shown = self.configuration.figures[figure]
        return {
            "models": [self._shown(name) for name in shown.models],
            "corpora": [
                {"name": name, "label": corpus.label, "dimensions": list(corpus.dimensions)}
                for name, corpus in ((name, self.configuration.corpora[name]) for name in shown.corpora)
            ],
            "note": self.configuration.note,
            "published": shown.published,
        }

    def _shown(self, name: str) -> dict[str, Any]:
        model = self.models[name]
        return {
            "name": name,
            "label": model.label,
            "colour": model.colour,
            "backbone": model.backbone,
            "frozen": model.frozen,
            "layers": model.layers,
            "fraction": model.fraction,
        }

    def runs(self, models: tuple[str, ...]) -> Iterator[tuple[str, int]]:
        """Each (model, seed) of some models."""
        for model in models:
            for seed in self.models[model].seeds:
                yield model, seed


def _recipe(configuration: Configuration, model: Model) -> Recipe:
    recipe = configuration.recipes[model.recipe]
    values = TypeAdapter(Recipe).dump_python(recipe, mode="json") | dict(model.overrides)
    return TypeAdapter(Recipe).validate_json(json.dumps(values))


def _wrong_names(configuration: Configuration) -> Iterator[str]:
    """Every name that refers to nothing."""

    def unknown(key: str, name: str, kind: str, valid: Mapping[str, Any] | tuple[str, ...]) -> Iterator[str]:
        if name not in valid:
            yield f"{key}: '{name}' is not a {kind}; {valid_names(valid)}"

    corpora, models = configuration.corpora, configuration.models
    yield from unknown("train_corpus", configuration.train_corpus, "corpus", corpora)
    for name, model in models.items():
        yield from unknown(f"models.{name}.backbone", model.backbone, "backbone", configuration.backbones)
        yield from unknown(f"models.{name}.recipe", model.recipe, "recipe", configuration.recipes)
    for name, figure in configuration.figures.items():
        yield from unknown(f"figures.{name}", name, "figure", FIGURES)
        for model_name in figure.models:
            yield from unknown(f"figures.{name}.models", model_name, "model", models)
        for corpus in figure.corpora:
            yield from unknown(f"figures.{name}.corpora", corpus, "corpus", corpora)
    for target in configuration.targets:
        yield from unknown("targets", target, "figure of this study", configuration.figures)
    for name in corpora:
        yield from unknown("paths", name, "corpus with paths", configuration.paths)
    for name, pretraining in configuration.pretraining.items():
        yield from unknown(f"pretraining.{name}.speech", pretraining.speech, "speech", configuration.speech)


def _wrong_values(configuration: Configuration) -> Iterator[str]:
    """Values that are each valid and contradict one another."""
    for name, model in configuration.models.items():
        if model.recipe in configuration.recipes:
            try:
                _recipe(configuration, model)
            except ValidationError as error:
                for one in error.errors(include_url=False):
                    yield _explain(one, root=("models", name, "overrides"), kind=Recipe)
        backbone = configuration.backbones.get(model.backbone)
        if backbone and backbone.architecture == "cnn14" and (model.frozen or model.layers or not model.pretrained):
            yield f"models.{name}: frozen, layers and pretrained say nothing of a cnn14 backbone; leave them out"
        if not model.pretrained and model.frozen:
            yield f"models.{name}.frozen: true, but its weights are random (pretrained: false); nothing would be learnt"
        if len(set(model.seeds)) < len(model.seeds):
            yield f"models.{name}.seeds: {list(model.seeds)} names a seed twice"
    train = configuration.corpora.get(configuration.train_corpus)
    if train:
        for split in ("train", "dev"):
            if split not in train.splits:
                yield f"corpora.{configuration.train_corpus}.splits: no '{split}', but models are trained on it"
    for name, backbone in configuration.backbones.items():
        if backbone.architecture == "transformer" and not backbone.source:
            yield f"backbones.{name}.source: missing; a hub id or the path of a local folder"
    miniature = any(paths.labels.startswith(MINIATURE_ROOT) for paths in configuration.paths.values())
    if miniature and configuration.miniature is None:
        yield f"miniature: missing, but some paths begin with {MINIATURE_ROOT}"


def _explain(error: Mapping[str, Any], *, root: tuple[str, ...] = (), kind: Any = Configuration) -> str:
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


def local_source(source: str | None) -> Path | None:
    """The folder of a backbone's source, or None where it is a hub id."""
    return Path(source) if source and source.startswith((".", "/", "~")) else None
