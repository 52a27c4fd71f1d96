"""MSP-Podcast in every spelling of its releases, and with damaged or missing parts."""

import pytest
from corpus_trees import prepare, write, write_audio

from valence_gap.runtime.errors import UserError

HEADER = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"
ROWS = [
    "MSP-PODCAST_0001_0008.wav,N,2.2,4.0,2.6,30,Male,Test1",
    "MSP-PODCAST_0002_0001.wav,N,1.0,7.0,4.0,Unknown,Unknown,Train",
    "MSP-PODCAST_0003_0001.wav,H,5.5,1.0,2.5,12,Female,Validation",
]
SPLITS = {"train": "train", "dev": "validation", "test": "test-1"}
NAMES = [row.split(",")[0] for row in ROWS]


def release(root, rows=ROWS, header=HEADER, labels="Labels/labels_concensus.csv", names=NAMES):
    write(root / labels, "\n".join([header, *rows]) + "\n")
    for name in names:
        write_audio(root / "Audios" / name)
    return {"audio": [root / "Audios"], "labels": root}


def test_labels_are_mapped_by_name(tmp_path):
    paths = release(tmp_path / "msp")
    write(tmp_path / "msp/Transcripts/MSP-PODCAST_0001_0008.txt", "\ufeffwell,  that is it\r\n")
    write(tmp_path / "msp/Transcripts/._MSP-PODCAST_0001_0008.txt", b"\x00\x05")
    write(tmp_path / "msp/Transcripts/MSP-PODCAST_9999_0001.txt", "nobody")
    read = prepare(
        tmp_path / "out", "msp-podcast", {**paths, "transcripts": tmp_path / "msp/Transcripts"}, splits=SPLITS
    )
    row = read.row("test", "MSP-PODCAST_0001_0008")
    labels = {name: row.pop(name) for name in ("arousal", "dominance", "valence")}
    assert labels == pytest.approx({"arousal": 1.2 / 6, "dominance": 1.6 / 6, "valence": 0.5})
    assert row == {
        "id": "MSP-PODCAST_0001_0008",
        "file": "MSP-PODCAST_0001_0008.wav",
        "audio_root": 0,
        "speaker": "30",
        "gender": "male",
        "transcript": "well, that is it",
        "duration_s": 0.5,
        "provenance": "labels_concensus.csv:2",
    }
    unknown = read.row("train", "MSP-PODCAST_0002_0001")
    assert (unknown["speaker"], unknown["gender"], unknown["transcript"]) == (None, None, None)
    assert read.row("dev", "MSP-PODCAST_0003_0001")["gender"] == "female"
    assert read.noted() == {
        "resource-fork or hidden file": 1,
        "transcript without a row": 1,
        "speaker unknown": 1,
        "gender unknown": 1,
    }
    assert read.skipped() == {}


@pytest.mark.parametrize("folder", ["Labels", "label", "labels", "."])
@pytest.mark.parametrize("name", ["labels_concensus.csv", "labels_consensus.csv", "Labels_Consensus.csv"])
@pytest.mark.parametrize("given", ["root", "folder", "file"])
def test_spellings_of_the_label_file(tmp_path, folder, name, given):
    paths = release(tmp_path / "msp", labels=f"{folder}/{name}")
    write(tmp_path / "msp" / folder / "labels_detailed.csv", "FileName,EmoDetail\n")
    place = {"root": "msp", "folder": f"msp/{folder}", "file": f"msp/{folder}/{name}"}[given]
    read = prepare(tmp_path / "out", "msp-podcast", {**paths, "labels": tmp_path / place}, splits=SPLITS)
    assert read.ids("test") == ["MSP-PODCAST_0001_0008"]


def test_two_label_files_are_not_chosen_between(tmp_path):
    paths = release(tmp_path / "msp")
    release(tmp_path / "msp", labels="Labels/labels_consensus.csv")
    with pytest.raises(UserError, match="Several files") as error:
        prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)
    assert len(error.value.offenders) == 2


@pytest.mark.parametrize("newer", ["Development", "Validation"])
@pytest.mark.parametrize("requested", ["development", "validation", "Development"])
def test_development_and_validation_are_one(tmp_path, newer, requested):
    paths = release(tmp_path / "msp", [row.replace("Validation", newer) for row in ROWS])
    read = prepare(tmp_path / "out", "msp-podcast", paths, splits={"dev": requested})
    assert read.ids("dev") == ["MSP-PODCAST_0003_0001"]
    assert read.ids("train") == read.ids("test") == []
    assert read.utterances["train"].dtypes.equals(read.utterances["dev"].dtypes)
    assert read.labels["train"].dtypes.equals(read.labels["dev"].dtypes)


