import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import VitsConfig, VitsModel

from valence_gap.audio.packs import open_pack
from valence_gap.definitions.text import Synthesiser
from valence_gap.miniature.voices import VARIANTS, population
from valence_gap.runtime.errors import UserError
from valence_gap.text.synthesis import synthesise

ENGINE = """
import sys, wave
text = open(sys.argv[1], encoding="utf-8").read().strip()
assert text == sys.stdin.buffer.read().decode().strip()
if text == "fail":
    sys.exit("no such word")
with wave.open(sys.argv[2], "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(8000)
    file.writeframes(b"\\x00\\x10" * 80 * len(text) if text != "silence" else b"")
"""


def write_utterances(folder: Path, transcripts: dict[str, str | None]) -> Path:
    path = folder / "utterances.parquet"
    table = {"id": list(transcripts), "transcript": pd.Series(list(transcripts.values()), dtype="str")}
    pd.DataFrame(table).to_parquet(path)
    return path


def program(folder: Path) -> Synthesiser:
    (folder / "engine.py").write_text(ENGINE)
    return Synthesiser(
        kind="command",
        voice="beep",
        command=(sys.executable, str(folder / "engine.py"), "{text_file}", "{wav}"),
        version_command=(sys.executable, "-c", "print('beeper 1.2')"),
    )


def test_espeak_speaks_the_transcribed_utterances(tmp_path: Path) -> None:
    utterances = write_utterances(tmp_path, {"a": "It was a good day.", "b": None, "c": "Yes!", "d": " ", "e": "..."})
    for name in ("one", "two"):
        synthesise(utterances, Synthesiser(), tmp_path / name)
    pack, again = open_pack(tmp_path / "one"), open_pack(tmp_path / "two")
    assert pack.ids == ["a", "c"]
    assert 0.5 < pack.durations_s[0] < 3
    assert pack.durations_s[1] < pack.durations_s[0]
    np.testing.assert_array_equal(pack.audio, again.audio)
    report = json.loads((tmp_path / "one" / "report.json").read_text())
    assert (report["engine"], report["voice"]) == ("espeak-ng", "en-us")
    assert report["version"]["espeakng-loader"]
    assert report["without_transcript"] == 2
    assert report["without_sound"] == {"count": 1, "ids": ["e"]}


def test_the_default_voice_is_no_speaker_of_the_corpora() -> None:
    names = {
        voice.name
        for corpus in ("msp-podcast", "iemocap", "cmu-mosi")
        for split in ("train", "dev", "test")
        for voice in population(8, corpus=corpus, split=split, seed=1)
    }
    assert Synthesiser().voice not in names
    assert all("+" in name and name.split("+")[1] in (*VARIANTS["female"], *VARIANTS["male"]) for name in names)


def test_any_program_can_speak_and_text_is_never_a_command(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    texts: dict[str, str | None] = {"a": f"$(touch {marker}); `touch {marker}` {{wav}}", "b": "naïve", "c": "silence"}
    synthesise(write_utterances(tmp_path, texts), program(tmp_path), tmp_path / "pack")
    pack = open_pack(tmp_path / "pack")
    assert pack.ids == ["a", "b"]
    assert pack.samples[1] == 5 * 160  # from 8 to 16 kHz
    assert not marker.exists()
    report = json.loads((tmp_path / "pack" / "report.json").read_text())
    assert report["version"]["printed"] == "beeper 1.2"
    assert report["voice"] == "beep"
    assert report["without_sound"]["ids"] == ["c"]


def test_a_program_that_fails_is_reported_with_its_text_and_writes_no_pack(tmp_path: Path) -> None:
    utterances = write_utterances(tmp_path, {"a": "well", "b": "fail"})
    with pytest.raises(UserError, match=r"(?s)exit status 1.*no such word.*text: fail"):
        synthesise(utterances, program(tmp_path), tmp_path / "pack")
    assert not (tmp_path / "pack").exists()


@pytest.mark.parametrize(
    ("synthesiser", "message"),
    [
        (Synthesiser(kind="command"), r"command: \[\]"),
        (Synthesiser(kind="command", command=("say",)), "{wav}"),
        (Synthesiser(kind="command", command=("no-such-program-here", "{wav}")), "no such program"),
        (Synthesiser(kind="transformers"), "model: null"),
        (Synthesiser(kind="transformers", model="/no/such/folder"), "no such folder"),
        (Synthesiser(voice="xx-nowhere"), "no such voice"),
    ],
)
def test_an_engine_that_cannot_speak_is_refused(tmp_path: Path, synthesiser: Synthesiser, message: str) -> None:
    with pytest.raises(UserError, match=message):
        synthesise(write_utterances(tmp_path, {"a": "well"}), synthesiser, tmp_path / "pack")


def test_a_split_without_transcripts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has a transcript"):
        synthesise(write_utterances(tmp_path, {"a": None}), Synthesiser(), tmp_path / "pack")


def write_vits(folder: Path) -> None:
    letters = "_abcdefghijklmnopqrstuvwxyz' "
    config = VitsConfig(
        vocab_size=len(letters),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        ffn_dim=16,
        flow_size=16,
        spectrogram_bins=9,
        upsample_initial_channel=16,
        upsample_rates=[4, 4],
        upsample_kernel_sizes=[8, 8],
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1]],
        depth_separable_num_layers=1,
        duration_predictor_num_flows=2,
        duration_predictor_filter_channels=16,
        posterior_encoder_num_wavenet_layers=1,
        prior_encoder_num_flows=1,
        prior_encoder_num_wavenet_layers=1,
        wavenet_dilation_rate=1,
        sampling_rate=22_050,
    )
    torch.manual_seed(0)
    VitsModel(config).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    settings = {
        "tokenizer_class": "VitsTokenizer",
        "pad_token": "_",
        "unk_token": "_",
        "add_blank": True,
        "normalize": True,
        "phonemize": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def test_the_speech_of_a_vits_model_does_not_depend_on_earlier_texts(tmp_path: Path) -> None:
    (tmp_path / "vits").mkdir()
    write_vits(tmp_path / "vits")
    synthesiser = Synthesiser(kind="transformers", model=str(tmp_path / "vits"), voice="tiny")
    synthesise(write_utterances(tmp_path, {"a": "a good day", "b": "yes"}), synthesiser, tmp_path / "one")
    synthesise(write_utterances(tmp_path, {"b": "yes"}), synthesiser, tmp_path / "two")
    one, two = open_pack(tmp_path / "one"), open_pack(tmp_path / "two")
    assert one.samples.min() > 0
    np.testing.assert_array_equal(one.read(1), two.read(0))
    version = json.loads((tmp_path / "one" / "report.json").read_text())["version"]
    assert version["model_type"] == "vits"
    assert len(version["model"]) == 64
