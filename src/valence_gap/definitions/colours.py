"""Colours of models: how they are written, and those of models that name none."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

# Paul Tol's muted colours, which colour-blind readers can distinguish, those that differ most first.
DEFAULTS = ("#332288", "#882255", "#117733", "#ddcc77", "#44aa99", "#cc6677", "#999933", "#aa4499", "#88ccee")


def _as_hexadecimal(colour: str) -> str:
    """Return ``#rrggbb`` for a colour of this form or for a name of CSS, such as teal.

    Raises:
        PydanticCustomError: there is no such colour.
    """
    if re.fullmatch("#[0-9a-fA-F]{6}", colour):
        return colour
    from PIL.ImageColor import colormap  # only if a name is used: every job reads the configuration

    found = colormap.get(colour.lower())
    if isinstance(found, str):
        return found
    raise PydanticCustomError("colour", 'No colour; valid: "#rrggbb" in quotes, or a name of CSS, such as teal')


Colour = Annotated[str, Field(pattern=r"^(#[0-9a-fA-F]{6}|[A-Za-z]+)$"), AfterValidator(_as_hexadecimal)]
