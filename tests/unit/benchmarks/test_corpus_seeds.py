"""The benchmark of corpus seeds leaves out only what no headline claim needs."""

import runpy
from pathlib import Path

import yaml

from valence_gap.claims.needs import needed
from valence_gap.definitions.claims_file import read_statements
from valence_gap.preflight.run import merged
from valence_gap.study.study import load

ROOT = Path(__file__).parents[3]
BENCHMARK = runpy.run_path(str(ROOT / "benchmarks" / "corpus_seeds.py"))


def test_no_headline_claim_names_a_role_that_is_left_out() -> None:
    headline = [one for one in read_statements(ROOT / "workflow" / "claims.yaml") if one.headline]
    sides = [side for one in headline for side in (one.first, one.second) if side is not None]
    named = {role for side in sides for role in (side.models, *side.without) if role}
    assert named
    assert not named & set(BENCHMARK["NOT_NEEDED"])


def test_another_seed_trains_the_models_of_figure_2_and_their_counterparts(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(BENCHMARK["config_of"](7)), encoding="utf-8")
    shipped, other = (load(merged([ROOT / "config.yaml", *more])) for more in ([], [tmp_path / "other.yaml"]))
    assert other.results == "results/miniature-seed-7"
    assert other.configuration.miniature is not None
    assert other.configuration.miniature.seed == 7
    shown = set(shipped.runs("figure_02"))
    assert set(other.runs("figure_02")) == shown
    claims = other.configuration.claims
    assert claims is not None
    needs = needed(ROOT / "workflow" / "claims.yaml", claims)
    models = {model for model, _ in shown}
    read = {model for model, _, _ in needs.predictions} | set(needs.training_logs) | set(needs.separation)
    counterparts = {*claims.frozen.values(), *claims.fusion.values()}
    assert read - models == counterparts


def test_other_seeds_compute_in_the_number_format_of_the_first(tmp_path: Path) -> None:
    first, other = tmp_path / "first", tmp_path / "other"
    BENCHMARK["use_format_of"](first, other)
    assert not other.exists()
    first.mkdir()
    for text in ("measured", "measured later"):
        (first / "precision.json").write_text(text)
        BENCHMARK["use_format_of"](first, other)
        assert (other / "precision.json").read_text() == "measured"
