"""Pre-training of the miniature's text encoder: a small BERT (Devlin et al. 2019) that predicts masked words.

It is trained on the miniature's own plain text, and its vocabulary of word pieces is trained on the same text.
"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing
from tokenizers.trainers import WordPieceTrainer
from torch import nn
from transformers import BertConfig, BertForMaskedLM

from valence_gap.definitions.text import TextEncoder
from valence_gap.definitions.values import to_json
from valence_gap.miniature.transcribed import english_sentences
from valence_gap.models import hub_encoders
from valence_gap.pretraining.card import made_here, save_weights
from valence_gap.pretraining.curve import LearningCurve, Point
from valence_gap.pretraining.updates import Updates, adamw
from valence_gap.pretraining.word_vectors import word_vectors
from valence_gap.runtime import precision
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import atomic_folder, write_json, write_text
from valence_gap.runtime.progress import progress
from valence_gap.runtime.provenance import run_record

PAD, UNKNOWN, START, END, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MAX_LENGTH = 128  # tokens
EMBEDDING_STD = 0.1
IGNORE_INDEX = -100  # default ignore_index of cross_entropy

Tokens = npt.NDArray[np.int64]

CARD = """\
---
license: mit
library_name: transformers
tags: [fill-mask, bert, synthetic-text]
---
# {name}

The text encoder of the miniature: a BERT of {parameters:,} parameters, {layers} layers of {hidden} hidden units,
{vocabulary} word pieces, lower case. The weights are kept in bfloat16.

