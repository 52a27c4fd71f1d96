"""Invalid corpora made by hand: each gives one error with the expected words in its message."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from harness import expect_error
from trees import ESC50, ESC50_NAMES, MSP_LABELS, TABLE, TREES, wav, write_audio

from valence_gap.audio.packing import open_pack, pack_audio
from valence_gap.corpora import esc50
from valence_gap.corpora.prepare import prepare_corpus
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.runtime.files import read_json


def read(tmp_path, name, contents=None, *, change=lambda root: None, paths=None, **settings):
    """Read one of the small corpora with some of its files changed."""
    tree = TREES[name]
    tree.write(tmp_path / "tree", contents)
    write_audio(tmp_path / "tree/audio", tree.audio)
    change(tmp_path / "tree")
    given = paths or tree.given(tmp_path / "tree", tmp_path / "tree/audio")
    prepare_corpus(name, tree.corpus(**settings), given, tmp_path / "out")


def table(tmp_path, text, **settings):
    read(tmp_path, "table", {"table.csv": text}, **settings)


def msp(tmp_path, text, **settings):
    read(tmp_path, "msp-podcast", {"Labels/labels_consensus.csv": text}, **settings)


def drop_skipped(name):
    return lambda root: shutil.rmtree(root / name) if (root / name).is_dir() else (root / name).unlink()


def labels_of_release_two(tmp_path):
    """Labels of another release: none of its audio files exist."""
    msp(tmp_path, MSP_LABELS.replace("MSP-PODCAST_0", "MSP-PODCAST_9"))


def mosi_csd(tmp_path, fill):
    path = tmp_path / "CMU_MOSI_Opinion_Labels.csd"
    with h5py.File(path, "w") as file:
        fill(file)
    paths = CorpusPaths(audio=(str(tmp_path / "tree/audio"),), labels=str(path))
    read(tmp_path, "cmu-mosi", paths=paths)


def declares_too_many_values(file):
    file.create_dataset(
        "Opinion Segment Labels/data/tmZoasNr4rU/features", shape=(10**10, 1), dtype="f4", chunks=(1000, 1)
    )


def links_elsewhere(file):
    with h5py.File(Path(file.filename).parent / "secret.h5", "w") as secret:
        secret["values"] = np.ones((2, 1))
    file["Opinion Segment Labels/data/tmZoasNr4rU/features"] = h5py.ExternalLink("secret.h5", "/values")


def noise(tmp_path, text=ESC50, lost=()):
    write_audio(tmp_path / "esc/audio", [name for name in ESC50_NAMES if name not in lost])
    (tmp_path / "esc/meta").mkdir(parents=True)
    if text is not None:
        (tmp_path / "esc/meta/esc50.csv").write_text(text)
    esc50.clips(tmp_path / "esc")


CORPORA = {
    "wrong path": (
        lambda path: read(path, "table", paths=CorpusPaths(audio=(str(path / "no"),), labels=str(path / "neither"))),
        ["audio-0: no folder", "labels: no file or folder", "Correct the corpus' paths"],
    ),
    "half-copied corpus: no audio": (
        lambda path: read(
            path, "msp-podcast", change=lambda root: [file.unlink() for file in root.glob("audio/*.wav")]
        ),
        ["no usable utterance (2 row without audio: labels_consensus.csv:", "Compare the names in the label file"],
    ),
    "half-copied corpus: half of the audio": (
        lambda path: read(
            path, "table", change=lambda root: [file.unlink() for file in sorted(root.glob("audio/*"))[::2]]
        ),
        ["rows have no audio file", "row without audio: table.csv:", "on_missing_audio: skip"],
    ),
    "half-copied corpus: no labels": (
        lambda path: read(path, "msp-podcast", change=drop_skipped("Labels")),
        ["no file with the consensus labels", "labels_consensus.csv"],
    ),
    "half-copied corpus: no evaluations": (
        lambda path: read(path, "iemocap", change=drop_skipped("Session1/dialog")),
        ["no turns of IEMOCAP", "Give the folder that holds Session1"],
    ),
    "half-copied corpus: label file of no bytes": (
        lambda path: msp(path, ""),
        ["A table is empty", "labels_consensus.csv"],
    ),
    "half-copied corpus: no Partitions.txt": (
        lambda path: msp(path, MSP_LABELS.replace("Split_Set", "Set"), change=drop_skipped("Partitions.txt")),
        ["No file contains the splits", "Put the release's Partitions.txt into one of these folders"],
    ),
    "label file of another release": (
        labels_of_release_two,
        ["no usable utterance", "row without audio", "label file"],
    ),
    "label file of another corpus": (
        lambda path: msp(path, TABLE),
        ["lacks columns", "no column FileName", "no column EmoVal", "It has: file, id"],
    ),
    "two label files": (
        lambda path: read(path, "msp-podcast", {"Labels/labels_concensus.csv": MSP_LABELS}),
        ["Several files may be", "labels_concensus.csv", "Give the file itself"],
    ),
    "unknown release: other splits": (
        lambda path: msp(path, MSP_LABELS, splits={"test": "test-9"}),
        ["no such split", "test-9", "Test1"],
    ),
    "a table without required columns": (
        lambda path: table(path, TABLE.replace("valence", "v").replace("arousal", "a").replace("split", "s")),
        ["no column split", "no column valence", "no column arousal", "Map the names to its own columns under columns"],
    ),
    "columns that the study does not have": (
        lambda path: table(path, TABLE, columns={"mood": "valence"}),
        ["columns: mood", "valid: arousal"],
    ),
    "two columns of one name": (
        lambda path: table(path, TABLE.replace("speaker", "gender")),
        ["share a name", "gender"],
    ),
    "labels outside the declared scale": (
        lambda path: table(path, TABLE, scale={"arousal": (1.0, 5.0), "dominance": (0.0, 1.0), "valence": (0.0, 1.0)}),
        ["table.csv:3", "valence -1 is outside 0..1", "arousal 10 is outside 1..5", "out_of_scale: keep"],
    ),
    "IEMOCAP's averages beyond its scale": (
        lambda path: read(path, "iemocap"),
        ["5.5", "outside 1..5", "Ses01F_impro01"],
    ),
    "no declared scale": (
        lambda path: table(path, TABLE, scale=None),
        ["does not say the scale", "no arousal", "scale: {valence: [1, 7]}"],
    ),
    "a scale that falls": (
        lambda path: table(path, TABLE, scale={"arousal": (5.0, 1.0), "dominance": (0.0, 1.0), "valence": (0.0, 1.0)}),
        ["does not rise", "[5.0, 1.0]"],
    ),
    "duplicate ids, all of them": (
        lambda path: table(path, TABLE.replace("two,test", "one,test").replace("five,test", "one,test")),
        ["id one names 3 audio files: table.csv:2", "test: no usable utterance", "duplicate id"],
    ),
    "speakers in two splits": (
        lambda path: table(path, TABLE.replace("bob", "ann"), speakers_disjoint=True),
        ["speaker ann is in more than one split", "train (2 utterances), test (2 utterances)"],
    ),
    "labels that are no numbers": (
        lambda path: table(path, TABLE.replace(",-1,10,0", ",low,10,0").replace(",0.2,3,4", ",0.2,high,4")),
        ["test: no usable utterance (2 label that is no number: table.csv:", "Write labels as numbers"],
    ),
    "a quotation mark left open": (
        lambda path: table(path, TABLE.replace('lines"', "lines")),
        ["cannot be read as CSV", "table.csv"],
    ),
    "UTF-16 without its mark": (
        lambda path: read(path, "table", {"table.csv": TABLE.encode("utf-16-le")}),
        ["is not text", "table.csv:1", "UTF-8"],
    ),
    "a spreadsheet": (
        lambda path: table(path, TABLE, paths=CorpusPaths(audio=(str(path),), labels=str(path / "tree/audio"))),
        ["is not a table (.csv, .tsv, .parquet)"],
    ),
    "a CSV named Parquet": (
        lambda path: read(
            path,
            "table",
            {"table.parquet": TABLE},
            paths=CorpusPaths(audio=(str(path / "tree/audio"),), labels=str(path / "tree/table.parquet")),
        ),
        ["cannot be read as Parquet", "table.parquet"],
    ),
    "an unknown adapter": (
        lambda path: prepare_corpus(
            "own", Corpus(adapter="msp", label="", splits={"test": "all"}), CorpusPaths(audio=(), labels=""), path
        ),
        ["No adapter reads the corpus own", "adapter: msp", "msp-podcast"],
    ),
    "all beside another split": (
        lambda path: table(path, TABLE, splits={"test": "all", "train": "train"}),
        ["all holds every utterance"],
    ),
    "audio that is a file": (
        lambda path: read(
            path, "table", paths=CorpusPaths(audio=(str(path / "tree/table.csv"),), labels=str(path / "tree/table.csv"))
        ),
        ["audio-0: no folder"],
    ),
    "transcripts that are a file": (
        lambda path: read(
            path,
            "msp-podcast",
            paths=CorpusPaths(
                audio=(str(path / "tree/audio"),),
                labels=str(path / "tree"),
                transcripts=str(path / "tree/Partitions.txt"),
            ),
        ),
        ["A folder cannot be read", "Partitions.txt", "Correct the corpus' paths"],
    ),
    "SDK labels that are not HDF5": (
        lambda path: read(
            path,
            "cmu-mosi",
            {"x.csd": "text"},
            paths=CorpusPaths(audio=(str(path / "tree/audio"),), labels=str(path / "tree/x.csd")),
        ),
        ["not in the SDK's format", "x.csd"],
    ),
    "SDK labels of another kind": (lambda path: mosi_csd(path, lambda file: file.create_group("x")), ["SDK's format"]),
    "SDK labels that declare 40 GB": (
        lambda path: mosi_csd(path, declares_too_many_values),
        ["declares 10,000,000,000 values"],
    ),
    "SDK labels in another file": (lambda path: mosi_csd(path, links_elsewhere), ["are in another file"]),
    "sentiment with a column too few": (
        lambda path: read(path, "cmu-mosi", {"Labels/OpinionLevelSentiment.csv": "0,1,video,2\n"}),
        ["4 columns, not 5", "start, end, video, segment, label"],
    ),
    "noise: no table": (lambda path: noise(path, None), ["noise corpus is not where", "Give ESC-50's root folder"]),
    "noise: clips missing": (
        lambda path: noise(path, lost=ESC50_NAMES[1:4]),
        [*(f"no file {{path}}/esc/audio/{n}" for n in ESC50_NAMES[1:4])],
    ),
    "noise: a name that climbs out": (
        lambda path: noise(path, ESC50.replace(ESC50_NAMES[1], "../../secret.wav")),
        ["malformed row esc50.csv:3"],
    ),
}


def pack_indexes(tmp_path, contents):
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    rows = pd.DataFrame({"id": [*contents], "file": [*contents], "audio_root": 0, "duration_s": 0.1})
    rows.to_parquet(tmp_path / "utterances.parquet", index=False)
    corpus = Corpus(adapter="table", label="Own", splits={"test": "all"})
    pack_audio(tmp_path / "utterances.parquet", [tmp_path], corpus, tmp_path / "pack")


AUDIO = {
    "mixed rates are not an error, but all bad files are named": (
        lambda path: pack_indexes(
            path,
            {
                "a.wav": wav(),
                "b.wav": wav(rate_hz=44_100, channels=2),
                "c.wav": wav(seconds=1, rate_hz=192_000)[:9000],
                "d.wav": b"text",
                "e.wav": b"",
            },
        ),
        ["3 of 5 audio files are bad", "c.wav", "truncated", "d.wav", "e.wav", "on_bad_audio: skip"],
    ),
}


@pytest.mark.parametrize("name", [*CORPORA, *AUDIO])
def test_it_is_reported(tmp_path, name):
    broken, words = {**CORPORA, **AUDIO}[name]
    expect_error(lambda: broken(tmp_path), [word.replace("{path}", str(tmp_path)) for word in words])


def test_mixed_sampling_rates_are_reported_and_counted(tmp_path, capsys):
    pack_indexes(tmp_path, {"a.wav": wav(), "b.wav": wav(rate_hz=44_100, channels=2), "c.wav": wav(rate_hz=192_000)})
    assert (
        "mixed sampling rates, all converted to 16000 Hz: 16000 Hz (1 files), 192000 Hz (1 files)"
        in capsys.readouterr().err
    )
    assert read_json(tmp_path / "pack/report.json")["rates_hz"] == {"16000": 1, "192000": 1, "44100": 1}
    assert open_pack(tmp_path / "pack").samples.tolist() == [800, 800, 800]


def test_a_quotation_mark_that_joins_rows_is_noted(tmp_path):
    table(tmp_path, TABLE.replace('you"', "you"), splits={"train": "train", "test": "test"})
    noted = read_json(tmp_path / "out/report.json")["noted"]
    reason = "row with a line break in a cell (or a quotation mark left open)"
    assert noted[reason] == {"count": 2, "examples": ["table.csv:2", "table.csv:3"]}
