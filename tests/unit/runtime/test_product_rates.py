"""The measured choice of the number format on CPUs."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.cli import main
from valence_gap.runtime import precision, product_rates
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.product_rates import (
    HOPELESS,
    MARGIN,
    ROUNDS,
    ProductRates,
    choose,
    following,
    measure,
    rates_of,
)
from valence_gap.runtime.provenance import cpu_model

CPU = torch.device("cpu")


def rates(choice: str = "fp32", cpu: str | None = None) -> ProductRates:
    return ProductRates(cpu_model() if cpu is None else cpu, 1, 100.0, 50.0, choice)  # type: ignore[arg-type]


@given(st.floats(1, 1e4), st.floats(0.1, 10))
def test_bfloat16_needs_a_clear_margin(fp32: float, ratio: float) -> None:
    assert choose(fp32, fp32 * ratio) == ("bf16" if fp32 * ratio >= MARGIN * fp32 else "fp32")


def timed(monkeypatch: pytest.MonkeyPatch, seconds: dict[torch.dtype, list[float]]) -> list[torch.dtype]:
    """Replace the times of products; returns the formats in the order in which they are timed."""
    order: list[torch.dtype] = []

    def time(states: torch.Tensor, weight: torch.Tensor) -> float:
        order.append(states.dtype)
        found = seconds[states.dtype]
        return found.pop(0) if len(found) > 1 else found[0]

    monkeypatch.setattr(product_rates, "_time", time)
    return order


def test_the_best_of_rounds_in_turn_counts_without_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other jobs on the machine slow single products down."""
    order = timed(monkeypatch, {torch.float32: [1e-9, 9.0, 0.1, 7.0], torch.bfloat16: [1e-9, 0.06, 5.0]})
    found = measure(1)
    assert found.choice == "bf16"
    assert found.bf16_gflops / found.fp32_gflops == pytest.approx(0.1 / 0.06, rel=0.02)
    assert order == [torch.float32, torch.bfloat16] * (ROUNDS + 1)


def test_one_round_is_enough_if_bfloat16_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    order = timed(monkeypatch, {torch.float32: [0.1], torch.bfloat16: [0.11 * HOPELESS]})
    assert measure(1).choice == "fp32"
    assert len(order) == 4  # the first products of the shape, and one round


def test_a_real_measurement_is_written_once_and_then_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = torch.get_num_threads()
    path = tmp_path / "study" / "precision.json"
    assert main(["measure-precision", "--output", str(path)]) == 0
    content = json.loads(path.read_text())
    assert set(content) == {"bf16_gflops", "choice", "cpu", "fp32_gflops", "threads"}
    assert content["choice"] == choose(content["fp32_gflops"], content["bf16_gflops"])
    assert content["fp32_gflops"] > 0
    assert content["choice"] in capsys.readouterr().out
    assert torch.get_num_threads() == threads
    monkeypatch.setattr(product_rates, "measure", lambda threads: pytest.fail("measured again"))
    assert main(["measure-precision", "--output", str(path)]) == 0
    assert json.loads(path.read_text()) == content
    assert [each.name for each in path.parent.iterdir()] == ["precision.json"]


def test_jobs_that_measure_at_once_follow_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "precision.json"

    def overtaken(threads: int) -> ProductRates:
        path.write_text(json.dumps(asdict(rates("bf16"))))  # another job ends its measurement first
        return rates("fp32")

    monkeypatch.setattr(product_rates, "measure", overtaken)
    assert rates_of(path, 1).choice == "bf16"


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Path) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(product_rates.os, "link", refuse)
    monkeypatch.setattr(product_rates, "measure", lambda threads: rates("fp32"))
    assert rates_of(tmp_path / "precision.json", 1) == rates("fp32")


def test_every_format_of_auto_follows_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "precision.json"
    monkeypatch.setattr(precision, "multiplies_in_bf16", lambda on: True)
    for choice, dtype in product_rates.FORMATS.items():
        path.write_text(json.dumps(asdict(rates(choice))))
        with following(path, 1):
            assert precision.resolve("auto", CPU) == dtype
            assert precision.resolve("fp32", CPU) == torch.float32
            assert precision.resolve("bf16", CPU) == torch.bfloat16
            assert precision.resolve("auto", torch.device("cuda")) == torch.bfloat16  # by its capability
        assert precision.resolve("auto", CPU) == torch.bfloat16


def test_nothing_is_measured_before_a_format_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_rates, "measure", lambda threads: pytest.fail("measured"))
    with following(tmp_path / "precision.json", 1):
        assert precision.resolve("fp32", CPU) == torch.float32
    with following(None, 1):
        precision.resolve("auto", CPU)


def test_another_cpu_follows_the_file_and_says_so_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "precision.json"
    path.write_text(json.dumps(asdict(rates("fp32", cpu="Some CPU"))))
    with following(path, 1):
        assert [precision.resolve("auto", CPU) for _ in range(3)] == [torch.float32] * 3
    lines = [line for line in capsys.readouterr().err.splitlines() if "Some CPU" in line]
    assert len(lines) == 1
    assert cpu_model() in lines[0]
    path.write_text(json.dumps(asdict(rates("fp32"))))
    with following(path, 1):
        precision.resolve("auto", CPU)
    assert "Some CPU" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"choice": "bf16"}', json.dumps(asdict(rates("fp16"))), json.dumps(asdict(rates()))[:-9]]
)
def test_a_damaged_file_is_reported_with_a_remedy(tmp_path: Path, text: str) -> None:
    path = tmp_path / "precision.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"(?s)precision\.json.*Delete the file"):
        rates_of(path, 1)
