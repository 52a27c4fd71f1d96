"""Models that are trained with twice as many epochs to check the stopping rule."""

from typing import Any

import pytest
from miniature_configuration import MINIATURE, ROOT

from valence_gap.definitions.values import to_json
from valence_gap.preflight.plan import plan_of
from valence_gap.preflight.run import merge
from valence_gap.preflight.targets import examine_seeds
from valence_gap.runtime.errors import UserError
from valence_gap.study.study import Study, load
from valence_gap.study.trainings import convergence_runs


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def study_of(*doubled: str, **changes: Any) -> Study:
    return load(merge(MINIATURE, {"convergence": {"doubled": list(doubled)}, **changes}))


def test_it_has_twice_the_epochs_and_nothing_else_differs() -> None:
    study = study_of("w2v2-b")
    first, longer = study.training("w2v2-b", 43), study.training("w2v2-b-doubled", 43)
    assert longer.recipe.epochs == 2 * first.recipe.epochs
    assert to_json(longer).replace(f'"epochs":{longer.recipe.epochs}', f'"epochs":{first.recipe.epochs}') == to_json(
        first
    )
    assert study.models["w2v2-b-doubled"].seeds == study.models["w2v2-b"].seeds


def test_overrides_of_a_model_are_doubled_too() -> None:
    study = study_of("w2v2-b", models={"w2v2-b": {"overrides": {"epochs": 7, "batch_size": 4}}})
    recipe = study.recipe("w2v2-b-doubled")
    assert (recipe.epochs, recipe.batch_size) == (14, 4)


def test_other_trainings_keep_their_definitions() -> None:
    before, after = study_of(), study_of("w2v2-b", "cnn14")
    for model in before.models:
        assert to_json(after.training(model, 42)) == to_json(before.training(model, 42))
        assert after.features_format(after.backbone_of(model)) == before.features_format(before.backbone_of(model))


def test_no_other_target_shows_them() -> None:
    study = study_of("w2v2-b")
    others = [target for target in study.targets if target != "convergence"]
    assert not [run for target in others for run in study.runs(target) if run[0] == "w2v2-b-doubled"]
    assert not [run for run in study.claims_runs() if run[0] == "w2v2-b-doubled"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"convergence": {"doubled": ["w2v3"]}}, "convergence.doubled: 'w2v3' is not a model"),
        ({"convergence": {"doubled": ["w2v2-b-fusion"]}}, "convergence.doubled: 'w2v2-b-fusion' is not a model"),
        ({"convergence": {"doubled": ["cnn14", "cnn14"]}}, "convergence.doubled: 'cnn14' is named 2 times"),
        (
            {
                "convergence": {"doubled": ["done"]},
                "models": {"done": {"checkpoint": {"source": "./x"}, "label": "", "colour": "#000000"}},
            },
            "convergence.doubled: 'done' is a checkpoint",
        ),
        (
            {"convergence": {"doubled": ["cnn14"]}, "models": {"cnn14-doubled": MINIATURE["models"]["cnn14"]}},
            "convergence.doubled: 'cnn14' needs the name cnn14-doubled",
        ),
        ({"targets": ["convergence", "table_1"]}, "targets: 'convergence', but the targets show no model"),
    ],
)
def test_what_cannot_be_doubled_is_an_error(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        load(merge(MINIATURE, changes))
    assert [line for line in caught.value.offenders if line.startswith(message)]


def test_the_rule_is_applied_to_the_trainings_of_the_targets() -> None:
    study = study_of("w2v2-b-frozen")
    assert convergence_runs(study, ["figure_11"]) == [("cnn14", seed) for seed in (42, 43, 44)] + [
        ("w2v2-b", seed) for seed in (42, 43, 44)
    ]
    assert convergence_runs(study, ["table_2"]) == []
    assert convergence_runs(study, ["convergence"]) == [
        (name, seed) for name in ("w2v2-b-frozen", "w2v2-b-frozen-doubled") for seed in (42, 43, 44)
    ]
    fused = convergence_runs(study, ["figure_03"])
    assert ("w2v2-b-fusion", 42) in fused
    assert ("w2v2-b-frozen", 42) in convergence_runs(study, ["claims"])
    assert ("w2v2-b-frozen-doubled", 42) in convergence_runs(study, ["claims"])


def test_all_seeds_of_a_doubled_model_are_trained_and_planned() -> None:
    study = study_of("hubert-b", models={"hubert-b": {"seeds": [42, 43]}}, targets=["figure_02", "convergence"])
    runs = convergence_runs(study, study.targets)
    expected = {(name, seed) for name in ("hubert-b", "hubert-b-doubled") for seed in (42, 43)}
    assert {run for run in runs if run[0].startswith("hubert-b")} == expected
    assert expected <= set(plan_of(study).trainings)
    assert "hubert-b" not in {finding.subject for finding in examine_seeds(study)}
