import re
import signal
import sys
from itertools import filterfalse
from pathlib import Path

from valence_gap.export.best import MAIN, candidates, training_data, training_licence
from valence_gap.definitions.values import SPLITS, to_json
from valence_gap.study.page import may_show, page_description, page_model
from valence_gap.study.descriptions import figure_description, table_description
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import canonical_json
from valence_gap.weights.local import local_source, source_files
from valence_gap.study.measured_precision import measure_before_run
from valence_gap.study.revisions import REVISIONS
from valence_gap.study.source_dependencies import source_dependencies
from valence_gap.study.study import NOISE, PRETRAINED, load
from valence_gap.study.trainings import convergence_runs
from valence_gap.terminal.ending import StudyView
from valence_gap.terminal.handler import describe_study


def load_study(*extra_targets):
    """The study, with its targets and the extra ones checked; the run ends with a message if something is wrong."""
    try:
        return load(config, extra_targets, PROJECT)
    except UserError as error:
        sys.exit(f"error: {error}")


study = load_study()
describe_study(
    workflow.logger_manager.plugin_handlers,
    StudyView(
        name=study.configuration.study,
        results=study.results,
        targets=tuple(study.targets),
        corpora=tuple(study.configuration.corpora),
        rules=lambda: [rule.name for rule in workflow.rules],
        requested=lambda: [str(target) for target in workflow.dag_settings.targets],
    ),
)

# A scheduler sends SIGUSR1 to a whole job before its time is up. The signal would kill Snakemake and the shells of its
# jobs, so they ignore it; a training handles it and saves its state.
signal.signal(signal.SIGUSR1, signal.SIG_IGN)

RESULTS = study.results
TRAIN_CORPUS = study.configuration.train_corpus
SOURCES = str(PROJECT / "src/valence_gap")


def alternatives(names):
    """A pattern that matches exactly these names: 'cnn14|w2v2-b'."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


def parent(path):
    """The folder of a path: results/x for results/x/report.json."""
    return path.rsplit("/", 1)[0]


def flags(option, values):
    """An option for each value, as words: ['--root', 'audio', '--root', 'removed']."""
    return [word for value in values for word in (option, value)]


def checked_input(target, files):
    """An input function that returns some files, after checking a target that was requested on the command line."""

    def checked(wildcards):
        if target not in study.targets:
            load_study(target)
        return files

    return checked


def miniature_manifest(wildcards):
    """What must exist before a corpus is read: results/miniature/raw/manifest.json; nothing for a real corpus."""
    return (
        f"{RESULTS}/raw/manifest.json" if study.is_miniature(wildcards.corpus) else []
    )


def local_model_files(source):
    """Files of a local model: resources/miniature/mini-w2v2-b/model.safetensors, ...; none for a model on the hub."""
    folder = local_source(source)
    return source_files(folder) if folder else []


def local_backbone_files(wildcards):
    """Files of a local backbone: resources/miniature/mini-w2v2-b/config.json, ..."""
    return local_model_files(study.configuration.backbones[wildcards.backbone].source)


def local_checkpoint_files(wildcards):
    """Files of a finished model in a local folder: my-models/released/config.json, ..."""
    return local_model_files(study.checkpoint(wildcards.model).source)


def recogniser_backbone(wildcards):
    """The backbone that a recogniser is fine-tuned from: results/.../pretraining/mini-hubert-b/config.json."""
    name = study.configuration.recogniser_training[wildcards.recogniser].backbone
    return f"{RESULTS}/pretraining/{name}/config.json"


def pretrained_files(backbone):
    """Files of a fetched backbone: results/miniature/pretrained/w2v2-b/config.json and model.safetensors."""
    return [
        f"{study.pretrained_folder(backbone)}/{name}"
        for name in ("config.json", "model.safetensors")
        if backbone
    ]


def fetched_files(backbone):
    """These files and the record: results/miniature/pretrained/w2v2-b/config.json, model.safetensors and run.json."""
    return [
        *pretrained_files(backbone),
        f"{study.pretrained_folder(backbone)}/run.json",
    ]


def pack_files(corpus, split, condition="clean"):
    """A pack of audio: results/miniature/audio/iemocap/clean/test/audio.npy and its index."""
    folder = f"{RESULTS}/audio/{corpus}/{condition}/{split}"
    return [f"{folder}/audio.npy", f"{folder}/index.parquet"]


def model_inputs(model, corpus, split, condition="clean", conditions="clean"):
    """Input files of a model under a condition of a set: results/.../features/mini-w2v2-b/iemocap/test/features.npy, ...

    With stem features that are not stored, they are the pack of the audio.
    """
    if not study.uses_stem_features(model, split, conditions):
        return pack_files(corpus, split, condition)
    place = split if condition == "clean" else f"{condition}/{split}"
    folder = f"{RESULTS}/features/{study.backbone_of(model)}/{corpus}/{place}"
    return [f"{folder}/features.npy", f"{folder}/index.parquet"]


def model_input_options(model, corpus, split, prefix=""):
    """The option that names these files: ['--train-features', 'results/.../features/mini-w2v2-b/msp-podcast/train']."""
    kind = "features" if study.uses_stem_features(model, split) else "audio"
    return [f"--{prefix}{kind}", parent(model_inputs(model, corpus, split)[0])]


def backbone_files(wildcards):
    """Files of a model's backbone: results/.../pretrained/mini-w2v2-b/config.json, ...; none for CNN14."""
    return (
        []
        if study.is_cnn14(wildcards.model)
        else pretrained_files(study.backbone_of(wildcards.model))
    )


