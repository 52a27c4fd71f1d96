"""Costs of a study: floating-point operations, disk and memory; the formulas are stated with the numbers.

A transformer layer multiplies, for each frame, four h x h matrices and two h x f, and compares the frame with the T
others of its utterance: 2 (4 h^2 + 2 h f) + 4 T h operations forward, three times that with the backward pass. At 50
frames per second a large encoder (24 layers, h 1024, f 4096, utterances of 6 s) takes 98 GFLOP per second of audio.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.models import Backbone, Recipe
from valence_gap.definitions.values import SPLITS, Split
from valence_gap.preflight.corpora import Speech
from valence_gap.preflight.evaluations import count_evaluations
from valence_gap.preflight.plan import Plan
from valence_gap.preflight.weights import Size, size_of_source
from valence_gap.study.study import Study
from valence_gap.training.card_memory import FRAMES_PER_S, TrainedSize, needed_bytes, part_that_fits

RATE_HZ = 16_000
PACK_BYTES_PER_S = 2 * RATE_HZ
BYTES_PER_FEATURE = {"bfloat16": 2, "float32": 4}
BYTES_PER_STATE = {False: 2.0, True: 4.0}  # by whether they are stored in float32, else in float16
TRAINING = 3  # forward and backward
TFLOPS = {"A100": 312, "H100": 989, "H200": 989, "L40S": 362, "A40": 150, "A10": 125, "RTX 4090": 165, "RTX 3090": 71}

Amounts = Mapping[str, Mapping[Split, Speech]]


def encoder_flop_per_s(size: Size, utterance_s: float, layers: int | None = None) -> float:
    """Operations of the transformer for one second of audio, forward.

    Args:
        size: of the backbone.
        utterance_s: mean length of an utterance, which attention compares each frame with.
        layers: bottom layers that are kept; all by default.
    """
    h, f = size.hidden, size.intermediate
    input_s = max(utterance_s, size.padded_s)
    padding = input_s / utterance_s if utterance_s else 1.0
    layer = 2 * (4 * h * h + 2 * h * f) + 4 * FRAMES_PER_S * input_s * h
    positions, projection = 2 * 128 * h * h // 16, 2 * size.stem[-1] * h
    return padding * FRAMES_PER_S * ((layers or size.layers) * layer + positions + projection)


def stem_flop_per_s(size: Size) -> float:
    """Operations of the convolutional stem for one second of audio, forward."""
    total, rate, before = 0.0, float(RATE_HZ), 1
    for kernel, stride, channels in zip(size.kernels, size.strides, size.stem, strict=False):
        rate /= stride
        total += 2 * kernel * before * channels * rate
        before = channels
    return total


def cnn14_flop_per_s(backbone: Backbone) -> float:
    """Operations of CNN14 for one second of audio, forward: two 3 x 3 convolutions in each block, then halving."""
    total, cells, before = 0.0, backbone.mel_bins / backbone.hop_s, 1
    for channels in backbone.channels:
        total += 2 * 9 * (before * channels + channels * channels) * cells
        cells, before = cells / 4, channels
    return total


@dataclass(frozen=True)
class Work:
    """One job on a GPU.

    Args:
        kind: finetune, cnn14, pool (states of frozen models and of fusions), predict, stem or transcribe.
        name: the model with its seed, or the data that the job processes.
        flop: operations.
        flop_per_s: operations for one second of audio, if the job is a training whose rate can be compared.
        evaluated_flop: those of its operations that evaluate the dev set, if the job is such a training.
    """

    kind: str
    name: str
    flop: float
    flop_per_s: float | None = None
    evaluated_flop: float = 0.0


class Costs:
    """Costs of a plan.

    Args:
        study: the study.
        plan: what its targets need.
        amounts: speech by corpus and split.
    """

    def __init__(self, study: Study, plan: Plan, amounts: Amounts) -> None:
        self.study, self.plan, self.amounts = study, plan, amounts
        self.train = study.configuration.train_corpus or ""
        backbones = study.configuration.backbones
        used = {study.backbone_of(name) for name, _ in plan.trainings} | set(plan.backbones)
        self.sizes = {
            name: size_of_source(backbones[name].source, Path(study.pretrained_folder(name)))
            for name in sorted(used)
            if not self._is_cnn14(name)
        }
        self.finished = {
            name: size_of_source(study.checkpoint(name).source, study.model_folder(name, seed))
            for name, seed in plan.checkpoints
        }

    def _is_cnn14(self, backbone: str) -> bool:
        return self.study.configuration.backbones[backbone].architecture == "cnn14"

    def size(self, model: str) -> Size:
        """Size of a transformer model, whether it is trained here or fetched."""
        return self.finished[model] if model in self.finished else self.sizes[self.study.backbone_of(model)]

    def _cnn14(self, model: str) -> Backbone:
        return self.study.configuration.backbones[self.study.backbone_of(model)]

    def speech(self, corpus: str, split: Split) -> Speech:
        """The speech of a split; zero if there is no such split."""
        return self.amounts.get(corpus, {}).get(split, Speech(0.0, 0.0, 0, 0.0))

    def forward(self, model: str, utterance_s: float, *, stem: bool) -> float:
        """Operations of a model for one second of audio, forward; with its stem, or from cached features."""
        row = self.study.models[model]
        if self.study.is_cnn14(model):
            return cnn14_flop_per_s(self._cnn14(model))
        size = self.size(model)
        return encoder_flop_per_s(size, utterance_s, row.layers) + (stem_flop_per_s(size) if stem else 0.0)

    def work(self) -> list[Work]:
        """All jobs on GPUs."""
        return [
            *(self._training(model, seed) for model, seed in self.plan.trainings),
            *self._stems(),
            *(self._prediction(*run) for run in self.plan.predictions if run[0] in self.study.models),
            *self._fusions(),
        ]

    def _training(self, model: str, seed: int) -> Work:
        row, recipe = self.study.models[model], self.study.recipe(model)
        train, dev = self.speech(self.train, "train"), self.speech(self.train, "dev")
        one = self.forward(model, train.mean_s, stem=recipe.train_stem)
        name = f"{model} seed {seed}"
        evaluated = one * self.evaluations(model, recipe) * dev.seconds
        if row.frozen:  # its pooled states need no backward pass, and are computed once if they are always the same
            if recipe.frozen_mode == "evaluation":
                return Work("pool", name, one * (train.seconds * row.fraction + dev.seconds))
            trained_s = recipe.epochs * train.seconds * row.fraction
            return Work("pool", name, one * trained_s + evaluated, evaluated_flop=evaluated)
        trained_s = TRAINING * recipe.epochs * train.seconds * row.fraction
        kind = "cnn14" if self.study.is_cnn14(model) else "finetune"
        return Work(kind, name, one * trained_s + evaluated, TRAINING * one, evaluated)

    def evaluations(self, model: str, recipe: Recipe) -> int:
        """Number of evaluations of the dev set if a model is trained with a recipe."""
        return count_evaluations(
            recipe, self.speech(self.train, "train").utterances * self.study.models[model].fraction
        )

    def stem_cached(self) -> dict[tuple[str, str, Split], Speech]:
        """The speech of each (backbone, corpus, split) whose stem features are cached."""
        found: dict[tuple[str, str, Split], Speech] = {}
        for model, _ in self.plan.trainings:
            backbone = self.study.backbone_of(model)
            clean = {corpus for name, _, kind, corpus in self.plan.predictions if name == model and kind == CLEAN}
            parts: list[tuple[str, Split]] = [(self.train, "train"), (self.train, "dev")]
            parts += [(corpus, "test") for corpus in sorted(clean)]
            for corpus, split in parts:
                if self.study.uses_stem_features(model, split):
                    found[backbone, corpus, split] = self.speech(corpus, split)
        return found

    def _stems(self) -> Iterable[Work]:
        for (backbone, corpus, split), speech in self.stem_cached().items():
            yield Work("stem", f"{backbone} {corpus} {split}", stem_flop_per_s(self.sizes[backbone]) * speech.seconds)

    def conditions(self, conditions: str, corpus: str) -> tuple[int, float]:
        """Number of conditions in a set, and seconds of audio in each condition."""
        test = self.speech(corpus, "test")
        if conditions == "augmented":
            return len(self.study.configuration.augmented), test.seconds
        return 1, test.seconds * (test.transcribed if conditions == "synthesised" else 1.0)

    def _prediction(self, model: str, seed: int, conditions: str, corpus: str) -> Work:
        count, seconds = self.conditions(conditions, corpus)
        stem = conditions != CLEAN or not self.study.uses_stem_features(model, "test")
        one = self.forward(model, self.speech(corpus, "test").mean_s, stem=stem)
        return Work("predict", f"{model} seed {seed} {corpus} {conditions}", one * count * seconds)

    def _fusions(self) -> Iterable[Work]:
        recogniser = self.study.configuration.recogniser
        parts: list[tuple[str, Split]] = [(self.train, "train"), (self.train, "dev")]
        for fusion, seed in self.plan.fusions:
            for corpus, split in parts:
                speech = self.speech(corpus, split)
                one = self.forward(self.study.audio_model(fusion), speech.mean_s, stem=False)
                yield Work("pool", f"{fusion} seed {seed} {split}", one * speech.seconds)
        if self.plan.fusions and recogniser:
            size = self.sizes[recogniser]
            for corpus, split in (*parts, *((name, "test") for name in self.plan.transcribed)):
                speech = self.speech(corpus, split)
                one = encoder_flop_per_s(size, speech.mean_s) + stem_flop_per_s(size)
                yield Work("transcribe", f"{corpus} {split}", one * speech.seconds)

    def parameters(self, model: str) -> int:
        """Number of weights of a model, heads and biases left out."""
        row = self.study.models[model]
        if self.study.is_cnn14(model):
            channels = self._cnn14(model).channels
            return sum(9 * (a * b + b * b) for a, b in zip((1, *channels), channels, strict=False))
        return self.size(model).parameters(row.layers)

    def disk(self) -> dict[str, float]:
        """Bytes on disk by kind of content."""
        packs = sum(
            PACK_BYTES_PER_S * speech.seconds for corpus in self.plan.corpora for speech in self._splits(corpus)
        )
        for name in ("augmented", "synthesised"):
            for corpus in self.plan.test_corpora(name):
                count, seconds = self.conditions(name, corpus)
                packs += PACK_BYTES_PER_S * count * seconds
        models = sum(4.0 * self.parameters(model) for model, _ in (*self.plan.trainings, *self.plan.checkpoints))
        # A training that can be resumed keeps weights, both moments and the best weights.
        scratch = max((16.0 * self.parameters(model) for model, _ in self.plan.trainings), default=0.0)
        return {
            "packs of audio": packs,
            "stem features": sum(self.features().values()),
            "models": models,
            "checkpoints of one training": scratch,
            "log-Mel spectrograms of one training": self._spectrograms(),
            "predictions and pooled states": self._states(),
            "pre-trained models": sum(4.0 * self.sizes[name].parameters() for name in self.plan.backbones),
        }

    def _spectrograms(self) -> float:
        """Bytes of the log-Mel spectrograms that the training of a CNN14 keeps for its later epochs; of the largest."""
        train, dev = (self.speech(self.train, split).seconds for split in ("train", "dev"))
        kept = [0.0]
        for model in {name for name, _ in self.plan.trainings if self.study.is_cnn14(name)}:
            backbone, seconds = self._cnn14(model), self.study.models[model].fraction * train + dev
            if self.study.recipe(model).epochs > 1:
                kept.append(4.0 * backbone.mel_bins / backbone.hop_s * seconds)
        return max(kept)

    def features(self) -> dict[str, float]:
        """Bytes of cached stem features by backbone."""
        found: dict[str, float] = {}
        for (backbone, *_), speech in self.stem_cached().items():
            width = BYTES_PER_FEATURE[self.study.features_format(backbone)]
            size = FRAMES_PER_S * width * self.sizes[backbone].stem[-1] * speech.seconds
            found[backbone] = found.get(backbone, 0.0) + size
        return found

    def _splits(self, corpus: str) -> Iterable[Speech]:
        if corpus == self.train:
            return [self.speech(corpus, split) for split in SPLITS]
        return [self.speech(corpus, "test")]

    def _states(self) -> float:
        """Bytes of the pooled states on disk: of clean test sets, and of the splits that train fusions."""
        stored: list[tuple[str, str, Split]] = [
            (model, corpus, "test")
            for model, _, name, corpus in self.plan.predictions
            if name == CLEAN and model in self.study.models  # the prediction of a fusion stores none
        ]
        fused = dict.fromkeys((self.study.audio_model(fusion), seed) for fusion, seed in self.plan.fusions)
        stored += [(model, self.train, "train") for model, _ in fused] + [
            (model, self.train, "dev") for model, _ in fused
        ]
        return sum(
            BYTES_PER_STATE[self.study.in_float32(model)] * self.pooled_values(model, corpus, split)
            for model, corpus, split in stored
        )

    def pooled_values(self, model: str, corpus: str, split: Split) -> int:
        """Number of values of the pooled states of a split."""
        hidden = self._cnn14(model).channels[-1] if self.study.is_cnn14(model) else self.size(model).hidden
        return self.speech(corpus, split).utterances * hidden

    def card_memory(
        self, model: str, recipe: Recipe | None = None, capacity: float | None = None, *, bf16: bool = True
    ) -> float:
        """Estimate the GPU memory of a training in bytes (see ``training.card_memory``).

        Args:
            model: a model that is trained.
            recipe: used instead of its own.
            capacity: of the GPU in bytes, by which ``micro_batch_size: auto`` is chosen; None: the whole batch.
            bf16: the GPU multiplies in bfloat16.
        """
        recipe = recipe or self.study.recipe(model)
        at_once = self.utterances_at_once(model, recipe, capacity, bf16=bf16)
        return needed_bytes(self._trained_size(model), recipe, at_once, bf16=bf16)

    def utterances_at_once(self, model: str, recipe: Recipe, capacity: float | None, *, bf16: bool = True) -> int:
        """Utterances that are on the GPU at once in a training; the arguments are those of ``card_memory``."""
        if recipe.micro_batch_size == "auto":
            if capacity is None:
                return recipe.batch_size
            return part_that_fits(self._trained_size(model), recipe, capacity, bf16=bf16)
        return min(recipe.micro_batch_size or recipe.batch_size, recipe.batch_size)

    def _trained_size(self, model: str) -> TrainedSize:
        row, longest_s = self.study.models[model], self.speech(self.train, "train").longest_s
        if self.study.is_cnn14(model):
            return TrainedSize(self.parameters(model), row.frozen, longest_s, cnn14=self._cnn14(model))
        size = self.size(model)
        return TrainedSize(
            self.parameters(model),
            row.frozen,
            max(longest_s, size.padded_s),
            row.layers or size.layers,
            size.hidden,
            size.stem[-1],
        )
