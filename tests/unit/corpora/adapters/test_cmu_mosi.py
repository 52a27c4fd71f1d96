"""CMU-MOSI: both kinds of label file, its folds, and ids that begin with a dash or an underscore."""

import h5py
import numpy as np
import pytest
from corpus_trees import prepare, write, write_audio

from valence_gap.corpora.adapters.cmu_mosi import DEVELOPMENT_VIDEOS, TEST_VIDEOS
from valence_gap.runtime.errors import UserError

TEST_VIDEO, DEVELOPMENT_VIDEO, TRAIN_VIDEO, DASHED = "v0zCBqDeKcE", "_dI--eQ6qVU", "W8NXH0Djyww", "-iRBcNs9oI8"
SENTIMENT = f"""0.5,1.5,{TEST_VIDEO},1,-1.5
1.5,2.5,{TEST_VIDEO},2,3.0
0.1,1.0,{DEVELOPMENT_VIDEO},1,0.6
0.1,1.0,{TRAIN_VIDEO},10,-3
0.1,1.0,{DASHED},1,0
"""
WAVS = [f"{TEST_VIDEO}_1", f"{TEST_VIDEO}_2", f"{DEVELOPMENT_VIDEO}_1", f"{TRAIN_VIDEO}_10", f"{DASHED}_1"]
FOLDS = {"train": "train", "dev": "valid", "test": "test"}


def tree(root, sentiment=SENTIMENT):
    for name in WAVS:
        write_audio(root / "Raw/Audio/WAV_16000/Segmented" / f"{name}.wav")
    if sentiment:
        write(root / "Labels/OpinionLevelSentiment.csv", sentiment)
    write(
        root / f"Raw/Transcript/Segmented/{TEST_VIDEO}.annotprocessed",
        "1_DELIM_IT WAS  _DELIM_ FINE\r\n2_DELIM_\r\nTHREE\r\n7_DELIM_NOT LABELLED\r\n",
    )
    write(root / f"Raw/Transcript/Segmented/._{TEST_VIDEO}.annotprocessed", b"fork")
    write(
        root / "gender.csv",
        f"\ufefffile,gender\r\nAudio/{TEST_VIDEO}.wav,female\r\nAudio/{DEVELOPMENT_VIDEO}.wav,male\r\n",
    )
    return {
        "audio": [root / "Raw/Audio/WAV_16000/Segmented"],
        "labels": root,
        "transcripts": root / "Raw/Transcript/Segmented",
        "speakers": root / "gender.csv",
    }


def test_segments_from_the_csv(tmp_path):
    read = prepare(tmp_path / "out", "cmu-mosi", tree(tmp_path / "mosi"), splits=FOLDS, dimensions=("valence",))
    assert read.ids("test") == [f"{TEST_VIDEO}_1", f"{TEST_VIDEO}_2"]
    assert read.ids("dev") == [f"{DEVELOPMENT_VIDEO}_1"]
    assert read.ids("train") == [f"{DASHED}_1", f"{TRAIN_VIDEO}_10"]
    assert read.row("test", f"{TEST_VIDEO}_1") == {
        "id": f"{TEST_VIDEO}_1",
        "file": f"{TEST_VIDEO}_1.wav",
        "audio_root": 0,
        "speaker": TEST_VIDEO,
        "gender": "female",
        "transcript": "IT WAS _DELIM_ FINE",
        "duration_s": 0.5,
        "provenance": "OpinionLevelSentiment.csv:1",
        "valence": 0.25,
        "arousal": None,
        "dominance": None,
    }
    assert read.row("dev", f"{DEVELOPMENT_VIDEO}_1")["gender"] == "male"
    assert read.row("train", f"{DASHED}_1")["valence"] == 0.5
    assert read.row("train", f"{TRAIN_VIDEO}_10")["valence"] == 0.0
    assert read.skipped() == {"malformed, empty or repeated transcript line": 2}
    assert read.noted() == {
        "resource-fork or hidden file": 1,
        "transcript without a row": 1,
        "gender unknown": 2,
    }
    assert read.labels["test"].dtypes.astype(str).tolist()[1:] == ["float64"] * 3


