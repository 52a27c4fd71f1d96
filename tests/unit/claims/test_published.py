import numpy as np
import pytest
from claims_data import BY_ID, STATEMENTS, RandomEvidence, paper_claims

from valence_gap.claims.cases import cases_of
from valence_gap.claims.decisions import satisfied
from valence_gap.claims.evidence import MissingEvidenceError
from valence_gap.claims.published import PublishedEvidence, reference
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.definitions.claims import ALL_MODELS, Side

EVERYWHERE = ("in-domain", "cross-corpus", "sentiment")
# Claims that published numbers decide in all cases, and further ones that they decide in some of them.
DECIDED = {
    "arousal-as-good-as-before",
    "dominance-as-good-as-before",
    "valence-better-by-a-quarter",
    "as-good-as-text-distilled",
    "valence-gains-most",
    "gap-closed",
    "unequal-in-valence",
    "strong-as-good-as-best",
    "more-data-is-not-better",
    "some-large-worse-than-small",
    "best-loses-less-across-corpora",
    "mild-changes-hardly-matter",
    "human-sounds-hurt-most",
    "interior-sounds-hurt-least",
    "baseline-favours-men",
    "baseline-is-least-fair",
    "transformers-fair-to-genders",
    "tuning-gave-ten-points",
    "speech-recognition-did-not-help",
    "large-was-mostly-better",
    "hubert-was-mostly-better",
    "average-pooling-was-best",
}
PARTLY = {
    "valence-better-than-baseline",
    "transformers-lose-less-across-corpora",
    "equal-in-arousal-and-dominance",
    "mixed-domains-help",
    "hubert-beats-wav2vec",
    "multilingual-worse-on-english",
    "small-as-good-in-arousal-and-dominance",
    "small-mostly-better-in-valence",
    "reasonably-robust",
    "augmentations-hurt",
    "best-is-most-robust",
    "hubert-b-is-least-robust",
    "baseline-changes-least",
    "half-the-layers-suffice",
}


def case_names(one):
    """The cases of a claim in a study that has all scores."""
    for seed in range(50):
        try:
            return [*cases_of(ResolvedStatement(one, paper_claims(), RandomEvidence(seed)))]
        except MissingEvidenceError:
            continue  # a quantity is undefined in this world
    raise AssertionError(one.id)


def published_cases(one):
    """Whether the published numbers are on the claimed side, by case; None where they are not published."""
    claims, published = paper_claims(), PublishedEvidence()
    roles = {corpus: role for role, corpus in claims.corpora.items()}
    found = {}
    for case in case_names(one):
        try:
            rows = cases_of(ResolvedStatement(one, claims, published), case).get(case)
        except MissingEvidenceError:
            rows = None
        margin = one.margins.get(roles.get(case[0].corpus), one.margin)
        found[case] = None if rows is None else satisfied(float(rows[0]), one, margin)
    return found


@pytest.mark.parametrize("one", STATEMENTS, ids=lambda one: one.id)
def test_no_claim_contradicts_the_published_numbers(one):
    cases = [*published_cases(one).values()]
    supporting, contradicting = cases.count(True), cases.count(False)
    allowed = {
        "mean": contradicting == 0,
        "each": contradicting == 0,
        "some": contradicting < len(cases),
        "most": 2 * contradicting < len(cases),
    }
    assert allowed[one.quantifier]
    assert (supporting + contradicting == len(cases)) == (one.id in DECIDED)
    assert (0 < supporting + contradicting < len(cases)) == (one.id in PARTLY)
    if one.id in DECIDED:
        assert {"some": supporting > 0, "most": 2 * supporting > len(cases)}.get(one.quantifier, contradicting == 0)


def test_the_published_range_of_agreement_supports_its_claim():
    """Means over pairs of models are not published, but the lowest pair of each dimension is."""
    lowest = reference("figure_8").set_index("dimension")["lowest"]
    assert all(satisfied(value, BY_ID["models-agree-on-speakers"]) for value in lowest)
    assert lowest.idxmin() == "valence"


def test_the_numbers_of_table_3_give_the_average_of_figure_6():
    changes = reference("figure_6").set_index("model")["change"]
    assert reference("table_3")["delta_ccc"].mean() == pytest.approx(changes["w2v2-L-robust"], abs=0.0005)


def test_the_losses_of_section_4e_are_those_of_figure_2_where_both_are_published():
    cccs = reference("figure_2").set_index(["model", "corpus", "dimension"])["ccc"]
    checked = 0
    for row in reference("section_4e").to_dict(orient="records"):
        place = (row["model"], row["corpus"], row["dimension"])
        if place in cccs.index and not isinstance(row["remark"], str):
            checked += 1
            assert 1 - cccs[place] / cccs[row["model"], "msp-podcast", row["dimension"]] == pytest.approx(
                row["relative_drop"], abs=0.005
            )
    assert checked == 2


def test_an_average_is_known_for_exactly_its_cells():
    published, claims = PublishedEvidence(), paper_claims()

    def cells(model, **more):
        side = Side(models=ALL_MODELS, **more)
        return [
            one
            for one in ResolvedStatement(BY_ID["augmentations-hurt"], claims, published).cells(side)
            if one.model == model
        ]

    augmented = cells("hubert-b", corpora=EVERYWHERE, condition="augmented")
    assert len(augmented) == 77
    np.testing.assert_allclose(published.average("change", augmented), [-0.108])
    assert published.average("change", augmented[:-1]) is None
    assert published.average("gender_gap", augmented) is None
    assert published.average("gender_gap", cells("cnn14", corpora=EVERYWHERE)) == np.array([-0.043])
    assert published.average("change", cells("w2v2-b", corpora=EVERYWHERE, condition="augmented")) is None
