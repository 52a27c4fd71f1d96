"""Labels and colours of models that name none."""

import copy
import subprocess
import sys
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from miniature_configuration import MINIATURE

from valence_gap.definitions.colours import DEFAULTS
from valence_gap.study.descriptions import figure_description
from valence_gap.study.study import Study, load

PLAIN = {"backbone": "mini-w2v2-b", "recipe": "finetune"}


def study_with(models: dict[str, Any], fusions: dict[str, Any] | None = None) -> Study:
    config = copy.deepcopy(MINIATURE)
    config["models"] |= models
    config["fusions"] |= fusions or {}
    return load(config)


def test_a_model_without_label_and_colour_has_its_name_and_the_first_default_colour() -> None:
    config = copy.deepcopy(MINIATURE)
    config["models"]["mine"] = PLAIN
    config["figures"]["figure_02"]["models"] = ["w2v2-b", "mine"]
    first, second = figure_description(load(config), "figure_02")["models"]
    assert (first["label"], first["colour"]) == ("w2v2-b", "#56b4e9")
    assert (second["label"], second["colour"]) == ("mine", DEFAULTS[0])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([None, "teal", "#123456"]), min_size=1, max_size=12))
def test_a_further_model_changes_no_colour_of_the_others(colours: list[str | None]) -> None:
    rows = {f"m{place}": PLAIN | ({"colour": colour} if colour else {}) for place, colour in enumerate(colours)}
    before, after = (study_with(models).models for models in (rows, rows | {"a-further-one": PLAIN}))
    assert {name: after[name].colour for name in before} == {name: each.colour for name, each in before.items()}
    defaults = [after[name].colour for name in [*rows, "a-further-one"] if "colour" not in rows.get(name, {})]
    assert defaults == [DEFAULTS[place % len(DEFAULTS)] for place in range(len(defaults))]


def test_a_default_colour_that_another_model_names_is_not_used_again() -> None:
    models = study_with({"mine": PLAIN, "other": PLAIN | {"colour": DEFAULTS[0].upper()}}).models
    assert models["mine"].colour == DEFAULTS[1]


def test_a_fusion_looks_like_its_audio_model_unless_it_says_otherwise() -> None:
    fusion = {"audio": "mine", "recipe": "fusion"}
    study = study_with({"mine": PLAIN}, {"plain": fusion, "own": fusion | {"label": "Own", "colour": "teal"}})
    fusions = study.configuration.fusions
    assert (fusions["plain"].label, fusions["plain"].colour) == ("mine", DEFAULTS[0])
    assert (fusions["own"].label, fusions["own"].colour) == ("Own", "#008080")


def test_a_colour_by_name_is_read_without_matplotlib() -> None:
    """Every job reads the configuration, and importing matplotlib takes longer than all of that."""
    code = (
        "import sys; from pydantic import TypeAdapter; from valence_gap.definitions.colours import Colour\n"
        "print(TypeAdapter(Colour).validate_python('teal'), 'matplotlib' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["#008080", "False"]