def test_splits_and_speakers_in_files_of_their_own(tmp_path):
    rows = [",".join(row.split(",")[:5]) for row in ROWS]
    paths = release(tmp_path / "msp", rows, "FileName,EmoClass,EmoAct,EmoVal,EmoDom")
    write(
        tmp_path / "msp/Partitions.txt",
        f"\ufeffTest1; {NAMES[0]}\r\nTrain; {NAMES[1]}\r\n\r\nnonsense\r\nDevelopment; {NAMES[2]}\r\n",
    )
    write(
        tmp_path / "msp/Speaker_ids.txt",
        f"Speaker_30; Male\nSpeaker_12; Female\n\n{NAMES[0]}; 30\n{NAMES[1]}; Unknown\n{NAMES[2]}; 12\n",
    )
    read = prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)
    assert read.row("test", "MSP-PODCAST_0001_0008")["speaker"] == "30"
    assert read.row("test", "MSP-PODCAST_0001_0008")["gender"] == "male"
    assert read.row("train", "MSP-PODCAST_0002_0001")["speaker"] is None
    assert read.row("dev", "MSP-PODCAST_0003_0001")["gender"] == "female"
    assert read.report["skipped"]["malformed line of Partitions.txt"]["examples"] == ["Partitions.txt:4"]


def test_no_splits_anywhere(tmp_path):
    paths = release(tmp_path / "msp", [ROWS[0].rpartition(",")[0]], HEADER.rpartition(",")[0])
    with pytest.raises(UserError, match="No file contains the splits"):
        prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)


def test_labels_of_an_older_release_apart_from_two_audio_folders(tmp_path):
    old = tmp_path / "1.11/Previous_releases_information/v1.7"
    release(old, names=[])
    for folder, names in (("1.11/Audios", NAMES[:2]), ("removed/Audios", NAMES[1:])):
        for name in names:
            write_audio(tmp_path / folder / name)
    audio = [tmp_path / "1.11/Audios", tmp_path / "removed/Audios"]
    read = prepare(tmp_path / "out", "msp-podcast", {"audio": audio, "labels": old / "Labels"}, splits=SPLITS)
    roots = [read.utterances[split]["audio_root"].item() for split in ("test", "train", "dev")]
    assert roots == [0, 0, 1]
    assert read.noted()["audio in several audio folders, the first one taken"] == 1


def test_what_is_left_out_is_counted(tmp_path):
    rows = [
        *ROWS,
        ROWS[0],  # 5: the same again
        ROWS[1].replace(",4.0,Unknown", ",5.0,Unknown"),  # 6: again, with another label
        "MSP-PODCAST_0004_0001.wav,N,2,2,2,40,Male,Train",  # 7: no audio
        "MSP-PODCAST_0005_0001.wav,N,,nan,2,40,Male,Train",  # 8: no label
        "MSP-PODCAST_0006_0001.wav,N,much,2,2,40,Male,Train",  # 9: no number
        "../../secret.wav,N,2,2,2,40,Male,Train",  # 10
        "/etc/secret.wav,N,2,2,2,40,Male,Train",  # 11
        "",  # 12
        "MSP-PODCAST_0007_0001.wav,N,2,2,2,40,Male,Train,more,cells",  # 13
        "MSP-PODCAST_0008_0001.wav,N,,,,40,Male,Test3",  # 14: hidden, not used
        "MSP-PODCAST_0009_0001.wav,N,2,2,2,40,other,Train",  # 15: gender
        "MSP-PODCAST_0010_0001.wav,N,2,2,2,40,Male,",  # 16: no split
        "MSP-PODCAST_0011_0001.wav,N,2,2,2,41,Male,Train,",  # 17: a surplus comma is allowed
    ]
    names = [*NAMES, *(f"MSP-PODCAST_{number:04d}_0001.wav" for number in (5, 6, 7, 8, 9, 10, 11, 12))]
    paths = release(tmp_path / "msp", rows, names=names)
    write(tmp_path / "msp/Audios/._MSP-PODCAST_0001_0008.wav", b"fork")
    write(tmp_path / "secret.wav", b"")
    read = prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)
    assert read.ids("train") == [f"MSP-PODCAST_{number:04d}_0001" for number in (2, 9, 11)]
    assert read.skipped() == {
        "malformed row": 1,
        "audio without a row": 2,
        "row without a split": 1,
        "row without audio": 1,
        "path that leaves the audio folder": 2,
        "label missing": 1,
        "label that is no number": 1,
        "duplicate id": 1,
        "duplicate id with other values": 1,
    }
    examples = {reason: found["examples"] for reason, found in read.report["skipped"].items()}
    assert examples["malformed row"] == ["labels_concensus.csv:13"]
    assert examples["row without audio"] == ["labels_concensus.csv:7 MSP-PODCAST_0004_0001"]
    assert examples["duplicate id with other values"] == ["labels_concensus.csv:6 MSP-PODCAST_0002_0001"]
    assert sorted(examples["audio without a row"]) == ["MSP-PODCAST_0007_0001.wav", "MSP-PODCAST_0012_0001.wav"]
    assert read.report["skipped"]["row without audio"]["splits"] == {"train": 1}
    assert read.noted()["split Test3 is not used"] == 1
    assert read.noted()["resource-fork or hidden file"] == 1
    assert read.noted()["gender not understood, taken as unknown"] == 1
    assert read.row("train", "MSP-PODCAST_0011_0001")["provenance"] == "labels_concensus.csv:17"


