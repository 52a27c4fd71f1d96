"""Training of the miniature's speech recogniser: a CTC head on one of its backbones, as wav2vec2-base-960h has it.

It is trained on the miniature's own transcribed speech, which contains no sentences or speakers of the study.
"""

import json
import time
from collections import Counter
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

from valence_gap.audio.packs import FULL_SCALE
from valence_gap.definitions.text import Recogniser
from valence_gap.definitions.values import SAMPLE_RATE_HZ, to_json
from valence_gap.miniature.transcribed import TranscribedUtterance, transcribed_speech
from valence_gap.models import hub_encoders
from valence_gap.models.front_ends.stem import Stem
from valence_gap.models.layers import attention, grouped
from valence_gap.models.layers.masks import valid_mask
from valence_gap.prediction.inputs import normalise, pad
from valence_gap.pretraining.card import made_here, save_weights
from valence_gap.pretraining.curve import LearningCurve, Point
from valence_gap.pretraining.recogniser_folder import BLANK, LETTERS, VOCABULARY, card, write_accompanying
from valence_gap.pretraining.updates import Updates, adamw
from valence_gap.runtime import precision
from valence_gap.runtime.files import atomic_folder, read_json, write_json, write_text
from valence_gap.runtime.progress import log_line, progress
from valence_gap.runtime.provenance import run_record
from valence_gap.text.pretrained import load_pretrained, model_type
from valence_gap.text.spelling import LEXICON_FILE
from valence_gap.text.transcription import RECOGNISERS, WordErrors, count_errors, normalised_words
from valence_gap.text.transcription import Recogniser as Opened
from valence_gap.training.batching import Rows, epoch_batches
from valence_gap.weights.model_types import CONFIG, WEIGHTS

# All of these are zero: training has too few steps to over-fit.
DROPOUTS = (
    "hidden_dropout",
    "attention_dropout",
    "activation_dropout",
    "feat_proj_dropout",
    "final_dropout",
    "layerdrop",
)


@dataclass(frozen=True)
class CtcExamples:
    """Transcribed speech in the form that the transformer receives.

    Attributes:
        features: output of the frozen stem, float32 (frames, channels) of each utterance.
        letters: numbers in the vocabulary, (letters,) of each utterance.
    """

    features: Sequence[torch.Tensor]
    letters: Sequence[npt.NDArray[np.int64]]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of frames of each utterance, int64 (utterances,)."""
        return np.array([len(each) for each in self.features], dtype=np.int64)


def train_recogniser(name: str, definition: Recogniser, backbone: Path, output: Path, *, workers: int = 1) -> None:
    """Fine-tune a recogniser and write it as a Hugging Face folder.

    Args:
        name: its name, for the card.
        definition: how it is trained.
        backbone: folder of the miniature backbone that it starts from.
        output: the folder: ``config.json``, ``model.safetensors`` (bfloat16), ``vocab.json`` and the other files of the
            tokeniser, ``lexicon.txt``, ``preprocessor_config.json``, ``README.md`` and ``run.json``.
        workers: number of processes that synthesise the speech; it does not change the speech.

    Raises:
        UserError: the backbone is missing or of another architecture.
    """
    started = time.monotonic()
    total = definition.utterances + definition.held_out
    speech = transcribed_speech(total, seed=definition.seed, noisy=definition.degraded, workers=workers)
    training, held_out = speech[: definition.utterances], speech[definition.utterances :]
    model, curve = train_on(training, definition, backbone)
    hours = sum(len(each.samples) for each in training) / SAMPLE_RATE_HZ / 3600
    with atomic_folder(output) as scratch:
        save_weights(scratch, model)
        write_accompanying(scratch)
        errors_without_lexicon = measure(Opened(scratch), held_out)
        write_text(scratch / LEXICON_FILE, "\n".join(lexicon(training)) + "\n")
        errors = measure(Opened(scratch), held_out)
        log_line(f"word error rate on {len(held_out)} held-out utterances: {errors.rate:.3f}, with the lexicon")
        inputs = {f"backbone/{file}": backbone / file for file in (CONFIG, WEIGHTS)}
        record = run_record(
            {"recogniser": json.loads(to_json(definition))}, inputs=inputs, started=started, audio_s=3600 * hours
        )
        record |= made_here(scratch, model, curve, source="fine-tuned by this project")
        record |= {
            "hours": round(hours, 3),
            "held_out": errors.as_json(),
            "held_out_without_lexicon": errors_without_lexicon.as_json(),
        }
        write_json(scratch / "run.json", record)
        write_text(
            scratch / "README.md", card(name, definition, backbone, model, record, errors, errors_without_lexicon)
        )


def train_on(
    speech: Sequence[TranscribedUtterance], definition: Recogniser, backbone: Path
) -> tuple[PreTrainedModel, list[Point]]:
    """Fine-tune on given speech. The same seed, threads and machine give the same result on every run.

    Args:
        speech: transcribed utterances.
        definition: how it is trained.
        backbone: folder of the backbone.

    Returns:
        The model, and (step, loss) of each hundred steps.
    """
    with precision.cpu_threads(definition.threads):
        torch.manual_seed(definition.seed)
        model = build(backbone, definition.last_stride)
        examples = prepare(speech, Stem.of(cast(Any, model).base_model))
        return model, _train(model, examples, definition)


def build(backbone: Path, last_stride: int | None = None) -> PreTrainedModel:
    """Load the backbone with a randomly initialised CTC head, a frozen stem, no dropout and no SpecAugment.

    In the miniature's 1,500 steps, SpecAugment gave a word error rate of .35 instead of .31.

    Args:
        backbone: its folder.
        last_stride: stride of the last layer of the stem; None: the backbone's.

    Raises:
        UserError: the backbone is missing or of another architecture.
    """
    kind = model_type(backbone, RECOGNISERS, "a recogniser cannot be built from this backbone")
    changes: dict[str, Any] = dict.fromkeys(DROPOUTS, 0.0) | {"apply_spec_augment": False}
    if last_stride is not None:
        changes["conv_stride"] = [*read_json(backbone / CONFIG)["conv_stride"][:-1], last_stride]
    model = load_pretrained(
        RECOGNISERS[kind],
        backbone,
        optional=["lm_head.weight", "lm_head.bias", "masked_spec_embed"],  # the output layer starts at random
        attn_implementation=hub_encoders.attention_implementation(torch.device("cpu")),
        vocab_size=len(VOCABULARY),
        pad_token_id=BLANK,
        bos_token_id=VOCABULARY["<s>"],
        eos_token_id=VOCABULARY["</s>"],
        **changes,
    )
    model.freeze_feature_encoder()
    attention.replace_dropout(model)
    grouped.keep_in_float32(model)
    return cast(PreTrainedModel, model)


def encode_letters(text: str) -> npt.NDArray[np.int64]:
    """A text as vocabulary numbers: capital letters and apostrophes, with the word boundary between words."""
    return np.array([VOCABULARY[symbol] for symbol in "|".join(spelt_words(text))], dtype=np.int64)


def spelt_words(text: str) -> list[str]:
    """The words of a text, in the letters of the recogniser's vocabulary."""
    cleaned = text.upper().replace("-", " ")
    words = ("".join(letter for letter in word if letter in LETTERS) for word in cleaned.split())
    return [word for word in words if word]


