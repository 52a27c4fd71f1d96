"""The jobs of a study, and what each computes: seconds of audio, utterances and operations, by route."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from valence_gap.definitions.models import Recipe
from valence_gap.definitions.values import Split
from valence_gap.models.operations import (
    TRAINING,
    cnn14_flop_per_s,
    cnn14_values_per_s,
    encoder_flop_per_s,
    stem_flop_per_s,
    stem_values_per_s,
)
from valence_gap.models.sizes import Size
from valence_gap.preflight.costs import Costs
from valence_gap.preflight.speech import Speech

Route = Literal["train", "train_stem", "encode", "stem", "train_cnn14", "cnn14", "transcribe", "audio"]
Kind = Literal["finetune", "random", "cnn14", "pool", "predict", "stem", "transcribe", "audio", "short"]
FUSED_SPLITS: tuple[Split, ...] = ("train", "dev")


@dataclass(frozen=True)
class Amount:
    """What a job computes on one route; the time of a job is the sum of those of its amounts.

    Args:
        route: ``train`` (a transformer on stored stem features), ``train_stem`` (from the waveform, all of it trained),
            ``encode`` (a transformer forward, from stem features), ``stem`` (forward), ``train_cnn14``, ``cnn14``
            (forward), ``transcribe`` (stem, transformer and decoding) or ``audio`` (decoding, augmentation, synthesis).
        audio_s: seconds of audio; each pass over them counts.
        utterances: likewise.
        flop: operations.
        values: outputs of convolutions, whose normalisation and transport take time too.
        size: of the encoder; None: CNN14, or no network.
        layers: its transformer layers.
        in_float32: products are float32, whatever the machine is faster in.
    """

    route: Route
    audio_s: float
    utterances: float
    flop: float = 0.0
    values: float = 0.0
    size: Size | None = None
    layers: int = 0
    in_float32: bool = False


@dataclass(frozen=True)
class Work:
    """One job.

    Args:
        kind: finetune, random (with its stem), cnn14, pool (states of frozen models and of fusions), predict, stem,
            transcribe, audio (packs of audio) or short (scores, figures and others that compute little).
        name: the model with its seed, or the data that the job processes.
        amounts: what it computes, without the following.
        evaluations: the evaluations of the dev set, if it is a training.
        record: the file of its run record, below the results; empty if it has none.
        threads: CPU threads.
    """

    kind: Kind
    name: str
    amounts: tuple[Amount, ...] = ()
    evaluations: tuple[Amount, ...] = ()
    record: str = ""
    threads: int = 1

    @property
    def flop(self) -> float:
        """All its operations."""
        return sum(amount.flop for amount in (*self.amounts, *self.evaluations))


def jobs_of(costs: Costs) -> list[Work]:
    """All jobs of a study that compute with a model, those that write audio, and those that compute little."""
    plan, study = costs.plan, costs.study
    return [
        *(_training(costs, model, seed) for model, seed in plan.trainings),
        *_stems(costs),
        *(_prediction(costs, *run) for run in plan.predictions if run[0] in study.models),
        *_fusions(costs),
        *_audio(costs),
        *_short(costs),
    ]


def _forward(costs: Costs, model: str, audio_s: float, speech: Speech, *, stored: bool) -> tuple[Amount, ...]:
    """A pass of a model over audio like that of ``speech``; its stem is computed too, unless its output is stored."""
    utterances = audio_s / speech.mean_s if speech.mean_s else 0.0
    in_float32 = costs.study.in_float32(model)
    if costs.study.is_cnn14(model):
        backbone = costs.cnn14(model)
        flop, values = audio_s * cnn14_flop_per_s(backbone), audio_s * cnn14_values_per_s(backbone)
        return (Amount("cnn14", audio_s, utterances, flop, values, in_float32=in_float32),)
    size, layers = costs.size(model), costs.layers(model)
    flop = audio_s * encoder_flop_per_s(size, speech.mean_s, layers)
    encoder = Amount("encode", audio_s, utterances, flop, size=size, layers=layers, in_float32=in_float32)
    return (encoder,) if stored else (encoder, _stem(size, audio_s, utterances))


def _stem(size: Size, audio_s: float, utterances: float) -> Amount:
    flop, values = audio_s * stem_flop_per_s(size), audio_s * stem_values_per_s(size)
    return Amount("stem", audio_s, utterances, flop, values, size, in_float32=True)


def _training(costs: Costs, model: str, seed: int) -> Work:
    study, row, recipe = costs.study, costs.study.models[model], costs.study.recipe(model)
    train, dev = costs.speech(costs.train, "train"), costs.speech(costs.train, "dev")
    once_s = train.seconds * row.fraction
    stored = {split: study.uses_stem_features(model, split) for split in FUSED_SPLITS}
    name, record = f"{model} seed {seed}", f"models/{model}/seed-{seed}/run.json"
    evaluated_s = costs.evaluations(model, recipe) * dev.seconds
    evaluations = _forward(costs, model, evaluated_s, dev, stored=stored["dev"])
    if row.frozen:  # its pooled states need no backward pass, and are computed once if they are always the same
        if recipe.frozen_mode == "evaluation":
            once = _forward(costs, model, once_s, train, stored=stored["train"])
            judged = _forward(costs, model, dev.seconds, dev, stored=stored["dev"])
            return Work("pool", name, (*once, *judged), record=record, threads=recipe.threads)
        each_epoch = _forward(costs, model, recipe.epochs * once_s, train, stored=stored["train"])
        return Work("pool", name, each_epoch, evaluations, record, recipe.threads)
    passes = _forward(costs, model, recipe.epochs * once_s, train, stored=stored["train"])
    kind: Kind = "cnn14" if study.is_cnn14(model) else "random" if recipe.train_stem else "finetune"
    return Work(kind, name, tuple(_trained(passes, recipe)), evaluations, record, recipe.threads)


def _trained(passes: tuple[Amount, ...], recipe: Recipe) -> Iterator[Amount]:
    """Passes with their backward passes; a stem that is not trained has none."""
    for one in passes:
        if one.route == "stem" and not recipe.train_stem:
            yield one
            continue
        route: Route = "train_cnn14" if one.route == "cnn14" else "train_stem" if recipe.train_stem else "train"
        flop, values = TRAINING * one.flop, TRAINING * one.values
        in_float32 = recipe.precision == "fp32"
        yield Amount(route, one.audio_s, one.utterances, flop, values, one.size, one.layers, in_float32)


def _stems(costs: Costs) -> Iterator[Work]:
    for (backbone, corpus, split), speech in costs.stem_cached().items():
        amount = _stem(costs.sizes[backbone], speech.seconds, speech.utterances)
        yield Work(
            "stem", f"{backbone} {corpus} {split}", (amount,), record=f"features/{backbone}/{corpus}/{split}/run.json"
        )
    for backbone, corpus, kind in sorted(costs.conditions_cached()):
        count, seconds = costs.conditions(kind, corpus)
        amount = _stem(costs.sizes[backbone], count * seconds, count * costs.utterances(kind, corpus))
        yield Work("stem", f"{backbone} {corpus} {kind}", (amount,))


def _prediction(costs: Costs, model: str, seed: int, conditions: str, corpus: str) -> Work:
    count, seconds = costs.conditions(conditions, corpus)
    stored = costs.study.uses_stem_features(model, "test", conditions)
    amounts = _forward(costs, model, count * seconds, costs.speech(corpus, "test"), stored=stored)
    record = f"predictions/{model}/seed-{seed}/{corpus}/{conditions}.run.json"
    return Work("predict", f"{model} seed {seed} {corpus} {conditions}", amounts, record=record)


def _fusions(costs: Costs) -> Iterator[Work]:
    study, plan = costs.study, costs.plan
    pooled = dict.fromkeys((study.audio_model(fusion), seed) for fusion, seed in plan.fusions)
    for model, seed in pooled:
        for split in FUSED_SPLITS:
            speech, stored = costs.speech(costs.train, split), study.uses_stem_features(model, split)
            amounts = _forward(costs, model, speech.seconds, speech, stored=stored)
            record = f"states/{model}/seed-{seed}/{costs.train}/{split}.run.json"
            yield Work("pool", f"{model} seed {seed} {split}", amounts, record=record)
    recogniser = study.configuration.recogniser
    if not plan.fusions or not recogniser:
        return
    size = costs.sizes[recogniser]
    parts: list[tuple[str, Split]] = [(costs.train, split) for split in FUSED_SPLITS]
    for corpus, split in (*parts, *((name, "test") for name in plan.transcribed)):
        speech = costs.speech(corpus, split)
        flop_per_s = encoder_flop_per_s(size, speech.mean_s) + stem_flop_per_s(size)
        flop, values = speech.seconds * flop_per_s, speech.seconds * stem_values_per_s(size)
        amount = Amount("transcribe", speech.seconds, speech.utterances, flop, values, size, size.layers, True)
        yield Work("transcribe", f"{corpus} {split}", (amount,), record=f"text/{corpus}/{split}/report.json")


def _audio(costs: Costs) -> Iterator[Work]:
    """Packs of clean, augmented and synthesised speech."""
    plan = costs.plan
    for corpus in plan.corpora:
        for split, speech in costs.splits(corpus).items():
            amount = Amount("audio", speech.seconds, speech.utterances)
            yield Work("audio", f"{corpus} {split}", (amount,), record=f"audio/{corpus}/clean/{split}/report.json")
    for conditions in ("augmented", "synthesised"):
        for corpus in plan.test_corpora(conditions):
            count, seconds = costs.conditions(conditions, corpus)
            amount = Amount("audio", count * seconds, count * costs.utterances(conditions, corpus))
            yield Work("audio", f"{corpus} {conditions}", (amount,))


def _short(costs: Costs) -> Iterator[Work]:
    """Jobs that compute little: those of corpora and models, scores, text embeddings, fusions, targets."""
    plan = costs.plan
    names = [
        *(f"read {corpus}" for corpus in plan.corpora),
        *(f"fetch {name}" for name in plan.backbones),
        *(f"score {' '.join(map(str, run))}" for run in plan.predictions),
        *(f"embed text of {corpus}" for corpus in plan.transcribed if plan.fusions),
        *(f"train {fusion} seed {seed}" for fusion, seed in plan.fusions),
        *(f"predict {' '.join(map(str, run))}" for run in plan.predictions if run[0] not in costs.study.models),
        *costs.study.targets,
    ]
    yield from (Work("short", name) for name in names)
