"""How sub-commands are defined, and the options that several of them have."""

import argparse
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap import cli
from valence_gap.commands.examples import EXAMPLES
from valence_gap.commands.options import Command, paths_by_name
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.runtime.errors import UserError

(COMMANDS,) = (one.choices for one in cli.parser()._actions if isinstance(one, argparse._SubParsersAction))
NAMES = st.text("abc", min_size=1, max_size=2)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_sub_command_describes_itself_in_whole_sentences(name: str) -> None:
    description = COMMANDS[name].description or ""
    assert description[:1].isupper()
    assert description.endswith(".")
    assert description == " ".join(description.split())


def test_the_docstring_of_its_function_is_the_description_of_a_command() -> None:
    def run(args: argparse.Namespace) -> None:
        """Do one thing,
        and then another.
        """

    parser = argparse.ArgumentParser()
    Command(parser.add_subparsers(), "do", run, "do it").path("--output", "a file", required=False)
    parsed = parser.parse_args(["do", "--output", "x"])
    assert (parsed.run, parsed.output) == (run, Path("x"))
    (choices,) = (one.choices for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    assert choices["do"].description == "Do one thing, and then another."


@given(st.lists(st.tuples(NAMES, NAMES)), st.sets(NAMES, max_size=2))
def test_paths_by_name_refuses_every_name_that_is_given_twice(pairs: list[tuple[str, str]], earlier: set[str]) -> None:
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1 or name in earlier}
    texts = [f"{name}={path}" for name, path in pairs]
    if twice:
        with pytest.raises(UserError, match="--packs is not understood") as caught:
            paths_by_name(texts, "--packs", "NAME=DIR", "pack", given=earlier)
        assert sorted(caught.value.offenders) == sorted(f"{name!r} is given twice" for name in twice)
        assert caught.value.remedy == "Give each pack once, as NAME=DIR."
    else:
        found = paths_by_name(texts, "--packs", "NAME=DIR", "pack", given=earlier)
        assert found == {name: Path(path) for name, path in pairs}


@pytest.mark.parametrize("text", ["", "a", "a=", "=b"])
def test_paths_by_name_refuses_another_form(text: str) -> None:
    with pytest.raises(UserError) as caught:
        paths_by_name([text, "c=d"], "--packs", "NAME=DIR", "pack")
    assert list(caught.value.offenders) == [f"{text!r} is not NAME=DIR"]


EXAMPLE_CALLS = [(name, call) for examples in EXAMPLES.values() for name, call in examples.items()]


@pytest.mark.parametrize(("name", "call"), EXAMPLE_CALLS)
def test_an_example_is_a_call_of_its_command(name: str, call: str) -> None:
    parsed = cli.parser().parse_args(call.split())
    assert (parsed.command, call.split()[0]) == (name, name)
    assert f"example:\n  valence-gap {call}\n" in COMMANDS[name].format_help()


def test_the_overview_has_each_command_once_in_its_group() -> None:
    groups = cli.parser().format_help().partition("use a model, check a study:")[2].partition("called by the workflow")
    names = [re.findall(r"^  ([a-z-]+) ", part, re.MULTILINE) for part in (groups[0], groups[2])]
    assert names[0] == [name for name, _ in EXAMPLE_CALLS]
    assert sorted(names[0] + names[1]) == sorted(COMMANDS)


def test_the_help_of_predict_explains_the_columns_that_it_writes() -> None:
    text = COMMANDS["predict"].format_help().partition("columns of the result:")[2].partition("example:")[0]
    explained = re.findall(r"^  (\w+(?:, \w+)*)  ", text, re.MULTILINE)
    assert ", ".join(explained).split(", ") == ["file", "duration_s", "start_s", "end_s", *DIMENSIONS, "notes"]


def test_a_command_of_a_rule_says_that_the_workflow_calls_it() -> None:
    assert "Called by Snakemake." in COMMANDS["train"].format_help()
