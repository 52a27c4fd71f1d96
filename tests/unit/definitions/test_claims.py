import re
import sys
from subprocess import run

import pytest
import yaml
from claims_data import CLAIMS_FILE, paper_claims

from valence_gap.claims.needs import needed
from valence_gap.claims.quantities import MEASURES
from valence_gap.claims.rendering import SECTIONS
from valence_gap.definitions.claims import (
    WITH_MARGIN,
    Claims,
    Contrast,
    NotChecked,
    QuantityName,
    Side,
    Statement,
    get_args,
)
from valence_gap.definitions.claims_file import read_not_checked, read_statements
from valence_gap.definitions.values import from_json, to_json
from valence_gap.runtime.errors import UserError

STATEMENTS = read_statements(CLAIMS_FILE)
ROW = {
    "id": "one",
    "section": "IV-A",
    "words": "The best model is better than the baseline.",
    "quantity": "ccc",
    "first": {"models": "best", "dimensions": ["valence"]},
    "second": {"models": "baseline"},
    "comparison": "greater",
}


def read(tmp_path, *rows):
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"statements": list(rows)}), encoding="utf-8")
    return read_statements(path)


def test_every_answer_in_the_paper_has_statements():
    assert len(STATEMENTS) >= 24
    assert {statement.section for statement in STATEMENTS} == set(SECTIONS)
    assert len(SECTIONS) == 15


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda one: one.id)
def test_statement_gives_the_reason_for_its_margin_threshold_or_tolerance(statement):
    if statement.comparison in WITH_MARGIN:
        assert statement.margin > 0
    if statement.margin or statement.threshold or statement.tolerance:
        assert len(statement.reason) > 10
    assert statement.words.endswith(".")
    assert len(statement.words) < 130


def test_no_two_statements_are_the_same():
    assert len({statement.words for statement in STATEMENTS}) == len(STATEMENTS)
    assert len({to_json(statement).split('"quantity"')[0] for statement in STATEMENTS}) == len(STATEMENTS)


def test_every_quantity_is_computed_and_used():
    assert set(get_args(QuantityName)) == {*MEASURES, "recall_gain"} == {one.quantity for one in STATEMENTS}
    assert set(get_args(Contrast)) == {one.contrast for one in STATEMENTS if one.contrast}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"quantity": "f1"}, ["one: quantity", "'ccc'", "gain_of_fusion"]),
        ({"first": {"models": "worst"}}, ["one: first.models", "'best'", "'baseline'"]),
        ({"first": {"models": "best", "condition": "loud"}}, ["one: first.condition", "augmented, clean"]),
        ({"first": {"models": "best", "corpus": "iemocap"}}, ["one: first.corpus: unknown key", "corpora, dimensions"]),
        ({"claim": "x"}, ["one: claim: unknown key", "comparison, contrast, first, headline, id"]),
        ({"section": "VI"}, ["one: section"]),
        ({"comparison": "within"}, ["one: margin: required with at least, at most, within"]),
        ({"comparison": "within", "margin": 0.1}, ["one: reason: missing"]),
        ({"threshold": 0.1}, ["one: reason: missing"]),
        ({"quantifier": "each"}, ["one: over"]),
        ({"over": ["models"]}, ["one: over"]),
        ({"second": None, "quantifier": "each", "over": ["others"]}, ["one: over: others"]),
        ({"second": {"corpora": ["sentiment"]}, "quantifier": "each", "over": ["others"]}, ["one: over: others"]),
        (
            {"second": {"condition": "human", "conditions": ["natural"]}},
            ["one: conditions: cannot be combined with condition"],
        ),
        ({"quantity": "lead"}, ["one: rival"]),
        ({"quantity": "recall_gain", "contrast": "large"}, ["recall_gain: must have no sides"]),
        ({"quantifier": "each", "over": ["rows"]}, ["one: over: rows is only allowed with recall_gain"]),
        (
            {"comparison": "within", "margin": 0.1, "reason": "It is enough.", "margins": {"sentiment": 0.2}},
            ["one: margins: require a margin and corpora in over"],
        ),
        ({"margins": {"sentiment": 0}}, ["one: margins.sentiment"]),
        ({"quantity": "separation"}, ["one: attribute"]),
        ({"quantity": "speaker_deviation"}, ["one: over: speakers"]),
        ({"quantity": "correlation_over_models"}, ["correlation_over_models: needs a second side"]),
        ({"first": {"dimensions": ["valence"]}}, ["one: first: must have models"]),
        ({"second": {"models": "best", "reference": "state-of-the-art"}}, ["one: second"]),
    ],
)
def test_an_error_is_reported_with_what_would_be_valid(tmp_path, change, expected):
    with pytest.raises(UserError) as raised:
        read(tmp_path, ROW | change)
    for text in expected:
        assert text in str(raised.value)


