"""Sizes, operations, disk and memory, compared with independent computations of them."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from corpus_trees import write
from preflight_data import HOUR, ROOT, costs_of, paper
from safetensors.numpy import save_file
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from valence_gap.definitions.models import Backbone, Recipe, Training
from valence_gap.models import loading
from valence_gap.models.sizes import BASE, LARGE, Size, size_of_source
from valence_gap.preflight import budget
from valence_gap.preflight.cards import Card, Cards
from valence_gap.preflight.weights import damage, examine_backbone
from valence_gap.preflight.work import Work, jobs_of
from valence_gap.study.study import Study
from valence_gap.training.card_memory import ACTIVATIONS

HUB = Backbone(source="facebook/wav2vec2-base", revision="a" * 40)
FETCHED = Path("results/paper/pretrained/x")
LENGTHS = 3e-3  # utterances of dev are longer than those of train, and attention compares more frames


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder with only the claims: without fetched models and results."""
    write(tmp_path / "workflow/claims.yaml", (ROOT / "workflow/claims.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)


def test_training_the_papers_best_model() -> None:
    once_an_epoch = {"paper": {"evaluate_every": None}, "paper-random": {"evaluate_every": None}}
    costs = costs_of(paper(recipes=once_an_epoch))
    work = {one.name: one.flop for one in jobs_of(costs) if one.kind == "finetune"}
    assert work["w2v2-L-robust seed 42"] == pytest.approx(106e15, rel=0.1)  # 62 h x 5 epochs x 95 GFLOP/s
    assert work["w2v2-L-robust-12 seed 42"] == pytest.approx(work["w2v2-L-robust seed 42"] / 2, rel=0.03)
    quarter = work["w2v2-L-robust-12-25.0 seed 42"] / work["w2v2-L-robust-12 seed 42"]
    assert quarter == pytest.approx((3 * 0.25 * 62 + 10) / (3 * 62 + 10), rel=LENGTHS)
    assert {one.name: one.flop for one in jobs_of(costs)}["w2v2-L-random seed 42"] > 10 * work["w2v2-L-robust seed 42"]
    frozen = [one for one in jobs_of(costs) if one.name == "w2v2-L-frozen seed 42"]
    assert [one.kind for one in frozen] == ["pool"]


def evaluated_flop(work: Work) -> float:
    return sum(amount.flop for amount in work.evaluations)


def test_evaluations_within_epochs_are_priced() -> None:
    study = paper(targets=["figure_09"])
    costs = costs_of(study)
    work = {one.name: one for one in jobs_of(costs)}
    steps = -(-39_000 // 32)  # of an epoch; 100 steps never end with one
    assert costs.evaluations("w2v2-L-robust", study.recipe("w2v2-L-robust")) == 5 * steps // 100 + 5 == 65
    ends = sum(epoch * steps % 100 == 0 for epoch in range(1, 51))
    assert costs.evaluations("w2v2-L-random", study.recipe("w2v2-L-random")) == 50 * steps // 100 + 50 - ends
    robust = work["w2v2-L-robust seed 42"]
    assert robust.flop / evaluated_flop(robust) == pytest.approx(1 + 3 * 5 * 62 / (65 * 10), rel=LENGTHS)
    cnn14 = work["cnn14 seed 42"]
    assert evaluated_flop(cnn14) / cnn14.flop == pytest.approx(10 / (3 * 62 + 10))


def test_a_subset_that_is_augmented_is_priced_alone() -> None:
    costs = {
        number: costs_of(paper(targets=["figure_06"], augmented_utterances={"iemocap": number}))
        for number in (1_250, 5_000, 9_000)
    }
    whole = costs_of(paper(targets=["figure_06"], augmented_utterances={"iemocap": None}))
    part = 11 * 0.25 * 12 * HOUR  # eleven conditions of a quarter of the utterances
    saved = whole.disk()["packs of audio"] - costs[1_250].disk()["packs of audio"]
    assert saved == pytest.approx(32_000 * 3 * part)
    works = {number: {one.name: one for one in jobs_of(own)} for number, own in costs.items()}
    everything = {one.name: one for one in jobs_of(whole)}
    for name in ("w2v2-b seed 42 iemocap augmented", "iemocap augmented"):
        for own, known in zip(works[1_250][name].amounts, everything[name].amounts, strict=True):
            assert own.audio_s == pytest.approx(part)
            assert (own.utterances, own.flop) == (pytest.approx(known.utterances / 4), pytest.approx(known.flop / 4))
    others = [name for name in everything if "iemocap augmented" not in name]
    assert all(works[1_250][name] == everything[name] for name in others)
    assert works[5_000] == works[9_000] == everything


def test_disk_of_one_figure_by_hand() -> None:
    changes = {
        "targets": ["figure_02"],
        "figures": {"figure_02": {"models": ["cnn14", "w2v2-b"], "corpora": ["msp-podcast"]}},
    }
    parts = costs_of(paper(**changes)).disk()
    seconds = (62 + 10 + 21) * HOUR
    assert parts["packs of audio"] == 32_000 * seconds
    assert parts["stem features"] == 51_200 * seconds
    assert parts["predictions and pooled states"] == 3 * 12_902 * 2 * (2048 + 768)  # three seeds each
    assert parts["models"] == pytest.approx(3 * 4 * (95e6 + 75e6), rel=0.02)
    spectrograms = "log-Mel spectrograms of one training"
    assert parts[spectrograms] == pytest.approx(100 * 64 * 4 * (62 + 10) * HOUR)
    once = costs_of(paper(**changes, recipes={"paper-cnn14": {"epochs": 1}})).disk()
    assert once[spectrograms] == 0
    one = {"figure_02": {"models": ["w2v2-b"], "corpora": ["msp-podcast"]}}
    assert costs_of(paper(targets=["figure_02"], figures=one)).disk()[spectrograms] == 0


def test_states_on_disk_are_those_of_clean_speech_and_of_the_fusions_splits() -> None:
    figure = {"models": ["w2v2-b", "w2v2-b-fusion"], "corpora": ["msp-podcast"]}
    fused = costs_of(paper(targets=["figure_03"], figures={"figure_03": figure | {"transcribed": []}})).disk()
    assert fused["predictions and pooled states"] == 3 * (12_902 + 39_000 + 6_000) * 2 * 768
    augmented = {"models": ["w2v2-b"], "corpora": ["msp-podcast"]}
    parts = costs_of(paper(targets=["figure_06"], figures={"figure_06": augmented})).disk()
    assert parts["predictions and pooled states"] == 3 * 12_902 * 2 * 768


def test_augmented_sets_take_eleven_packs() -> None:
    figure = {"models": ["cnn14"], "corpora": ["msp-podcast"]}
    clean = costs_of(paper(targets=["figure_02"], figures={"figure_02": figure})).disk()
    augmented = costs_of(paper(targets=["figure_06"], figures={"figure_06": figure})).disk()
    assert augmented["packs of audio"] - clean["packs of audio"] == pytest.approx(11 * 21 * HOUR * 32_000)


def test_gpu_memory_decreases_with_smaller_micro_batches() -> None:
    whole = costs_of(paper()).card_memory("w2v2-L-robust")
    pieces = costs_of(paper(recipes={"paper": {"micro_batch_size": 8}})).card_memory("w2v2-L-robust")
    weights = 16 * LARGE.parameters() + 1.5e9
    assert (pieces - weights) * 4 == pytest.approx(whole - weights)
    assert 15e9 < whole < 30e9
    assert costs_of(paper()).card_memory("w2v2-L-frozen") < pieces


def kept_bytes(folder: Path, layers: int, frames: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """What the backward pass of a model would need, in the number formats of a GPU; without its weights."""
    config = Wav2Vec2Config(
        hidden_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=256,
        do_stable_layer_norm=True,
    )
    for name in ("layerdrop", "hidden_dropout", "activation_dropout", "attention_dropout", "mask_time_prob"):
        setattr(config, name, 0.0)
    Wav2Vec2Model(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)
    training = Training(backbone=HUB, recipe=Recipe(), frozen=False, pretrained=True, layers=None, fraction=1.0, seed=1)
    model = loading.build(training, folder).train()
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}
    kept: dict[int, torch.Tensor] = {}  # keeps the tensors alive, so that no address is used twice

    def keep(saved: torch.Tensor) -> torch.Tensor:
        kept[saved.untyped_storage().data_ptr()] = saved
        return saved

    normalise = torch.nn.functional.layer_norm

    def in_float32(states: torch.Tensor, *arguments: Any, **named: Any) -> torch.Tensor:  # as CUDA's autocast does
        with torch.autocast("cpu", enabled=False):
            return normalise(states.float(), *arguments, **named)

    monkeypatch.setattr(torch.nn.functional, "layer_norm", in_float32)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda saved: saved), torch.autocast("cpu", torch.bfloat16):
        model(torch.randn(1, frames, 512), torch.tensor([frames]))
    monkeypatch.setattr(torch.nn.functional, "layer_norm", normalise)
    return sum(one.untyped_storage().nbytes() for address, one in kept.items() if address not in weights)


def test_activations_are_those_that_autograd_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a layer, by frame: plain attention keeps its weights too, which grow with the square of the frames."""

    def of_a_layer(frames: int) -> float:
        one, three = (kept_bytes(tmp_path / f"{layers}", layers, frames, monkeypatch) for layers in (1, 3))
        return (three - one) / 2

    few, more, many = (of_a_layer(frames) for frames in (100, 200, 300))
    square = (many - 2 * more + few) / 2 / 100**2
    masks = 1 + 4 + 1  # of dropout, a byte for each element: after attention, inside and after the feed-forward module
    assert ((more - few) / 100 - 300 * square) / 64 + masks == pytest.approx(ACTIVATIONS, abs=0.5)


def test_each_recipe_is_listed_with_how_it_fits_a_smaller_gpu() -> None:
    costs = costs_of(paper(targets=["figure_02", "figure_09"]))
    lines = dict(line.split(": ", 1) for line in budget.card_memory(costs).details if " GB (" in line)
    assert set(lines) == {"paper", "paper-cnn14", "paper-random"}
    assert lines["paper-cnn14"].endswith("(cnn14); on 24 GB as it is; on 11 GB as it is")
    for size in (24, 11):
        pieces = int(re.search(rf"on {size} GB with micro_batch_size: (\d+)", lines["paper"])[1])
        memory = [
            costs_of(paper(recipes={"paper": {"micro_batch_size": number}})).card_memory("w2v2-L-robust")
            for number in (pieces, 2 * pieces)
        ]
        assert memory[0] <= size * 1e9 < memory[1]


def test_micro_batches_that_are_chosen_fit_where_the_whole_batch_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = costs_of(paper(targets=["figure_02"], recipes={"paper": {"micro_batch_size": "auto"}}))
    monkeypatch.setattr(budget, "find_cards", lambda: Cards((Card("Some GPU", 12e9),)))
    finding = budget.card_memory(costs)
    assert not any("Too large for it" in line for line in finding.details)
    (line,) = [line for line in finding.details if line.startswith("paper: ")]
    assert re.search(r"on 24 GB with the (16|8) utterances at once that auto chooses; on 11 GB with the [124] ", line)


def test_a_gpu_that_is_too_small_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = costs_of(paper(targets=["figure_02"]))
    for size, status in ((11e9, "differs"), (80e9, "ok")):
        monkeypatch.setattr(budget, "find_cards", lambda size=size: Cards((Card("Some GPU", size),)))
        finding = budget.card_memory(costs)
        assert (finding.status, "Some GPU has" in finding.found) == (status, True)
        assert any("Too large for it" in line for line in finding.details) == (status == "differs")


@pytest.mark.parametrize(("given", "status"), [("", "differs"), ("SLURM_JOB_GPUS=0", "wrong")])
def test_a_gpu_that_pytorch_cannot_use_is_reported(monkeypatch: pytest.MonkeyPatch, given: str, status: str) -> None:
    costs = costs_of(paper(targets=["figure_02"]))
    monkeypatch.setattr(budget, "find_cards", lambda: Cards((Card("Some GPU", 80e9),), "The driver is too old", given))
    finding = budget.card_memory(costs)
    assert finding.status == status
    assert "Some GPU cannot be used by PyTorch: jobs will " in finding.found
    assert finding.details[0] == "The driver is too old."
    assert "VALENCE_GAP_DEVICE=cpu" in finding.details[1]


def test_a_gpu_that_is_never_used_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = costs_of(paper(targets=["figure_02"]))
    monkeypatch.setattr(budget, "find_cards", Cards)
    for sentence in ("", "Apple's GPU is not used."):
        monkeypatch.setattr(budget, "unused_gpu", lambda sentence=sentence: sentence)
        assert ("Apple's GPU is not used." in budget.card_memory(costs).details) == bool(sentence)


def test_disk_too_small_for_all_features_or_for_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    study = paper(keep_features=False)
    costs = costs_of(study)
    needed, features = sum(costs.disk().values()), costs.features()
    least = needed - sum(features.values()) + max(features.values())

    def status(free: float, study: Study = study) -> str:
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr(budget.shutil, "disk_usage", lambda path: usage)
        return budget.disk(study, costs).status

    assert [status(needed + 1), status(needed - 1), status(least + 1), status(least - 1)] == [
        "ok",
        "differs",
        "differs",
        "wrong",
    ]
    assert status(needed - 1, paper()) == "wrong"


def finished_on(study: Study, model: str, gpu: str, rate: float, **more: object) -> None:
    record = {"device": "cuda", "audio_s_per_s": rate, "hardware": {"gpu": gpu}, "devices": [gpu]} | more
    write(Path(study.results) / f"models/{model}/seed-42/run.json", json.dumps(record))


def test_the_memory_of_finished_trainings_is_reported_and_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    study = paper(targets=["figure_02"])
    costs = costs_of(study)
    monkeypatch.setattr(budget, "find_cards", lambda: Cards((Card("Some GPU", 20e9, True),)))

    def too_large() -> str:
        return next(line for line in budget.card_memory(costs).details if "Too large for it" in line)

    assert "w2v2-L-robust" in too_large()
    finished_on(
        study, "w2v2-L-robust", "Some GPU", 1000.0, gpu_memory_bytes={"allocated": 1, "reserved": 19_500_000_000}
    )
    assert "w2v2-L-robust" not in too_large()
    assert "Reserved by finished trainings on Some GPU: w2v2-L-robust 19.5 GB." in budget.card_memory(costs).details


def test_a_gpu_without_bf16_needs_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = costs_of(paper(targets=["figure_02"], recipes={"paper": {"precision": "auto"}}))
    size, too_large = 1.02 * costs.card_memory("w2v2-L-robust"), {}
    for bf16 in (True, False, None):
        monkeypatch.setattr(budget, "find_cards", lambda bf16=bf16: Cards((Card("Some GPU", size, bf16),)))
        details = budget.card_memory(costs).details
        too_large[bf16] = any("Too large" in line and "w2v2-L-robust" in line for line in details)
        assert any("no products in bfloat16" in line for line in details) == (bf16 is False)
    assert too_large == {True: False, False: True, None: False}


def weights_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"a": np.ones((3, 4), np.float32), "b": np.ones(5, np.float16)}, path)
    return path


def test_damage_of_weights(tmp_path: Path) -> None:
    file = weights_file(tmp_path / "model.safetensors")
    assert damage(file) is None
    whole = file.read_bytes()
    for content in (whole[:-1], whole + b"x"):
        file.write_bytes(content)
        assert damage(file) == "is cut off or damaged"
    for content in (b"", b"short", b"\xff" * 40, whole[:20]):
        file.write_bytes(content)
        assert damage(file) == "is no safetensors file"


def test_weights_that_are_fetched_pinned_or_neither() -> None:
    assert examine_backbone("x", HUB, FETCHED).status == "unknown"
    assert size_of_source(HUB.source, FETCHED) == BASE
    for revision in (None, "main", "a" * 39):
        finding = examine_backbone("x", replace(HUB, revision=revision), FETCHED)
        assert (finding.status, "backbones.x.revision" in finding.details[0]) == ("wrong", True)
    folder = FETCHED
    weights_file(folder / "model.safetensors")
    write(folder / "config.json", json.dumps({"model_type": "hubert", "num_hidden_layers": 2, "hidden_size": 16}))
    write(folder / "run.json", json.dumps({"revision": "a" * 40}))
    assert examine_backbone("x", HUB, FETCHED).status == "ok"
    assert examine_backbone("x", replace(HUB, revision="b" * 40), FETCHED).status == "differs"
    assert size_of_source(HUB.source, FETCHED) == Size(layers=2, hidden=16, intermediate=64)
    (folder / "model.safetensors").write_bytes(b"cut")
    assert examine_backbone("x", HUB, FETCHED).status == "wrong"


def test_weights_in_a_local_folder() -> None:
    local = Backbone(source="./mine")
    assert examine_backbone("x", local, FETCHED).status == "wrong"
    write(Path("mine/config.json"), '{"model_type": "hubert"}')
    finding = examine_backbone("x", local, FETCHED)
    assert (finding.status, "model.safetensors" in finding.found) == ("wrong", True)
    weights_file(Path("mine/model.safetensors"))
    assert examine_backbone("x", local, FETCHED).status == "ok"


def test_an_unknown_size_is_marked_as_assumed() -> None:
    assert size_of_source("someone/else", FETCHED).assumed


def test_cached_conditions_are_computed_once_for_a_backbone() -> None:
    models = {"models": ["cnn14", "w2v2-b", "w2v2-b-frozen"]}
    changes = {"targets": ["figure_06"], "figures": {"figure_06": models | {"corpora": ["iemocap"], "seeds": "first"}}}
    costs = [costs_of(paper(**changes, cached_conditions=each)) for each in ([], ["augmented"])]
    conditions_s = 11 * 12 * HOUR
    more = costs[1].features()["w2v2-b"] - costs[0].features()["w2v2-b"]
    assert more == pytest.approx(2 * 512 * 49.95 * conditions_s, rel=0.01)
    streamed, stored = ({one.name: one for one in jobs_of(each)} for each in costs)
    assert set(stored) - set(streamed) == {"w2v2-b iemocap augmented"}
    (stem,) = stored["w2v2-b iemocap augmented"].amounts
    for model in ("w2v2-b", "w2v2-b-frozen"):
        name = f"{model} seed 42 iemocap augmented"
        assert [one.route for one in streamed[name].amounts] == ["encode", "stem"]
        assert stored[name].amounts == streamed[name].amounts[:1]
        assert stem.flop == pytest.approx(streamed[name].amounts[1].flop)
    assert stored["cnn14 seed 42 iemocap augmented"] == streamed["cnn14 seed 42 iemocap augmented"]


def test_float32_features_and_states_take_twice_the_space() -> None:
    changes = {
        "targets": ["figure_02"],
        "figures": {"figure_02": {"models": ["cnn14", "w2v2-b", "hubert-b"], "corpora": ["msp-podcast"]}},
    }
    rounded = costs_of(paper(**changes))
    models = {"w2v2-b": {"overrides": {"precision": "fp32"}}}
    exact = costs_of(paper(**changes, models=models))
    assert exact.features() == {
        "w2v2-b": 2 * rounded.features()["w2v2-b"],
        "hubert-b": rounded.features()["hubert-b"],
    }
    states = "predictions and pooled states"
    assert exact.disk()[states] - rounded.disk()[states] == 3 * 12_902 * 2 * 768


def test_a_frozen_backbone_in_training_mode_computes_its_states_in_each_epoch_and_evaluation() -> None:
    name = "w2v2-L-frozen"
    once, anew = (
        next(one for one in jobs_of(costs_of(paper(**changes))) if one.name == f"{name} seed 42")
        for changes in ({}, {"models": {name: {"overrides": {"frozen_mode": "training"}}}})
    )
    assert anew.flop / once.flop == pytest.approx((5 * 62 + 65 * 10) / (62 + 10), rel=LENGTHS)
    assert evaluated_flop(anew) / once.flop == pytest.approx(65 * 10 / (62 + 10), rel=LENGTHS)
    assert not once.evaluations
