"""The tutorial on a corpus of one's own, followed with exactly its table, study and commands."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import yaml
from released import HubertEmotionModel
from transformers import AutoFeatureExtractor
from working_copy import ROOT, Workflow, copy_workflow

from valence_gap.models import loading
from valence_gap.prediction.inputs import normalise
from valence_gap.preflight.run import merged

EXAMPLES = ROOT / "docs/examples"
PAGE = ROOT / "docs/tutorials/own-corpus.md"
MORE = {"train": 22, "dev": 10, "test": 14}  # rows in addition to the page's, so that a CCC can be computed
SMALL = """
recipes:
  finetune: {epochs: 1}
models:
  hubert-b: {seeds: [42]}  # so that the exported model is this one, and not the best of three
evaluation: {bootstrap: 50, min_samples: 4, speaker_draws: 4}
"""


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy of the workflow in which the section was followed to its end."""
    workflow = copy_workflow(tmp_path_factory.mktemp("tutorial"))
    rows = list(csv.DictReader((EXAMPLES / "my-recordings.csv").read_text().splitlines()))
    random = np.random.default_rng(1)
    for split, count in MORE.items():
        for number in range(count):
            labels = {name: f"{random.uniform(1, 7):.2f}" for name in ("arousal", "dominance", "valence")}
            speaker = f"{split}{number % 3}"
            rows.append(
                {"file": f"{split}-{number}.wav", "split": split, "speaker": speaker, "gender": "male"} | labels
            )
    (workflow.root / "my-recordings").mkdir()
    for row in rows:
        samples = random.normal(0, 0.1, round(16_000 * random.uniform(0.6, 1.2)))
        soundfile.write(workflow.root / "my-recordings" / row["file"], samples, 16_000)
    pd.DataFrame(rows).to_csv(workflow.root / "my-recordings.csv", index=False)
    shutil.copy(EXAMPLES / "my-study.yaml", workflow.root)
    make_small(workflow)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", str(EXAMPLES / "own-corpus.sh")],
        cwd=workflow.root,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    assert "make_miniature" not in done.stdout
    assert "model,seed,corpus,condition,dimension" in done.stdout  # the output of `cat`
    (promised,) = re.findall(r"^```text\n(mine: .*?)^```", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)
    for line in promised.splitlines():  # the numbers are those of the page's six rows
        assert re.search(re.sub(r"\d+", r"\\d+", re.escape(line)), done.stdout), line
    return workflow


def make_small(workflow: Workflow) -> None:
    """Reduce epochs and resamples in the default configuration, into which the page's study is merged."""
    (workflow.root / "small.yaml").write_text(SMALL)
    config = merged([workflow.root / "config.yaml", workflow.root / "small.yaml"])
    (workflow.root / "config.yaml").write_text(yaml.safe_dump(config))


def test_the_tutorial_ends_with_scores_on_the_users_test_split(followed: Workflow) -> None:
    scores = pd.read_csv(followed.root / "results/mine/scores/hubert-b/seed-42/mine/clean.csv")
    whole = scores[scores["group_by"] == "all"]
    assert set(whole["dimension"]) == {"arousal", "dominance", "valence"}
    assert set(whole["samples"]) == {MORE["test"] + 2}
    assert whole["ccc"].between(-1, 1).all()
    assert (followed.root / "results/mine/figures/figure_02.pdf").read_bytes().startswith(b"%PDF")


def test_the_exported_model_loads_without_this_project_and_agrees_with_the_study(followed: Workflow) -> None:
    folder = followed.root / "results/mine/export"
    model = HubertEmotionModel.from_pretrained(folder).eval()
    processor = AutoFeatureExtractor.from_pretrained(folder)
    trained = loading.load(followed.root / "results/mine/models/hubert-b/seed-42").eval()
    trained.input_kind = "waveform"  # so that it does not use the stored features, which are rounded
    predicted = pd.read_parquet(followed.root / "results/mine/predictions/hubert-b/seed-42/mine/clean.parquet")
    for row in predicted.head(4).itertuples():
        signal, _ = soundfile.read(followed.root / "my-recordings" / row.id, dtype="float32")
        inputs = processor(signal, sampling_rate=16_000, return_tensors="pt").input_values
        with torch.no_grad():
            _, scores = model(inputs)
            own = trained(normalise(torch.from_numpy(signal))[None], torch.tensor([len(signal)])).predictions
        assert torch.allclose(scores, own, atol=1e-5)
        # Stem features are stored in bfloat16, and the study may also compute in bfloat16.
        assert scores[0].numpy() == pytest.approx([row.arousal, row.dominance, row.valence], abs=0.02)


def test_the_model_card_is_complete(followed: Workflow) -> None:
    card = (followed.root / "results/mine/export/README.md").read_text()
    assert "# mine-hubert-b" in card
    assert "| data | My recordings; 24 utterances, 0.0 h, 4 known speakers |" in card
    assert "| mine | clean | 16 |" in card
    assert "The training data of its backbone contain no human voice" in card
