"""Checks of a configuration; each error is one line: the key, the value, and what would be valid."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from valence_gap.claims.needs import needed
from valence_gap.definitions.convergence import CONVERGENCE
from valence_gap.definitions.corpora import MINIATURE_ROOT
from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.registry import ADAPTERS, FIGURES, TABLES
from valence_gap.definitions.values import as_tuple
from valence_gap.runtime.errors import valid_names
from valence_gap.study.checks.corpora import corpus_errors
from valence_gap.study.checks.figures import CLAIMS, figure_errors, miniature_corpora
from valence_gap.study.checks.miniature import miniature_errors
from valence_gap.study.checks.models import UNSET, model_errors, source_errors
from valence_gap.study.configuration import Configuration
from valence_gap.study.doubled import doubled_errors
from valence_gap.weights.local import SPECTROGRAM_MODEL_TYPES, local_source, model_type_of

CLAIMS_FILE = "workflow/claims.yaml"
"""The paper's statements, below the project's folder."""
MAX_DEPTH = 50


def reference_errors(configuration: Configuration) -> Iterator[str]:
    """Every name that refers to nothing."""

    def unknown(key: str, name: str | None, kind: str, valid: Collection[str]) -> Iterator[str]:
        if name is not None and name not in valid:
            yield f"{key}: '{name}' is not a {kind}; {valid_names(valid)}"

    corpora, models, backbones = configuration.corpora, configuration.models, configuration.backbones
    for name, definition in corpora.items():
        yield from unknown(f"corpora.{name}.adapter", definition.adapter, "reader of corpora", ADAPTERS)
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
        for part, named in (("corpora", figure.corpora), ("transcribed", figure.transcribed)):
            for corpus in named:
                yield from unknown(f"{key}.{part}", corpus, "corpus", corpora)
    for target in configuration.targets:
        yield from unknown("targets", target, "target of this study", targets_of(configuration))
    yield from unknown("export.model", configuration.export.model, "model", models)
    for name in configuration.convergence.doubled:
        yield from unknown("convergence.doubled", name, "model", models)
    yield from unknown("page.model", configuration.page.model, "model", [*models, *configuration.fusions])
    for condition in configuration.augmented:
        yield from unknown("augmented", condition, "condition", configuration.conditions)
    for corpus in configuration.augmented_utterances:
        yield from unknown("augmented_utterances", corpus, "corpus", corpora)
    if configuration.claims:
        trained = [*models, *configuration.fusions]
        valid_of = {"model": trained, "corpus": [*corpora], "condition": [*configuration.conditions]}
        for key, name, kind in configuration.claims.reference_errors(trained, corpora, configuration.conditions):
            yield from unknown(key, name, kind, valid_of[kind])
    for name in corpora:
        yield from unknown("paths", name, "corpus with paths", configuration.paths)
    for name, pretraining in configuration.pretraining.items():
        yield from unknown(f"pretraining.{name}.speech", pretraining.speech, "speech", configuration.speech)
    for name, recogniser in configuration.recogniser_training.items():
        made = configuration.pretraining
        yield from unknown(f"recogniser_training.{name}.backbone", recogniser.backbone, "pre-trained backbone", made)


def targets_of(configuration: Configuration) -> tuple[str, ...]:
    """What a study can make: the figures, the tables and the claims that it defines, and the stopping rule."""
    claims = (CLAIMS,) if configuration.claims else ()
    return (*configuration.figures, *configuration.tables, *claims, CONVERGENCE)


def value_errors(configuration: Configuration, claims_file: Path) -> Iterator[str]:
    """Values that are each valid but contradict one another."""
    yield from _checkpoint_errors(configuration, claims_file)
    yield from _export_errors(configuration)
    yield from doubled_errors(configuration)
    yield from corpus_errors(configuration)
    yield from _condition_errors(configuration)
    yield from figure_errors(configuration)
    yield from miniature_errors(configuration)
    yield from _claim_errors(configuration, claims_file)
    yield from (f"synthesiser.{wrong}" for wrong in configuration.synthesiser.errors())
    yield from model_errors(configuration)
    yield from source_errors(configuration)
    for name in set(configuration.models) & set(configuration.fusions):
        yield f"fusions.{name}: a model has this name too"
    if configuration.fusions and not (configuration.recogniser and configuration.text_encoder):
        yield "fusions: need a recogniser and a text_encoder"
    if configuration.augmented and configuration.noise is None:
        yield "augmented: needs noise"
    for name, backbone in configuration.backbones.items():
        if backbone.architecture != "cnn14" and not backbone.source:
            yield f"backbones.{name}.source: missing; a hub id or the path of a local folder"
        folder = local_source(backbone.source)
        kind = model_type_of(folder) if folder else None
        if kind in SPECTROGRAM_MODEL_TYPES and not backbone.streamed and configuration.cached_splits:
            yield f"backbones.{name}.streamed: must be true; {backbone.source} is a {kind}: it has no stem to cache"
    if miniature_corpora(configuration, configuration.paths) and configuration.miniature is None:
        yield f"miniature: missing, but some paths begin with {MINIATURE_ROOT}"


def _claim_errors(configuration: Configuration, claims_file: Path) -> Iterator[str]:
    """Fusions are predicted on the clean test sets only."""
    claims, fusions = configuration.claims, set(configuration.fusions)
    if claims is None or not fusions & {name for names in claims.roles.values() for name in as_tuple(names)}:
        return  # before the statements are read, which takes time in every job
    needs = needed(claims_file, claims).predictions
    found = {(model, kind) for model, kind, _ in needs if model in fusions and kind != CLEAN}
    for model, kind in sorted(found):
        valid = valid_names(configuration.models)
        yield f"claims.roles: '{model}' is a fusion, but its role needs {kind} speech; {valid}"


def _condition_errors(configuration: Configuration) -> Iterator[str]:
    for name, condition in configuration.conditions.items():
        valid = {"noise_class": "natural, human, interior", "snr_db": "a number of decibels, such as 10"}
        for key, values in valid.items():
            if condition.kind == "noise" and getattr(condition, key) is None:
                yield f"conditions.{name}.{key}: null, but kind noise needs it; valid: {values}"
        least, greatest = condition.share
        if not 0 <= least <= greatest <= 1:
            yield f"conditions.{name}.share: [{least}, {greatest}]; valid: the least share, then the greatest, in 0..1"


def _export_errors(configuration: Configuration) -> Iterator[str]:
    """Contradictions in the choice of the model that is exported."""
    name, seed = configuration.export.model, configuration.export.seed
    if name is None and seed is not None:
        yield f"export.seed: {seed}, but no export.model is named"
    model = configuration.models.get(name or "")
    if model is None:
        return
    if seed is not None and seed not in model.seeds:
        yield f"export.seed: {seed} is not a seed of '{name}'; valid: {', '.join(map(str, model.seeds))}"
    backbone = configuration.backbones.get(model.backbone or "")
    if backbone and backbone.architecture == "cnn14":
        yield f"export.model: '{name}' is a CNN14; only transformer models are exported"


def _checkpoint_errors(configuration: Configuration, claims_file: Path) -> Iterator[str]:
    """Contradictions between models that are trained and models that are checkpoints."""
    models = configuration.models
    for name, model in models.items():
        if model.checkpoint is None:
            missing = [key for key in ("backbone", "recipe") if getattr(model, key) is None]
            yield from (f"models.{name}.{key}: missing; only a checkpoint needs none" for key in missing)
            continue
        given = [key for key, value in UNSET.items() if getattr(model, key) != value]
        if given:
            yield f"models.{name}: {', '.join(given)} do not apply to a checkpoint, which is not trained; remove them"
        if len(model.seeds) > 1:
            yield f"models.{name}.seeds: {list(model.seeds)}, but a checkpoint is one model; name one seed or none"
    finished = {name for name, model in models.items() if model.checkpoint is not None}
    need_logs = {"figures.figure_11": _of(configuration, "figure_11")}
    if configuration.claims and finished:
        need_logs["claims"] = needed(claims_file, configuration.claims).training_logs
    for key, names in need_logs.items():
        for name in sorted(finished & set(names)):
            yield f"{key}: needs the training log of '{name}', which is a checkpoint and has none"
    if configuration.train_corpus is None or CONVERGENCE in configuration.targets:
        trained = [
            name for name in _shown(configuration, claims_file) if name in configuration.fusions or name not in finished
        ]
        if CONVERGENCE in configuration.targets and not trained:
            yield f"targets: '{CONVERGENCE}', but the targets show no model that is trained; leave it out"
        if configuration.train_corpus is None and trained:
            yield f"train_corpus: missing, but the targets show models that are trained: {', '.join(trained)}"


def _of(configuration: Configuration, target: str) -> tuple[str, ...]:
    """The models of a figure or table."""
    shown = configuration.figures.get(target) or configuration.tables.get(target)
    return shown.models if shown else ()


def _shown(configuration: Configuration, claims_file: Path) -> list[str]:
    """Models and fusions whose predictions or logs the targets need, each once."""
    names = [name for target in configuration.targets if target != "table_2" for name in _of(configuration, target)]
    if configuration.claims and CLAIMS in configuration.targets:
        needs = needed(claims_file, configuration.claims)
        names += [*(model for model, *_ in needs.predictions), *needs.training_logs]
    if CONVERGENCE in configuration.targets:
        names += configuration.convergence.doubled
    return list(dict.fromkeys(names))


def json_errors(value: Any, where: tuple[str, ...] = ()) -> Iterator[str]:
    """Every value and key that YAML can express and JSON cannot: dates, binary data, sets, lists as keys, cycles."""
    key = ".".join(where) or "the configuration"
    if len(where) > MAX_DEPTH:
        yield f"{'.'.join(where[:3])}...: more than {MAX_DEPTH} levels deep"
    elif isinstance(value, Mapping):
        for name, part in value.items():
            if not isinstance(name, str | int | float | None):
                yield f"{key}: the key {name!r} is not text"
            yield from json_errors(part, (*where, str(name)))
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from json_errors(part, (*where, str(index)))
    elif not isinstance(value, str | int | float | None):
        yield f"{key}: {value!r} is a {type(value).__name__}"
