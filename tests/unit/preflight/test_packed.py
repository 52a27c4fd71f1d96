"""What the preflight knows of audio that was decoded before."""

import json

from valence_gap.preflight.packed import examine_packs


def report(folder, split, remarks):
    path = folder / "audio/mine/clean" / split / "report.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"remarks": remarks} if remarks is not None else {}))


def test_the_remarks_of_all_splits_are_summed(tmp_path):
    report(tmp_path, "train", {"silent": {"count": 4, "files": [f"{n}.wav: silent" for n in range(4)]}})
    report(tmp_path, "test", {"silent": {"count": 1, "files": ["z.wav: silent"]}, "longer": {"count": 2, "files": []}})
    (finding,) = examine_packs(tmp_path, "mine")
    assert (finding.subject, finding.status) == ("mine", "differs")
    assert finding.found == "5 silent, 2 longer than their headers give"
    assert finding.details == ("0.wav: silent", "1.wav: silent", "2.wav: silent", "... and 1 more", "z.wav: silent")


def test_nothing_is_said_without_packs_or_remarks(tmp_path):
    assert examine_packs(tmp_path, "mine") == []
    report(tmp_path, "train", {})
    report(tmp_path, "dev", None)
    (tmp_path / "audio/mine/clean/test").mkdir()
    (tmp_path / "audio/mine/clean/test/report.json").write_text("not JSON")
    assert examine_packs(tmp_path, "mine") == []