def training_options(wildcards):
    """Options that name what a model is trained on: --backbone ... --train-features ... --dev-features ..."""
    backbone = flags("--backbone", {parent(path) for path in backbone_files(wildcards)})
    train = model_input_options(wildcards.model, TRAIN_CORPUS, "train", "train-")
    return (
        backbone
        + train
        + model_input_options(wildcards.model, TRAIN_CORPUS, "dev", "dev-")
    )


def conditions_of(wildcards):
    """The conditions of a set: ['natural-0db', ...] of augmented, ['synthesised'] of synthesised."""
    return (
        study.configuration.augmented
        if wildcards.conditions == "augmented"
        else [wildcards.conditions]
    )


def test_inputs_of(wildcards, condition):
    """What a model is tested on under one of the conditions: its stem features, or the pack."""
    model, corpus = wildcards.model, wildcards.corpus
    return model_inputs(model, corpus, "test", condition, wildcards.conditions)


def test_inputs(wildcards):
    """What a model is tested on: clean speech or a set of conditions, each as stem features or packs."""
    return [
        path
        for name in conditions_of(wildcards)
        for path in test_inputs_of(wildcards, name)
    ]


def clean_of_subset(wildcards):
    """Predictions of clean speech, where a subset is augmented: results/.../w2v2-b/seed-42/iemocap/clean.parquet."""
    if wildcards.conditions != "augmented" or not study.augmented_utterances.get(
        wildcards.corpus
    ):
        return []
    run = f"{wildcards.model}/seed-{wildcards.seed}/{wildcards.corpus}"
    return [f"{RESULTS}/predictions/{run}/clean.parquet"]


def test_input_options(wildcards):
    """Options that name these files: --features results/..., or --condition natural-0db=results/... per condition."""
    if wildcards.conditions == "clean":
        return model_input_options(wildcards.model, wildcards.corpus, "test")
    stored = study.uses_stem_features(wildcards.model, "test", wildcards.conditions)
    return flags(
        "--condition-features" if stored else "--condition",
        [
            f"{name}={parent(test_inputs_of(wildcards, name)[0])}"
            for name in conditions_of(wildcards)
        ],
    )


def embedding_files(fusion, seed, split, corpus=TRAIN_CORPUS):
    """Outputs of a fusion's audio model on a split: results/.../states/w2v2-b/seed-42/msp-podcast/train.parquet, ..."""
    run = f"{study.audio_model(fusion)}/seed-{seed}/{corpus}"
    stem = (
        f"{RESULTS}/predictions/{run}/clean"
        if split == "test"
        else f"{RESULTS}/states/{run}/{split}"
    )
    return [f"{stem}.parquet", f"{stem}.embeddings.npy"]


def models_of_backbone(backbone):
    """The models that are trained from a backbone: ['w2v2-b', 'w2v2-b-frozen']."""
    return [
        model
        for model in study.models
        if study.is_trained(model) and study.backbone_of(model) == backbone
    ]


def deterministic_flag(models):
    """['--deterministic'] if the recipe of one of these models sets it; a fetched model has no recipe."""
    settings = (
        study.recipe(model).deterministic for model in filter(study.is_trained, models)
    )
    return ["--deterministic"] if any(settings) else []


def with_settings(revision, *settings):
    """The revision of a stage, 3; with the settings that are given, [3, 'fp32'].

    A rule records its revision, so that a setting here makes it run again, and one that is left out (None) does not.
    """
    given = [setting for setting in settings if setting is not None]
    return [revision, *given] if given else revision


def number_format(model):
    """'fp32' for a model whose stem features, pooled states and products are not rounded; None for others."""
    return "fp32" if study.in_float32(model) else None


def projection_settings():
    """The settings of figure 10 that differ from the defaults, as JSON; None if none does."""
    projection = study.configuration.projection
    return to_json(projection) if projection != type(projection)() else None


def features_format(backbone):
    """['float32'] if the stem features of a backbone are not rounded, because one of its models needs them so."""
    return ["float32"] if study.features_format(backbone) == "float32" else []


def fusion_backbone(wildcards):
    """Configuration of the backbone whose dropout a fusion's head has; none if the recipe gives a number."""
    if study.fusion(wildcards.fusion, 0).recipe.head_dropout is not None:
        return []
    audio = study.audio_model(wildcards.fusion)
    if study.is_trained(audio):
        return pretrained_files(study.backbone_of(audio))[:1]
    return [f"{RESULTS}/models/{audio}/seed-{wildcards.seed}/config.json"]


def fusion_lengths(wildcards):
    """Index of the training audio, whose lengths a fusion with `batches: by-length` sorts by."""
    if study.fusion(wildcards.fusion, 0).recipe.batches != "by-length":
        return []
    return pack_files(TRAIN_CORPUS, "train")[1:]


def temp_unless_kept(path):
    """Mark results/.../features.npy as temporary, unless the study keeps its features."""
    return path if study.configuration.keep_features else temp(path)


wildcard_constraints:
    corpus=alternatives(study.configuration.corpora),
    backbone=alternatives(study.configuration.backbones),
    model=alternatives([*study.models, *study.configuration.fusions]),
    fusion=alternatives(study.configuration.fusions),
    pretraining=alternatives(study.configuration.pretraining),
    split=alternatives(SPLITS),
    conditions="clean|augmented|synthesised",
    seed=r"\d+",