@torch.inference_mode()
def prepare(speech: Sequence[TranscribedUtterance], stem: Stem) -> CtcExamples:
    """Compute the frozen stem's output once; skip utterances that have too few frames to align their letters."""
    features, letters = [], []
    for each in progress(speech, "stem features", unit="utterances"):
        spelt = encode_letters(each.text)
        frames = stem(normalise(torch.from_numpy(each.samples.astype(np.float32) / FULL_SCALE)))
        repeated = int(np.count_nonzero(np.diff(spelt) == 0))  # CTC needs a blank between two equal letters
        if len(spelt) and len(frames) >= len(spelt) + repeated:
            features.append(frames)
            letters.append(spelt)
    return CtcExamples(features, letters)


def _train(model: PreTrainedModel, examples: CtcExamples, definition: Recogniser) -> list[Point]:
    parameters = [each for each in model.parameters() if each.requires_grad]
    updates = Updates(build_optimizers(model, definition), parameters, definition)
    dtype = precision.resolve(definition.precision, torch.device("cpu"))
    model.train()
    curve = LearningCurve(definition.steps, ("loss",))
    plan = _plan(examples.lengths, definition)
    for step, rows in enumerate(progress(plan, "recogniser", total=definition.steps, unit="steps"), start=1):
        loss = ctc_loss(model, examples, rows, dtype)
        updates.step(loss)
        curve.add(step, loss.item())
    return curve.points


def build_optimizers(model: PreTrainedModel, definition: Recogniser) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the transformer layers, AdamW for everything else.

    With AdamW alone, training needs three times as many steps for the same loss.
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            (matrices if weight.ndim == 2 and ".encoder.layers." in name else others).append(weight)
    return [
        torch.optim.Muon(matrices, definition.matrix_learning_rate, weight_decay=0.01),
        adamw(others, definition.learning_rate),
    ]


def _plan(lengths: npt.NDArray[np.int64], definition: Recogniser) -> Iterator[Rows]:
    """The rows of each step's batch, over as many epochs as the steps need."""
    step, epoch = 0, 0
    while step < definition.steps:
        epoch += 1
        for rows in epoch_batches(lengths, definition.batch_size, seed=definition.seed, epoch=epoch):
            if step == definition.steps:
                return
            step += 1
            yield rows


def ctc_loss(model: PreTrainedModel, examples: CtcExamples, rows: Rows, dtype: torch.dtype) -> torch.Tensor:
    """Mean negative log-likelihood per letter of a batch; the stem is not run."""
    any_model = cast(Any, model)
    features, frames = pad([examples.features[row] for row in rows])
    letters, counts = pad([torch.from_numpy(examples.letters[row]) for row in rows])
    mask = valid_mask(frames, features.shape[1], features.device)
    with precision.autocast(dtype, "cpu"):
        base = any_model.base_model
        projected = base.feature_projection(features)
        projected = projected[0] if isinstance(projected, tuple) else projected
        masked = base._mask_hidden_states(projected, attention_mask=mask)
        states = base.encoder(masked, attention_mask=mask)[0]
        logits = any_model.lm_head(any_model.dropout(states))
    likelihood = F.log_softmax(logits.float(), dim=-1).transpose(0, 1)  # (frames, batch, outputs)
    return F.ctc_loss(likelihood, letters, frames, counts, blank=BLANK, zero_infinity=True)


def lexicon(speech: Sequence[TranscribedUtterance]) -> list[str]:
    """The words of the training texts, from common to rare."""
    words = Counter(word for each in speech for word in spelt_words(each.text))
    return sorted(words, key=lambda word: (-words[word], word))


def measure(recogniser: Opened, speech: Sequence[TranscribedUtterance]) -> WordErrors:
    """Word errors of a recogniser on transcribed speech."""
    rows = progress(speech, "held-out speech", unit="utterances")
    transcript_pairs = [
        (each.text, recogniser(torch.from_numpy(each.samples.astype(np.float32) / np.float32(FULL_SCALE))))
        for each in rows
        if normalised_words(each.text)
    ]
    return count_errors(transcript_pairs)
