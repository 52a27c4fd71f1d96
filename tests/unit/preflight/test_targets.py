"""Whether the preflight reports missing genders and speakers of a target."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from corpus_trees import write
from preflight_data import ROOT, ROWS, configured, write_release

from valence_gap.preflight import targets
from valence_gap.preflight.run import examine
from valence_gap.preflight.speech import Speech


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The paper's study with a small MSP-Podcast; its configuration file."""
    (tmp_path / "workflow").symlink_to(ROOT / "workflow")
    monkeypatch.chdir(tmp_path)
    paths = write_release(tmp_path / "msp")
    own = {"paths": {"msp-podcast": {"audio": list(paths.audio), "labels": paths.labels, "transcripts": None}}}
    return write(tmp_path / "my-corpora.yaml", json.dumps(own))


def of_target(own: Path, target: str, check: str, **changes: object) -> list[tuple[str, str]]:
    """Status and finding of one check of a target that shows the small MSP-Podcast."""
    shown = {"figures": {target: {"models": ["w2v2-b"], "corpora": ["msp-podcast"]}}} if target != "claims" else {}
    findings = examine(configured(own, targets=[target], **shown, **changes))
    return [(one.status, one.found) for one in findings if (one.subject, one.check) == (target, check)]


def test_figure_7_and_its_claims_need_both_genders(study: Path, tmp_path: Path) -> None:
    assert of_target(study, "figure_07", "genders") == []
    assert of_target(study, "claims", "genders") == []
    write_release(tmp_path / "msp", tuple(row.replace("Male", "Female") for row in ROWS))
    ((status, message),) = of_target(study, "figure_07", "genders")
    assert (status, message) == ("wrong", "no corpus has both female and male speakers in its test set: msp-podcast")
    ((status, message),) = of_target(study, "claims", "genders")
    assert status == "differs"
    assert message.endswith("cannot be judged on corpora without female or male speakers: msp-podcast")


def test_figure_8_and_its_claims_need_speakers_with_enough_utterances(study: Path) -> None:
    assert of_target(study, "figure_08", "speakers", evaluation={"min_samples": 1}) == []
    message = "no speaker of msp-podcast has 2 labelled utterances (evaluation.min_samples); the most: 1"
    assert of_target(study, "figure_08", "speakers", evaluation={"min_samples": 2}) == [("wrong", message)]
    ((status, _),) = of_target(study, "claims", "speakers", evaluation={"min_samples": 2})
    assert status == "differs"


def test_figure_7_shows_the_corpora_that_have_both_genders() -> None:
    speech = Speech(60.0, 2.0, 30, 0.0, genders=("female", "male"), most_of_a_speaker=3)
    read = {"one": {"test": speech}, "two": {"test": replace(speech, genders=())}, "three": {}}
    (finding,) = targets._fairness(read, ("one", "two", "three"))
    assert (finding.status, finding.found) == ("differs", "not shown, because female or male speakers are missing: two")
