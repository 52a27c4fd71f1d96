"""Typed definitions of the linguistic part of the study: recogniser, text encoder, fusion and speech synthesis.

They follow the rules of :mod:`valence_gap.definitions.models`: frozen, strict, and read back from their canonical JSON.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from valence_gap.definitions.models import Recipe
from valence_gap.definitions.values import STRICT, Positive, PositiveFloat


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Recogniser:
    """How the miniature's speech recogniser is fine-tuned from one of its backbones."""

    backbone: Annotated[str, Field(description="Miniature backbone that it starts from.")] = "mini-hubert-b"
    last_stride: Annotated[
        Positive | None,
        Field(
            description="Stride of the last layer of the stem, if not the backbone's: half of it gives two frames for "
            "each one, since fast speech has more letters than 25 in a second."
        ),
    ] = None
    utterances: Annotated[Positive, Field(description="Transcribed utterances that it is trained on.")] = 4000
    degraded: Annotated[
        float, Field(ge=0, le=1, description="Share of them with noise or telephone bandwidth mixed in.")
    ] = 0.3
    held_out: Annotated[Positive, Field(description="Further utterances on which its word error rate is measured.")] = (
        100
    )
    steps: Annotated[Positive, Field(description="Training steps.")] = 4000
    batch_size: Annotated[Positive, Field(description="Utterances in a batch.")] = 8
    learning_rate: Annotated[PositiveFloat, Field(description="Peak learning rate (AdamW).")] = 2e-3
    matrix_learning_rate: Annotated[
        PositiveFloat, Field(description="Peak learning rate of the transformer layers' matrices (Muon).")
    ] = 0.02
    warm_up: Annotated[Positive, Field(description="Warm-up steps.")] = 50
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], Field(description="auto: the faster one on the CPU, as in a recipe.")
    ] = "auto"
    seed: Annotated[int, Field(description="Seed of texts, voices and training.")] = 0
    threads: Annotated[Positive, Field(description="CPU threads; they influence the numbers.")] = 1


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TextEncoder:
    """How the miniature's BERT is pre-trained: by predicting masked words."""

    sentences: Annotated[Positive, Field(description="Unlabelled sentences that it is trained on.")] = 80_000
    vocabulary: Annotated[Positive, Field(description="Number of word pieces, including special tokens.")] = 3000
    hidden: Annotated[Positive, Field(description="Hidden units.")] = 128
    layers: Annotated[Positive, Field(description="Transformer layers.")] = 2
    heads: Annotated[Positive, Field(description="Attention heads.")] = 4
    masked: Annotated[float, Field(gt=0, lt=1, description="Share of the word pieces that it must predict.")] = 0.15
    steps: Annotated[Positive, Field(description="Training steps.")] = 1000
    batch_size: Annotated[Positive, Field(description="Sentences in a batch.")] = 64
    learning_rate: Annotated[PositiveFloat, Field(description="Peak learning rate.")] = 5e-4
    warm_up: Annotated[Positive, Field(description="Warm-up steps.")] = 200
    seed: Annotated[int, Field(description="Seed of texts and training.")] = 0
    threads: Annotated[Positive, Field(description="CPU threads; they influence the numbers.")] = 1


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Fusion:
    """How a head on the embeddings of a fine-tuned audio model and of text is trained (paper, section IV-B)."""

    recipe: Annotated[
        Recipe,
        Field(
            description="Its optimiser, batch size, epochs (the maximum; the paper: 100), patience of the early "
            "stopping, dropout of the head and threads. Keys that only concern an encoder are not used."
        ),
    ] = Recipe(epochs=100, patience=10)
    seed: Annotated[int, Field(description="Seed.")] = 42


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Synthesiser:
    """The engine that speaks the transcripts of the synthesised test set (paper, section IV-C)."""

    kind: Annotated[
        Literal["espeak-ng", "transformers", "command"],
        Field(description="espeak-ng: the miniature's engine; transformers: VITS or SpeechT5; command: any program."),
    ] = "espeak-ng"
    voice: Annotated[
        str,
        Field(
            description="espeak-ng: the voice; the default is one that no corpus of the miniature has. Others: the "
            "name that is recorded."
        ),
    ] = "en-us"
    model: Annotated[
        str | None, Field(description="transformers: local folder of a VitsModel or SpeechT5ForTextToSpeech.")
    ] = None
    vocoder: Annotated[str | None, Field(description="SpeechT5: local folder of its SpeechT5HifiGan.")] = None
    speaker: Annotated[
        str | None, Field(description="SpeechT5: .npy file with the speaker's embedding, float32 (512,) or (1, 512).")
    ] = None
    speaker_id: Annotated[int | None, Field(ge=0, description="VITS with several speakers: which one.")] = None
    command: Annotated[
        tuple[str, ...],
        Field(
            description="command: the program and its arguments, run without a shell. {text_file} is replaced by a "
            "UTF-8 file with the text, which is also on standard input; {wav} by the file that it must write."
        ),
    ] = ()
    version_command: Annotated[
        tuple[str, ...], Field(description="command: prints the engine's version, which is recorded.")
    ] = ()
    timeout_s: Annotated[PositiveFloat, Field(description="command: longest time for one utterance.")] = 120.0
    seed: Annotated[int, Field(description="transformers: seed of engines that draw random numbers.")] = 0

    def errors(self) -> Iterator[str]:
        """Settings that its kind of engine needs and that are missing."""
        if self.kind == "transformers" and self.model is None:
            yield "model: null, but kind transformers needs the folder of a VITS or SpeechT5 model"
        if self.kind == "command" and not self.command:
            yield "command: [], but kind command needs a program and its arguments"
        elif self.kind == "command" and not any("{wav}" in part for part in self.command):
            yield f"command: {list(self.command)} lacks {{wav}}, the file that the program must write"
