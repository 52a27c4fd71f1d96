"""The presets open.yaml (a finished model, no training, no licence) and beyond.yaml (Figure 2 with later models)."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import yaml
from corpus_trees import write
from released_checkpoint import release
from working_copy import Workflow, copy_workflow

OPEN, PAPER, BEYOND = (f"workflow/presets/{name}.yaml" for name in ("open", "paper", "beyond"))
MODEL = "w2v2-L-robust-12-released"
VIDEOS = {"v0zCBqDeKcE": "female", "c7UH_rxdZv4": "male"}  # of the test fold
SEGMENTS = 10
CONFIGURATION = """
paths:
  cmu-mosi:
    audio: [{root}/CMU-MOSI/Raw/Audio/WAV_16000/Segmented]
    labels: {root}/CMU-MOSI/Labels/OpinionLevelSentiment.csv
    speakers: {root}/CMU-MOSI/gender.csv
noise: {{root: {root}/ESC-50}}
models:
  w2v2-L-robust-12-released: {{checkpoint: {{source: {root}/released}}}}
evaluation: {{bootstrap: 50}}
"""


def jobs_of(output: str) -> dict[str, int]:
    """Return the jobs that a dry run lists: rule -> count."""
    jobs = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", output, flags=re.MULTILINE)}
    del jobs["total"]
    return jobs


def test_the_open_study_trains_nothing_and_reads_no_licensed_corpus(workflow: Workflow) -> None:
    output = workflow.snakemake("--dry-run", configfiles=(OPEN,))
    assert jobs_of(output) == {
        "inventory": 2,  # of the corpus and of the noise corpus
        "prepare_corpus": 1,
        "pack_audio": 1,
        "apply_conditions": 1,
        "fetch_checkpoint": 1,
        "predict": 1,
        "predict_conditions": 1,  # augmented
        "score": 2,
        "summarise_scores": 1,
        "figure_02": 1,
        "figure_07": 1,
        "table_3": 1,
        "page": 1,
        "all": 1,
    }
    assert not [word for word in ("mini", "msp-podcast", "iemocap") if word in output.lower()]


def test_fetch_fetches_the_finished_model(workflow: Workflow) -> None:
    assert jobs_of(workflow.snakemake("--dry-run", "fetch", configfiles=(OPEN,))) == {"fetch_checkpoint": 1, "fetch": 1}


def test_a_model_without_a_revision_is_reported(workflow: Workflow) -> None:
    assert "at commit 6eba34a2485e" in workflow.snakemake("fetch", configfiles=(OPEN,), check=False)  # it is pinned
    unpinned = {"models": {MODEL: {"checkpoint": {"revision": None}}}}
    (workflow.root / "unpinned.yaml").write_text(yaml.safe_dump(unpinned))
    output = workflow.snakemake("fetch", configfiles=(OPEN, "unpinned.yaml"), check=False)
    assert "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim is not pinned" in output
    assert f"Set models.{MODEL}.checkpoint.revision to the 40 hexadecimal digits" in output
    assert "Traceback" not in output
    assert not (workflow.root / "results/open/models" / MODEL / "seed-42/config.json").exists()


def test_figure_2_shows_three_later_models(workflow: Workflow) -> None:
    output = workflow.snakemake("--dry-run", configfiles=(PAPER, BEYOND))
    transformers, streamed, corpora = 7 + 3, 1, 3
    runs = (transformers - 1) + 3 + 3  # w2v2-b and CNN14 have three seeds
    assert jobs_of(output) == {
        "inventory": corpora,
        "prepare_corpus": corpora,
        "pack_audio": corpora + 2,
        "fetch_pretrained": transformers,
        "extract_stem_features": (transformers - streamed) * (corpora + 2),
        "finetune": transformers + 2,
        "train_cnn14": 3,
        "predict": runs * corpora,
        "score": runs * corpora,
        "summarise_scores": 1,
        "figure_02": 1,
        "page": 1,
        "all": 1,
    }
    assert "features/wavlm-L/" in output
    assert "features/w2v-bert/" not in output
    assert "mini" not in output


@dataclass(frozen=True)
class Ran:
    """The open study after its run.

    Attributes:
        root: the copy of the workflow.
        sentiment: label of each segment, as in the corpus.
        released: the released model, as the class that its model card defines.
    """

    root: Path
    sentiment: dict[str, float]
    released: torch.nn.Module

    @property
    def results(self) -> Path:
        return self.root / "results/open"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    workflow = copy_workflow(tmp_path_factory.mktemp("open"))
    root, random = workflow.root, np.random.default_rng(3)
    released = release(root / "released")
    sentiment = _cmu_mosi(root / "CMU-MOSI", random)
    _esc_50(root / "ESC-50", random)
    write(root / "my-corpora.yaml", CONFIGURATION.format(root=root))
    workflow.snakemake(configfiles=(OPEN, "my-corpora.yaml"))
    return Ran(root, sentiment, released)


def _noise(path: Path, random: np.random.Generator, seconds: float, rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, random.normal(0, 0.1, round(seconds * rate)), rate, subtype="PCM_16")


def _cmu_mosi(root: Path, random: np.random.Generator) -> dict[str, float]:
    rows, sentiment = [], {}
    for video in VIDEOS:
        for segment in range(1, SEGMENTS + 1):
            label = round(float(random.uniform(-3, 3)), 1)
            rows.append(f"{segment}.0,{segment}.9,{video},{segment},{label}")
            sentiment[f"{video}_{segment}"] = label
            audio = root / f"Raw/Audio/WAV_16000/Segmented/{video}_{segment}.wav"
            _noise(audio, random, random.uniform(0.4, 0.9), 16_000)
    write(root / "Labels/OpinionLevelSentiment.csv", "\n".join(rows) + "\n")
    genders = [f"Audio/{video}.wav,{gender}" for video, gender in VIDEOS.items()]
    write(root / "gender.csv", "\n".join(["file,gender", *genders]) + "\n")
    return sentiment


def _esc_50(root: Path, random: np.random.Generator) -> None:
    rows = []
    for target in (10, 20, 30):  # one category each of natural, human and interior sounds
        rows.append(f"1-1-A-{target}.wav,1,{target},thing,False,1,A")
        _noise(root / f"audio/1-1-A-{target}.wav", random, 1.0, 44_100)
    write(root / "meta/esc50.csv", "filename,fold,target,category,esc10,src_file,take\n" + "\n".join(rows) + "\n")


def test_predictions_equal_those_of_the_released_class(ran: Ran) -> None:
    predictions = pd.read_parquet(ran.results / f"predictions/{MODEL}/seed-42/cmu-mosi/clean.parquet").set_index("id")
    assert set(predictions.index) == set(ran.sentiment)
    for name, row in predictions.iterrows():
        samples, _ = soundfile.read(ran.root / f"CMU-MOSI/Raw/Audio/WAV_16000/Segmented/{name}.wav")
        signal = torch.from_numpy((samples - samples.mean()) / samples.std()).float()
        with torch.no_grad():
            expected = ran.released(signal[None])[1][0].numpy()
        assert row[["arousal", "dominance", "valence"]].to_numpy(float) == pytest.approx(expected, abs=0.03)


def test_the_figures_show_sentiment_and_gender_and_the_table_one_column(ran: Ran) -> None:
    predictions = pd.read_parquet(ran.results / f"predictions/{MODEL}/seed-42/cmu-mosi/clean.parquet")
    labels = predictions["id"].map(lambda name: (ran.sentiment[name] + 3) / 6)

    def ccc(rows: pd.Series) -> float:
        x, y = predictions["valence"][rows].to_numpy(float), labels[rows].to_numpy(float)
        return float(2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2))

    everyone = pd.Series(True, index=predictions.index)
    women = predictions["id"].str.startswith("v0zCBqDeKcE")
    (shown,) = pd.read_csv(ran.results / "figures/figure_02.csv").to_dict("records")
    assert (shown["model"], shown["corpus"], shown["dimension"]) == (MODEL, "cmu-mosi", "valence")
    assert shown["ccc"] == pytest.approx(ccc(everyone), abs=1e-6)
    fairness = pd.read_csv(ran.results / "figures/figure_07.csv").set_index("corpus")["ccc"]
    assert fairness["cmu-mosi"] == pytest.approx(ccc(women) - ccc(~women), abs=1e-6)
    table = pd.read_csv(ran.results / "tables/table_3.csv")
    assert len(table) == 11
    assert set(table["corpus"]) == {"cmu-mosi"}
    assert table["clean"].to_numpy() == pytest.approx(shown["ccc"], abs=1e-6)


def test_the_model_records_its_origin_and_nothing_was_trained(ran: Ran) -> None:
    folder = ran.results / f"models/{MODEL}/seed-42"
    record = json.loads((folder / "run.json").read_text())
    assert record["source"] == str(ran.root / "released")
    assert (record["revision"], record["licence"]) == (None, "cc-by-nc-sa-4.0")
    assert not (folder / "training.csv").exists()
    assert {path.name for path in (ran.results / "corpora").iterdir()} == {"_noise", "cmu-mosi"}
    assert not (ran.results / "raw").exists()
    assert not (ran.root / "resources/pretrained").exists()
