"""The message for a value of the wrong form, in one line: the key, the value, and what would be valid."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from valence_gap.runtime.errors import valid_names

LONGEST = 80  # characters of an unknown key's value in the message


def explain(error: Mapping[str, Any], kind: Any, *, root: tuple[str, ...] = ()) -> str:
    """One line for one validation error: the key, the value, and what would be valid.

    Args:
        error: one of ``ValidationError.errors()``.
        kind: the class that was validated.
        root: the keys above the validated value in the whole configuration.
    """
    where = tuple(part for part in error["loc"] if part != "[key]")
    key = ".".join(str(part) for part in (*root, *where))
    if error["type"] == "unexpected_keyword_argument":
        siblings = _properties(TypeAdapter(kind).json_schema(), where[:-1])
        return f"{key}: unknown key, given as {_shortened(error['input'])}; {valid_names(siblings)}"
    if error["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return f"{key}: missing"
    value = _text(error["input"])
    hint = ""
    if error["type"] in ("float_type", "int_type") and isinstance(error["input"], str):
        hint = " (YAML reads a number without a decimal point before its exponent as text: write 1.0e-3)"
    return f"{key}: {value} is not valid: {error['msg'][0].lower()}{error['msg'][1:]}{hint}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _shortened(value: Any) -> str:
    """The value, truncated if it is long: after a whole section, nobody would find the valid names."""
    text = _text(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _properties(schema: Mapping[str, Any], where: tuple[Any, ...]) -> tuple[str, ...]:
    """The valid keys at a place in the configuration."""
    node: Any = schema
    for part in (*where, None):
        while "$ref" in node or "anyOf" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node["anyOf"][0]
        if part is None:
            break
        patterns = [*node.get("patternProperties", {}).values(), node.get("additionalProperties"), node.get("items")]
        node = node.get("properties", {}).get(part) or next(filter(None, patterns), {})
    return tuple(node.get("properties", {}))