## What it is
It replaces bert-base-uncased, so that the embedded miniature can run the paper's fusion with text. It was pre-trained
to predict masked words ({masked:.0%} of the word pieces; BERT's first task, without its second one), in {steps} steps
of {batch_size} sentences and {wall_min:.0f} minutes on {threads} CPU thread(s). Its word embeddings are initialised by
a factorisation of the words' co-occurrence in the same text, its other weights at random.
Masked accuracy over the last hundred steps: {accuracy:.3f}.

## What it is not
It knows some {words} words in the miniature's own sentences and no language beyond them. No number obtained with it
replaces a number of the paper.

## Text
{sentences} generated English sentences (seed {seed}), which do not include the miniature's labelled ones. Words of
similar sentiment occur together in them; no label was used.

## Licence
MIT, as the project. Some of the words come from VADER's lexicon (MIT).
"""


def pretrain_text_encoder(name: str, definition: TextEncoder, output: Path) -> None:
    """Pre-train a text encoder and write it as a Hugging Face folder.

    Args:
        name: its name, for the card.
        definition: what is trained and how.
        output: the folder: ``config.json``, ``model.safetensors`` (bfloat16), ``tokenizer.json``, ``vocab.txt``,
            ``tokenizer_config.json``, ``README.md`` and ``run.json``.

    Raises:
        UserError: no model can be built from the definition.
    """
    check(definition)
    started = time.monotonic()
    texts = english_sentences(definition.sentences, seed=definition.seed)
    tokenizer = train_tokenizer(texts, definition.vocabulary)
    model, curve = train_on(texts, tokenizer, definition)
    with atomic_folder(output) as scratch:
        save_weights(scratch, model)
        write_tokenizer(scratch, tokenizer)
        record = run_record({"text_encoder": json.loads(to_json(definition))}, started=started)
        record |= made_here(scratch, model, curve) | {"vocabulary": tokenizer.get_vocab_size()}
        write_json(scratch / "run.json", record)
        words = len({word.strip(".,").lower() for text in texts for word in text.split()})
        write_text(scratch / "README.md", _card(name, definition, record, words))


def check(definition: TextEncoder) -> None:
    """Check that the layers can be built.

    Raises:
        UserError: the number of hidden units is not a multiple of the number of heads.
    """
    if definition.hidden % definition.heads:
        raise UserError(
            "A text encoder cannot be built from its definition.",
            [f"{definition.hidden} hidden units are not a multiple of {definition.heads} heads"],
            "Change hidden or heads.",
        )


def train_tokenizer(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Train a lower-casing WordPiece tokeniser, as BERT's, on ``texts``; every call returns the same tokeniser."""
    learner = _tokenizer({})
    letters = sorted({letter for text in texts for letter in learner.normalizer.normalize_str(text) if letter.strip()})
    # The trainer numbers the pieces inside words in a random order, which decides between equally common pairs. Special
    # tokens keep their order.
    numbered = [*SPECIAL, *(f"##{letter}" for letter in letters)]
    trainer = WordPieceTrainer(vocab_size=vocabulary, special_tokens=numbered, show_progress=False)
    learner.train_from_iterator(texts, trainer)
    tokenizer = _tokenizer(learner.get_vocab())
    tokenizer.add_special_tokens(list(SPECIAL))
    start, end = (cast(int, tokenizer.token_to_id(each)) for each in (START, END))
    tokenizer.post_processor = BertProcessing((END, end), (START, start))
    tokenizer.enable_truncation(MAX_LENGTH)
    return tokenizer


def _tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.decoder = WordPieceDecoder()
    return tokenizer


def train_on(
    texts: Sequence[str], tokenizer: Tokenizer, definition: TextEncoder
) -> tuple[BertForMaskedLM, list[Point]]:
    """Pre-train on given texts. The same seed, threads and machine give the same result on every run.

    Returns:
        The model, and (step, loss, masked accuracy) of each hundred steps.
    """
    with precision.cpu_threads(definition.threads):
        torch.manual_seed(definition.seed)
        tokens = [np.array(each.ids, dtype=np.int64) for each in tokenizer.encode_batch(list(texts))]
        model = build(definition, tokenizer)
        vectors = word_vectors(tokens, tokenizer.get_vocab_size(), definition.hidden, special_count=len(SPECIAL))
        model.bert.embeddings.word_embeddings.weight.data.copy_(torch.from_numpy(vectors * EMBEDDING_STD))
        return model, _train(model, tokens, tokenizer, definition)


def build(definition: TextEncoder, tokenizer: Tokenizer) -> BertForMaskedLM:
    """The encoder with random initialisation, without dropout: a miniature trains for too few steps to over-fit."""
    config = cast(Any, BertConfig)(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=definition.hidden,
        num_hidden_layers=definition.layers,
        num_attention_heads=definition.heads,
        intermediate_size=4 * definition.hidden,
        max_position_embeddings=MAX_LENGTH,
        pad_token_id=tokenizer.token_to_id(PAD),
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation=hub_encoders.attention_implementation(torch.device("cpu")),
    )
    return BertForMaskedLM(config)


def _train(
    model: BertForMaskedLM, tokens: Sequence[Tokens], tokenizer: Tokenizer, definition: TextEncoder
) -> list[Point]:
    parameters = list(model.parameters())
    updates = Updates([adamw(parameters, definition.learning_rate)], parameters, definition)
    model.train()
    curve = LearningCurve(definition.steps)
    steps = progress(batches(tokens, tokenizer, definition), "text encoder", total=definition.steps, unit="steps")
    for step, (input_ids, labels) in enumerate(steps, start=1):
        is_masked = labels != IGNORE_INDEX
        states = model.bert(input_ids, attention_mask=input_ids != model.config.pad_token_id).last_hidden_state
        logits = model.cls(states[is_masked])  # (masked, vocabulary): no logits are computed for the other word pieces
        loss = nn.functional.cross_entropy(logits, labels[is_masked])
        updates.step(loss)
        curve.add(step, loss.item(), (logits.argmax(1) == labels[is_masked]).float().mean().item())
    return curve.points


def batches(
    tokens: Sequence[Tokens], tokenizer: Tokenizer, definition: TextEncoder
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Draw sentences with replacement, and mask them differently each time.

    Yields:
        input_ids, and the labels (-100 for word pieces that are not predicted); int64 (batch, tokens) each.
    """
    generator = np.random.default_rng(definition.seed)
    pad, mask = (cast(int, tokenizer.token_to_id(each)) for each in (PAD, MASK))
    for _ in range(definition.steps):
        rows = generator.integers(0, len(tokens), definition.batch_size)
        chosen = [tokens[row] for row in rows]
        whole = np.full((len(chosen), max(map(len, chosen))), pad, dtype=np.int64)
        for row, each in enumerate(chosen):
            whole[row, : len(each)] = each
        yield mask_tokens(whole, tokenizer.get_vocab_size(), mask, definition.masked, generator)


def mask_tokens(
    whole: Tokens, vocabulary: int, mask: int, share: float, generator: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mask word pieces as BERT does: of those to predict, 80 % become [MASK], 10 % a random piece, 10 % stay.

    Args:
        whole: (batch, tokens); the special tokens have the lowest numbers and are never predicted.
        vocabulary: number of word pieces.
        mask: number of [MASK].
        share: share of the word pieces that are predicted; at least one in each batch.
        generator: random numbers.

    Returns:
        input_ids and labels, (batch, tokens) each.
    """
    words = whole >= len(SPECIAL)
    is_masked = words & (generator.random(whole.shape) < share)
    if not is_masked.any():
        is_masked[tuple(np.argwhere(words)[0])] = True
    replacement_draw = generator.random(whole.shape)
    others = generator.integers(len(SPECIAL), vocabulary, whole.shape)
    input_ids = np.where(is_masked & (replacement_draw < 0.8), mask, whole)
    input_ids = np.where(is_masked & (replacement_draw >= 0.9), others, input_ids)
    return torch.from_numpy(input_ids), torch.from_numpy(np.where(is_masked, whole, IGNORE_INDEX))


def write_tokenizer(folder: Path, tokenizer: Tokenizer) -> None:
    """Write the tokeniser in the layout of bert-base-uncased."""
    special = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    settings: dict[str, Any] = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "model_max_length": MAX_LENGTH,
    }
    write_json(folder / "tokenizer_config.json", settings | special)
    write_json(folder / "special_tokens_map.json", special)
    numbers = tokenizer.get_vocab()
    write_text(folder / "vocab.txt", "".join(f"{piece}\n" for piece in sorted(numbers, key=lambda each: numbers[each])))
    write_text(folder / "tokenizer.json", tokenizer.to_str(pretty=True) + "\n")


def _card(name: str, definition: TextEncoder, record: dict[str, Any], words: int) -> str:
    return CARD.format(
        name=name,
        parameters=record["parameters"],
        layers=definition.layers,
        hidden=definition.hidden,
        vocabulary=record["vocabulary"],
        masked=definition.masked,
        steps=definition.steps,
        batch_size=definition.batch_size,
        wall_min=record["wall_s"] / 60,
        threads=definition.threads,
        accuracy=record["curve"][-1]["masked_accuracy"],
        words=words,
        sentences=definition.sentences,
        seed=definition.seed,
    )
