"""The default configuration: it has every key with an explanation, and values in comments are the defaults."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from valence_gap.study.study import schema

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "config.yaml").read_text()
SCHEMA = schema()
# The sections with the keys of each class.
SECTIONS = {
    "Corpus": ("corpora",),
    "CorpusPaths": ("paths",),
    "Noise": ("noise",),
    "Miniature": ("miniature",),
    "MiniatureCorpus": ("miniature",),
    "Speech": ("speech",),
    "Pretraining": ("pretraining",),
    "Recogniser": ("recogniser_training",),
    "TextEncoder": ("text_pretraining",),
    "Backbone": ("backbones",),
    "Synthesiser": ("synthesiser",),
    "Condition": ("conditions",),
    "Recipe": ("recipes",),
    "Model": ("models",),
    "Checkpoint": ("models",),
    "FusionModel": ("fusions",),
    "Figure": ("figures", "tables"),
    "Claims": ("claims",),
    "Convergence": ("convergence",),
    "Evaluation": ("evaluation",),
    "Projection": ("projection",),
    "Export": ("export",),
    "Page": ("page",),
}


def sections() -> dict[str, str]:
    """The lines of each top-level key, and the comment above it."""
    live = set(re.findall(r"^(\w+):", TEXT, flags=re.MULTILINE))
    commented = "|".join(set(SCHEMA["properties"]) - live)
    found: dict[str, str] = {}
    name, above = "", ""
    for line in TEXT.splitlines(keepends=True):
        if key := re.match(rf"(\w+):|# ({commented}):", line):
            name = key[1] or key[2]
            found[name], above = above + line, ""
        elif line.startswith("#") and not (name not in live and line.startswith("#   ")):
            above += line
        elif line.strip():
            found[name] += line
        else:
            above = ""
    return found


def is_explained(key: str, text: str) -> bool:
    """Whether the key is in a line before a comment, or in a comment."""
    return any(re.search(rf"(?<![\w-]){key}:.*#|#.*(?<![\w-]){key}:", line) for line in text.splitlines())


def test_every_section_is_explained() -> None:
    found = sections()
    assert set(found) == set(SCHEMA["properties"])
    assert [key for key, text in found.items() if "#" not in text] == []


def test_every_class_has_its_section() -> None:
    assert set(SECTIONS) == set(SCHEMA["$defs"])


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_of_a_definition_is_explained(name: str) -> None:
    text = "".join(sections()[section] for section in SECTIONS[name])
    assert [key for key in SCHEMA["$defs"][name]["properties"] if not is_explained(key, text)] == []


@pytest.mark.parametrize("name", [name for name in SECTIONS if name not in ("Checkpoint", "MiniatureCorpus")])
def test_values_in_comments_are_the_defaults(name: str) -> None:
    keys = SCHEMA["$defs"][name]["properties"]
    for section in SECTIONS[name]:
        for key, value in re.findall(r"^ *# +(\w+): (.+?)(?: +#.*)?$", sections()[section], flags=re.MULTILINE):
            if key in keys and keys[key].get("default") is not None:
                assert yaml.safe_load(value) == keys[key]["default"], key


def test_values_in_comments_on_top_level_keys_are_the_defaults() -> None:
    found = re.findall(r"^# ((?:preflight|cached_splits): .*)$", TEXT, re.M)
    commented: dict[str, Any] = yaml.safe_load("\n".join(found))
    assert commented == {name: SCHEMA["properties"][name]["default"] for name in ("preflight", "cached_splits")}
