"""The examples of the documentation that start no study; the others are in ``tests/workflow/test_docs_examples.py``."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from documentation import EXAMPLES, ROOT, commands
from fake_hub import serve
from finished import make_model
from released_checkpoint import release

from valence_gap import cli
from valence_gap.preflight.run import merged
from valence_gap.study.study import load
from valence_gap.weights import released

ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with recordings of 12 and 2 seconds; a small model is where the released one is kept."""
    make_model(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(tmp_path / "model", released.default_folder())
    (tmp_path / "recordings").mkdir()
    random = np.random.default_rng(0)
    for name, seconds in (("interview", 12), ("greeting", 2)):
        soundfile.write(tmp_path / f"recordings/{name}.wav", random.normal(0, 0.1, 16_000 * seconds), 16_000)
    return tmp_path


def run(folder: Path, *command: str) -> str:
    environment = ENVIRONMENT | {"XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


def test_score_sh_writes_a_row_for_each_file_and_prints_one_for_each_part(recordings: Path) -> None:
    printed = run(recordings, "bash", "-euo", "pipefail", str(EXAMPLES / "score.sh"))
    scores = pd.read_csv(recordings / "scores.csv")
    page = (ROOT / "docs/tutorials/score.md").read_text()
    assert list(scores["file"]) == ["recordings/greeting.wav", "recordings/interview.wav"]
    assert [name for name in scores.columns if f"`{name}`" not in page] == []
    assert printed.count("recordings/interview.wav") == 3
    assert printed.startswith("file,start_s,end_s,arousal,dominance,valence")


def test_score_py_prints_the_file_with_the_lowest_valence(recordings: Path) -> None:
    run(recordings, "bash", "-euo", "pipefail", str(EXAMPLES / "score.sh"))
    lowest = pd.read_csv(recordings / "scores.csv").sort_values("valence").iloc[0]
    for model in ([], ["model"]):
        printed = run(recordings, sys.executable, str(EXAMPLES / "score.py"), "recordings", *model)
        assert printed == f"lowest valence: {lowest['file']}, {lowest['valence']:.2f}\n"


def test_fetch_released_sh_fetches_a_model_that_predict_takes(
    tmp_path: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(tmp_path / "cache")
    release(tmp_path / "on-the-hub")
    weights = (tmp_path / "on-the-hub/pytorch_model.bin").read_bytes()
    name, checkpoint = released.released_model()
    here = replace(checkpoint, sha256={"pytorch_model.bin": hashlib.sha256(weights).hexdigest()})
    monkeypatch.setattr(released, "released_model", lambda: (name, here))
    serve(monkeypatch, tmp_path / "on-the-hub").commit = str(checkpoint.revision)
    monkeypatch.chdir(recordings)
    (arguments,) = commands(EXAMPLES / "fetch-released.sh", "valence-gap")
    assert cli.main(arguments) == 0
    assert cli.main(["predict", "recordings", "--output", "scores.csv"]) == 0


@pytest.mark.parametrize(("preset", "paths"), [("paper", "my-corpora.yaml"), ("open", "my-open-corpora.yaml")])
def test_the_paths_of_a_preset_are_all_given(preset: str, paths: str) -> None:
    preset_file = ROOT / f"workflow/presets/{preset}.yaml"
    placeholders = yaml.safe_load(preset_file.read_text())["paths"]
    config = merged([ROOT / "config.yaml", preset_file, EXAMPLES / paths])
    load(config, project=ROOT)
    given = {corpus: config["paths"][corpus] for corpus in placeholders} | {"noise": config["noise"]}
    assert "/path/to/" not in json.dumps(given)


@pytest.mark.parametrize("name", ["wavlm", "continue", "evaluate"])
def test_a_configuration_is_valid_beside_the_default(name: str) -> None:
    config = merged([ROOT / "config.yaml", EXAMPLES / f"{name}.yaml"])
    study = load(config, project=ROOT)
    assert set(yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())["models"]) < set(study.models)


def test_wavlm_takes_six_lines() -> None:
    lines = (EXAMPLES / "wavlm.yaml").read_text().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) <= 6
