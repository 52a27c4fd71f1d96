"""What a study cannot show."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from page_data import CLAIMS, CORPORA, DESCRIPTION, claim, write_results

from valence_gap.definitions.page import ShownOnPage
from valence_gap.page.limits import limits
from valence_gap.page.results import Results, read_results
from valence_gap.runtime.files import write_json


@pytest.fixture
def results(tmp_path: Path) -> Results:
    write_results(tmp_path)
    return read_results(tmp_path, DESCRIPTION)


def with_claims(results: Results, *claims: dict[str, Any]) -> Results:
    return replace(results, claims={"claims": [*claims], "summary": ""})


def test_a_miniature_is_no_evidence_about_human_speech(results: Results) -> None:
    assert limits(results)[0].startswith("**All speech is synthetic**")
    assert "no number here is evidence about human speech" in limits(results)[0]


def test_a_study_of_recorded_speech_does_not_say_so(results: Results) -> None:
    recorded = tuple(replace(corpus, synthetic=False) for corpus in CORPORA)
    assert "synthetic" not in " ".join(limits(replace(results, description=replace(DESCRIPTION, corpora=recorded))))
    mixed = replace(results, description=replace(DESCRIPTION, corpora=(CORPORA[0], recorded[1])))
    assert limits(mixed)[0].startswith("**The speech of MSP-Podcast is synthetic**")


def test_a_subset_that_is_augmented_is_stated_with_its_size(results: Results) -> None:
    def text(**numbers: int) -> str:
        named = {name.replace("_", "-"): number for name, number in numbers.items()}
        return " ".join(limits(replace(results, description=replace(DESCRIPTION, augmented_utterances=named))))

    shown = text(msp_podcast=12, cmu_mosi=30)
    assert "**Augmentations of a part of the test sets**: 12 of 30 utterances of MSP-Podcast, a fixed draw." in shown
    assert "MOSI, a fixed draw" not in shown
    for whole in ({}, {"msp_podcast": 30}, {"msp_podcast": 500}):
        assert "Augmentations" not in text(**whole)


def test_few_speakers_and_single_seeds_are_named(results: Results) -> None:
    text = " ".join(limits(results))
    assert "MSP-Podcast (3 speakers, 30 utterances) and MOSI (3 speakers, 30 utterances)" in text
    assert "**Few trainings**: 1 of 2 models were trained with one seed" in text
    many = {name: {"splits": {"test": {"utterances": 900, "speakers": 50}}} for name in ("msp-podcast", "cmu-mosi")}
    assert "Few speakers" not in " ".join(limits(replace(results, corpora=many)))


def test_convergence_that_nobody_has_looked_at_is_unknown(results: Results) -> None:
    assert any("**Convergence** of the trainings is unknown" in each for each in limits(results))
    known = replace(results, converged={"cnn14": "no", "w2v2-b": "yes"})
    assert [each for each in limits(known) if "onverge" in each] == [
        "**Not converged**: longer training may change the scores of CNN14."
    ]
    open_one = replace(results, converged={"cnn14": "unknown", "w2v2-b": "yes"})
    assert any("**Convergence** of 1 model is unknown" in each for each in limits(open_one))


def test_the_verdicts_of_the_stopping_rule_are_read(tmp_path: Path) -> None:
    write_results(tmp_path)
    models = {"cnn14": {"converged": "no", "mark": "not converged"}, "w2v2-b": {"converged": "unknown"}}
    write_json(tmp_path / "convergence.json", {"summary": "", "models": models})
    described = replace(DESCRIPTION, targets={**DESCRIPTION.targets, "convergence": ShownOnPage()})
    assert read_results(tmp_path, described).converged == {"cnn14": "no", "w2v2-b": "unknown"}


def test_models_that_claims_name_as_not_converged_are_listed_once(results: Results) -> None:
    found = with_claims(results, claim("a", "supported", not_converged=["w2v2-b"]), claim("b", "supported"))
    assert "longer training may change the scores of w2v2-b." in " ".join(limits(found))


def test_inconclusive_claims_are_counted_by_their_reason(results: Results) -> None:
    assert limits(results)[-1] == "**2 of 4 statements are inconclusive**. Inconclusive is not false."
    reasons = [claim("x", "inconclusive", limited_by=name) for name in ("seeds", "roles", "seeds")]
    assert (
        "**3 of 3 statements are inconclusive**: 2 would need more training seeds; 1 concern models or values that this"
        in limits(with_claims(results, *reasons))[-1]
    )


def test_a_study_without_inconclusive_claims_names_none(results: Results) -> None:
    assert "inconclusive" not in " ".join(limits(with_claims(results, CLAIMS[0])))
    assert "inconclusive" not in " ".join(limits(replace(results, claims=None)))
