"""What a study needs: speech, sizes of models, disk and memory; the formulas are stated with the numbers."""

from collections.abc import Mapping
from pathlib import Path

from valence_gap.audio.subsets import covered
from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.models import Backbone, Recipe
from valence_gap.definitions.values import SPLITS, Split
from valence_gap.models.sizes import Size, size_of_source
from valence_gap.preflight.evaluations import count_evaluations
from valence_gap.preflight.plan import Plan
from valence_gap.preflight.speech import Speech
from valence_gap.study.study import Study
from valence_gap.training.card_memory import TrainedSize, needed_bytes, part_that_fits

RATE_HZ = 16_000
PACK_BYTES_PER_S = 2 * RATE_HZ
BYTES_PER_FEATURE = {"bfloat16": 2, "float32": 4}
BYTES_PER_STATE = {False: 2.0, True: 4.0}  # by whether they are stored in float32, else in float16

Amounts = Mapping[str, Mapping[Split, Speech]]


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

    def cnn14(self, model: str) -> Backbone:
        """The definition of a CNN14 by the model that has it."""
        return self.study.configuration.backbones[self.study.backbone_of(model)]

    def speech(self, corpus: str, split: Split) -> Speech:
        """The speech of a split; zero if there is no such split."""
        return self.amounts.get(corpus, {}).get(split, Speech(0.0, 0.0, 0, 0.0))

    def layers(self, model: str) -> int:
        """Number of transformer layers of a model."""
        return self.study.models[model].layers or self.size(model).layers

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

    def conditions_cached(self) -> set[tuple[str, str, str]]:
        """The (backbone, corpus, set of conditions) whose stem features are cached."""
        return {
            (self.study.backbone_of(model), corpus, kind)
            for model, _, kind, corpus in self.plan.predictions
            if kind != CLEAN and model in self.study.models and self.study.uses_stem_features(model, "test", kind)
        }

    def conditions(self, conditions: str, corpus: str) -> tuple[int, float]:
        """Number of conditions in a set, and seconds of audio in each condition."""
        test = self.speech(corpus, "test")
        if conditions == "augmented":
            share = self.utterances(conditions, corpus) / max(test.utterances, 1)
            return len(self.study.configuration.augmented), test.seconds * share
        return 1, test.seconds * (test.transcribed if conditions == "synthesised" else 1.0)

    def utterances(self, conditions: str, corpus: str) -> int:
        """Number of utterances in each condition of a set: those of the test set, unless a subset is augmented."""
        total = self.speech(corpus, "test").utterances
        return covered(self.study.augmented_utterances.get(corpus), total) if conditions == "augmented" else total

    def parameters(self, model: str) -> int:
        """Number of weights of a model, heads and biases left out."""
        row = self.study.models[model]
        if self.study.is_cnn14(model):
            channels = self.cnn14(model).channels
            return sum(9 * (a * b + b * b) for a, b in zip((1, *channels), channels, strict=False))
        return self.size(model).parameters(row.layers)

    def disk(self) -> dict[str, float]:
        """Bytes on disk by kind of content."""
        packs = sum(
            PACK_BYTES_PER_S * speech.seconds for corpus in self.plan.corpora for speech in self.splits(corpus).values()
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
            backbone, seconds = self.cnn14(model), self.study.models[model].fraction * train + dev
            if self.study.recipe(model).epochs > 1:
                kept.append(4.0 * backbone.mel_bins / backbone.hop_s * seconds)
        return max(kept)

    def features(self) -> dict[str, float]:
        """Bytes of cached stem features by backbone."""
        found: dict[str, float] = {}
        cached = [(backbone, speech.seconds) for (backbone, *_), speech in self.stem_cached().items()]
        for backbone, corpus, kind in sorted(self.conditions_cached()):
            count, seconds = self.conditions(kind, corpus)
            cached.append((backbone, count * seconds))
        for backbone, seconds in cached:
            width = BYTES_PER_FEATURE[self.study.features_format(backbone)]
            values_per_s = self.sizes[backbone].frames_per_s * self.sizes[backbone].stem[-1]
            found[backbone] = found.get(backbone, 0.0) + width * values_per_s * seconds
        return found

    def splits(self, corpus: str) -> dict[Split, Speech]:
        """The speech of a corpus that is used: all splits of the training corpus, the test set of others."""
        used: tuple[Split, ...] = SPLITS if corpus == self.train else ("test",)
        return {split: self.speech(corpus, split) for split in used}

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
        hidden = self.cnn14(model).channels[-1] if self.study.is_cnn14(model) else self.size(model).hidden
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
            return TrainedSize(self.parameters(model), row.frozen, longest_s, cnn14=self.cnn14(model))
        size = self.size(model)
        return TrainedSize(
            self.parameters(model),
            row.frozen,
            max(longest_s, size.padded_s),
            row.layers or size.layers,
            size.hidden,
            size.stem[-1],
            size.frames_per_s,
        )
