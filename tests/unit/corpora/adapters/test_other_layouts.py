"""Corpora of a fixed format as other projects hand them on: other column orders, file formats and label formats."""

import json
import random

import pytest
import soundfile
from corpus_trees import prepare, write, write_audio

from valence_gap.runtime.errors import UserError

ROWS = {
    "MSP-PODCAST_0001_0008": {"act": "2.2", "val": "4.0", "dom": "2.6", "who": "30", "split": "Test1"},
    "MSP-PODCAST_0002_0001": {"act": "1.0", "val": "7.0", "dom": "4.0", "who": "12", "split": "Train"},
    "MSP-PODCAST_0003_0001": {"act": "5.5", "val": "1.0", "dom": "2.5", "who": "7", "split": "Validation"},
}
COLUMNS = {"act": "EmoAct", "val": "EmoVal", "dom": "EmoDom", "who": "SpkrID", "split": "Split_Set"}
SPLITS = {"train": "train", "dev": "validation", "test": "test-1"}
ON_DISK = {
    "wav": lambda path: write_audio(path.with_suffix(".wav")),
    "WAV": lambda path: write_audio(path.with_suffix(".WAV")),
    "flac": lambda path: write_audio(path.with_suffix(".flac")),
    "upper": lambda path: write_audio(path.with_name(path.name.upper() + ".wav")),
}


def msp(root, text, *, name="labels_consensus.csv", disk="wav"):
    write(root / "Labels" / name, text)
    for stem in ROWS:
        ON_DISK[disk](root / "Audios/part" / stem)
    return {"audio": [root / "Audios"], "labels": root}


def values(read):
    row = read.row("test", "MSP-PODCAST_0001_0008")
    return row["speaker"], *(round(1 + 6 * row[name], 6) for name in ("arousal", "valence", "dominance"))


def table(separator=",", *, seed=0, comma=False):
    columns = ["FileName", *COLUMNS.values()]
    random.Random(seed).shuffle(columns)
    lines = [separator.join(columns)]
    for stem, cells in ROWS.items():
        row = {"FileName": f"{stem}.wav", **{COLUMNS[name]: cell for name, cell in cells.items()}}
        lines.append(
            separator.join(
                row[column].replace(".", "," if comma and "wav" not in row[column] else ".") for column in columns
            )
        )
    return "\n".join([*lines, ""])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("disk", ON_DISK)
def test_msp_podcast_in_another_column_order_and_audio_format(tmp_path, seed, disk):
    paths = msp(tmp_path / "msp", table(seed=seed), disk=disk)
    assert values(prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)) == ("30", 2.2, 4.0, 2.6)


def test_msp_podcast_saved_by_a_spreadsheet(tmp_path):
    paths = msp(tmp_path / "msp", table(";", comma=True))
    assert values(prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)) == ("30", 2.2, 4.0, 2.6)


@pytest.mark.parametrize("name", ["labels_consensus.json", "labels_concensus.json"])
def test_msp_podcasts_labels_as_json(tmp_path, name):
    content = {
        f"{stem}.wav": {"EmoAct": float(cells["act"]), "EmoVal": float(cells["val"]), "EmoDom": float(cells["dom"])}
        | {"SpkrID": int(cells["who"]), "Split_Set": cells["split"], "Gender": None}
        for stem, cells in ROWS.items()
    }
    paths = msp(tmp_path / "msp", json.dumps(content), name=name)
    read = prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)
    assert values(read) == ("30", 2.2, 4.0, 2.6)
    assert read.row("test", "MSP-PODCAST_0001_0008")["provenance"] == f"{name}:1"


@pytest.mark.parametrize("content", ["[1]", '{"a": 1}', "{", '{"a.wav": {"EmoAct": 1}}', "{}"])
def test_other_json_is_refused(tmp_path, content):
    paths = msp(tmp_path / "msp", content, name="labels_consensus.json")
    with pytest.raises(UserError, match=r"labels_consensus\.json"):
        prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)


def test_mosi_with_named_columns_in_another_order(tmp_path):
    text = "label,video,segment,end,start\n2.4,tmZoasNr4rU,1,1.2,0.1\n-3.0,tmZoasNr4rU,2,3,1.2\n"
    for number in (1, 2):
        write_audio(tmp_path / f"audio/tmZoasNr4rU_{number}.wav")
    paths = {"audio": [tmp_path / "audio"], "labels": write(tmp_path / "OpinionLevelSentiment.csv", text)}
    read = prepare(tmp_path / "out", "cmu-mosi", paths, splits={"test": "test"}, dimensions=("valence",))
    assert read.labels["test"]["valence"].tolist() == pytest.approx([0.9, 0.0])


def test_mosi_with_columns_in_another_order_without_names_is_refused(tmp_path):
    text = "2.4,tmZoasNr4rU,1,1.2,0.1\n-3.0,tmZoasNr4rU,2,3,1.2\n"
    write_audio(tmp_path / "audio/tmZoasNr4rU_1.wav")
    paths = {"audio": [tmp_path / "audio"], "labels": write(tmp_path / "OpinionLevelSentiment.csv", text)}
    with pytest.raises(UserError):
        prepare(tmp_path / "out", "cmu-mosi", paths, splits={"test": "test"}, dimensions=("valence",))


def test_iemocap_as_flac(tmp_path):
    turn = "Ses01F_impro01_F000"
    write(
        tmp_path / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",
        f"[6.2901 - 8.2357]\t{turn}\tneu\t[2.0000, 3.0000, 4.0000]\n",
    )
    write_audio(tmp_path / f"Session1/sentences/wav/Ses01F_impro01/{turn}.flac")
    paths = {"audio": [tmp_path], "labels": tmp_path}
    read = prepare(tmp_path / "out", "iemocap", paths, splits={"test": "all"})
    assert read.row("test", turn)["file"].endswith(".flac")
    assert soundfile.info(str(tmp_path / read.row("test", turn)["file"])).format == "FLAC"
