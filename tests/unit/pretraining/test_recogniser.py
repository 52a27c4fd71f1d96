import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoProcessor, HubertConfig, HubertForCTC, HubertModel

from valence_gap.definitions.text import Recogniser
from valence_gap.miniature.transcribed import TranscribedUtterance
from valence_gap.models.front_ends.stem import Stem
from valence_gap.pretraining.recogniser import (
    build,
    ctc_loss,
    encode_letters,
    lexicon,
    prepare,
    train_on,
    train_recogniser,
)
from valence_gap.pretraining.recogniser_folder import VOCABULARY
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.provenance import checksum
from valence_gap.text.transcription import Recogniser as Opened
from valence_gap.training.schedules import warm_up_cosine

TINY = Recogniser(utterances=6, held_out=2, steps=2, batch_size=3, warm_up=1, precision="fp32")
RATE_HZ = 16_000


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backbone")
    config = HubertConfig(
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=96,
        conv_dim=[24] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        feat_proj_dropout=0.0,
        mask_time_prob=0.05,
        mask_time_length=2,
    )
    torch.manual_seed(0)
    HubertModel(config).save_pretrained(folder)
    return folder


def tones(words: str) -> TranscribedUtterance:
    """Speech in which each letter is a different tone of 100 ms."""
    time_s = np.arange(RATE_HZ // 10) / RATE_HZ
    notes = {letter: 300.0 * 1.5**place for place, letter in enumerate("ABC ")}
    wave = np.concatenate([np.sin(2 * np.pi * notes[letter] * time_s) for letter in words])
    return TranscribedUtterance(words, (8000 * wave).astype(np.int16))


def test_the_folder_is_a_recogniser_for_transformers_and_the_same_each_time(backbone: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        train_recogniser("tiny", TINY, backbone, tmp_path / name)
    assert checksum(tmp_path / "a" / "model.safetensors") == checksum(tmp_path / "b" / "model.safetensors")
    model = HubertForCTC.from_pretrained(tmp_path / "a")
    processor = AutoProcessor.from_pretrained(tmp_path / "a")
    assert processor.tokenizer.get_vocab() == VOCABULARY
    wave = np.random.default_rng(0).normal(size=12_000).astype(np.float32)
    with torch.no_grad():
        logits = model(processor(wave, sampling_rate=RATE_HZ, return_tensors="pt").input_values).logits
    words = (tmp_path / "a" / "lexicon.txt").read_text().split()
    assert "THE" in words
    assert len(words) > 20
    (tmp_path / "a" / "lexicon.txt").unlink()
    assert Opened(tmp_path / "a")(torch.from_numpy(wave)) == processor.batch_decode(logits.argmax(-1))[0]
    run = json.loads((tmp_path / "a" / "run.json").read_text())
    assert run["held_out"]["words"] > 0
    assert "tiny" in (tmp_path / "a" / "README.md").read_text()
    stem = {name: weight for name, weight in model.state_dict().items() if "feature_extractor" in name}
    original = HubertModel.from_pretrained(backbone).state_dict()
    for name, weight in stem.items():
        torch.testing.assert_close(weight, original[name.removeprefix("hubert.")].bfloat16().float())


def test_the_loss_is_that_of_transformers(backbone: Path) -> None:
    model = build(backbone)
    speech = [tones("AB CA"), tones("BCA AB C")]
    examples = prepare(speech, Stem.of(model.hubert))
    model.eval()
    model.config.ctc_loss_reduction = "mean"
    one = ctc_loss(model, examples, np.array([1]), torch.float32)
    wave = torch.from_numpy(speech[1].samples.astype(np.float32))
    wave = (wave - wave.mean()) / wave.std(unbiased=False)
    expected = model(wave[None], labels=torch.from_numpy(encode_letters(speech[1].text))[None]).loss
    torch.testing.assert_close(one, expected, rtol=2e-2, atol=2e-2)  # the stem's output is rounded to bfloat16


def test_it_learns_to_spell(backbone: Path) -> None:
    random = np.random.default_rng(0)
    speech = [tones("".join(random.choice(list("ABC"), 4))) for _ in range(40)]
    definition = replace(TINY, steps=150, batch_size=8, learning_rate=3e-3, warm_up=10)
    _, curve = train_on(speech, definition, backbone)
    assert curve[-1][1] < 0.5 * curve[0][1]


def test_the_lexicon_has_common_words_first() -> None:
    speech = [TranscribedUtterance(text, np.zeros(1, dtype=np.int16)) for text in ("A cat, b.", "The cat!", "cat b")]
    assert lexicon(speech) == ["CAT", "B", "A", "THE"]


def test_spelling() -> None:
    letters = {number: symbol for symbol, number in VOCABULARY.items()}
    spelt = "".join(letters[number] for number in encode_letters("Well-known, isn't it? — 'tis."))
    assert spelt == "WELL|KNOWN|ISN'T|IT|'TIS"


def test_utterances_with_fewer_frames_than_letters_are_left_out(backbone: Path) -> None:
    short = TranscribedUtterance("a very long sentence", np.ones(2000, dtype=np.int16))
    examples = prepare([short, tones("AB")], Stem.of(build(backbone).hubert))
    assert [len(each) for each in examples.letters] == [2]


def test_nothing_is_dropped_or_masked_in_its_training(backbone: Path) -> None:
    model = build(backbone).train()
    assert HubertConfig.from_pretrained(backbone).apply_spec_augment
    assert not model.config.apply_spec_augment
    waves = torch.randn(1, RATE_HZ)
    assert torch.equal(model(waves).logits, model(waves).logits)


def test_a_shorter_last_stride_gives_more_frames_and_keeps_the_weights(backbone: Path) -> None:
    usual, faster = build(backbone), build(backbone, last_stride=1)
    assert faster.config.conv_stride == [*usual.config.conv_stride[:-1], 1]
    for name, weight in usual.base_model.state_dict().items():
        assert torch.equal(weight, faster.base_model.state_dict()[name])
    waves = torch.randn(1, RATE_HZ)
    assert Stem.of(faster.base_model).frames(RATE_HZ) == pytest.approx(2 * Stem.of(usual.base_model).frames(RATE_HZ), 1)
    assert faster(waves).logits.shape[1] == Stem.of(faster.base_model).frames(RATE_HZ)


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UserError, match="'bert'"):
        build(tmp_path)


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [warm_up_cosine(step, warm_up=10, steps=100) for step in range(101)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert rates[10] == pytest.approx(1)
    assert all(later < earlier for earlier, later in pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(0.02)
