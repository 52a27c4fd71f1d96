"""A wrong configuration is refused with its key; an accepted one gives everything that the workflow needs."""

import copy
import datetime
from pathlib import Path

import yaml
from harness import attempt, fuzz_settings
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.definitions.values import to_json
from valence_gap.study.study import load

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
CIRCLE = []
CIRCLE.append(CIRCLE)
DEEP = "end"
for _ in range(3000):
    DEEP = [DEEP]
STRANGE = [
    *(
        None,
        True,
        -1,
        0,
        10**30,
        1e308,
        float("nan"),
        float("inf"),
        "",
        " ",
        "all",
        "../../etc",
        "/",
        "-x",
        "a\nb",
        "\x00",
    ),
    *([], {}, [None], {"": None}, {"models": []}, [[["a"]]], {1: 2}, {None: 1}, {True: 1}, {(1, 2): 3}, "\ud800"),
    *(datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1), b"bytes", {"a", "b"}, CIRCLE, DEEP, "é", "x" * 5000),
    *("{miniature}", "{miniature}/../..", "$(touch pwned)", "#00000g", "1e-3", "figure_02", "claims"),
]


def places(node, path=()):
    """Yield the paths of all keys and items in the configuration."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


PLACES = list(places(CONFIG))
VALUES = st.one_of(st.sampled_from(STRANGE), st.integers(), st.floats(), st.text(max_size=10), st.sampled_from(PLACES))
STEP = st.tuples(st.sampled_from(["delete", "set", "set", "add", "rename", "copy"]), st.sampled_from(PLACES), VALUES)


def changed(steps):
    config = copy.deepcopy(CONFIG)
    for what, (*above, last), value in steps:
        try:
            node = config
            for key in above:
                node = node[key]
            node[last]  # an earlier step may have removed it
        except (KeyError, IndexError, TypeError):
            continue
        name = value if isinstance(value, str | int | float | bool | None) else str(type(value))
        match what:
            case "delete":
                del node[last]
            case "set":
                node[last] = list(value) if isinstance(value, tuple) else value
            case "add" if isinstance(node, dict):
                node[name] = value
            case "rename" if isinstance(node, dict):
                node[name] = node.pop(last)
            case "copy" if isinstance(node, dict):
                node[name] = copy.deepcopy(node[last])
    return config


def used(config):
    """Load a study and use it as the workflow does."""
    study = load(config)
    assert study.results.startswith("results/")
    assert ".." not in Path(study.results).parts
    for target in study.targets:
        runs = list(study.runs(target))
        for model, seed in runs:
            if model in study.models:
                assert "NaN" not in to_json(study.training(model, seed))
    study.fetched_backbones()
    for corpus in study.configuration.corpora:
        assert corpus == Path(corpus).name
        to_json(study.paths(corpus))
        to_json(study.corpus(corpus))
    return study


@fuzz_settings("configuration")
@given(steps=st.lists(STEP, min_size=1, max_size=3))
def test_configuration(steps):
    attempt(lambda: used(changed(steps)), names=("configuration",))
