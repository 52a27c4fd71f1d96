"""What the page describes of a study, and what it may show."""

from typing import Any

import pytest
from miniature_configuration import MINIATURE

from valence_gap.study.page import may_show, page_description, page_model
from valence_gap.study.study import Study, load


def study(**changes: Any) -> Study:
    return load({**MINIATURE, **changes})


def test_the_miniature_is_shown_and_a_licensed_corpus_is_not() -> None:
    licensed = {**MINIATURE["paths"], "iemocap": {"audio": ["/data/a"], "labels": "/data/a", "transcripts": "/data/a"}}
    mixed = study(paths=licensed)
    for what in ("utterances", "audio"):
        assert may_show(mixed, "msp-podcast", what)  # type: ignore[arg-type]
        assert not may_show(mixed, "iemocap", what)  # type: ignore[arg-type]
    assert [corpus.rows for corpus in page_description(mixed).corpora] == [True, False, True]
    assert [corpus.synthetic for corpus in page_description(mixed).corpora] == [True, False, True]
    assert not page_description(mixed).is_synthetic()


@pytest.mark.parametrize("given", [True, False])
def test_the_configuration_decides_what_is_shown(given: bool) -> None:
    licensed = {**MINIATURE["paths"], "iemocap": {"audio": ["/data/a"], "labels": "/data/a", "transcripts": "/data/a"}}
    asked = study(paths=licensed, page={"utterances": given, "audio": given})
    assert {may_show(asked, corpus, "audio") for corpus in ("msp-podcast", "iemocap")} == {given}


def test_the_shown_model_is_the_named_one_or_the_best_or_the_first_transformer() -> None:
    names = ["cnn14", "hubert-b", "w2v2-L-robust"]
    assert page_model(study(), names) == "w2v2-L-robust"  # the role best of the claims
    assert page_model(study(page={"model": "cnn14"}), names) == "cnn14"
    assert page_model(study(), names[:2]) == "hubert-b"
    assert page_model(study(), names[:1]) == "cnn14"
    assert page_model(study(), []) is None


def test_the_description_has_the_seeds_that_the_targets_use() -> None:
    figure = {**MINIATURE["figures"]["figure_02"], "models": ["cnn14"], "seeds": "first"}
    figures = {**MINIATURE["figures"], "figure_02": figure}
    (model,) = page_description(study(targets=["figure_02"], figures=figures)).models
    assert (model.name, model.kind, model.seeds) == ("cnn14", "CNN14", (42,))
    figures = {**figures, "figure_02": {**figure, "seeds": "all"}}
    assert page_description(study(targets=["figure_02"], figures=figures)).models[0].seeds == (42, 43, 44)


def test_every_kind_of_model_is_named() -> None:
    kinds = {model.name: model.kind for model in page_description(study()).models}
    assert kinds["w2v2-b"] == "fine-tuned"
    assert kinds["w2v2-b-frozen"] == "frozen"
    assert kinds["w2v2-b-fusion"] == "fusion with text"
    assert kinds["w2v2-L-random"] == "random initialisation"
    labels = page_description(study()).conditions
    assert labels["human-0db"] == "Human, non-speech, 0 dB"
    assert labels["fade"] == "Fade-in/fade-out"


def test_the_order_of_keys_is_no_part_of_the_description() -> None:
    reordered = {name: MINIATURE["models"][name] for name in reversed(MINIATURE["models"])}
    corpora = {name: MINIATURE["corpora"][name] for name in reversed(MINIATURE["corpora"])}
    assert page_description(study(models=reordered, corpora=corpora)) == page_description(study())


def test_what_changes_no_number_changes_no_description() -> None:
    moved = {**MINIATURE["paths"], "cmu-mosi": {**MINIATURE["paths"]["cmu-mosi"], "labels": "{miniature}/elsewhere"}}
    assert page_description(study(paths=moved)) == page_description(study())


def test_the_description_names_the_backbones_and_the_model_in_the_place_of_the_paper_s_best() -> None:
    whole = page_description(study())
    assert whole.best == "w2v2-L-robust"
    assert {"mini-w2v2-b", MINIATURE["recogniser"], MINIATURE["text_encoder"]} <= set(whole.backbones)
    assert page_description(study(targets=["figure_02"])).best == ""
    figure = {**MINIATURE["figures"]["figure_02"], "models": ["cnn14", "w2v2-b"]}
    small = study(targets=["figure_02"], figures={**MINIATURE["figures"], "figure_02": figure})
    assert page_description(small).backbones == ("mini-w2v2-b",)
