"""The notebook on predictions in Python runs from its first cell to its last."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile
from nbclient import NotebookClient
from small_models import make_backbone, training

from valence_gap import load_model
from valence_gap.models import loading

NOTEBOOK = Path(__file__).parents[3] / "docs/notebooks/predict.ipynb"
RATE_HZ = 22_050


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A small model and a recording of five seconds, where the notebook looks for them."""
    make_backbone(tmp_path / "backbone")
    loading.build(training(precision="fp32"), tmp_path / "backbone").save(tmp_path / "model")
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, (5 * RATE_HZ, 2))
    soundfile.write(tmp_path / "a.wav", samples, RATE_HZ, subtype="DOUBLE")
    monkeypatch.setenv("MODEL", str(tmp_path / "model"))
    monkeypatch.setenv("RECORDING", str(tmp_path / "a.wav"))
    return load_model(tmp_path / "model"), samples


def test_it_runs_and_shows_what_the_model_predicts(prepared):
    model, samples = prepared
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # it is kept without the results of a run
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    one, converted, several, shape = (each[-1]["data"]["text/plain"] for each in outputs[1:5])
    expected = model.predict(samples, RATE_HZ)
    # The kernel may compute with another number of threads, which changes the last bits.
    number = re.compile(r"=(-?[\d.]+(?:e-?\d+)?)")
    assert number.sub("=", one) == number.sub("=", repr(expected))
    shown, wanted = ([float(each) for each in number.findall(text)] for text in (one, repr(expected)))
    assert shown == pytest.approx(wanted, abs=1e-5)
    assert float(converted) == pytest.approx(1 + 6 * expected.valence, abs=1e-4)
    assert len(several.splitlines()) == 1 + 3
    hidden = len(model.predict(samples, RATE_HZ, embeddings=True).embedding)
    assert shape == f"(3, {hidden})"
    assert "2 of 3 recordings cannot be used" in outputs[5][-1]["text"]
