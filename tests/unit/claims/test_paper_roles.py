"""The paper's models of each role are those of the paper's own study."""

import re
from typing import get_args

import pytest
import yaml
from miniature_configuration import ROOT

from valence_gap.claims.paper_roles import BEST, IN_PAPER, TRANSFORMERS, named
from valence_gap.definitions.claims import Role
from valence_gap.definitions.values import as_tuple

PAPER = yaml.safe_load((ROOT / "workflow/presets/paper.yaml").read_text())
ROLES = {role: as_tuple(models) for role, models in PAPER["claims"]["roles"].items()}


def test_every_role_is_described() -> None:
    assert set(IN_PAPER) == set(get_args(Role)) == set(ROLES)
    assert ROLES["best"] == (BEST,)
    assert ROLES["transformers"] == TRANSFORMERS


@pytest.mark.parametrize(
    "role",
    [
        "transformers",
        "best",
        "strong",
        "clean-speech",
        "multilingual",
        "most-data",
        "small",
        "other-large",
        "least-robust",
    ],
)
def test_plain_models_are_named_as_in_the_study(role: str) -> None:
    assert tuple(IN_PAPER[role].split(", ")) == ROLES[role]  # type: ignore[index]


@pytest.mark.parametrize(
    "role",
    [
        *("half-depth", "below-half-depth", "third-depth", "shallow"),
        *("full-data", "three-quarters-data", "quarter-data", "eighth-data", "least-data"),
    ],
)
def test_variants_have_the_layers_and_data_of_the_study(role: str) -> None:
    models = [PAPER["models"][name] for name in ROLES[role]]
    text = IN_PAPER[role]  # type: ignore[index]
    layers = re.findall(r"\b\d+\b", re.findall(r"with (.*?) of 24", text)[0])
    assert [int(number) for number in layers] == [model["layers"] for model in models]
    shares = [float(share) for share in re.findall(r"([\d.]+) %", text)] or [100]
    assert {100 * model.get("fraction", 1) for model in models} == set(shares)


def test_a_role_is_named_with_its_models() -> None:
    assert named("strong") == "strong (in the paper hubert-L)"
    assert named("all") == "all"
