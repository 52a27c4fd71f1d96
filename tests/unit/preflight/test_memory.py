"""The main memory of jobs, with the pooled states that they hold."""

from pathlib import Path

import pytest
from corpus_trees import write
from preflight_data import ROOT, costs_of, paper

from valence_gap.models.sizes import BASE
from valence_gap.preflight.memory import REQUESTED_MEM_MB, job_memory

RUNTIME = 2e9
ROWS = {"train": 39_000, "dev": 6_000, "test": 12_902}  # of MSP-Podcast in these costs


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder with only the claims: without fetched models and results."""
    write(tmp_path / "workflow/claims.yaml", (ROOT / "workflow/claims.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)


def needed(target: str, *models: str, **overrides: str) -> dict[str, float]:
    """Gigabytes of the largest job of each rule, for a figure of some models on MSP-Podcast."""
    figure = {"models": list(models), "corpora": ["msp-podcast"], "transcribed": []}
    changed = {models[0]: {"overrides": overrides}}
    line = job_memory(costs_of(paper(targets=[target], figures={target: figure}, models=changed))).details[0]
    return {rule: float(size) for rule, size, *_ in (part.split() for part in line.split("; "))}


def test_pooled_states_are_counted_for_clean_speech_alone() -> None:
    weights = 8 * sum(
        9 * (a * b + b * b) for a, b in zip((1, 64, 128, 256, 512, 1024), (64, 128, 256, 512, 1024, 2048), strict=True)
    )
    found = needed("figure_06", "cnn14")
    assert found["predict"] == pytest.approx(
        (weights + RUNTIME + 6 * 2048 * ROWS["test"] + 300 * ROWS["test"]) / 1e9, abs=0.05
    )
    assert found["predict_conditions"] == pytest.approx((weights + RUNTIME + 300 * 11 * ROWS["test"]) / 1e9, abs=0.05)
    assert found["predict"] > found["predict_conditions"]


def test_pooled_states_that_train_a_fusion_or_the_head_of_a_frozen_model_are_counted() -> None:
    weights = 8 * BASE.parameters()
    fused = needed("figure_03", "w2v2-b", "w2v2-b-fusion")
    assert fused["pool_states"] == pytest.approx((weights + RUNTIME + 6 * 768 * ROWS["train"]) / 1e9, abs=0.05)
    frozen = needed("figure_02", "w2v2-b-frozen")
    both = ROWS["train"] + ROWS["dev"]
    assert frozen["finetune"] == pytest.approx((weights + RUNTIME + 4 * 768 * both) / 1e9, abs=0.05)
    anew = needed("figure_02", "w2v2-b-frozen", frozen_mode="training")
    assert anew["finetune"] == pytest.approx((weights + RUNTIME) / 1e9, abs=0.05)


def test_pooled_states_in_float32_are_not_stored_in_half_the_space() -> None:
    rounded = needed("figure_03", "w2v2-b", "w2v2-b-fusion")
    exact = needed("figure_03", "w2v2-b", "w2v2-b-fusion", precision="fp32")
    assert exact["pool_states"] - rounded["pool_states"] == pytest.approx(2 * 768 * ROWS["train"] / 1e9, abs=0.05)
    assert exact["pool_states"] > rounded["pool_states"]


def test_the_rules_request_enough_for_the_papers_models() -> None:
    finding = job_memory(costs_of(paper()))
    assert (finding.status, finding.found) == ("ok", "the rules request enough")
    sizes = {part.split()[0]: float(part.split()[1]) for part in finding.details[0].split("; ")}
    assert set(sizes) == set(REQUESTED_MEM_MB) - {"fetch_checkpoint"}
    assert all(size * 1000 <= REQUESTED_MEM_MB[rule] for rule, size in sizes.items())
