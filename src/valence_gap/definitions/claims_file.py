"""The reader of ``workflow/claims.yaml``: a list of statements, checked one by one and together."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from valence_gap.definitions.claims import CONDITIONS, NotChecked, Side, Statement
from valence_gap.runtime.errors import UserError, valid_names
from valence_gap.runtime.files import canonical_json

KEYS = ("statements", "not_checked")
_STATEMENTS = TypeAdapter(tuple[Statement, ...])
_NOT_CHECKED = TypeAdapter(tuple[NotChecked, ...])


def read_statements(path: Path) -> tuple[Statement, ...]:
    """Read and check the statements of a claims file.

    Raises:
        UserError: one line for each error, with what would be valid.
    """
    rows = _lists(path)["statements"]
    try:
        statements = _STATEMENTS.validate_json(json.dumps(rows))
    except ValidationError as error:
        offenders = dict.fromkeys(_explain(one, rows) for one in error.errors(include_url=False))
        raise UserError(f"{path} is not valid", offenders) from None
    wrong = [f"{statement.id}: {what}" for statement in statements for what in statement.errors()]
    counts = Counter(statement.id for statement in statements)
    wrong += [f"{name}: {count} statements have this id" for name, count in counts.items() if count > 1]
    if wrong:
        raise UserError(f"{path} is not valid", wrong)
    return statements


def read_not_checked(path: Path) -> tuple[NotChecked, ...]:
    """Read the results of the paper that have no statement.

    Raises:
        UserError: one line for each error, with what would be valid.
    """
    rows = _lists(path).get("not_checked", [])
    try:
        return _NOT_CHECKED.validate_json(json.dumps(rows))
    except ValidationError as error:
        found = (f"not_checked.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise UserError(f"{path} is not valid", found) from None


def _lists(path: Path) -> dict[str, list[Any]]:
    """The lists of a claims file by their keys; ``statements`` is required."""
    # Snakemake reads the file whenever it parses the workflow; the loader in C is seven times as fast.
    try:
        content = yaml.load(
            path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
        )
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML", str(error).splitlines()) from None
    if (
        not isinstance(content, dict)
        or not {"statements"} <= set(content) <= set(KEYS)
        or not all(isinstance(value, list) for value in content.values())
    ):
        raise UserError(
            f"{path} is not a file of claims",
            remedy="It must have the key statements with a list, may have not_checked with one, and no other key.",
        )
    return content


def _explain(error: Mapping[str, Any], rows: list[Any]) -> str:
    """One line for one validation error: the statement, the key, and what would be valid."""
    index, *where = [part for part in error["loc"] if not str(part).startswith(("literal", "constrained"))]
    row = rows[index]
    name = row.get("id", f"statement {index + 1}") if isinstance(row, dict) else f"statement {index + 1}"
    key = ".".join(str(part) for part in where)
    if error["type"] == "unexpected_keyword_argument":
        fields = Side if where[0] in ("first", "second") else Statement
        return f"{name}: {key}: unknown key; {valid_names(fields.__dataclass_fields__)}"
    if error["type"].startswith("missing"):
        return f"{name}: {key}: missing"
    if error["type"] == "literal_error":
        valid = valid_names(CONDITIONS) if where[-1] == "condition" else f"valid: {error['ctx']['expected']}"
        return f"{name}: {key}: {canonical_json(error['input'])} is unknown; {valid}"
    return f"{name}: {key}: {canonical_json(error['input'])} is not valid: {error['msg']}"
