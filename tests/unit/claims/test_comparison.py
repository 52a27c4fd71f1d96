import numpy as np
import pytest
from claims_data import MappedEvidence, paper_claims

from valence_gap.claims.comparison import beside_published
from valence_gap.claims.published import PublishedEvidence
from valence_gap.definitions.values import DIMENSIONS

PLACES = [(corpus, name) for corpus in ("msp-podcast", "iemocap") for name in DIMENSIONS] + [("cmu-mosi", "valence")]


@pytest.fixture
def beside():
    """Two models: augmentation costs .1, women are recognised better by .02, and 30 % is lost elsewhere."""
    claims = paper_claims(roles={"transformers": ("hubert-b",), "baseline": "cnn14"})
    conditions = {"clean": 0.0} | dict.fromkeys(claims.conditions["augmented"], -0.1)
    scores = {
        (model, corpus, name, condition, group): np.full(
            201, level * (1 if corpus == "msp-podcast" else 0.7) + lost + 0.02 * (group == "female")
        )
        for model, level in (("hubert-b", 0.6), ("cnn14", 0.5))
        for corpus, name in PLACES
        for condition, lost in conditions.items()
        for group in ("all", "female", "male")
    }
    ranks = {"hubert-b": "abcd", "cnn14": "abdc"}
    speakers = {model: {name: np.full(201, order.index(name) / 4) for name in "abcd"} for model, order in ranks.items()}
    evidence = MappedEvidence(scores, speakers=speakers)
    return beside_published(evidence, PublishedEvidence(), claims, 0.95).set_index(
        ["quantity", "model", "corpus", "dimension", "condition"]
    )


def test_averages_of_figures_6_and_7_are_compared(beside):
    change = beside.loc["change", "hubert-b", "", "", ""]
    assert (change["value"], change["published"]) == (pytest.approx(-0.1), -0.108)
    assert change["difference"] == pytest.approx(0.008)
    assert beside.loc["gender_gap", "cnn14", "", "", ""]["value"] == pytest.approx(0.02)
    assert beside.loc["gender_gap", "cnn14", "", "", ""]["published"] == -0.043
    assert np.isnan(beside.loc["change", "w2v2-L-robust", "", "", ""]["value"])  # not in this study


def test_losses_of_section_4e_are_compared(beside):
    drop = beside.loc["relative_drop", "cnn14", "iemocap", "dominance", ""]
    assert (drop["value"], drop["published"]) == (pytest.approx(0.3), 0.52)


def test_speakers_of_figure_8_are_compared(beside):
    rows = beside.xs(("", "msp-podcast", "valence", ""), level=("model", "corpus", "dimension", "condition"))
    assert rows["value"].to_dict() == {
        "speakers": 4,
        "lowest agreement of speakers": pytest.approx(0.8),
        "highest agreement of speakers": pytest.approx(0.8),
    }
    assert rows["published"].to_dict() == {
        "speakers": 19,
        "lowest agreement of speakers": 0.333,
        "highest agreement of speakers": 0.947,
    }


def test_every_published_number_has_a_row_and_a_source(beside):
    # Figure 2 and table III; three changes, eight gaps, six losses, and three numbers of speakers in each dimension.
    assert len(beside) == len(PublishedEvidence().table) + 3 + 8 + 6 + 9
    assert (beside["source"] != "").all()
    assert beside["published"].notna().all()