def test_all_errors_are_reported_at_once(tmp_path):
    missing = {key: value for key, value in ROW.items() if key != "words"} | {"id": "two"}
    with pytest.raises(UserError) as raised:
        read(tmp_path, ROW | {"quantity": "f1"}, missing, "three")
    assert len(raised.value.offenders) == 3
    assert any("two: words: missing" in one for one in raised.value.offenders)


def test_an_id_belongs_to_one_statement(tmp_path):
    assert len(read(tmp_path, ROW)) == 1
    with pytest.raises(UserError, match="one: 2 statements have this id"):
        read(tmp_path, ROW, ROW)


@pytest.mark.parametrize("text", ["statements: {", "[]", "statements: 3", "{statements: [], more: 1}"])
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "claims.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"claims\.yaml is not"):
        read_statements(path)


def test_the_claims_section_of_a_study_is_read_back_from_its_json():
    claims = paper_claims()
    assert from_json(Claims, to_json(claims)) == claims


def test_names_that_a_study_does_not_define_are_found():
    claims = Claims(
        roles={"best": "a", "small": ("a", "b")},
        fusion={"a": "c"},
        corpora={"in-domain": "x"},
        conditions={"mild": ("fade",)},
    )
    found = list(claims.reference_errors(models=["a"], corpora=["y"], conditions=["fade"]))
    assert found == [
        ("claims.roles.small", "b", "model"),
        ("claims.fusion.a", "c", "model"),
        ("claims.corpora.in-domain", "x", "corpus"),
    ]


def test_an_unknown_role_is_refused():
    with pytest.raises(UserError, match="'best'"):
        from_json(Claims, '{"roles": {"worst": "a"}, "corpora": {}}')


def test_needs_of_the_whole_file():
    needs = needed(CLAIMS_FILE, paper_claims())
    assert ("w2v2-L-robust", "clean", "cmu-mosi") in needs.predictions
    assert ("w2v2-L-robust", "augmented", "iemocap") in needs.predictions
    assert ("hubert-L-frozen", "synthesised", "msp-podcast") in needs.predictions
    assert ("hubert-L-fusion", "clean", "msp-podcast") in needs.predictions
    assert ("hubert-L-fusion", "augmented", "msp-podcast") not in needs.predictions
    assert ("cnn14", "clean", "iemocap") in needs.predictions
    assert {conditions for _, conditions, _ in needs.predictions} == {"clean", "augmented", "synthesised"}
    assert set(needs.training_logs) == {"w2v2-b", "cnn14"}
    assert ("sparse-7.5", "clean", "iemocap") in needs.predictions
    assert ("cnn14", "augmented", "cmu-mosi") in needs.predictions
    assert set(needs.separation) == {"cnn14", "w2v2-L-robust", "w2v2-L-random"}


def test_inconclusive_statements_need_nothing():
    claims = Claims(roles={"best": "a", "baseline": "b", "random": ()}, corpora={"in-domain": "x"})
    assert set(needed(CLAIMS_FILE, claims).predictions) == {
        ("a", "clean", "x"),
        ("b", "clean", "x"),
        ("a", "synthesised", "x"),
    }


def test_headline_claims_are_marked_with_their_place_in_the_paper():
    lines = [line for line in CLAIMS_FILE.read_text(encoding="utf-8").splitlines() if "headline: true" in line]
    assert len(lines) == sum(one.headline for one in STATEMENTS) > 5
    assert all(re.search(r"# (title|Abstract|VII)", line) for line in lines)


def test_results_without_a_statement_have_a_reason(tmp_path):
    assert len(read_not_checked(CLAIMS_FILE)) == 5
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"statements": [ROW]}), encoding="utf-8")
    assert read_not_checked(path) == ()
    wrong = {"section": "VI", "result": "Something that the paper says."}
    path.write_text(yaml.safe_dump({"statements": [ROW], "not_checked": [wrong]}), encoding="utf-8")
    with pytest.raises(UserError, match=r"not_checked\.0\.reason"):
        read_not_checked(path)


def test_the_workflow_parses_without_heavy_imports():
    code = "import sys, valence_gap.claims.needs; print([m for m in ('torch', 'scipy', 'sklearn') if m in sys.modules])"
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_field_is_described():
    for kind in (Claims, Side, Statement, NotChecked):
        fields = kind.__pydantic_fields__.values()
        assert all(field.description for field in fields)


def test_a_further_configuration_removes_a_pair_by_null() -> None:
    pairs = {"a": "a-frozen", "b": None}
    claims = Claims(roles={}, corpora={}, frozen=pairs, fusion={"a": None})
    assert (dict(claims.frozen), dict(claims.fusion)) == ({"a": "a-frozen"}, {})
    assert from_json(Claims, to_json(claims)) == claims
    without = Claims(roles={}, corpora={}, frozen={"a": "a-frozen"})
    assert to_json(claims) == to_json(without)
