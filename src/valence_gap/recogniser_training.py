"""Training of the miniature's speech recogniser: a CTC head on one of its backbones, as wav2vec2-base-960h has it.

It hears the miniature's own transcribed speech, none of the study's sentences or speakers among it.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedModel

from valence_gap import precision
from valence_gap.batching import Rows, epoch_batches
from valence_gap.definitions import SAMPLE_RATE_HZ, to_json
from valence_gap.errors import UserError, valid_names
from valence_gap.files import whole_folder, write_json, write_text
from valence_gap.inputs import normalise, pad
from valence_gap.miniature.transcribed import Spoken, transcribed_speech
from valence_gap.models import attention, folders
from valence_gap.models.base import valid
from valence_gap.models.stem import Stem
from valence_gap.packs import FULL_SCALE
from valence_gap.progress import progress, say
from valence_gap.provenance import checksum, run_record
from valence_gap.schedules import warm_up_cosine
from valence_gap.text_definitions import Recogniser
from valence_gap.transcription import RECOGNISERS, WordErrors, count_errors, normalised_words
from valence_gap.transcription import Recogniser as Opened

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "|")
LETTERS = "ETAONIHSRDLUMWCFGYPBVK'XJQZ"  # in wav2vec2-base-960h's order
VOCABULARY = {symbol: number for number, symbol in enumerate((*SPECIAL, *LETTERS))}
BLANK = VOCABULARY["<pad>"]
REPORT_EVERY = 100

CARD = """\
---
license: mit
library_name: transformers
tags: [automatic-speech-recognition, ctc, {kind}, synthetic-speech]
---
# {name}

The speech recogniser of the miniature: {parameters:,} parameters, {layers} layers of {hidden} hidden units, greedy CTC
over capital letters, as wav2vec2-base-960h writes them. Input: 16 kHz, zero mean, unit variance. The weights are kept
in bfloat16.

## What it is
A stand-in for wav2vec2-base-960h that lets the embedded miniature run the paper's fusion with text. It was fine-tuned
from the miniature backbone {backbone}, its convolutional stem frozen, in {steps} steps of {batch_size} utterances
({wall_min:.0f} minutes on {threads} CPU thread(s)).
Word error rate on {held_out} held-out utterances of the same kind of speech: {rate:.3f}.

## What it is not
It has heard no human voice: all speech is synthesised by espeak-ng. It is of no use for real recordings, and no number
obtained with it stands for a number of the paper.

## Speech
{utterances} utterances, {hours:.2f} hours, {degraded:.0%} of them eligible for noise and telephone bandwidth; texts and
voices are generated (seed {seed}), none of the miniature's labelled sentences or speakers among them.

## Licence
MIT, as the project. espeak-ng (GPL-3) spoke the training speech; no part of it is contained in these weights.
"""


@dataclass(frozen=True)
class Examples:
    """Transcribed speech as the transformer is given it.

    Attributes:
        features: output of the frozen stem, float32 (frames, channels) of each utterance.
        letters: numbers in the vocabulary, (letters,) of each utterance.
    """

    features: Sequence[torch.Tensor]
    letters: Sequence[npt.NDArray[np.int64]]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Int64 (utterances,), frames of each."""
        return np.array([len(each) for each in self.features], dtype=np.int64)


