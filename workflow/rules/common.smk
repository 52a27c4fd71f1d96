import re
import sys
from itertools import filterfalse

from valence_gap.definitions import SPLITS, to_json
from valence_gap.errors import UserError
from valence_gap.files import canonical_json
from valence_gap.revisions import REVISIONS
from valence_gap.study import load, local_source

try:
    study = load(config)
except UserError as error:
    sys.exit(f"error: {error}")

R = study.results
TRAIN = study.configuration.train_corpus


def alternatives(names):
    """A pattern that matches just these names: 'cnn14|w2v2-b'."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


def raw(wildcards):
    """What must exist before a corpus is read: results/miniature/raw/manifest.json, or nothing for a real one."""
    return f"{R}/raw/manifest.json" if study.is_miniature(wildcards.corpus) else []


def source_files(wildcards):
    """Files of a local backbone: resources/miniature/mini-w2v2-b/model.safetensors; nothing for one on the hub."""
    folder = local_source(study.configuration.backbones[wildcards.backbone].source)
    return [folder / "config.json"] if folder else []


def features(backbone, corpus, split):
    """A table of cached stem features: results/miniature/features/w2v2-b/iemocap/test/features.npy and its index."""
    folder = f"{R}/features/{backbone}/{corpus}/{split}"
    return [f"{folder}/features.npy", f"{folder}/index.parquet"]


def pack(corpus, split, condition="clean"):
    """A pack of audio: results/miniature/audio/iemocap/clean/test/audio.npy and its index."""
    folder = f"{R}/audio/{corpus}/{condition}/{split}"
    return [f"{folder}/audio.npy", f"{folder}/index.parquet"]


def pretrained(model):
    """Files of a model's backbone: resources/pretrained/w2v2-b/model.safetensors; none for CNN14."""
    folder = f"resources/pretrained/{study.models[model].backbone}"
    return (
        []
        if study.is_cnn14(model)
        else [f"{folder}/config.json", f"{folder}/model.safetensors"]
    )


def training_inputs(wildcards, split):
    """What a model hears of a split: its stem features (results/.../features/...), else the audio."""
    if study.uses_stem_features(wildcards.model):
        return features(study.models[wildcards.model].backbone, TRAIN, split)
    return pack(TRAIN, split)


def training_options(wildcards):
    """Options that name what a model is trained on: --train-features results/.../train --dev-features ..."""
    kind = "features" if study.uses_stem_features(wildcards.model) else "audio"
    folders = {
        split: parent(training_inputs(wildcards, split)[0])
        for split in ("train", "dev")
    }
    backbone = (
        ["--backbone", parent(pretrained(wildcards.model)[0])]
        if pretrained(wildcards.model)
        else []
    )
    return backbone + [
        word for split in folders for word in (f"--{split}-{kind}", folders[split])
    ]


def features_option(wildcards):
    """The option that names cached features: --features results/.../features/w2v2-b/iemocap/test, or nothing."""
    cached = cached_features(wildcards)
    return ["--features", parent(cached[0])] if cached else []


def root_options(wildcards):
    """Options that name a corpus' audio folders: --root /data/MSP-PODCAST-Publish-1.7/Audios ..."""
    return [
        word
        for root in study.paths(wildcards.corpus).audio
        for word in ("--root", root)
    ]


def parent(path):
    """The folder of a path: results/miniature/corpora for results/miniature/corpora/report.json."""
    return path.rsplit("/", 1)[0]


def maybe_temp(path):
    """Marks results/.../features.npy as temporary, unless the study keeps its features."""
    return path if study.configuration.keep_features else temp(path)


def cached_features(wildcards):
    """Stem features of a test set, where several models share them: results/.../iemocap/test/features.npy."""
    shared = study.shares_stem_features(wildcards.model)
    return (
        features(study.models[wildcards.model].backbone, wildcards.corpus, "test")
        if shared
        else []
    )


def scores_of(figure):
    """Score tables that a figure draws from: results/miniature/scores/w2v2-b/seed-42/iemocap/clean.csv, ..."""
    shown = study.configuration.figures.get(figure)
    return [
        f"{R}/scores/{model}/seed-{seed}/{corpus}/clean.csv"
        for model, seed in (study.runs(shown.models) if shown else ())
        for corpus in shown.corpora
    ]


wildcard_constraints:
    corpus=alternatives(study.configuration.corpora),
    backbone=alternatives(study.configuration.backbones),
    model=alternatives(study.models),
    pretraining=alternatives(study.configuration.pretraining),
    split=alternatives(SPLITS),
    conditions="clean|augmented|synthesised",
    seed=r"\d+",