def csd(path, group="Opinion Segment Labels"):
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = {TEST_VIDEO: [-1.5, 3.0], DEVELOPMENT_VIDEO: [0.6], TRAIN_VIDEO: [1.0] * 9 + [-3], DASHED: [0, np.nan]}
    with h5py.File(path, "w") as file:
        for video, values in labels.items():
            data = file.create_group(f"{group}/data/{video}")
            data["features"] = np.array(values, dtype=np.float32)[:, None]
            data["intervals"] = np.zeros((len(values), 2))


def test_segments_from_the_sdk(tmp_path):
    paths = tree(tmp_path / "mosi", sentiment="")
    csd(tmp_path / "mosi/Labels/CMU_MOSI_Opinion_Labels.csd")
    read = prepare(tmp_path / "out", "cmu-mosi", paths, splits=FOLDS, dimensions=("valence",))
    assert read.ids("train") == [f"{DASHED}_1", f"{TRAIN_VIDEO}_10"]
    assert read.row("test", f"{TEST_VIDEO}_2")["valence"] == 1.0
    assert read.row("train", f"{TRAIN_VIDEO}_10")["valence"] == 0.0
    assert read.row("test", f"{TEST_VIDEO}_2")["provenance"] == f"CMU_MOSI_Opinion_Labels.csd:{TEST_VIDEO}[1]"
    assert read.skipped()["row without audio"] == 10  # nine of TRAIN_VIDEO, and DASHED without a label


def test_files_that_are_not_labels(tmp_path):
    paths = tree(tmp_path / "mosi", sentiment="")
    for corrupt in (lambda path: csd(path, "Other"), lambda path: path.write_bytes(b"no HDF5")):
        corrupt(tmp_path / "labels.csd")
        with pytest.raises(UserError, match="SDK's format"):
            prepare(
                tmp_path / "out",
                "cmu-mosi",
                {**paths, "labels": tmp_path / "labels.csd"},
                splits=FOLDS,
                dimensions=("valence",),
            )
    write(tmp_path / "mosi/Labels/OpinionLevelSentiment.csv", "video,label\na,1\n")
    with pytest.raises(UserError, match="2 columns, not 5"):
        prepare(tmp_path / "out", "cmu-mosi", paths, splits=FOLDS, dimensions=("valence",))


def test_malformed_rows_are_counted(tmp_path):
    sentiment = "start,end,video,segment,label\n" + SENTIMENT + f"1,2,{TEST_VIDEO},3\n1,2,{TEST_VIDEO},x,1\n"
    paths = tree(tmp_path / "mosi", sentiment)
    read = prepare(tmp_path / "out", "cmu-mosi", paths, splits=FOLDS, dimensions=("valence",))
    assert read.report["skipped"]["malformed row"]["examples"] == ["OpinionLevelSentiment.csv:8"]
    assert read.skipped()["row without audio"] == 1
    assert read.row("test", f"{TEST_VIDEO}_1")["provenance"] == "OpinionLevelSentiment.csv:2"


def test_only_valence_is_annotated(tmp_path):
    with pytest.raises(UserError) as error:
        prepare(tmp_path / "out", "cmu-mosi", tree(tmp_path / "mosi"), splits=FOLDS)
    assert list(error.value.offenders) == ["dimensions: arousal", "dimensions: dominance"]


def test_standard_folds():
    assert (len(TEST_VIDEOS), len(DEVELOPMENT_VIDEOS)) == (31, 10)
    assert not TEST_VIDEOS & DEVELOPMENT_VIDEOS
    assert all(len(video) == 11 for video in TEST_VIDEOS | DEVELOPMENT_VIDEOS)