def train_recogniser(name: str, definition: Recogniser, backbone: Path, output: Path, *, workers: int = 1) -> None:
    """Fine-tune a recogniser and write it as a Hugging Face folder.

    Args:
        name: its name, for the card.
        definition: how it is trained.
        backbone: folder of the miniature backbone that it starts from.
        output: the folder: ``config.json``, ``model.safetensors`` (bfloat16), ``vocab.json`` and the other files of the
            tokeniser, ``preprocessor_config.json``, ``README.md`` and ``run.json``.
        workers: processes that synthesise the speech; they do not change it.

    Raises:
        UserError: the backbone is missing or of another architecture.
    """
    started = time.monotonic()
    total = definition.utterances + definition.held_out
    speech = transcribed_speech(total, seed=definition.seed, noisy=definition.degraded, workers=workers)
    training, held_out = speech[: definition.utterances], speech[definition.utterances :]
    model, curve = train_on(training, definition, backbone)
    hours = sum(len(each.samples) for each in training) / SAMPLE_RATE_HZ / 3600
    with whole_folder(output) as scratch:
        model.bfloat16().save_pretrained(scratch)
        write_accompanying(scratch)
        errors = measure(Opened(scratch), held_out)
        say(f"word error rate on {len(held_out)} held-out utterances: {errors.rate:.3f}")
        inputs = {f"backbone/{file}": backbone / file for file in (folders.CONFIG, folders.WEIGHTS)}
        record = run_record({"recogniser": json.loads(to_json(definition))}, inputs=inputs, started=started)
        record |= {
            "source": "fine-tuned by this project",
            "revision": None,
            "licence": "mit",
            "parameters": sum(weight.numel() for weight in model.parameters()),
            "hours": round(hours, 3),
            "held_out": errors.as_json(),
            "sha256": {folders.WEIGHTS: checksum(scratch / folders.WEIGHTS)},
            "curve": [{"step": step, "loss": loss} for step, loss in curve],
        }
        write_json(scratch / "run.json", record)
        write_text(scratch / "README.md", _card(name, definition, backbone, model, record, errors))


def train_on(
    speech: Sequence[Spoken], definition: Recogniser, backbone: Path
) -> tuple[PreTrainedModel, list[tuple[int, float]]]:
    """Fine-tune on given speech; the same on every run with the same seed, threads and machine.

    Args:
        speech: transcribed utterances.
        definition: how it is trained.
        backbone: folder of the backbone.

    Returns:
        The model, and (step, loss) of each hundred steps.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(definition.threads)
    try:
        torch.manual_seed(definition.seed)
        np.random.seed(definition.seed % 2**32)  # SpecAugment's generator
        model = build(backbone)
        examples = prepare(speech, Stem.of(cast(Any, model).base_model))
        return model, _train(model, examples, definition)
    finally:
        torch.set_num_threads(threads)


def build(backbone: Path) -> PreTrainedModel:
    """The backbone with a random CTC head, its stem frozen.

    Raises:
        UserError: it is missing or of another architecture.
    """
    config = folders.read_config(backbone)
    kind = str(config.get("model_type"))
    if kind not in RECOGNISERS:
        raise UserError(
            "no recogniser can be made of this", [f"{backbone}: model_type {kind!r}"], valid_names(RECOGNISERS)
        )
    model = RECOGNISERS[kind].from_pretrained(
        backbone,
        local_files_only=True,
        use_safetensors=True,
        dtype=torch.float32,
        attn_implementation=attention.implementation(torch.device("cpu")),
        vocab_size=len(VOCABULARY),
        pad_token_id=BLANK,
        bos_token_id=VOCABULARY["<s>"],
        eos_token_id=VOCABULARY["</s>"],
        final_dropout=0.1,
        layerdrop=0.0,
    )
    cast(Any, model).freeze_feature_encoder()
    attention.quicken(model)
    return model


def spell(text: str) -> npt.NDArray[np.int64]:
    """A text as numbers of the vocabulary: capital letters and apostrophes, words parted by the boundary."""
    plain = text.upper().replace("-", " ")
    words = ("".join(letter for letter in word if letter in LETTERS) for word in plain.split())
    return np.array([VOCABULARY[symbol] for symbol in "|".join(word for word in words if word)], dtype=np.int64)


@torch.inference_mode()
def prepare(speech: Sequence[Spoken], stem: Stem) -> Examples:
    """Compute the frozen stem's output once; utterances with fewer frames than letters cannot be aligned, and go."""
    features, letters = [], []
    for each in progress(speech, "stem features", unit="utterances"):
        spelt = spell(each.text)
        frames = stem(normalise(torch.from_numpy(each.samples.astype(np.float32) / FULL_SCALE)))
        repeated = int(np.count_nonzero(np.diff(spelt) == 0))  # each needs a blank in between
        if len(spelt) and len(frames) >= len(spelt) + repeated:
            features.append(frames)
            letters.append(spelt)
    return Examples(features, letters)


