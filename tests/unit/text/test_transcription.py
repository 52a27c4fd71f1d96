import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import HubertConfig, HubertForCTC, Wav2Vec2CTCTokenizer

from valence_gap.audio.packs import write_pack
from valence_gap.models.sizes import Size, size_of_source
from valence_gap.pretraining.recogniser_folder import VOCABULARY, write_accompanying
from valence_gap.runtime.errors import UserError
from valence_gap.text import transcription
from valence_gap.text.transcription import (
    Recogniser,
    count_errors,
    normalised_words,
    read_alphabet,
    transcribe,
    word_error_rate,
)


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recogniser")
    config = HubertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=[8] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        feat_extract_norm="group",
    )
    torch.manual_seed(0)
    model = HubertForCTC(config)
    torch.nn.init.normal_(model.lm_head.weight, std=5.0)  # so that some texts are not empty
    model.save_pretrained(folder)
    write_accompanying(folder)
    return folder


def write_audio(folder: Path, lengths: dict[str, int]) -> Path:
    waves = {each: np.random.default_rng(n).normal(0, 3000, n).astype(np.int16) for each, n in lengths.items()}
    write_pack(folder, waves.items(), {})
    return folder


def texts(model: Path, audio: Path, folder: Path, utterances: Path | None = None) -> dict[str, str]:
    transcribe(model, audio, folder / "text.parquet", folder / "report.json", utterances=utterances)
    table = pd.read_parquet(folder / "text.parquet")
    assert list(table) == ["id", "text"]
    return dict(zip(table["id"], table["text"], strict=True))


@given(st.lists(st.integers(0, len(VOCABULARY) - 1), max_size=60))
def test_decoding_agrees_with_transformers_on_letters(recogniser: Path, outputs: list[int]) -> None:
    letters = [each for each in outputs if each not in (1, 2, 3)]  # transformers writes <s>, </s> and <unk> as text
    expected = Wav2Vec2CTCTokenizer.from_pretrained(recogniser).decode(letters)
    assert read_alphabet(recogniser).decode(np.array(letters, dtype=np.int64)) == " ".join(expected.split())


def test_the_kernels_that_are_kept_depend_on_the_recogniser(
    recogniser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Size] = []
    monkeypatch.setattr(transcription, "limit_kernels", found.append)
    texts(recogniser, write_audio(tmp_path / "audio", {"a": 9_000}), tmp_path)
    assert found == [size_of_source(None, recogniser)]


def test_an_utterance_is_transcribed_alone(recogniser: Path, tmp_path: Path) -> None:
    together = texts(recogniser, write_audio(tmp_path / "a", {"long": 20_000, "x": 9000, "y": 12_000}), tmp_path)
    alone = texts(recogniser, write_audio(tmp_path / "b", {"x": 9000}), tmp_path)
    assert list(together) == ["long", "x", "y"]
    assert alone["x"] == together["x"] != ""


def test_audio_too_short_for_a_frame_gives_an_empty_text(recogniser: Path, tmp_path: Path) -> None:
    found = texts(recogniser, write_audio(tmp_path / "a", {"none": 0, "short": 300, "x": 9000}), tmp_path)
    assert (found["none"], found["short"]) == ("", "")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["utterances"], report["empty"], report["word_error_rate"]) == (3, 2, None)


def test_the_report_compares_utterances_that_have_a_transcript(recogniser: Path, tmp_path: Path) -> None:
    audio = write_audio(tmp_path / "a", {"x": 9000, "y": 12_000, "z": 9500})
    found = texts(recogniser, audio, tmp_path)
    reference = f"{found['x']} one more"
    table = pd.DataFrame({"id": ["x", "y", "other"], "transcript": [reference, None, "not in the pack"]})
    table.to_parquet(tmp_path / "utterances.parquet")
    texts(recogniser, audio, tmp_path, tmp_path / "utterances.parquet")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["compared"], report["word_edits"], report["words"]) == (1, 2, len(normalised_words(reference)))


