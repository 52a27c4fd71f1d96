import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, BertForMaskedLM, BertTokenizer

from valence_gap.definitions.text import TextEncoder
from valence_gap.pretraining.text_encoder import (
    IGNORE_INDEX,
    MASK,
    SPECIAL,
    mask_tokens,
    pretrain_text_encoder,
    train_on,
    train_tokenizer,
)
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.provenance import checksum

TINY = TextEncoder(sentences=80, vocabulary=200, hidden=16, layers=1, heads=2, steps=3, batch_size=4, warm_up=1)


def test_the_folder_is_an_ordinary_one_and_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pretrain_text_encoder("tiny", TINY, tmp_path / name)
    for file in ("model.safetensors", "tokenizer.json", "vocab.txt", "config.json"):
        assert checksum(tmp_path / "a" / file) == checksum(tmp_path / "b" / file)
    model = BertForMaskedLM.from_pretrained(tmp_path / "a")
    assert model.dtype == torch.float32
    run = json.loads((tmp_path / "a" / "run.json").read_text())
    assert run["parameters"] == sum(weight.numel() for weight in model.parameters())
    assert (tmp_path / "a" / "README.md").read_text().startswith("---\nlicense: mit\n")


def test_both_tokenisers_of_transformers_read_it_alike(tmp_path: Path) -> None:
    pretrain_text_encoder("tiny", TINY, tmp_path / "a")
    text = "THE unseen zebra, wasn't it?"
    fast = AutoTokenizer.from_pretrained(tmp_path / "a")(text)["input_ids"]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "vocab.txt").write_bytes((tmp_path / "a" / "vocab.txt").read_bytes())
    assert fast == BertTokenizer.from_pretrained(tmp_path / "b")(text)["input_ids"]
    pieces = (tmp_path / "a" / "vocab.txt").read_text().splitlines()
    assert tuple(pieces[: len(SPECIAL)]) == SPECIAL
    assert [pieces[fast[0]], pieces[fast[-1]]] == ["[CLS]", "[SEP]"]


def test_it_learns_words_that_can_be_predicted() -> None:
    texts = ["one two three four", "five six seven eight"] * 20
    definition = replace(TINY, vocabulary=60, steps=400, batch_size=8, hidden=32, learning_rate=5e-3, warm_up=10)
    _, curve = train_on(texts, train_tokenizer(texts, 60), definition)
    assert curve[-1][2] > 0.9  # masked accuracy; each word determines the others


def test_masking_is_bert_s() -> None:
    generator = np.random.default_rng(0)
    whole = np.full((400, 50), 77, dtype=np.int64)
    whole[:, 0], whole[:, -1] = SPECIAL.index("[CLS]"), SPECIAL.index("[SEP]")
    mask = SPECIAL.index(MASK)
    shown, labels = (each.numpy() for each in mask_tokens(whole, 1000, mask, 0.15, generator))
    is_masked = labels != IGNORE_INDEX
    assert not is_masked[:, [0, -1]].any()
    assert (shown[~is_masked] == whole[~is_masked]).all()
    assert (labels[is_masked] == whole[is_masked]).all()
    assert is_masked[:, 1:-1].mean() == pytest.approx(0.15, abs=0.01)
    assert (shown[is_masked] == mask).mean() == pytest.approx(0.8, abs=0.03)
    assert (shown[is_masked] == 77).mean() == pytest.approx(0.1, abs=0.03)


def test_a_batch_always_has_a_masked_word_piece() -> None:
    whole = np.array([[2, 9, 3]])
    _, labels = mask_tokens(whole, 20, 4, 1e-9, np.random.default_rng(0))
    assert labels.tolist() == [[IGNORE_INDEX, 9, IGNORE_INDEX]]


def test_heads_must_divide_the_hidden_units(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="heads"):
        pretrain_text_encoder("x", replace(TINY, heads=3), tmp_path / "x")
