"""The folder of the miniature's speech recogniser: alphabet, tokeniser files and card."""

from pathlib import Path
from typing import Any, cast

from transformers import PreTrainedModel

from valence_gap.definitions.text import Recogniser
from valence_gap.pretraining.card import preprocessor
from valence_gap.runtime.files import write_json
from valence_gap.text.transcription import WordErrors
from valence_gap.weights import folders

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "|")
LETTERS = "ETAONIHSRDLUMWCFGYPBVK'XJQZ"  # in wav2vec2-base-960h's order
VOCABULARY = {symbol: number for number, symbol in enumerate((*SPECIAL, *LETTERS))}
BLANK = VOCABULARY["<pad>"]

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
It replaces wav2vec2-base-960h, so that the embedded miniature can run the paper's fusion with text. It was fine-tuned
from the miniature backbone {backbone} with a frozen convolutional stem, in {steps} steps of {batch_size} utterances
({wall_min:.0f} minutes on {threads} CPU thread(s)).
Its words are then corrected by lexicon.txt, which contains the words of the training texts. This project's `transcribe`
reads that file; transformers alone does not.
Word error rate on {held_out} held-out utterances of the same kind of speech: {rate:.3f}, and {rate_by_ear:.3f} without
the lexicon.

## What it is not
Its training data contain no human voice: all speech is synthesised by espeak-ng. It is of no use for real recordings,
and no number obtained with it replaces a number of the paper.

## Speech
{utterances} utterances, {hours:.2f} hours, {degraded:.0%} of them eligible for noise and telephone bandwidth; texts and
voices are generated (seed {seed}), and do not include the miniature's labelled sentences or speakers.

## Licence
MIT, as the project. espeak-ng (GPL-3) synthesised the training speech; these weights contain no part of it.
"""


def write_accompanying(folder: Path) -> None:
    """Write the files that ``Wav2Vec2Processor`` reads beside the weights, in the layout of wav2vec2-base-960h."""
    special = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    write_json(folder / "vocab.json", VOCABULARY)
    write_json(folder / "special_tokens_map.json", special)
    write_json(
        folder / "tokenizer_config.json",
        special | {"tokenizer_class": "Wav2Vec2CTCTokenizer", "word_delimiter_token": "|", "do_lower_case": False},
    )
    norm = folders.read_config(folder).get("feat_extract_norm", "group")
    write_json(folder / "preprocessor_config.json", preprocessor(norm))


def card(
    name: str,
    definition: Recogniser,
    backbone: Path,
    model: PreTrainedModel,
    record: dict[str, Any],
    errors: WordErrors,
    errors_without_lexicon: WordErrors,
) -> str:
    """The model card; ``record`` is the content of ``run.json``."""
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
        rate_by_ear=errors_without_lexicon.rate,
        utterances=definition.utterances,
        hours=record["hours"],
        degraded=definition.degraded,
        seed=definition.seed,
    )
