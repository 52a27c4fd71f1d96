"""The figure of all curves."""

from pathlib import Path

import pandas as pd
import pytest

from valence_gap.cli import main
from valence_gap.figures.training_curves import plot


def curves(models: int, seeds: int, epochs: int) -> pd.DataFrame:
    rows = [
        (f"m{model}", seed, epoch, 1 / epoch, 0.1 * epoch, 0.2, 0.3)
        for model in range(models)
        for seed in range(seeds)
        for epoch in range(1, epochs + 1)
    ]
    return pd.DataFrame(rows, columns=["model", "seed", "epoch", "loss", "dev_arousal", "dev_dominance", "dev_valence"])


def test_each_model_has_a_panel_with_a_line_for_each_seed_and_dimension() -> None:
    figure = plot(curves(models=5, seeds=2, epochs=3))
    panels = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title() for axes in panels] == [f"m{k}" for k in range(5)]
    for axes in panels:
        drawn = [line for line in axes.lines if len(line.get_xdata()) == 3]
        assert len(drawn) == 2 * 4  # loss and three dimensions
        assert {line.get_linestyle() for line in drawn} == {"-", "--"}
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "arousal",
        "dominance",
        "valence",
        "training loss",
        "seed 1",
        "seed 2",
    ]


def test_a_single_epoch_is_seen() -> None:
    (axes,) = [axes for axes in plot(curves(models=1, seeds=1, epochs=1)).axes if axes.axison]
    assert {line.get_marker() for line in axes.lines if len(line.get_xdata()) == 1} == {"o"}


def test_the_command_draws_the_table(tmp_path: Path) -> None:
    curves(models=2, seeds=1, epochs=2).to_csv(tmp_path / "curves.csv", index=False)
    for name in ("one.png", "two.png"):
        assert main(["plot-curves", "--curves", str(tmp_path / "curves.csv"), "--output", str(tmp_path / name)]) == 0
    one, two = (tmp_path / "one.png").read_bytes(), (tmp_path / "two.png").read_bytes()
    assert one.startswith(b"\x89PNG")
    assert one == two


@pytest.mark.parametrize("text", ["model,seed\n", "model,seed,epoch,loss,dev_arousal,dev_dominance,dev_valence\n"])
def test_a_table_without_curves_is_an_error(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "curves.csv").write_text(text)
    assert main(["plot-curves", "--curves", str(tmp_path / "curves.csv"), "--output", str(tmp_path / "x.png")]) == 2
    assert "there are no curves" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()
