"""The interface for Python gives what the command gives."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
from small_models import make_backbone, make_cnn14, training

import valence_gap
from valence_gap import load_model
from valence_gap.models import loading
from valence_gap.prediction.model import Prediction
from valence_gap.prediction.parts import Cutting
from valence_gap.prediction.recordings import predict_files
from valence_gap.runtime.errors import UserError

DIMENSIONS = ["arousal", "dominance", "valence"]
RATE_HZ = 44_100


@pytest.fixture(params=["transformer", "rounded", "cnn14"])
def folder(tmp_path, request):
    if request.param == "cnn14":
        make_cnn14().save(tmp_path / "model")
    else:
        make_backbone(tmp_path / "backbone")
        recipe = training(precision="fp32" if request.param == "transformer" else "auto")
        loading.build(recipe, tmp_path / "backbone").save(tmp_path / "model")
    return tmp_path / "model"


def sound(seconds, seed, channels=2):
    return np.random.default_rng(seed).uniform(-0.4, 0.4, (round(seconds * RATE_HZ), channels)).astype(np.float32)


def as_the_command_has_it(tmp_path, folder, sounds, **options):
    """Scores (files, 3) and embeddings (files, hidden) of the same samples as files."""
    files = [tmp_path / f"{row}.wav" for row in range(len(sounds))]
    for file, samples in zip(files, sounds, strict=True):
        soundfile.write(file, samples, RATE_HZ, subtype="FLOAT")
    predict_files(folder, files, tmp_path / "scores.csv", embeddings=tmp_path / "states.npy", **options)
    return pd.read_csv(tmp_path / "scores.csv")[DIMENSIONS].to_numpy(), np.load(tmp_path / "states.npy")


def values(predictions):
    return np.array([[each.arousal, each.dominance, each.valence] for each in predictions])


def test_a_batch_has_the_bits_of_the_command(tmp_path, folder):
    sounds = [sound(0.5, 0), sound(1.3, 1, channels=1), sound(0.9, 2)]
    scores, states = as_the_command_has_it(tmp_path, folder, sounds, cutting=Cutting(0.4))
    found = load_model(folder).predict(sounds, RATE_HZ, embeddings=True, chunk_s=0.4)
    assert np.array_equal(values(found).round(6), scores)
    assert np.array_equal(np.stack([each.embedding for each in found]), states)


def test_one_recording_has_the_bits_of_the_command(tmp_path, folder):
    samples = sound(0.7, 3)
    scores, states = as_the_command_has_it(tmp_path, folder, [samples])
    found = load_model(str(folder)).predict(samples, RATE_HZ, embeddings=True)
    assert isinstance(found, Prediction)
    assert np.array_equal(values([found]).round(6), scores)
    assert np.array_equal(found.embedding, states[0])
    assert load_model(folder).predict(samples, RATE_HZ).embedding is None


def test_predictions_make_a_table(folder):
    table = pd.DataFrame(load_model(folder).predict([sound(0.2, 0), sound(0.3, 1)], RATE_HZ))
    assert table.columns.tolist()[:3] == DIMENSIONS
    assert len(table) == 2
    assert load_model(folder).predict([], RATE_HZ) == []


def test_what_suggests_that_scores_mean_little_is_noted(folder):
    (folder / "run.json").write_text(
        json.dumps({"definition": {"backbone": {"source": "./resources/miniature/mini-w2v2-b"}}})
    )
    found = load_model(folder).predict(np.zeros(8_000), 16_000)
    assert "silent" in found.notes
    assert found.notes[-1] == "model trained on synthetic speech"


def test_all_recordings_that_cannot_be_used_are_named(folder, capfd):
    model = load_model(folder)
    with pytest.raises(UserError, match="2 of 3 recordings cannot be used") as caught:
        model.predict([np.zeros(0), sound(0.1, 0), np.full(100, np.nan)], RATE_HZ)
    assert [line.partition(":")[0] for line in caught.value.offenders] == ["recording 0", "recording 2"]
    with pytest.raises(UserError, match="parts of 0"):
        model.predict(sound(0.1, 0), RATE_HZ, chunk_s=0)
    model.predict(sound(0.1, 0), RATE_HZ)
    assert capfd.readouterr() == ("", "")


def test_the_device_and_the_number_format_can_be_chosen(folder):
    model = load_model(folder, precision="fp32", on="cpu")
    assert model.network.precision == "fp32"
    with pytest.raises(UserError):
        load_model(folder.parent / "absent")


def fresh(code, *arguments):
    """Run Python code in a new interpreter, and return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_import_alone_loads_nothing_slow():
    code = "import sys, valence_gap; print([name for name in ('torch', 'pandas', 'numpy') if name in sys.modules])"
    assert fresh(code) == "[]"
    assert "load_model" in dir(valence_gap) or "load_model" in valence_gap.__all__
    with pytest.raises(AttributeError, match="has no attribute 'load'"):
        _ = valence_gap.load


def test_a_prediction_imports_nothing_of_a_study(folder):
    code = (
        "import sys, numpy; from valence_gap import load_model; from valence_gap.runtime.extras import STUDY\n"
        "load_model(sys.argv[1]).predict(numpy.ones(9000) / 9, 16000)\n"
        "print([name for name in set(STUDY) - {'jinja2'} if name in sys.modules])"  # jinja2: by torch, if it is there
    )
    assert fresh(code, folder) == "[]"
