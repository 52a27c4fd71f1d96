"""A study: the configuration, checked as a whole, and everything that the workflow needs to know about it."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from valence_gap.claims.needs import Needs, needed
from valence_gap.definitions.convergence import CONVERGENCE
from valence_gap.definitions.corpora import MINIATURE_ROOT, Corpus, CorpusPaths
from valence_gap.definitions.evaluation import CLEAN, Condition
from valence_gap.definitions.figures import Kind, ModelKind
from valence_gap.definitions.miniature import Speech
from valence_gap.definitions.models import Backbone, Checkpoint, Model, Recipe, Training
from valence_gap.definitions.text import Fusion
from valence_gap.definitions.validation import explain
from valence_gap.definitions.values import Split
from valence_gap.runtime.errors import UserError
from valence_gap.study.appearance import with_appearance
from valence_gap.study.checks.figures import CLAIMS
from valence_gap.study.checks.models import recipe_of, training_of
from valence_gap.study.checks.validate import CLAIMS_FILE, json_errors, reference_errors, value_errors
from valence_gap.study.configuration import Configuration, Figure
from valence_gap.study.doubled import with_doubled
from valence_gap.study.project_files import with_project_sources
from valence_gap.study.seeds import with_seeds
from valence_gap.weights.local import is_current, read_record, recorded_revision
from valence_gap.weights.model_types import CONFIG, WEIGHTS

PRETRAINED = "resources/pretrained"
"""The models from the hub, for all studies of a clone."""
NOISE = "_noise"
"""The name of the noise corpus among the corpora; no corpus can have this name."""
TABLE_OF_BACKBONES = "table_2"
"""The table that needs backbones alone: no model is trained for it."""

_ADAPTER: TypeAdapter[Configuration] = TypeAdapter(Configuration)


def schema() -> dict[str, Any]:
    """The JSON schema of the configuration, as in ``workflow/schemas/config.schema.json``."""
    return _ADAPTER.json_schema()


def load(config: Mapping[str, Any], extra_targets: Iterable[str] = (), project: Path = Path()) -> "Study":
    """Check a configuration and make a study of it.

    Args:
        config: the merged configuration, as Snakemake or YAML gives it.
        extra_targets: figures and tables that are made beside the study's targets, and are checked as those are.
        project: the folder of the Snakefile, as seen from the working directory.

    Raises:
        UserError: one line for each thing that is wrong: the key, the value, and what would be valid.
    """
    try:
        configuration = _ADAPTER.validate_json(_as_json(with_seeds(with_project_sources(config, project))))
    except ValidationError as error:
        offenders = [explain(one, Configuration) for one in error.errors(include_url=False)]
        raise UserError("the configuration is not valid", offenders) from None
    checked = replace(configuration, targets=tuple(dict.fromkeys((*configuration.targets, *extra_targets))))
    claims_file = project / CLAIMS_FILE
    offenders = [*reference_errors(checked), *value_errors(checked, claims_file)]
    if offenders:
        raise UserError("the configuration is not valid", offenders)
    return Study(with_doubled(with_appearance(configuration)), claims_file)


def _as_json(config: Mapping[str, Any]) -> str:
    try:
        return json.dumps(config)
    except (TypeError, ValueError, RecursionError) as error:
        wrong = list(json_errors(config)) or [str(error)]
        raise UserError(
            "the configuration is not valid", wrong, "Put dates, and other values that are not text in YAML, in quotes."
        ) from None


@dataclass(frozen=True)
class Study:
    """A valid configuration and everything derived from it. All paths are relative to the project's root, as text."""

    configuration: Configuration
    claims_file: Path

    @property
    def results(self) -> str:
        """The folder of everything that the study makes."""
        return f"results/{self.configuration.study}"

    @property
    def precision_file(self) -> str:
        """The measurement that ``precision: auto`` follows on CPUs."""
        return f"{self.results}/precision.json"

    @property
    def models(self) -> Mapping[str, Model]:
        """All defined models by name."""
        return self.configuration.models

    def is_cnn14(self, model: str) -> bool:
        """Whether a model is the CNN14 baseline rather than a transformer."""
        backbone = self.models[model].backbone
        return backbone is not None and self.configuration.backbones[backbone].architecture == "cnn14"

    def model_kind(self, model: str) -> ModelKind:
        """The kind of a model, by what of it is trained. A released checkpoint is a fine-tuned model."""
        if self.is_cnn14(model):
            return "CNN14"
        if self.models[model].frozen:
            return "frozen"
        return "fine-tuned" if self.models[model].pretrained else "random initialisation"

    def kind_of(self, name: str) -> Kind:
        """The kind of a model or fusion."""
        return "fusion" if name in self.configuration.fusions else self.model_kind(name)

    def kinds(self) -> dict[str, Kind]:
        """The kind of each model and fusion; a variance between training seeds is pooled over the models of a kind."""
        return {name: self.kind_of(name) for name in (*self.models, *self.configuration.fusions)}

    def is_trained(self, model: str) -> bool:
        """Whether a model is trained by the study; otherwise it is a checkpoint."""
        return self.models[model].checkpoint is None

    def checkpoint(self, model: str) -> Checkpoint:
        """Where a model that is not trained comes from, without the checksums, which change no number.

        Raises:
            ValueError: the model is trained.
        """
        found = self.models[model].checkpoint
        if found is None:
            raise ValueError(f"{model} is not a checkpoint")
        record = read_record(self.model_folder(model, self.models[model].seeds[0]))
        return replace(found, sha256={}, revision=recorded_revision(record, found))

    def model_folder(self, model: str, seed: int) -> Path:
        """The folder of a finished model, trained or fetched."""
        return Path(self.results) / "models" / model / f"seed-{seed}"

    def backbone_of(self, model: str) -> str:
        """Name of a model's backbone.

        Raises:
            ValueError: the model is a checkpoint, whose backbone is not known here.
        """
        found = self.models[model].backbone
        if found is None:
            raise ValueError(f"{model} has no backbone")
        return found

    def recipe(self, model: str) -> Recipe:
        """The recipe of a model, with its overrides."""
        return recipe_of(self.configuration, self.models[model])

    def corpus(self, corpus: str) -> Corpus:
        """A corpus without its label, which only changes figures."""
        return replace(self.configuration.corpora[corpus], label="")

    def backbone(self, backbone: str) -> Backbone:
        """A backbone without the fields that change no number: how it is shown or verified, what is cached of it."""
        definition = self.configuration.backbones[backbone]
        revision = recorded_revision(read_record(Path(self.pretrained_folder(backbone))), definition)
        definition = replace(definition, label="", datasets="", hours="", languages="", domains="")
        return replace(definition, streamed=False, sha256={}, revision=revision)

    def checksums(self, definition: Backbone | Checkpoint) -> list[str]:
        """The checksums that fetched files must have, as words: ['pytorch_model.bin=3249fe98...']."""
        return [f"{name}={sum_}" for name, sum_ in (definition.sha256 or {}).items()]

    def pretrained_folder(self, backbone: str) -> str:
        """The folder of a fetched backbone: results/paper/pretrained/w2v2-b.

        A folder resources/pretrained/<name> whose record has the same source and revision is used where it is, unless a
        local source has changed since: in earlier versions all studies of a clone shared it, and their results remain
        valid.
        """
        return self._pretrained_folders.get(backbone, f"{self.results}/pretrained/{backbone}")

    def deleted_backbones(self) -> list[str]:
        """Backbones of which resources/pretrained/<name> has the record, but not all other files."""
        names = (CONFIG, WEIGHTS)
        folders = self._pretrained_folders
        return [each for each, folder in folders.items() if not all((Path(folder) / name).is_file() for name in names)]

    @cached_property
    def _pretrained_folders(self) -> Mapping[str, str]:
        found = {name: f"{PRETRAINED}/{name}" for name in self.configuration.backbones}
        return {
            name: folder
            for name, folder in found.items()
            if is_current(Path(folder), self.configuration.backbones[name])
        }

    def condition(self, name: str) -> Condition:
        """An augmentation without its label."""
        return replace(self.configuration.conditions[name], label="")

    def noise_root(self) -> str:
        """The folder of the noise corpus; empty if there is none."""
        return self._resolve(self.configuration.noise.root) if self.configuration.noise else ""

    def speech(self, pretraining: str) -> Speech:
        """The unlabelled speech that a miniature backbone is pre-trained on."""
        return self.configuration.speech[self.configuration.pretraining[pretraining].speech]

    def training(self, model: str, seed: int) -> Training:
        """Everything that determines the trained model; names, labels and colours cannot change it and are left out."""
        backbone = self.backbone(self.backbone_of(model))
        return training_of(self.configuration, self.models[model], backbone, seed)

    def uses_stem_features(self, model: str, split: Split, conditions: str = CLEAN) -> bool:
        """Whether a model reads the cached output of its backbone's stem for a split under some conditions."""
        if split not in self.configuration.cached_splits:
            return False
        if conditions not in (CLEAN, *self.configuration.cached_conditions):
            return False
        if self.is_cnn14(model) or not self.is_trained(model):
            return False
        streamed = self.configuration.backbones[self.backbone_of(model)].streamed
        return not streamed and not self.recipe(model).train_stem

    def in_float32(self, model: str) -> bool:
        """Whether nothing is rounded for a model: its recipe has ``precision: fp32``. A checkpoint has no recipe."""
        return self.is_trained(model) and self.recipe(model).precision == "fp32"

    def is_auto(self, model: str) -> bool:
        """Whether the number format of a model's products depends on the machine. A checkpoint's is not known here."""
        return not self.is_trained(model) or self.recipe(model).precision == "auto"

    def auto_threads(self) -> int:
        """CPU threads of the largest training whose number format depends on the machine."""
        trained = [name for name in self.models if self.is_trained(name) and self.is_auto(name)]
        return max((self.recipe(name).threads for name in trained), default=1)

    def features_format(self, backbone: str) -> Literal["bfloat16", "float32"]:
        """Number format in which the stem output of a backbone is cached: float32 if one of its models needs it."""
        models = [name for name, model in self.models.items() if model.backbone == backbone]
        readers = [name for name in models if self.is_trained(name) and not self.recipe(name).train_stem]
        return "float32" if any(map(self.in_float32, readers)) else "bfloat16"

    @property
    def augmented_utterances(self) -> dict[str, int]:
        """Corpus -> how many utterances of its test set the augmented conditions are applied to, where not to all."""
        return {name: count for name, count in self.configuration.augmented_utterances.items() if count is not None}

    def figure_config(self, target: str) -> Figure:
        """What a figure or table shows; nothing if the study does not define it."""
        nothing = Figure(models=(), corpora=())
        return self.configuration.figures.get(target) or self.configuration.tables.get(target) or nothing

    def transcribed(self, target: str) -> tuple[str, ...]:
        """Corpora whose test sets are transcribed for a figure: those that it shows, and those under transcribed."""
        shown = self.figure_config(target)
        return tuple(dict.fromkeys((*shown.corpora, *shown.transcribed)))

    def audio_model(self, name: str) -> str:
        """The audio model of a fusion; for any other model, its own name."""
        fusions = self.configuration.fusions
        return fusions[name].audio if name in fusions else name

    def fusion(self, name: str, seed: int) -> Fusion:
        """Everything that determines a trained fusion."""
        return Fusion(recipe=self.configuration.recipes[self.configuration.fusions[name].recipe], seed=seed)

    def backbones_of(self, models: Iterable[str]) -> tuple[str, ...]:
        """Pre-trained backbones that some models are based on."""
        audio = [name for name in map(self.audio_model, models) if self.is_trained(name) and not self.is_cnn14(name)]
        return tuple(dict.fromkeys(map(self.backbone_of, audio)))

    def claims_runs(self) -> list[tuple[str, int, str, str]]:
        """(model, seed, set of conditions, corpus) of the predictions that the claims are checked with."""
        found = self._claims_needs.predictions
        return [(model, seed, name, corpus) for model, name, corpus in found for seed in self._claims_seeds(model)]

    def claims_logs(self) -> list[tuple[str, int]]:
        """(model, seed) of the training logs that the claims are checked with: all seeds."""
        return [(name, seed) for name in self._claims_needs.training_logs for seed in self.models[name].seeds]

    def claims_need_separation(self) -> bool:
        """Whether some claim uses the separation of the embeddings of figure 10."""
        shown = set(self.figure_config("figure_10").models)
        return bool(shown & set(self._claims_needs.separation))

    @cached_property
    def _claims_needs(self) -> Needs:
        claims = self.configuration.claims
        return needed(self.claims_file, claims) if claims else Needs((), (), ())

    def _claims_seeds(self, model: str) -> tuple[int, ...]:
        seeds = self.models[self.audio_model(model)].seeds
        return seeds if self.configuration.claims_seeds == "all" else seeds[:1]

    def models_of_targets(self) -> list[str]:
        """Models and fusions that the targets need."""
        shown = {name for target in self.targets for name in self.figure_config(target).models}
        claimed = {run[0] for run in self.claims_runs()} if CLAIMS in self.targets else set()
        doubled = set(self.configuration.convergence.doubled) if CONVERGENCE in self.targets else set()
        return [name for name in (*self.models, *self.configuration.fusions) if name in shown | claimed | doubled]

    def fetched_models(self) -> list[tuple[str, int]]:
        """(model, seed) of the finished models that are fetched for the targets."""
        names = dict.fromkeys(map(self.audio_model, self.models_of_targets()))
        return [(name, self.models[name].seeds[0]) for name in names if not self.is_trained(name)]

    def fetched_backbones(self) -> tuple[str, ...]:
        """Everything else that is fetched for the targets: backbones, and the fusions' recogniser and text encoder."""
        names = self.models_of_targets()
        fusions = any(name in self.configuration.fusions for name in names)
        text = (self.configuration.recogniser, self.configuration.text_encoder) if fusions else ()
        return (*self.backbones_of(names), *filter(None, text))

    @property
    def targets(self) -> tuple[str, ...]:
        """What is made by default."""
        return self.configuration.targets

    def is_miniature(self, corpus: str) -> bool:
        """Whether a corpus, or the noise corpus, is one of the embedded miniature's."""
        return self._given_paths(corpus).labels.startswith(MINIATURE_ROOT)

    def paths(self, corpus: str) -> CorpusPaths:
        """Where a corpus, or the noise corpus, is stored, with ``{miniature}``, ``~`` and ``$VARIABLE`` resolved."""
        paths = self._given_paths(corpus)
        return replace(
            paths,
            audio=tuple(self._resolve(path) for path in paths.audio),
            labels=self._resolve(paths.labels),
            transcripts=self._resolve(paths.transcripts) if paths.transcripts else None,
            speakers=self._resolve(paths.speakers) if paths.speakers else None,
        )

    def _given_paths(self, corpus: str) -> CorpusPaths:
        noise = self.configuration.noise
        if corpus == NOISE and noise is not None:
            return CorpusPaths(audio=(noise.root,), labels=noise.root)
        return self.configuration.paths[corpus]

    def _resolve(self, path: str) -> str:
        if path.startswith(MINIATURE_ROOT):
            return path.replace(MINIATURE_ROOT, f"{self.results}/raw", 1)
        if Path(path).exists():  # a folder may be named $data
            return path
        return os.path.expandvars(os.path.expanduser(path))  # noqa: PTH111 - Path fails where there is no home folder

    def runs(self, target: str) -> Iterator[tuple[str, int]]:
        """Each (model, seed) that a figure or table shows."""
        shown = self.figure_config(target)
        for model in shown.models:
            seeds = self.models[self.audio_model(model)].seeds
            for seed in seeds if shown.seeds == "all" else seeds[:1]:
                yield model, seed
