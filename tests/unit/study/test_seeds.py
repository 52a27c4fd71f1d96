from pathlib import Path

import pytest
import yaml

from valence_gap.definitions.values import to_json
from valence_gap.runtime.errors import UserError
from valence_gap.study.seeds import with_seeds
from valence_gap.study.study import load, schema

ROOT = Path(__file__).parents[3]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())


def test_models_that_name_no_seeds_get_as_many_as_the_key_says():
    given = {"a": {}, "b": {"seeds": None}, "c": {"seeds": [7]}, "d": {"checkpoint": {"source": "./x"}, "seeds": None}}
    found = with_seeds({"models": given, "seeds_per_model": 3})["models"]
    assert found == {
        "a": {"seeds": [42, 43, 44]},
        "b": {"seeds": [42, 43, 44]},
        "c": {"seeds": [7]},
        "d": {"checkpoint": {"source": "./x"}},
    }
    assert with_seeds({"models": given, "seeds_per_model": None})["models"]["b"] == {}
    assert given["b"] == {"seeds": None}  # what was given is not changed


@pytest.mark.parametrize("config", [{}, {"models": []}, {"models": {"a": 3}, "seeds_per_model": 2}])
def test_what_is_not_valid_is_kept_for_the_checks(config):
    assert with_seeds(config) == config


def test_the_study_reads_resolved_seeds(monkeypatch):
    monkeypatch.chdir(ROOT)
    one = load(CONFIG)
    more = load(CONFIG | {"seeds_per_model": 2})
    assert one.models["w2v2-L-random"].seeds == (42,)
    assert more.models["w2v2-L-random"].seeds == (42, 43)
    assert more.models["cnn14"].seeds == one.models["cnn14"].seeds == (42, 43, 44)
    # the definition of a training that exists is not changed, so it does not run again
    assert to_json(more.training("w2v2-L-random", 42)) == to_json(one.training("w2v2-L-random", 42))
    with pytest.raises(UserError) as raised:
        load(CONFIG | {"seeds_per_model": 0})
    assert "seeds_per_model" in raised.value.offenders[0]


def test_the_schema_allows_a_model_without_seeds():
    assert {"type": "null"} in schema()["$defs"]["Model"]["properties"]["seeds"]["anyOf"]


def test_the_kinds_of_models_are_those_that_are_trained_alike(monkeypatch):
    monkeypatch.chdir(ROOT)
    kinds = load(CONFIG).kinds()
    assert kinds["cnn14"] == "CNN14"
    assert kinds["w2v2-L-random"] == "random initialisation"
    assert kinds["w2v2-b-frozen"] == "frozen"
    assert kinds["w2v2-b"] == kinds["w2v2-L-robust-1"] == "fine-tuned"
    assert kinds["w2v2-b-fusion"] == "fusion"
