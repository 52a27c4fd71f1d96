"""Corpora and studies that the preflight examines."""

import json
from pathlib import Path

import pytest
from corpus_trees import write, write_audio

from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.preflight.costs import Costs
from valence_gap.preflight.findings import Finding
from valence_gap.preflight.plan import plan_of
from valence_gap.preflight.run import merge, merged
from valence_gap.preflight.speech import Speech
from valence_gap.study.study import Study, load

ROOT = Path(__file__).parents[2]


HEADER = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"


ROWS = (
    "MSP-PODCAST_0001_0001.wav,N,2.2,4.0,2.6,1,Male,Test1",
    "MSP-PODCAST_0001_0002.wav,N,3.0,4.0,2.6,2,Female,Test1",
    "MSP-PODCAST_0002_0001.wav,N,1.0,7.0,4.0,3,Male,Train",
    "MSP-PODCAST_0003_0001.wav,H,5.5,1.0,2.5,4,Female,Validation",
)


MSP = Corpus(
    adapter="msp-podcast",
    label="MSP-Podcast",
    release="1.7",
    splits={"train": "train", "dev": "validation", "test": "test-1"},
)


def write_release(root: Path, rows: tuple[str, ...] = ROWS) -> CorpusPaths:
    """Write a release: two seconds of audio for each row, and a transcript for the first."""
    write(root / "Labels/labels_concensus.csv", "\n".join([HEADER, *rows]) + "\n")
    for row in rows:
        write_audio(root / "Audios" / row.split(",")[0], seconds=2)
    write(root / "Transcripts/MSP-PODCAST_0001_0001.txt", "that is it\n")
    return CorpusPaths(audio=(str(root / "Audios"),), labels=str(root), transcripts=str(root / "Transcripts"))


def found(findings: list[Finding], check: str, subject: str | None = None) -> Finding:
    (one,) = [one for one in findings if one.check == check and subject in (None, one.subject)]
    return one


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file of the paper's study with a small MSP-Podcast and figure 2 of two models."""
    monkeypatch.chdir(tmp_path)
    paths = write_release(tmp_path / "msp")
    own = {
        "targets": ["figure_02"],
        "paths": {"msp-podcast": {"audio": list(paths.audio), "labels": paths.labels, "transcripts": None}},
        "figures": {"figure_02": {"models": ["cnn14", "w2v2-b"], "corpora": ["msp-podcast"]}},
    }
    return write(tmp_path / "my-corpora.yaml", json.dumps(own))


def configured(own: Path, **changes: object) -> Study:
    files = [ROOT / "config.yaml", ROOT / "workflow/presets/paper.yaml", own]
    return load(merge(merged(files), changes))


HOUR = 3600.0


def paper(**changes: object) -> Study:
    """The paper's study; it is loaded in a folder that has the claims."""
    return load(merge(merged([ROOT / "config.yaml", ROOT / "workflow/presets/paper.yaml"]), changes))


def costs_of(study: Study) -> Costs:
    """Costs with the paper's hours."""
    speech = {
        "train": Speech(62 * HOUR, 11.0, 39_000, 0.0),
        "dev": Speech(10 * HOUR, 11.0, 6_000, 0.0),
        "test": Speech(21 * HOUR, 11.0, 12_902, 0.55),
    }
    others = {
        name: {"test": Speech(hours * HOUR, 30.0, 5_000, 1.0)} for name, hours in (("iemocap", 12), ("cmu-mosi", 1))
    }
    return Costs(study, plan_of(study), {"msp-podcast": speech, **others})
