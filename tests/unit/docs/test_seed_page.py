"""The page on other corpus seeds says what the studies have."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "docs"))

from seed_page import CorpusSeeds, agreement, count_agreements, is_decided, verdict

CCCS = {1: {"cnn14": 0.25, "large": 0.5, "base": 0.25}, 2: {"cnn14": 0.125, "large": 0.5, "base": 0.5}}
VERDICTS = {"a": ("supported", "supported"), "b": ("supported", "contradicted"), "c": ("inconclusive", "contradicted")}


def claim(name: str, found: str) -> dict[str, object]:
    estimate = None if found == "inconclusive" else -0.5
    numbers = {"estimate": estimate, "low": -0.75, "high": 0.25}
    return {
        "id": name,
        "section": "IV-A",
        "claim": f"Claim {name}.",
        "headline": name != "c",
        "verdict": found,
        **numbers,
    }


@pytest.fixture
def seeds(tmp_path: Path) -> CorpusSeeds:
    studies = [
        {
            "seed": seed,
            "scores": [
                {"corpus": "iemocap", "dimension": "valence", "model": model, "ccc": value}
                for model, value in values.items()
            ],
            "claims": [claim(name, found[number]) for name, found in VERDICTS.items()],
        }
        for number, (seed, values) in enumerate(CCCS.items())
    ]
    (tmp_path / "seeds.json").write_text(json.dumps({"studies": studies}))
    return CorpusSeeds(tmp_path / "seeds.json")


def test_claims_agree_are_reversed_or_are_not_decided_by_every_seed(seeds: CorpusSeeds) -> None:
    assert list(map(agreement, seeds.claims(headline=False))) == ["the same", "reversed", "not the same"]
    assert count_agreements(seeds.claims(headline=True)) == {"the same": 1, "reversed": 1, "not the same": 0}
    assert [verdict(one) for one in seeds.claims(headline=False)[2]] == [
        "inconclusive",
        "contradicted: −.50 [−.75, .25]",
    ]


def test_other_claims_are_those_with_an_interval_in_every_study(seeds: CorpusSeeds) -> None:
    assert [claim[0]["id"] for claim in seeds.tested()] == ["c"]
    assert is_decided(seeds.tested()[0])
    seeds.studies[0]["claims"][2]["low"] = None
    assert seeds.tested() == []


def test_leads_and_moves_are_differences_of_the_scores(seeds: CorpusSeeds) -> None:
    gaps = seeds.gaps("valence")
    assert gaps.loc[("iemocap", "large")].to_dict() == {1: 0.25, 2: 0.375}
    assert gaps.loc[("iemocap", "base")].to_dict() == {1: 0.0, 2: 0.375}
    assert "cnn14" not in gaps.index.get_level_values("model")
    expected = {"corpus": "iemocap", "dimension": "valence", "mean": 0.125, "max": 0.25, "model": "base"}
    pd.testing.assert_series_equal(seeds.moves().iloc[0][list(expected)], pd.Series(expected), check_names=False)