def test_a_recogniser_with_a_lexicon_spells_by_it(recogniser: Path, tmp_path: Path) -> None:
    folder = tmp_path / "spelling"
    folder.mkdir()
    for path in recogniser.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    audio = write_audio(tmp_path / "a", {"x": 9000})
    by_ear = texts(recogniser, audio, tmp_path)["x"]
    right = by_ear.split()[0] + "S"
    (folder / "lexicon.txt").write_text(right + "\n")
    assert texts(folder, audio, tmp_path)["x"].split()[0] == right
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["run"]["definition"]["decoding"] == "greedy CTC, spelt by its lexicon"
    assert "lexicon.txt" in report["run"]["inputs"]


def test_words_are_lower_case_without_punctuation_and_keep_their_apostrophes() -> None:
    assert normalised_words('"Well-known," SHE said: it’s fine... Really?') == [
        "well",
        "known",
        "she",
        "said",
        "it",
        "'s",
        "fine",
        "really",
    ]


@pytest.mark.parametrize(
    ("reference", "hypothesis", "rate"),
    [
        ("a good day", "A GOOD DAY", 0),
        ("a good day", "", 1),
        ("a good day", "a bad day", 1 / 3),
        ("a good day", "a very good day", 1 / 3),
        ("a good day", "good day", 1 / 3),
        ("no", "yes yes yes", 3),
    ],
)
def test_word_error_rate(reference: str, hypothesis: str, rate: float) -> None:
    assert word_error_rate(reference, hypothesis) == pytest.approx(rate)


def test_long_utterances_weigh_more_in_the_rate_of_a_corpus() -> None:
    errors = count_errors([("a b c d", "a b c d"), ("e", "f")])
    assert errors.rate == pytest.approx(1 / 5)
    assert np.isnan(count_errors([("", "x")]).rate)


def test_a_backbone_is_no_recogniser(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"vocab\.json is missing"):
        read_alphabet(tmp_path)
    (tmp_path / "vocab.json").write_text('{"a": 0, "b": 2}')
    with pytest.raises(UserError, match="number its symbols"):
        read_alphabet(tmp_path)


def test_a_vocabulary_of_another_size_is_refused(recogniser: Path, tmp_path: Path) -> None:
    for path in recogniser.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "vocab.json").write_text(json.dumps({"<pad>": 0, "A": 1}))
    with pytest.raises(UserError, match="2 symbols"):
        texts(tmp_path, write_audio(tmp_path / "a", {"x": 9000}), tmp_path)


def test_a_recogniser_without_some_weights_is_refused(recogniser: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(recogniser, tmp_path / "asr")
    weights = load_file(folder / "model.safetensors")
    optional = [name for name in weights if name.endswith("masked_spec_embed")]
    save_file({name: each for name, each in weights.items() if name not in optional}, folder / "model.safetensors")
    assert optional
    Recogniser(folder)  # used in training alone
    left = {name: each for name, each in weights.items() if not name.startswith("lm_head")}
    save_file(left, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"(?s)does not hold the model.*lm_head\.weight is missing"):
        Recogniser(folder)


def test_older_names_of_weight_normalisation_are_read(recogniser: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(recogniser, tmp_path / "asr")
    audio = write_audio(tmp_path / "audio", {"a": 9_000, "b": 16_000})
    expected = texts(folder, audio, tmp_path)
    newer = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    weights = load_file(folder / "model.safetensors")
    for new, old in newer.items():
        weights = {name.replace(new, old): each for name, each in weights.items()}
    assert any(name.endswith("weight_g") for name in weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert texts(folder, audio, tmp_path) == expected


def test_convolutions_of_the_recogniser_are_not_rounded_to_tf32(
    recogniser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed: list[bool] = []
    loaded = Recogniser(recogniser)
    loaded._model.register_forward_pre_hook(lambda *_: allowed.append(torch.backends.cudnn.allow_tf32))
    loaded(torch.zeros(4000))
    assert allowed == [False]
    assert torch.backends.cudnn.allow_tf32
