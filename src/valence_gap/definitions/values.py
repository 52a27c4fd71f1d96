"""What all definitions share: their JSON, names, numbers, dimensions and splits.

Every definition is a frozen dataclass. ``to_json`` returns its canonical JSON, which rules pass to sub-commands and
Snakemake compares; ``from_json`` reads it back.
"""

from collections.abc import Sized
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from valence_gap.definitions.validation import explain
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import canonical_json

SAMPLE_RATE_HZ = 16_000
Dimension = Literal["arousal", "dominance", "valence"]
Split = Literal["train", "dev", "test"]
DIMENSIONS: tuple[Dimension, ...] = ("arousal", "dominance", "valence")
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")]
Positive = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
T = TypeVar("T")


def is_none(value: object) -> bool:
    """Whether a value is None: for ``exclude_if`` of a key that is left out of its definition's JSON where it is null.

    Snakemake compares this JSON, so studies that were finished before the key existed do not run again.
    """
    return value is None


def is_empty(value: Sized) -> bool:
    """Whether a mapping is empty, for ``exclude_if`` as :func:`is_none`."""
    return not value


def as_tuple(names: str | tuple[str, ...]) -> tuple[str, ...]:
    """One name or several names, as a tuple."""
    return (names,) if isinstance(names, str) else tuple(names)


def to_json(value: Any) -> str:
    """The canonical JSON of a definition: equal definitions give equal text."""
    return canonical_json(TypeAdapter(type(value)).dump_python(value, mode="json"))


def from_json(cls: type[T], text: str) -> T:
    """Read a definition of class ``cls`` back from its JSON.

    Raises:
        UserError: one line for each error: the key, the value, and what would be valid.
    """
    try:
        return TypeAdapter(cls).validate_json(text)
    except ValidationError as error:
        wrong = [explain(one, cls, root=(cls.__name__,)) for one in error.errors(include_url=False)]
        raise UserError(
            "a definition given as JSON is not valid",
            wrong,
            "Give one JSON object, in single quotes for the shell; `snakemake --printshellcmds` shows valid ones.",
        ) from None
