"""The miniature's synthetic speech and noise are refused in a study of other corpora."""

from typing import Any

import pytest
from miniature_configuration import MINIATURE, ROOT

from valence_gap.preflight.run import merge
from valence_gap.runtime.errors import UserError
from valence_gap.study.study import load

MINE = {
    "study": "mine",
    "note": "",
    "train_corpus": "mine",
    "corpora": {
        "mine": {
            "adapter": "table",
            "label": "Mine",
            "splits": {"train": "train", "dev": "dev", "test": "test"},
            "scale": {"arousal": [1, 7], "dominance": [1, 7], "valence": [1, 7]},
        }
    },
    "paths": {"mine": {"audio": ["my-recordings"], "labels": "mine.csv"}},
    "figures": {"figure_02": {"models": ["hubert-b"], "corpora": ["mine"]}},
}
REAL = {"labels": "msp", "audio": ["msp"], "transcripts": None}


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def offenders(above: dict[str, Any], *extra_targets: str) -> list[str]:
    """The errors in the miniature's configuration after another one is merged over it; none if it is valid."""
    try:
        load(merge(MINIATURE, above), extra_targets)
    except UserError as error:
        return list(error.offenders)
    return []


SPEECH = "the miniature's synthetic speech, in a study of 'mine'; set"


def test_a_study_of_other_corpora_must_not_show_the_miniatures() -> None:
    assert offenders(MINE | {"targets": ["figure_02", "table_1", "table_2"]}) == []
    assert offenders(MINE | {"targets": ["figure_02", "figure_07", "figure_08"]}) == [
        f"figures.figure_07.corpora: 'msp-podcast', 'iemocap', 'cmu-mosi': {SPEECH} figures.figure_07.corpora: [mine], "
        "or set the paths of those corpora",
        f"figures.figure_08.corpora: 'msp-podcast': {SPEECH} figures.figure_08.corpora: [mine], "
        "or set the paths of those corpora",
    ]
    beside = {"figure_02": {"models": ["hubert-b"], "corpora": ["iemocap", "mine"]}}
    (message,) = offenders(MINE | {"targets": ["figure_02"], "figures": beside})
    assert message.startswith(f"figures.figure_02.corpora: 'iemocap': {SPEECH} figures.figure_02.corpora: [mine],")


def test_a_study_of_other_corpora_must_not_check_claims_on_the_miniature() -> None:
    messages = offenders(MINE | {"targets": ["figure_02", "claims"]})
    roles = {"in-domain": "msp-podcast", "cross-corpus": "iemocap", "sentiment": "cmu-mosi"}
    assert [line.partition(": the")[0] for line in messages] == [
        *(f"claims.corpora.{role}: '{corpus}'" for role, corpus in roles.items()),
        "noise.root: {miniature}/ESC-50",
    ]


def test_the_miniatures_noise_must_not_be_mixed_into_other_corpora() -> None:
    shown = {"models": ["hubert-b"], "corpora": ["mine"]}
    study = MINE | {"targets": ["figure_06", "table_3"], "figures": {"figure_06": shown}, "tables": {"table_3": shown}}
    (message,) = offenders(study)
    assert message == (
        "noise.root: {miniature}/ESC-50: the miniature's synthetic noise, which figures.figure_06, tables.table_3 "
        "would mix into 'mine'; set noise.root: the folder of ESC-50"
    )
    assert offenders(study | {"noise": {"root": "ESC-50"}}) == []
    assert offenders(study | {"augmented": ["speed", "fade"]}) == []


def test_extra_targets_are_checked_like_targets() -> None:
    study = MINE | {"targets": ["figure_02"]}
    (message,) = offenders(study, "figure_07")
    assert message.startswith("figures.figure_07.corpora: 'msp-podcast', ")
    silent = {"augmented": [], "targets": ["figure_02"]}
    assert offenders(silent) == []
    (message,) = offenders(silent, "figure_06")
    assert message.startswith("augmented: [], but figures.figure_06 shows the augmented test sets; valid: ")
    assert load(merge(MINIATURE, silent), ["figure_02"]).targets == ("figure_02",)


def test_a_study_that_trains_nothing_belongs_to_the_corpora_that_it_shows() -> None:
    released = {"checkpoint": {"source": "./released"}, "label": "released", "colour": "#000000"}
    shown = {"models": ["released"], "corpora": ["cmu-mosi"]}
    study = {"train_corpus": None, "targets": ["figure_02", "figure_07"], "models": {"released": released}}
    study |= {"figures": {"figure_02": shown, "figure_07": {**shown, "corpora": ["iemocap"]}}}
    assert offenders(study) == []  # only the miniature
    paths = {"cmu-mosi": {"labels": "mosi.csv", "audio": ["mosi"], "transcripts": None, "speakers": None}}
    (message,) = offenders(study | {"paths": paths})
    assert message.startswith(
        "figures.figure_07.corpora: 'iemocap': the miniature's synthetic speech, in a study of 'cmu"
    )


def test_paths_that_are_partly_the_miniatures_are_reported() -> None:
    shown = {"models": ["hubert-b"], "corpora": ["msp-podcast"]}
    study = {"targets": ["figure_02"], "figures": {"figure_02": shown}}
    assert offenders(study | {"paths": {"msp-podcast": REAL}}) == []
    (message,) = offenders(study | {"paths": {"msp-podcast": {"labels": "msp", "audio": ["msp"]}}})
    assert message.startswith("paths.msp-podcast.transcripts: the miniature's, but paths.msp-podcast.labels is not;")
