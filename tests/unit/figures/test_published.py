import json

import pytest

from valence_gap.definitions.figures import Description
from valence_gap.definitions.values import from_json
from valence_gap.figures import figure_02, figure_06, figure_07, figure_08, published


def described(models=("w2v2-L-robust", "own"), corpora=("msp-podcast", "cmu-mosi")):
    shown = [{"name": name, "label": name, "colour": "#000000"} for name in models]
    named = [{"name": name, "label": name} for name in corpora]
    return from_json(Description, json.dumps({"models": shown, "corpora": named}))


def test_reference_values_are_the_published_ones():
    table = published.published_cccs().set_index(["model", "corpus", "dimension"]).ccc
    assert table["w2v2-L-robust", "iemocap", "dominance"] == 0.518
    assert table.index.is_unique


def test_augmented_cccs_agree_with_the_published_mean_change():
    clean = published.published_cccs().set_index(["model", "corpus", "dimension"]).ccc
    augmented = published.published_augmented().set_index(["model", "corpus", "dimension"]).ccc
    changes = augmented - clean[augmented.index]
    stated = published.published_changes().set_index("model").change["w2v2-L-robust"]
    assert changes.mean() == pytest.approx(stated, abs=0.0005)


def test_values_of_the_shown_models_and_corpora_are_listed():
    found = published.listed(published.published_cccs(), "ccc", "CCC", described())
    assert set(found["model"]) == {"w2v2-L-robust"}
    assert set(found["corpus"]) == {"msp-podcast", "cmu-mosi"}
    assert list(found) == ["quantity", "model", "corpus", "dimension", "value", "source"]
    gaps = published.listed(published.published_gender_gaps(), "gender_gap", "gap", described())
    assert gaps[["corpus", "value"]].to_numpy().tolist() == [["", 0.019]]


@pytest.mark.parametrize("module", [figure_02, figure_06, figure_07, figure_08])
def test_no_value_is_listed_for_models_of_ones_own(module):
    listing = getattr(module, "_published", None)
    found = listing(described(("own",), ("mine",))) if listing else None
    if module is figure_08:
        assert set(found["quantity"]) == {
            f"{end} rank correlation of two models over speakers" for end in ("lowest", "highest")
        }
    elif found is not None:
        assert found.empty