def test_hidden_labels_of_a_requested_split(tmp_path):
    paths = release(tmp_path / "msp", [*ROWS, "MSP-PODCAST_0008_0001.wav,N,,,,40,Male,Test3"])
    write_audio(tmp_path / "msp/Audios/MSP-PODCAST_0008_0001.wav")
    with pytest.raises(UserError) as error:
        prepare(tmp_path / "out", "msp-podcast", paths, splits={"train": "train", "test": "test-3"})
    place = "labels_concensus.csv:5 MSP-PODCAST_0008_0001"
    assert list(error.value.offenders) == [f"test: no usable utterance (1 label missing: {place})"]
    assert error.value.remedy.startswith("Leave out a split whose labels are hidden, as those of MSP-Podcast's test-3")


@pytest.mark.parametrize("listed", [True, False])
def test_release_2_with_two_test_sets_and_a_hidden_one(tmp_path, listed):
    rows = [row.replace("Validation", "Development") for row in ROWS]
    rows += ["MSP-PODCAST_0020_0001.wav,S,2.0,3.0,4.0,77,Female,Test2"]
    rows += ["MSP-PODCAST_0030_0001.wav,,,,,Unknown,Unknown,Test3"] if listed else []
    names = [*NAMES, "MSP-PODCAST_0020_0001.wav", "MSP-PODCAST_0030_0001.wav"]
    paths = release(tmp_path / "msp", rows, labels="Labels/labels_consensus.csv", names=names)
    write(tmp_path / "msp/Partitions.txt", "Test3; MSP-PODCAST_0030_0001.wav\n")
    splits = {"train": "train", "dev": "development", "test": ("test-1", "test-2")}
    read = prepare(tmp_path / "out", "msp-podcast", paths, splits=splits, release="2.0")
    assert read.ids("test") == ["MSP-PODCAST_0001_0008", "MSP-PODCAST_0020_0001"]
    assert read.ids("dev") == ["MSP-PODCAST_0003_0001"]
    assert read.noted().get("split Test3 is not used") == (1 if listed else None)
    assert read.skipped() == ({} if listed else {"audio without a row": 1})


def test_all_problems_are_reported_at_once(tmp_path):
    rows = [
        *ROWS,
        "MSP-PODCAST_0004_0001.wav,N,8,2,0.5,30,Male,Train",
        "MSP-PODCAST_0005_0001.wav,N,2,2,2,12,Male,Test1",
        "MSP-PODCAST_0006_0001.wav,N,2,2,2,1,Male,Test2",
    ]
    names = [*NAMES, "MSP-PODCAST_0004_0001.wav", "MSP-PODCAST_0005_0001.wav"]
    paths = release(tmp_path / "msp", rows, names=names)
    with pytest.raises(UserError) as error:
        prepare(
            tmp_path / "out",
            "msp-podcast",
            paths,
            splits={"train": ("train", "validation"), "dev": "test-2", "test": "test-1"},
        )
    assert list(error.value.offenders) == [
        "dev: no usable utterance (1 row without audio: labels_concensus.csv:7 MSP-PODCAST_0006_0001)",
        "labels_concensus.csv:5 MSP-PODCAST_0004_0001: arousal 8 is outside 1..7",
        "labels_concensus.csv:5 MSP-PODCAST_0004_0001: dominance 0.5 is outside 1..7",
        "speaker 12 is in more than one split: train (1 utterances), test (1 utterances)",
        "speaker 30 is in more than one split: train (1 utterances), test (1 utterances)",
    ]
    assert not (tmp_path / "out").exists()


