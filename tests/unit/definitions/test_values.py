"""Definitions that a user types on the command line."""

import argparse
import json
from dataclasses import replace

import pytest

from valence_gap import cli
from valence_gap.definitions.corpora import CorpusPaths
from valence_gap.definitions.models import Backbone, Recipe, Training
from valence_gap.definitions.text import Fusion
from valence_gap.definitions.values import from_json, to_json
from valence_gap.runtime.errors import UserError

(COMMANDS,) = (one.choices for one in cli.parser()._actions if isinstance(one, argparse._SubParsersAction))
# An existing name for sub-commands that look up a name before they read the definition.
POSITIONAL = {"table": "table_1", "figure": "figure_02"}


def json_options() -> list[tuple[str, str]]:
    """(sub-command, option) of each option that takes JSON."""
    return [
        (name, action.option_strings[-1])
        for name, parser in COMMANDS.items()
        for action in parser._actions
        if "JSON" in f"{action.metavar} {action.help}" and action.option_strings and action.dest != "json"
    ]


def command(name: str, option: str, text: str) -> list[str]:
    """The sub-command with a value for each required option, and the text for the given option."""
    arguments = [name]
    for action in COMMANDS[name]._actions:
        if option in action.option_strings:
            arguments += [option, f"noisy={text}" if action.metavar == "NAME=JSON" else text]
        elif action.required:
            arguments += [*action.option_strings[-1:], POSITIONAL.get(name, "1")]
    return arguments


def test_every_kind_of_definition_is_tested() -> None:
    needed = {
        "prepare-corpus",
        "pack-audio",
        "apply-conditions",
        "train",
        "train-fusion",
        "score",
        "figure",
        "table",
    }
    assert {name for name, _ in json_options()} >= needed | {"claims", "fetch-pretrained", "fetch-checkpoint"}


@pytest.mark.parametrize(("name", "option"), json_options())
def test_wrong_json_is_reported_in_one_message(name: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("{'label': 1}", '{"lable": 1}', "[1]", "words", ""):
        assert cli.main(command(name, option, text)) == 2
        message = capsys.readouterr().err
        assert any(words in message for words in ("is not valid", "is no JSON", "is no mapping"))
        assert "pydantic" not in message


def test_every_wrong_key_is_named_with_its_value_and_what_would_be_valid() -> None:
    with pytest.raises(UserError) as caught:
        from_json(Recipe, '{"epochs": 0, "optimiser": "adam", "precision": "fp16"}')
    wrong = {line.split(":")[0]: line for line in caught.value.offenders}
    assert set(wrong) == {"Recipe.epochs", "Recipe.optimiser", "Recipe.precision"}
    assert "0 is not valid" in wrong["Recipe.epochs"]
    assert 'unknown key, given as "adam"; valid: activation_checkpointing, ' in wrong["Recipe.optimiser"]
    assert "'auto', 'fp32' or 'bf16'" in wrong["Recipe.precision"]
    assert "printshellcmds" in caught.value.remedy


@pytest.mark.parametrize(
    "definition",
    [Backbone(source="./x"), CorpusPaths(audio=("a", "b"), labels="c"), Recipe(), Recipe(evaluate_every=100)],
)
def test_a_definition_is_read_back_from_its_json(definition: Backbone | CorpusPaths | Recipe) -> None:
    assert from_json(type(definition), to_json(definition)) == definition


LEFT_OUT_AT_THEIR_DEFAULTS = {"evaluate_every": 100, "batches": "shuffled", "frozen_mode": "training"}


def test_keys_that_are_left_out_at_their_defaults_are_read_back() -> None:
    """Rules pass this JSON; with more keys in it, finished studies would run again."""
    known = {key for key in Recipe.__dataclass_fields__ if key not in LEFT_OUT_AT_THEIR_DEFAULTS}
    assert set(json.loads(to_json(Recipe()))) == known
    changed = Recipe(**LEFT_OUT_AT_THEIR_DEFAULTS, head_dropout=None)
    assert {key: json.loads(to_json(changed))[key] for key in LEFT_OUT_AT_THEIR_DEFAULTS} == LEFT_OUT_AT_THEIR_DEFAULTS
    fusion = Fusion(recipe=changed, seed=3)
    training = Training(
        backbone=Backbone(), recipe=changed, frozen=False, pretrained=True, layers=None, fraction=0.5, seed=1
    )
    assert "fraction_seed" not in to_json(training)
    for definition in (Recipe(), changed, fusion, training, replace(training, fraction_seed=0)):
        assert from_json(type(definition), to_json(definition)) == definition