def _train(model: PreTrainedModel, examples: Examples, definition: Recogniser) -> list[tuple[int, float]]:
    parameters = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, definition.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: warm_up_cosine(step, warm_up=definition.warm_up, steps=definition.steps)
    )
    dtype = precision.resolve(definition.precision, torch.device("cpu"))
    model.train()
    curve: list[tuple[int, float]] = []
    window: list[float] = []
    plan = _plan(examples.lengths, definition)
    for step, rows in enumerate(progress(plan, "recogniser", total=definition.steps, unit="steps"), start=1):
        loss = ctc_loss(model, examples, rows, dtype)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        window.append(loss.item())
        if step % REPORT_EVERY == 0 or step == definition.steps:
            curve.append((step, float(np.mean(window))))
            window = []
            say(f"step {step} of {definition.steps}: loss {curve[-1][1]:.3f}")
    return curve


def _plan(lengths: npt.NDArray[np.int64], definition: Recogniser) -> Iterator[Rows]:
    """Rows of each step's batch: as many epochs as the steps need."""
    step, epoch = 0, 0
    while step < definition.steps:
        epoch += 1
        for rows in epoch_batches(lengths, definition.batch_size, seed=definition.seed, epoch=epoch):
            if step == definition.steps:
                return
            step += 1
            yield rows


def ctc_loss(model: PreTrainedModel, examples: Examples, rows: Rows, dtype: torch.dtype) -> torch.Tensor:
    """Mean negative log-likelihood per letter of a batch, through the transformer alone."""
    any_model = cast(Any, model)
    features, frames = pad([examples.features[row] for row in rows])
    letters, counts = pad([torch.from_numpy(examples.letters[row]) for row in rows])
    mask = valid(frames, features.shape[1], features.device)
    with precision.autocast(dtype, "cpu"):
        base = any_model.base_model
        projected = base.feature_projection(features)
        projected = projected[0] if isinstance(projected, tuple) else projected
        masked = base._mask_hidden_states(projected, attention_mask=mask)
        states = base.encoder(masked, attention_mask=mask)[0]
        logits = any_model.lm_head(any_model.dropout(states))
    likelihood = F.log_softmax(logits.float(), dim=-1).transpose(0, 1)  # (frames, batch, outputs)
    return F.ctc_loss(likelihood, letters, frames, counts, blank=BLANK, zero_infinity=True)


def write_accompanying(folder: Path) -> None:
    """The files beside the weights that transformers' ``Wav2Vec2Processor`` reads, in wav2vec2-base-960h's layout."""
    special = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    write_json(folder / "vocab.json", VOCABULARY)
    write_json(folder / "special_tokens_map.json", special)
    write_json(
        folder / "tokenizer_config.json",
        special | {"tokenizer_class": "Wav2Vec2CTCTokenizer", "word_delimiter_token": "|", "do_lower_case": False},
    )
    layer_norm = folders.read_config(folder).get("feat_extract_norm") == "layer"
    write_json(
        folder / "preprocessor_config.json",
        {
            "feature_extractor_type": "Wav2Vec2FeatureExtractor",
            "feature_size": 1,
            "sampling_rate": SAMPLE_RATE_HZ,
            "do_normalize": True,
            "padding_side": "right",
            "padding_value": 0.0,
            "return_attention_mask": layer_norm,
        },
    )
    write_json(folder / folders.CONFIG, folders.read_config(folder) | {"dtype": "float32"})


def measure(recogniser: Opened, speech: Sequence[Spoken]) -> WordErrors:
    """Word errors of a recogniser on transcribed speech."""
    rows = progress(speech, "held-out speech", unit="utterances")
    heard = [
        (each.text, recogniser(torch.from_numpy(each.samples.astype(np.float32) / np.float32(FULL_SCALE))))
        for each in rows
        if normalised_words(each.text)
    ]
    return count_errors(heard)


def _card(
    name: str,
    definition: Recogniser,
    backbone: Path,
    model: PreTrainedModel,
    record: dict[str, Any],
    errors: WordErrors,
) -> str:
    config = cast(Any, model).config
    return CARD.format(
        name=name,
        kind=config.model_type,
        parameters=record["parameters"],
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        backbone=backbone.name,
        steps=definition.steps,
        batch_size=definition.batch_size,
        wall_min=record["wall_s"] / 60,
        threads=definition.threads,
        held_out=definition.held_out,
        rate=errors.rate,
        utterances=definition.utterances,
        hours=record["hours"],
        degraded=definition.degraded,
        seed=definition.seed,
    )