def test_shared_speakers_may_be_allowed(tmp_path):
    paths = release(tmp_path / "msp", [row.replace("Unknown,Unknown", "30,Male") for row in ROWS])
    assert prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS, speakers_disjoint=False).ids("train")
    with pytest.raises(UserError, match="speaker 30"):
        prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)


def test_several_of_the_corpus_splits_make_one_of_ours(tmp_path):
    paths = release(tmp_path / "msp")
    read = prepare(tmp_path / "out", "msp-podcast", paths, splits={"test": ("test-1", "train")})
    assert read.ids("test") == ["MSP-PODCAST_0001_0008", "MSP-PODCAST_0002_0001"]


def test_a_split_that_is_not_there(tmp_path):
    with pytest.raises(UserError) as error:
        prepare(tmp_path / "out", "msp-podcast", release(tmp_path / "msp"), splits={"dev": "dev-9", "test": "test-7"})
    assert list(error.value.offenders) == ["splits: dev: dev-9", "splits: test: test-7"]
    assert "Test1" in error.value.remedy


def test_one_split_cannot_be_two(tmp_path):
    with pytest.raises(UserError, match="test1: dev, test"):
        prepare(tmp_path / "out", "msp-podcast", release(tmp_path / "msp"), splits={"dev": "test-1", "test": "Test1"})


def test_bom_crlf_and_latin_1(tmp_path):
    paths = release(tmp_path / "msp")
    text = "\r\n".join([HEADER, *ROWS]) + "\r\n"
    write(tmp_path / "msp/Labels/labels_concensus.csv", b"\xef\xbb\xbf" + text.encode())
    write(tmp_path / "msp/Transcripts/MSP-PODCAST_0001_0008.txt", "café".encode("latin-1"))
    paths["transcripts"] = tmp_path / "msp/Transcripts"
    read = prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)
    assert read.row("test", "MSP-PODCAST_0001_0008")["transcript"] == "café"
    assert read.noted()["text that is not UTF-8, read as Windows-1252 (Latin-1)"] == 1


def test_unusual_audio_is_kept_for_packing_to_decide(tmp_path):
    paths = release(tmp_path / "msp", names=[])
    write_audio(tmp_path / "msp/Audios" / NAMES[0], seconds=0.25, rate=44_100, channels=2)
    write_audio(tmp_path / "msp/Audios" / NAMES[1], seconds=0)
    write(tmp_path / "msp/Audios" / NAMES[2], b"RIFF, not")
    read = prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)
    assert read.row("test", "MSP-PODCAST_0001_0008")["duration_s"] == pytest.approx(0.25)
    assert read.row("train", "MSP-PODCAST_0002_0001")["duration_s"] == 0
    assert read.row("dev", "MSP-PODCAST_0003_0001")["duration_s"] is None
    assert read.noted()["audio without a sample"] == 1
    (example,) = read.report["noted"]["audio header that cannot be read"]["examples"]
    assert example.startswith(NAMES[2])
    assert str(tmp_path) not in example


def test_two_files_of_one_name(tmp_path):
    paths = release(tmp_path / "msp")
    write_audio(tmp_path / "msp/Audios/more" / NAMES[0])
    with pytest.raises(UserError, match=r"test: no usable utterance \(1 row whose file name several files have: "):
        prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)


def test_missing_places_are_all_named(tmp_path):
    paths = {"audio": [tmp_path / "a", tmp_path / "b"], "labels": tmp_path / "c", "transcripts": tmp_path / "d"}
    with pytest.raises(UserError) as error:
        prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)
    assert [line.partition(":")[0] for line in error.value.offenders] == ["audio-0", "audio-1", "labels", "transcripts"]


def test_missing_label_file_and_columns(tmp_path):
    write_audio(tmp_path / "msp/Audios" / NAMES[0])
    paths = {"audio": [tmp_path / "msp/Audios"], "labels": tmp_path / "msp"}
    with pytest.raises(UserError, match=r"no labels_consensus\.csv or labels_concensus\.csv"):
        prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)
    write(tmp_path / "msp/labels_consensus.csv", "FileName,Act\na.wav,1\n")
    with pytest.raises(UserError) as error:
        prepare(tmp_path / "out", "msp-podcast", paths, splits=SPLITS)
    assert [line.split()[-1] for line in error.value.offenders] == ["EmoAct", "EmoVal", "EmoDom"]
