"""The shipped models of the miniature are those that config.yaml defines, and say how they were made."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from valence_gap.definitions.values import to_json
from valence_gap.preflight.run import merged
from valence_gap.study.study import load

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "resources/miniature"
CONFIGURATION = load(merged([ROOT / "config.yaml"])).configuration
DEFINITIONS = {
    "pretraining": CONFIGURATION.pretraining,
    "recogniser": CONFIGURATION.recogniser_training,
    "text_encoder": CONFIGURATION.text_pretraining,
}
MODELS = [(kind, name) for kind, models in DEFINITIONS.items() for name in models]


def record(name: str) -> Any:
    return json.loads((SHIPPED / name / "run.json").read_text(encoding="utf-8"))


def test_every_folder_is_defined() -> None:
    assert {path.name for path in SHIPPED.iterdir()} == {name for _, name in MODELS}


@pytest.mark.parametrize(("kind", "name"), MODELS)
def test_a_model_was_made_by_its_definition_from_a_commit(kind: str, name: str) -> None:
    run = record(name)
    made, defined = run["definition"][kind], json.loads(to_json(DEFINITIONS[kind][name]))
    # Keys that have been removed since then may be left in the record.
    assert {key: made.get(key) for key in defined} == defined
    assert re.fullmatch("[0-9a-f]{40}", run["git_commit"])  # a changed tree would add a word
    assert run["hardware"]["cpu"]
    assert run["curve"][-1]["step"] == defined["steps"]


@pytest.mark.parametrize("name", DEFINITIONS["pretraining"])
def test_a_backbone_was_trained_on_its_speech_and_its_card_says_how_well_it_learnt(name: str) -> None:
    run = record(name)
    speech = json.loads(to_json(CONFIGURATION.speech[CONFIGURATION.pretraining[name].speech]))
    assert {key: run["definition"]["speech"].get(key) for key in speech} == speech
    assert run["hours"] >= CONFIGURATION.pretraining[name].hours
    card = (SHIPPED / name / "README.md").read_text(encoding="utf-8")
    accuracy = re.search(r"^Masked accuracy over the last hundred steps: (0\.\d+)", card, re.MULTILINE)
    assert accuracy is not None
    assert float(accuracy[1]) > 10 / CONFIGURATION.pretraining[name].clusters  # ten times chance


def test_all_of_them_are_small() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "resources").rglob("*") if path.is_file()) < 40_000_000
