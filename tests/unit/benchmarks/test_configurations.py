"""The configurations under benchmarks/ are valid studies."""

from pathlib import Path

import pytest

from valence_gap.definitions.convergence import DOUBLED
from valence_gap.preflight.run import merged
from valence_gap.study.study import Study, load

ROOT = Path(__file__).parents[3]
NAMES = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.yaml"))


def study(name: str) -> Study:
    return load(merged([ROOT / "config.yaml", ROOT / "benchmarks" / f"{name}.yaml"]))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_study_of_its_own_or_adds_to_the_miniature(name: str) -> None:
    assert study(name).results == f"results/{'miniature' if name == 'doubled' else name}"


def test_all_trainings_have_other_seeds() -> None:
    shipped, other = load(merged([ROOT / "config.yaml"])), study("training-seeds")
    for figure in shipped.configuration.figures:
        both = [set(each.runs(figure)) for each in (shipped, other)]
        assert not both[0] & both[1], figure
        assert {model for model, _ in both[0]} == {model for model, _ in both[1]}


def test_the_other_number_format_is_that_of_all_recipes() -> None:
    assert {recipe.precision for recipe in study("number-format").configuration.recipes.values()} == {"fp32"}


def test_every_fine_tuned_model_of_figure_2_is_trained_for_twice_as_long() -> None:
    doubled = study("doubled")
    shown = {model for model, _ in doubled.runs("figure_02")}
    assert {f"{model}{DOUBLED}" for model in shown} < set(doubled.models)


def test_six_seeds_are_those_of_the_miniature_and_of_the_other_seeds() -> None:
    shipped, other, both = load(merged([ROOT / "config.yaml"])), study("training-seeds"), study("six-seeds")
    for figure in shipped.configuration.figures:
        assert set(both.runs(figure)) == {*shipped.runs(figure), *other.runs(figure)}, figure
