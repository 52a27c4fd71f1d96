"""The authors' released model without a study: one command to fetch it, one to use it."""

import hashlib
from dataclasses import replace
from pathlib import Path

import fake_hub
import numpy as np
import pytest
import soundfile
import yaml
from small_models import make_backbone, training

from valence_gap import load_model
from valence_gap.cli import main
from valence_gap.definitions.models import Checkpoint
from valence_gap.models import loading
from valence_gap.runtime.errors import UserError
from valence_gap.weights import released
from valence_gap.weights.hub import COMMIT

ROOT = Path(__file__).parents[3]
NAME = "w2v2-L-robust-12-released"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with a small model in the place of the released one, and an empty cache."""
    make_backbone(tmp_path / "backbone")
    model = tmp_path / "hub"
    loading.build(training(precision="fp32"), tmp_path / "backbone").save(model)
    (model / "README.md").write_text("---\nlicense: cc-by-nc-sa-4.0\n---\n")
    name, checkpoint = released.released_model()
    sums = {"model.safetensors": hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()}
    monkeypatch.setattr(released, "released_model", lambda: (name, replace(checkpoint, sha256=sums)))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fake = fake_hub.serve(monkeypatch, model)
    fake.commit = checkpoint.revision
    return fake


@pytest.fixture
def recording(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).uniform(-0.3, 0.3, 8_000), 16_000)
    return tmp_path / "a.wav"


def test_it_is_the_model_of_the_preset_at_a_commit():
    name, checkpoint = released.released_model()
    preset = yaml.safe_load((ROOT / "workflow/presets/open.yaml").read_text())
    assert checkpoint == Checkpoint(**preset["models"][name]["checkpoint"])
    assert checkpoint.source == "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
    assert COMMIT.fullmatch(str(checkpoint.revision))
    assert set(checkpoint.sha256 or {}) == {"model.safetensors"}


def test_the_commit_has_one_home():
    _, checkpoint = released.released_model()
    files = [path for folder in ("src", "workflow", "docs") for path in (ROOT / folder).rglob("*")]
    texts = [path for path in files if path.suffix in (".py", ".yaml", ".md", ".smk", ".json", ".ipynb", ".sh")]
    assert {path.resolve() for path in texts if str(checkpoint.revision) in path.read_text(encoding="utf-8")} == {
        ROOT / "workflow/presets/open.yaml"
    }


def test_one_command_fetches_it_and_one_uses_it(hub, recording, tmp_path, capsys):
    assert main(["fetch-model"]) == 0
    assert "licence: cc-by-nc-sa-4.0" in capsys.readouterr().err
    assert main(["predict", str(recording)]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header == "file,duration_s,arousal,dominance,valence,notes"
    found = load_model().predict(*soundfile.read(recording, dtype="float32"))
    assert row.split(",")[2:5] == [f"{round(each, 6)}" for each in (found.arousal, found.dominance, found.valence)]
    assert released.default_folder().is_relative_to(tmp_path / "cache/valence-gap")
    assert released.default_folder().name.endswith(f"@{hub.commit}")


def test_it_is_fetched_once(hub, capsys):
    assert main(["fetch-model"]) == 0
    requests = len(hub.downloads)
    hub.offline = True
    assert main(["fetch-model"]) == 0
    assert len(hub.downloads) == requests
    assert "is there already" in capsys.readouterr().err


def test_it_can_be_put_elsewhere(hub, recording, tmp_path):
    assert main(["fetch-model", "--output", str(tmp_path / "model")]) == 0
    assert main(["predict", str(recording), "--model", str(tmp_path / "model")]) == 0
    assert not (tmp_path / "cache").exists()


def test_without_a_network_it_says_what_to_download_and_how_to_use_it(hub, capsys):
    hub.offline = True
    assert main(["fetch-model"]) == 2
    message = capsys.readouterr().err
    assert f"--revision {hub.commit} --local-dir {NAME}" in message
    assert f"use it: valence-gap predict AUDIO --model ./{NAME}" in message
    assert not released.default_folder().exists()


def test_other_weights_are_refused(hub, capsys):
    (hub.folder / "model.safetensors").write_bytes((hub.folder / "model.safetensors").read_bytes() + b"x")
    assert main(["fetch-model"]) == 2
    assert "other checksums" in capsys.readouterr().err
    assert not released.default_folder().exists()


def test_what_was_not_fetched_is_named_with_the_command(hub, recording, capsys):
    assert main(["predict", str(recording)]) == 2
    assert "valence-gap fetch-model" in capsys.readouterr().err
    with pytest.raises(UserError, match="has not been fetched"):
        load_model()
