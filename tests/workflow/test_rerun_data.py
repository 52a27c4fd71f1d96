"""What runs again after a change of a corpus, on a finished tiny study."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from rerun_rows import row
from working_copy import Workflow

RAW = "results/tiny/raw"
LABELS = "Labels/labels_concensus.csv"
MSP_PODCAST = f"{RAW}/MSP-PODCAST-Publish-1.7"
READ_AGAIN = (
    "results/tiny/corpora/msp-podcast/report.json",
    "-R",
    "inventory",
)  # the part of `snakemake corpora -R inventory` for one corpus
FIGURE = {"all": 1, "figure_02": 1, "page": 1}
UTTERANCES = {"page_utterances": 1}  # the page shows those of all test sets, with the predictions of hubert-b
SCORED = {"score": 3, "summarise_scores": 1, **UTTERANCES, **FIGURE}  # three models on one test set
TRAINED = {"train_cnn14": 1, "finetune": 2, "predict": 9, **SCORED, "score": 9}


def correct_a_label(workflow: Workflow, split: str) -> None:
    path = workflow.root / MSP_PODCAST / LABELS
    table = pd.read_csv(path, dtype=str)
    index = table.index[table["Split_Set"] == split][0]
    table.loc[index, "EmoVal"] = "6.5"
    table.to_csv(path, index=False)


def valence(workflow: Workflow) -> float:
    numbers = pd.read_csv(workflow.root / "results/tiny/figures/figure_02.csv")
    chosen = numbers[(numbers["model"] == "w2v2-b") & (numbers["corpus"] == "msp-podcast")]
    return float(chosen.loc[chosen["dimension"] == "valence", "ccc"].item())


@row("a path in `paths` (a corpus has moved)", "nothing")
def test_a_moved_corpus_causes_no_job(changed: Workflow) -> None:
    shutil.move(changed.root / RAW / "CMU-MOSI", changed.root / "elsewhere")
    changed.configure(paths={"cmu-mosi": {"labels": "{miniature}/../../../elsewhere/Labels/OpinionLevelSentiment.csv"}})
    assert changed.planned() == {}


@row("nothing of a corpus, but `snakemake corpora -R inventory`", "nothing more")
def test_unchanged_corpora_that_are_read_again_cause_no_further_job(changed: Workflow) -> None:
    assert changed.planned("corpora", "-R", "inventory") == {"inventory": 3, "prepare_corpus": 3, "corpora": 1}
    changed.snakemake(*READ_AGAIN)
    assert changed.planned() == {}


@row("a label of a test set", "its scores, and the figures that show them")
def test_a_corrected_test_label_causes_scoring_but_no_training(changed: Workflow) -> None:
    before = valence(changed)
    correct_a_label(changed, "Test1")
    output = changed.snakemake("--dry-run")
    assert f"msp-podcast: edited after it was read: {MSP_PODCAST}/{LABELS}\n" in output
    assert changed.ran() == SCORED
    assert valence(changed) != before
    assert "edited after" not in changed.snakemake("--dry-run")
    assert changed.planned() == {}


@row(
    "a label of the training or development set",
    "all trainings, and what follows from them; no audio is decoded",
)
@pytest.mark.parametrize("split", ["Train", "Validation"])
def test_a_corrected_training_label_causes_training(changed: Workflow, split: str) -> None:
    correct_a_label(changed, split)
    reading = changed.snakemake("results/tiny/corpora/msp-podcast/report.json")
    assert "edited after it was read" in reading
    assert changed.planned() == TRAINED


def test_a_corpus_that_is_read_again_by_a_rule_gives_the_same_inventory(changed: Workflow) -> None:
    correct_a_label(changed, "Test1")
    changed.snakemake("results/tiny/corpora/msp-podcast/report.json")
    inventory = changed.root / "results/tiny/corpora/msp-podcast/inventory.csv"
    replaced = inventory.read_text()
    changed.snakemake(*READ_AGAIN)
    assert inventory.read_text() == replaced


def test_a_label_file_with_another_time_and_the_same_content_causes_no_job(changed: Workflow) -> None:
    for path in (changed.root / RAW).rglob("*"):
        if path.suffix in (".csv", ".txt"):
            path.touch()
    assert "edited after" not in changed.snakemake("--dry-run")
    assert changed.planned() == {}


def test_an_edited_label_file_that_cannot_be_read_stops_the_run_with_its_error(changed: Workflow) -> None:
    (changed.root / MSP_PODCAST / LABELS).write_text("no,labels\n1,2\n")
    output = changed.snakemake(check=False)
    assert "error: The labels of msp-podcast were edited and cannot be read." in output
    assert LABELS.rpartition("/")[2] in output
    assert "Traceback" not in output
    assert "no column FileName" in output
    assert (changed.root / "results/tiny/corpora/msp-podcast/labels.test.parquet").is_file()


@row(
    "an utterance added to a test set, then `snakemake corpora -R inventory`",
    "that set's audio, features, predictions, scores, and the figures that show them",
)
def test_an_added_test_utterance_causes_no_training(changed: Workflow) -> None:
    add_an_utterance(changed, "Test1")
    changed.snakemake(*READ_AGAIN)
    assert changed.planned() == {"pack_audio": 1, "extract_stem_features": 2, "predict": 3, **SCORED}


@row(
    "an utterance added to the training or development set, then `snakemake corpora -R inventory`",
    "that set's audio and features, all trainings, and what follows from them",
)
@pytest.mark.parametrize("split", ["Train", "Validation"])
def test_an_added_training_utterance_causes_training(changed: Workflow, split: str) -> None:
    add_an_utterance(changed, split)
    changed.snakemake(*READ_AGAIN)
    assert changed.planned() == {"pack_audio": 1, "extract_stem_features": 2, **TRAINED}


def add_an_utterance(workflow: Workflow, split: str) -> None:
    folder = workflow.root / MSP_PODCAST
    table = pd.read_csv(folder / LABELS, dtype=str)
    added = table[table["Split_Set"] == split].head(1).assign(FileName="MSP-PODCAST_9999_0001.wav")
    pd.concat([added, table]).to_csv(folder / LABELS, index=False)  # as the first row, so that all others move
    source = next((folder / "Audios").rglob("*.wav"))
    shutil.copy2(source, source.with_name("MSP-PODCAST_9999_0001.wav"))


@row("the audio of an utterance, its length kept, then `snakemake corpora -R inventory`", "as for an added one")
def test_changed_audio_of_the_same_length_is_noticed(changed: Workflow) -> None:
    table = pd.read_csv(changed.root / MSP_PODCAST / LABELS, dtype=str)
    name = table.loc[table["Split_Set"] == "Test1", "FileName"].iloc[0]
    (path,) = (changed.root / MSP_PODCAST / "Audios").rglob(name)
    other_audio(path)
    changed.snakemake(*READ_AGAIN)
    assert changed.planned() == {"pack_audio": 1, "extract_stem_features": 2, "predict": 3, **SCORED}


def other_audio(path: Path) -> None:
    samples, rate_hz = soundfile.read(path)
    soundfile.write(path, np.flip(samples), rate_hz)
