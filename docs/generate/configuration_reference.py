"""The reference of the configuration: every key with its default, its unit and where the value comes from."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from valence_gap.study.configuration import Configuration
from valence_gap.study.study import schema

ROOT = Path(__file__).parents[2]
PAPER_PRESET = ROOT / "workflow/presets/paper.yaml"

PAPER = {
    "Backbone": dict.fromkeys(("channels", "mel_bins", "window_s", "hop_s", "block_pooling", "block_dropout"), "III-B"),
    "Recipe": {
        **dict.fromkeys(("learning_rate", "schedule", "momentum", "batch_size", "epochs"), "III-B"),
        "train_stem": "IV-K",
    },
    "Model": {"frozen": "IV-D", "pretrained": "IV-K", "layers": "V-B", "fraction": "V-C", "seeds": "V-A"},
    "Condition": dict.fromkeys(("noise_class", "snr_db", "factor", "share", "rate_per_s"), "III-D"),
    "Evaluation": dict.fromkeys(("min_samples", "speaker_draws", "bootstrap"), "IV-J"),
}
"""Section of the paper that states a key's value, by class and key."""

UNITS = {"_s": "s", "_db": "dB", "_per_s": "1/s", "hours": "h", "share": "share, 0..1", "fraction": "share, 0..1"}
"""Unit of a key by the end of its name; the longest end counts."""


def open_keys() -> frozenset[str]:
    """The keys whose value the paper leaves open, as the paper's preset marks them."""
    text = PAPER_PRESET.read_text(encoding="utf-8")
    return frozenset(re.findall(r"^ +(\w+): .*# open\b", text, flags=re.MULTILINE))


def reference() -> str:
    """Markdown: one section for each key at the top, with a table of the keys below it."""
    whole = schema()
    parts = []
    for name in Configuration.__annotations__:  # in the order of the class
        node = whole["properties"][name]
        text = f"{_text(node)} {_default_sentence(whole, name, node)}"
        parts.append(f"(config-{name})=\n## {name}\n\n{text}")
        for path, kind in classes(whole, node, name):
            parts.append(_table(whole["$defs"][kind], path, kind))
    return "\n\n".join(parts)


def classes(whole: Mapping[str, Any], node: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """The classes below a key, with the path at which their keys are: ``corpora.<name>``, Corpus."""
    if "$ref" in node:
        kind = node["$ref"].rpartition("/")[2]
        yield path, kind
        for key, child in whole["$defs"][kind].get("properties", {}).items():
            yield from classes(whole, child, f"{path}.{key}")
        return
    for one in node.get("anyOf", ()):
        yield from classes(whole, one, path)
    below = node.get("additionalProperties")
    named = [*([below] if isinstance(below, dict) else []), *node.get("patternProperties", {}).values()]
    for one in named:
        yield from classes(whole, one, f"{path}.<name>")


def _table(definition: Mapping[str, Any], path: str, kind: str) -> str:
    rows = [
        f"Keys of `{path}`. {definition.get('description', '').splitlines()[0]}",
        "",
        "| key | meaning | values | default | unit | source |",
        "|---|---|---|---|---|---|",
    ]
    required = definition.get("required", ())
    for key, node in definition.get("properties", {}).items():
        default = "required" if key in required else _code(node.get("default"))
        cells = (f"`{key}`", _text(node), values(node), default, unit(key, node), source(kind, key))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def _text(node: Mapping[str, Any]) -> str:
    """Its description, with literal angle brackets and braces that MyST leaves alone."""
    return str(node.get("description", "")).replace("<", "\\<").replace("*", "\\*")


def _default_sentence(whole: Mapping[str, Any], name: str, node: Mapping[str, Any]) -> str:
    if name in whole["required"]:
        return "Required."
    if "default" not in node:
        return "Default: the keys' own defaults, or none."
    return f"Default: {_code(node['default'])}."


def _code(value: object) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def values(node: Mapping[str, Any]) -> str:
    """The values that a key can have: names, a type, its bounds."""
    if "enum" in node:
        return ", ".join(f"`{one}`" for one in node["enum"])
    if "const" in node:
        return _code(node["const"])
    if "anyOf" in node:
        return " or ".join(values(one) for one in node["anyOf"])
    if "$ref" in node:
        return "a mapping"
    kinds = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true, false", "null": "null"}
    if node.get("type") == "array":
        items = node.get("items")
        return f"list of {values(items)}" if items else "list of " + ", ".join(map(values, node.get("prefixItems", ())))
    if node.get("type") == "object":
        return "mapping"
    return kinds.get(str(node.get("type")), "any") + _bounds(node)


def _bounds(node: Mapping[str, Any]) -> str:
    signs = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    found = [f"{sign} {node[name]}" for name, sign in signs.items() if name in node]
    if node.get("pattern") == "^#[0-9a-fA-F]{6}$":
        found.append("`#rrggbb`")
    return f" {', '.join(found)}".replace("<", "\\<") if found else ""


def unit(key: str, node: Mapping[str, Any]) -> str:
    """The unit of a number, or nothing."""
    if "number" not in json.dumps(node):
        return ""
    ends = [end for end in UNITS if key.endswith(end)]
    return UNITS[max(ends, key=len)] if ends else ""


def source(kind: str, key: str) -> str:
    """Where a value comes from: a section of the paper, open there, or nothing for a choice of each study."""
    if kind in ("Recipe", "Synthesiser", "Projection", "Corpus") and key in open_keys():
        return "[open](deviations.md)"
    section = PAPER.get(kind, {}).get(key)
    return f"paper, {section}" if section else ""
