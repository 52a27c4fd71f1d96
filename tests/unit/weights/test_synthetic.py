"""Whether a model says that it was trained on synthetic speech."""

import json
from pathlib import Path

import pandas as pd
import pytest

from valence_gap.runtime.provenance import checksum
from valence_gap.weights.synthetic import is_synthetic_backbone, is_trained_on_synthetic_speech

MINIATURE = Path(__file__).parents[3] / "resources/miniature"


def model(folder, source=None, **inputs):
    folder.mkdir(parents=True)
    run = {"definition": {"backbone": {"source": source}}, "inputs": inputs}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


@pytest.mark.parametrize(
    "name", sorted(path.name for path in MINIATURE.iterdir() if path.name != "mini-asr")
)  # it is a recogniser
def test_the_shipped_backbones_are_synthetic(tmp_path, name):
    assert is_synthetic_backbone(json.loads((MINIATURE / name / "run.json").read_text()))
    assert is_trained_on_synthetic_speech(model(tmp_path / "a", f"./resources/miniature/{name}"))
    assert is_trained_on_synthetic_speech(model(tmp_path / "b", str(MINIATURE / name)))


def test_other_backbones_are_not(tmp_path):
    assert not is_trained_on_synthetic_speech(model(tmp_path / "a", "facebook/wav2vec2-large-robust"))
    assert not is_trained_on_synthetic_speech(model(tmp_path / "b", "./resources/other/mini-w2v2-b"))
    assert not is_trained_on_synthetic_speech(tmp_path / "absent")


def test_a_backbone_of_ones_own_that_was_pretrained_here(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/run.json").write_text('{"source": "pre-trained by this project"}')
    assert is_trained_on_synthetic_speech(model(tmp_path / "a", str(tmp_path / "own")))


def test_the_card_of_an_export_says_it(tmp_path):
    (tmp_path / "README.md").write_text("- **The training data of its backbone contain no human voice**: ...")
    assert is_trained_on_synthetic_speech(tmp_path)


@pytest.mark.parametrize("generated", [True, False])
def test_a_model_without_a_backbone_is_known_from_the_corpus_of_its_study(tmp_path, generated):
    corpus = tmp_path / "corpora/speech"
    corpus.mkdir(parents=True)
    pd.DataFrame({"id": ["a"]}).to_parquet(corpus / "utterances.train.parquet")
    audio = tmp_path / "raw/SPEECH/Audios/a.wav"
    audio.parent.mkdir(parents=True)
    audio.write_bytes(b"generated")
    (tmp_path / "raw/manifest.json").write_text("{}")
    digest = checksum(audio) if generated else "of a recording"
    pd.DataFrame({"root": ["audio-0"], "file": ["a.wav"], "bytes": [9], "sha256": [digest]}).to_csv(
        corpus / "inventory.csv", index=False
    )
    inputs = {"train/utterances": checksum(corpus / "utterances.train.parquet")}
    folder = model(tmp_path / "models/cnn14/seed-42", **inputs)
    assert is_trained_on_synthetic_speech(folder) == generated
    other = model(tmp_path / "models/other/seed-42", **{"train/utterances": "of another study"})
    assert not is_trained_on_synthetic_speech(other)
