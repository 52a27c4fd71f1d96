"""The configuration: what is valid, and how errors are reported."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.models import Recipe, Training
from valence_gap.definitions.values import from_json, to_json
from valence_gap.preflight.run import merged
from valence_gap.runtime.errors import UserError
from valence_gap.study.study import load, schema

ROOT = Path(__file__).parents[3]
MINIATURE = yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.fixture
def config() -> dict[str, Any]:
    return copy.deepcopy(MINIATURE)


def test_the_default_is_valid(config: dict[str, Any]) -> None:
    study = load(config)
    assert study.results == "results/miniature"
    shown = config["figures"]["figure_02"]["models"]
    assert list(study.runs("figure_02")) == [(model, seed) for model in shown for seed in (42, 43, 44)]


def test_the_schema_on_disk_is_that_of_the_types() -> None:
    assert json.loads((ROOT / "workflow/schemas/config.schema.json").read_text()) == schema()


def test_every_key_is_described() -> None:
    def undescribed(part: dict[str, Any]) -> list[str]:
        # A reference is described by the class that it refers to.
        return [key for key, value in part.get("properties", {}).items() if not {"description", "$ref"} & set(value)]

    whole = schema()
    parts = {"configuration": whole, **whole["$defs"]}
    assert {name: undescribed(part) for name, part in parts.items() if undescribed(part)} == {}
    assert all(part["description"] for part in parts.values())


def change(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def apply(config: dict[str, Any]) -> None:
        node = config
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = to

    return apply


@pytest.mark.parametrize(
    ("corrupt", "message"),
    [
        (
            change("modles", to={}),
            "modles: unknown key, given as {}; valid: augmented, augmented_utterances,",
        ),
        (change("augmented_utterances", to={"iemocap": 0}), "augmented_utterances.iemocap: "),
        (
            change("models", "w2v2-b", "layer", to=3),
            "models.w2v2-b.layer: unknown key, given as 3; valid: backbone,",
        ),
        (
            change("models", "w2v2-b", "backbone", to="x"),
            "models.w2v2-b.backbone: 'x' is not a backbone; valid: mini-",
        ),
        (
            change("models", "w2v2-b", "recipe", to="x"),
            "w2v2-b.recipe: 'x' is not a recipe; valid: cnn14, finetune, frozen",
        ),
        (change("models", "w2v2-b", "layers", to="four"), 'models.w2v2-b.layers: "four" is not valid'),
        (change("models", "w2v2-b", "fraction", to=1.5), "models.w2v2-b.fraction: 1.5 is not valid"),
        (change("models", "w2v2-b", "colour", to="#12345"), 'models.w2v2-b.colour: "#12345" is not valid'),
        (
            change("models", "w2v2-b", "colour", to="teel"),
            'models.w2v2-b.colour: "teel" is not valid: no colour; valid: "#rrggbb" in quotes, or a name of CSS,',
        ),
        (change("models", "w2v2-b", "seeds", to=[1, 1]), "models.w2v2-b.seeds: [1, 1] names a seed twice"),
        (
            change("models", "w2v2-b", "overrides", to={"lr": 1.0}),
            "models.w2v2-b.overrides.lr: unknown key, given as 1.0; valid: activation_checkpointing, batch_size,",
        ),
        (
            change("models", "cnn14", "frozen", to=True),
            "models.cnn14.frozen: true leaves CNN14's random convolutions as they are",
        ),
        (
            change("figures", "figure_02", "models", to=["x"]),
            "figure_02.models: 'x' is not a model; valid: cnn14",
        ),
        (
            change("figures", "figure_02", "transcribed", to=["x"]),
            "figure_02.transcribed: 'x' is not a corpus; valid: cmu",
        ),
        (
            change("figures", "figure_02", "corpora", to=["x"]),
            "figure_02.corpora: 'x' is not a corpus; valid: cmu",
        ),
        (
            change("targets", to=["figure_99"]),
            "targets: 'figure_99' is not a target of this study; valid: claims, convergence, ",
        ),
        (change("recipes", "finetune", "learning_rate", to="1e-3"), "write 1.0e-3"),
        (change("recipes", "finetune", "epochs", to=0), "recipes.finetune.epochs: 0 is not valid"),
        (change("corpora", "iemocap", "out_of_scale", to="drop"), 'corpora.iemocap.out_of_scale: "drop" is not valid'),
        (change("train_corpus", to="iemocap"), "corpora.iemocap.splits: no 'train', but models are trained on it"),
        (change("corpora", "new", to={"adapter": "table", "label": "New", "splits": {"test": "test"}}), "paths: 'new'"),
        (change("miniature", to=None), "miniature: missing, but some paths begin with {miniature}"),
        (change("backbones", "mini-w2v2-b", "source", to=None), "backbones.mini-w2v2-b.source: missing"),
        (
            change("corpora", "msp-podcast", "release", to="1.77"),
            "corpora.msp-podcast.release: '1.77' is not a known release of MSP-Podcast; valid: 1.0, 1.1,",
        ),
    ],
)
def test_an_error_is_reported_in_one_line(
    config: dict[str, Any], corrupt: Callable[[dict[str, Any]], None], message: str
) -> None:
    corrupt(config)
    with pytest.raises(UserError) as caught:
        load(config)
    assert any(message in line for line in caught.value.offenders), caught.value.offenders


def test_all_errors_are_reported_at_once(config: dict[str, Any]) -> None:
    config["models"]["w2v2-b"]["backbone"] = "x"
    config["models"]["hubert-b"]["recipe"] = "y"
    with pytest.raises(UserError) as caught:
        load(config)
    assert len(caught.value.offenders) == 2


def test_overrides_change_the_recipe_of_one_model(config: dict[str, Any]) -> None:
    config["models"]["w2v2-b"]["overrides"] = {"learning_rate": 1.0e-4}
    study = load(config)
    assert study.recipe("w2v2-b").learning_rate == 1.0e-4
    assert study.recipe("hubert-b").learning_rate == config["recipes"]["finetune"]["learning_rate"]


def test_fields_that_cannot_change_a_model_are_not_in_its_training(config: dict[str, Any]) -> None:
    before = to_json(load(config).training("w2v2-b", 42))
    config["models"]["w2v2-b"] |= {"label": "other", "colour": "#123456"}
    config["backbones"]["mini-w2v2-b"]["label"] = "other"
    assert to_json(load(config).training("w2v2-b", 42)) == before


def test_definitions_are_read_back_from_their_json(config: dict[str, Any]) -> None:
    training = load(config).training("w2v2-L", 7)
    assert from_json(Training, to_json(training)) == training


def test_equal_definitions_have_equal_json() -> None:
    assert to_json(Recipe(epochs=3, learning_rate=1e-3)) == to_json(Recipe(learning_rate=1e-3, epochs=3))


def test_the_miniatures_placeholder_is_resolved(config: dict[str, Any]) -> None:
    paths = load(config).paths("iemocap")
    assert paths.audio == ("results/miniature/raw/IEMOCAP_full_release",)


def test_home_and_variables_in_paths_are_resolved(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CORPORA", str(tmp_path / "data"))
    monkeypatch.delenv("NO_SUCH", raising=False)
    config["paths"]["iemocap"] = {
        "audio": ["~/iemocap", "$CORPORA/iemocap", "${CORPORA}x", "$NO_SUCH/x"],
        "labels": "~/labels",
        "transcripts": "$CORPORA/transcripts",
        "speakers": "~/speakers.csv",
    }
    config["noise"] = {"root": "~/esc"}
    study = load(config)
    paths = study.paths("iemocap")
    home = str(tmp_path)
    assert paths.audio == (f"{home}/iemocap", f"{home}/data/iemocap", f"{home}/datax", "$NO_SUCH/x")
    assert (paths.labels, paths.transcripts, paths.speakers) == (
        f"{home}/labels",
        f"{home}/data/transcripts",
        f"{home}/speakers.csv",
    )
    assert study.noise_root() == study.paths("_noise").labels == f"{home}/esc"


def test_a_folder_whose_name_looks_like_a_variable_is_used(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA", "elsewhere")
    folder = tmp_path / "$DATA"
    folder.mkdir()
    config["paths"]["iemocap"] = {"audio": [str(folder)], "labels": str(folder)}
    assert load(config).paths("iemocap").labels == str(folder)


def test_a_setting_at_its_default_is_not_in_the_json_of_a_corpus() -> None:
    """Corpora of finished studies are not read again because there is one more setting."""
    corpus = Corpus(adapter="table", label="", splits={"test": "all"})
    assert "on_lost_rows" not in to_json(corpus)
    assert from_json(Corpus, to_json(corpus)) == corpus
    skip = replace(corpus, on_lost_rows="skip")
    assert '"on_lost_rows":"skip"' in to_json(skip).replace(" ", "")
    assert from_json(Corpus, to_json(skip)) == skip


def test_the_papers_transformers_are_evaluated_every_hundred_steps_and_the_others_once_an_epoch() -> None:
    presets = [ROOT / "workflow/presets" / name for name in ("paper.yaml", "beyond.yaml")]
    study = load(merged([ROOT / "config.yaml", *presets]), project=ROOT)
    own = [name for name, model in study.models.items() if str(model.recipe).startswith("paper")]
    assert {name: every for name in own if (every := study.recipe(name).evaluate_every) != 100} == {"cnn14": None}
    assert {"w2v2-b", "w2v2-b-frozen", "w2v2-L-random", "w2v-bert"} <= set(own)
    assert {study.fusion(name, 42).recipe.evaluate_every for name in study.configuration.fusions} == {None}
