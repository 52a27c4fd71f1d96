"""Finished models in a study: contradictions, what the study computes with them, how they are fetched."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import errors
from released_checkpoint import release
from small_models import make_backbone, training
from transformers import WhisperConfig

from valence_gap.definitions.models import Checkpoint
from valence_gap.models import loading
from valence_gap.models.sizes import LARGE, size_of_source
from valence_gap.preflight.plan import plan_of
from valence_gap.preflight.weights import examine_checkpoint
from valence_gap.runtime.errors import UserError
from valence_gap.study.study import load
from valence_gap.weights import hub
from valence_gap.weights.fetch import fetch_checkpoint

ROOT = Path(__file__).parents[3]
MINIATURE = yaml.safe_load((ROOT / "config.yaml").read_text())
COMMIT = "0123456789abcdef0123456789abcdef01234567"
RELEASED = {"checkpoint": {"source": "someone/released", "revision": COMMIT}, "label": "released", "colour": "#000000"}


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    found = copy.deepcopy(MINIATURE)
    found["models"]["released"] = copy.deepcopy(RELEASED)
    found["targets"] = ["figure_02"]
    found["figures"]["figure_02"]["models"] = ["released", "w2v2-b"]
    return found


def offenders(config: dict[str, Any]) -> list[str]:
    with pytest.raises(UserError) as caught:
        load(config)
    return list(caught.value.offenders)


def test_a_study_fetches_a_checkpoint_and_trains_the_others(config: dict[str, Any]) -> None:
    study = load(config)
    assert study.fetched_models() == [("released", 42)]
    assert study.fetched_backbones() == ("mini-w2v2-b",)
    assert not study.is_trained("released")
    assert not study.uses_stem_features("released", "test")
    plan = plan_of(study)
    assert plan.trainings == (("w2v2-b", 42), ("w2v2-b", 43), ("w2v2-b", 44))
    assert plan.checkpoints == (("released", 42),)
    assert ("released", 42, "clean", "iemocap") in plan.predictions


def test_without_a_training_no_train_corpus_is_needed(config: dict[str, Any]) -> None:
    config["train_corpus"] = None
    assert offenders(config) == ["train_corpus: missing, but the targets show models that are trained: w2v2-b"]
    config["figures"]["figure_02"] |= {"models": ["released"], "corpora": ["cmu-mosi"]}
    assert plan_of(load(config)).corpora == ("cmu-mosi",)


def test_keys_that_do_not_apply_to_a_checkpoint_are_reported(config: dict[str, Any]) -> None:
    given = {"backbone": "mini-w2v2-b", "recipe": "finetune", "frozen": True, "layers": 2, "fraction": 0.5}
    config["models"]["released"] |= {**given, "pretrained": False, "overrides": {"epochs": 1}, "seeds": [1, 2]}
    message = "\n".join(offenders(config))
    assert "models.released: backbone, recipe, overrides, frozen, pretrained, layers, fraction do not apply" in message
    assert "models.released.seeds: [1, 2], but a checkpoint is one model" in message


def test_a_model_without_backbone_recipe_and_checkpoint_is_reported(config: dict[str, Any]) -> None:
    del config["models"]["released"]["checkpoint"]
    assert [line.partition(";")[0] for line in offenders(config)] == [
        "models.released.backbone: missing",
        "models.released.recipe: missing",
    ]


@pytest.mark.parametrize(
    ("corrupt", "key"),
    [
        (lambda config: config["figures"]["figure_11"]["models"].append("released"), "figures.figure_11"),
        (lambda config: config["claims"]["roles"].update({"repeated": "released"}), "claims"),
    ],
)
def test_a_checkpoint_is_refused_where_a_training_log_is_needed(
    config: dict[str, Any], corrupt: Callable[[dict[str, Any]], None], key: str
) -> None:
    corrupt(config)
    assert offenders(config) == [f"{key}: needs the training log of 'released', which is a checkpoint and has none"]


def test_a_model_saved_by_a_study_is_fetched_with_its_record(tmp_path: Path) -> None:
    make_backbone(tmp_path / "backbone")
    loading.build(training(), tmp_path / "backbone").save(tmp_path / "ours")
    (tmp_path / "ours/run.json").write_text('{"definition": {"seed": 7}}')
    fetch_checkpoint("ours", Checkpoint(source=str(tmp_path / "ours")), tmp_path / "models/ours/seed-42", loading.load)
    record = json.loads((tmp_path / "models/ours/seed-42/run.json").read_text())
    assert record["made_by"] == {"definition": {"seed": 7}}
    assert loading.load(tmp_path / "models/ours/seed-42").head is not None


def test_a_folder_without_a_finished_model_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    make_backbone(tmp_path / "backbone")
    source = str(tmp_path / "backbone")
    with pytest.raises(UserError, match=f"Model x: {source} is not a finished model") as caught:
        fetch_checkpoint("x", Checkpoint(source=source), tmp_path / "models/x", loading.load)
    (_, message) = caught.value.offenders
    assert message.startswith(f"{source}/model.safetensors has no classifier.*: it is an encoder without a ")
    assert message.endswith("a finished one is results/<study>/models/<model>/seed-<seed>")
    finding = examine_checkpoint("x", Checkpoint(source=source), tmp_path / "models/x")
    assert (finding.status, finding.found) == ("wrong", message)
    assert not (tmp_path / "models/x").exists()
    assert str(tmp_path / "models") not in str(caught.value)


def test_the_error_without_a_network_names_the_files_to_download_and_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_if_invalid(*_: object, **__: object) -> None:
        raise errors.OfflineModeIsEnabled("no network")

    monkeypatch.setattr(hub, "snapshot_download", raise_if_invalid)
    checkpoint = Checkpoint(source="someone/released", revision=COMMIT)
    with pytest.raises(UserError, match="Model r cannot be fetched from the hub") as caught:
        fetch_checkpoint("r", checkpoint, tmp_path / "models/r/seed-42", loading.load)
    assert f"hf download someone/released --revision {COMMIT} --local-dir r" in caught.value.remedy
    assert "models.r.checkpoint.source: ./r" in caught.value.remedy
    with pytest.raises(UserError, match="not pinned"):
        fetch_checkpoint(
            "r", Checkpoint(source="someone/released", revision="main"), tmp_path / "models/r/seed-42", loading.load
        )


def test_the_preflight_examines_a_checkpoint(tmp_path: Path) -> None:
    release(tmp_path / "released")
    local = Checkpoint(source=str(tmp_path / "released"))
    assert examine_checkpoint("r", local, tmp_path / "fetched").status == "ok"
    finding = examine_checkpoint("r", Checkpoint(source="someone/released"), tmp_path / "fetched")
    assert (finding.status, "models.r.checkpoint.revision" in finding.details[0]) == ("wrong", True)
    size = size_of_source(local.source, tmp_path / "fetched")
    assert (size.layers, size.hidden, size.kernels, size.assumed) == (3, 16, (10, 3, 3), False)


def test_sizes_of_the_models_beyond_the_paper(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert size_of_source("microsoft/wavlm-large", nowhere) == LARGE
    assert size_of_source("facebook/data2vec-audio-large", nowhere) == LARGE
    # Its model card states 580 million parameters.
    assert size_of_source("facebook/w2v-bert-2.0", nowhere).parameters() == pytest.approx(5.8e8, rel=0.05)
    WhisperConfig(d_model=64, encoder_layers=5, encoder_ffn_dim=96, decoder_layers=9).save_pretrained(tmp_path)
    whisper = size_of_source(None, tmp_path)
    assert (whisper.layers, whisper.hidden, whisper.intermediate, whisper.padded_s) == (5, 64, 96, 30.0)
