"""IEMOCAP: order of the labels, who speaks, and the files that are not turns."""

import pytest
from corpus_trees import prepare, write, write_audio

from valence_gap.runtime.errors import UserError

EVALUATION = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.0000, 3.0000, 4.0000]
C-E2:\tNeutral;\t()
A-E3:\tval 3; act 2; dom  2;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M000\txxx\t[1.0000, 5.0000, 5.5000]
C-E2:\tNeutral;\t()

[12.0 - 13.0]\tSes01F_impro01_M001\tneu\t[2.5, 2.5]
[14.0 - 15.0]\tSes01F_impro01_M002\tneu\t[nan, 2.5, 2.5]
[16.0 - 17.0]\tSes01F_impro01_M003\tneu\t[2.5, 2.5, 2.5]
"""
SCRIPT = "[0.5 - 1.5]\tSes02M_script01_1b_F003\tang\t[3.0, 3.0, 3.0]\r\n"
TRANSCRIPTION = """Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
Ses01F_impro01_M000 [010.0100-011.3925]:
Ses01F_impro01_FXX0 [011.0000-012.0000]: [LAUGHTER]
M: Mm-hmm.
"""


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "IEMOCAP_full_release"
    one, two = root / "Session1", root / "Session2"
    write(one / "dialog/EmoEvaluation/Ses01F_impro01.txt", EVALUATION)
    write(one / "dialog/EmoEvaluation/._Ses01F_impro01.txt", b"\x00\x05\x16\x07")
    write(one / "dialog/EmoEvaluation/Attribute/Ses01F_impro01_e3_atr.txt", EVALUATION)
    write(one / "dialog/EmoEvaluation/Categorical/Ses01F_impro01_e2_cat.txt", EVALUATION)
    write(one / "dialog/transcriptions/Ses01F_impro01.txt", TRANSCRIPTION)
    write(two / "dialog/EmoEvaluation/Ses02M_script01_1b.txt", SCRIPT)
    write_audio(one / "dialog/wav/Ses01F_impro01.wav")
    for turn in ("F000", "M000", "M001", "M002"):
        write_audio(one / f"sentences/wav/Ses01F_impro01/Ses01F_impro01_{turn}.wav")
    write(one / "sentences/wav/Ses01F_impro01/._Ses01F_impro01_F000.wav", b"fork")
    write_audio(two / "sentences/wav/Ses02M_script01_1b/Ses02M_script01_1b_F003.wav")
    return root


def test_turns(tmp_path, root):
    paths = {"audio": [root], "labels": root}
    read = prepare(tmp_path / "out", "iemocap", paths, splits={"test": "all"}, out_of_scale="keep")
    assert read.ids("test") == ["Ses01F_impro01_F000", "Ses01F_impro01_M000", "Ses02M_script01_1b_F003"]
    assert read.ids("train") == read.ids("dev") == []
    assert read.row("test", "Ses01F_impro01_F000") == {
        "id": "Ses01F_impro01_F000",
        "file": "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
        "audio_root": 0,
        "speaker": "Ses01_F",
        "gender": "female",
        "transcript": "Excuse me.",
        "duration_s": 0.5,
        "provenance": "Ses01F_impro01.txt:3",
        "valence": 0.25,
        "arousal": 0.5,
        "dominance": 0.75,
    }
    beyond = read.row("test", "Ses01F_impro01_M000")
    assert (beyond["speaker"], beyond["gender"], beyond["transcript"]) == ("Ses01_M", "male", None)
    assert (beyond["valence"], beyond["arousal"], beyond["dominance"]) == (0.0, 1.0, 1.125)
    assert read.row("test", "Ses02M_script01_1b_F003")["speaker"] == "Ses02_F"
    assert read.skipped() == {
        "malformed turn line": 1,
        "malformed, empty or repeated transcript line": 2,
        "audio without a row": 1,
        "row without audio": 1,
        "label missing": 1,
    }
    assert read.noted() == {
        "resource-fork or hidden file": 2,
        "transcript without a turn": 1,
        "dominance outside its scale, kept": 1,
    }
    assert read.report["skipped"]["malformed turn line"]["examples"] == ["Ses01F_impro01.txt:10"]


def test_clipped_or_refused_outside_the_scale(tmp_path, root):
    paths = {"audio": [root], "labels": root}
    read = prepare(tmp_path / "out", "iemocap", paths, splits={"test": "all"}, out_of_scale="clip")
    assert read.row("test", "Ses01F_impro01_M000")["dominance"] == 1.0
    with pytest.raises(UserError, match=r"impro01\.txt:7 Ses01F_impro01_M000: dominance 5\.5 is outside 1\.\.5"):
        prepare(tmp_path / "out", "iemocap", paths, splits={"test": "all"})


def test_sessions_are_splits(tmp_path, root):
    paths = {"audio": [root], "labels": root}
    splits = {"train": "session-1", "test": "Session2"}
    read = prepare(tmp_path / "out", "iemocap", paths, splits=splits, out_of_scale="keep")
    assert (len(read.ids("train")), read.ids("test")) == (2, ["Ses02M_script01_1b_F003"])


def test_audio_folder_of_the_sentences_alone(tmp_path, root):
    paths = {"audio": [root / f"Session{number}/sentences/wav" for number in (1, 2)], "labels": root}
    read = prepare(tmp_path / "out", "iemocap", paths, splits={"test": "all"}, out_of_scale="keep")
    assert read.utterances["test"]["audio_root"].tolist() == [0, 0, 1]


def test_all_beside_another_split(tmp_path, root):
    with pytest.raises(UserError, match="all holds every utterance"):
        prepare(
            tmp_path / "out",
            "iemocap",
            {"audio": [root], "labels": root},
            splits={"test": "all", "train": "session-1"},
        )


def test_not_iemocap(tmp_path, root):
    paths = {"audio": [root], "labels": root / "Session1"}
    with pytest.raises(UserError, match="no turns of IEMOCAP"):
        prepare(tmp_path / "out", "iemocap", paths, splits={"test": "all"})
