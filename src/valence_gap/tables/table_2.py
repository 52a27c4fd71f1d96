"""Table II: the pre-trained models and their pre-training data (section III-A)."""

from collections.abc import Iterable
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass
from safetensors import SafetensorError, safe_open

from valence_gap.definitions.figures import Inputs
from valence_gap.definitions.values import STRICT
from valence_gap.runtime.errors import UserError, valid_names
from valence_gap.runtime.files import read_json
from valence_gap.tables.rendering import NONE, Column, Table

ARCHITECTURES = {
    "wav2vec2": "wav2vec 2.0",
    "hubert": "HuBERT",
    "wavlm": "WavLM",
    "data2vec-audio": "data2vec",
    "wav2vec2-bert": "w2v-BERT 2.0",
    "whisper": "Whisper",
}
# First parts of the names of encoder weights; quantisers and heads (pre-training, regression) have other names.
ENCODER = ("feature_extractor", "feature_projection", "encoder", "masked_spec_embed")
DATA = ("datasets", "hours", "languages", "domains")
REMEDY = "give the folder of a pre-trained model in Hugging Face format, with safetensors"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Pretrained:
    """A pre-trained model and its data.

    Attributes:
        label: its name in the table.
        folder: in Hugging Face format, with config.json and model.safetensors.
        datasets: its pre-training data.
        hours: hours of this data, such as 960 or 60k.
        languages: their number, or the name if it is one.
        domains: of the speech, such as R (read) and T (telephone).
    """

    label: str
    folder: str
    datasets: str = ""
    hours: str = ""
    languages: str = ""
    domains: str = ""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Description:
    """What the table shows, in order."""

    models: Annotated[tuple[Pretrained, ...], Field(min_length=1)]
    note: str = ""


@dataclass(frozen=True)
class EncoderSize:
    """An encoder as its folder describes it.

    Attributes:
        architecture: its name.
        layers: transformer layers.
        hidden: hidden units of each.
        parameters: counted in the stored weights, without heads and quantisers.
    """

    architecture: str
    layers: int
    hidden: int
    parameters: int


def table(inputs: Inputs, description: Description) -> Table:
    """Return the models, measured in their folders, with the description of their data.

    Args:
        inputs: none.
        description: models.

    Raises:
        UserError: if folders contain no speech encoder; it lists all of them.
    """
    sizes = _sizes(description.models)
    pairs = list(zip(description.models, sizes, strict=True))
    numbers = pd.DataFrame([_numbers(model, size) for model, size in pairs])
    columns = [
        Column("Model"),
        Column("Architecture"),
        Column("Layers", align="r"),
        Column("Hidden", align="r"),
        Column("Parameters", align="r"),
        Column("Datasets"),
        Column("h", align="r"),
        Column("Lang"),
        Column("Domain"),
    ]
    notes = ["Parameters are those of the encoder, counted in its stored weights; heads and quantisers are left out."]
    return Table(
        "Transformer-based models, and the data that they were pre-trained on: datasets, hours (h), languages (their "
        "name if one, otherwise their number) and domains.",
        numbers,
        columns,
        [[_cells(model, size) for model, size in pairs]],
        [*notes, description.note] if description.note else notes,
    )


def measure_encoder(folder: Path) -> EncoderSize:
    """Architecture and size of the encoder in a folder; the weights themselves are not read.

    Raises:
        UserError: if the folder contains none.
    """
    config, weights = folder / "config.json", folder / "model.safetensors"
    missing = [f"{path} is missing" for path in (config, weights) if not path.is_file()]
    if missing:
        raise UserError("there is no pre-trained model", missing, REMEDY)
    try:
        content = read_json(config)
        kind = content.get("model_type")
        if kind not in ARCHITECTURES:
            raise UserError("this is no speech encoder", [f"{config}: model_type {kind!r}"], valid_names(ARCHITECTURES))
        shapes = _shapes(weights, kind)
        hidden = content["d_model" if kind == "whisper" else "hidden_size"]
        return EncoderSize(ARCHITECTURES[kind], content["num_hidden_layers"], hidden, sum(map(prod, shapes)))
    except (ValueError, KeyError, AttributeError, SafetensorError) as error:
        raise UserError("a pre-trained model cannot be read", [f"{folder}: {error!r}"], REMEDY) from error


def _shapes(weights: Path, kind: str) -> list[list[int]]:
    """Shapes of the encoder's weights; on the hub, names may have the model type as a prefix."""
    with safe_open(weights, framework="numpy") as stored:
        prefix = "model." if kind == "whisper" else f"{kind.replace('-', '_')}."
        named = {name.removeprefix(prefix): name for name in stored.keys()}  # noqa: SIM118 - no mapping
        return [stored.get_slice(name).get_shape() for part, name in named.items() if part.split(".")[0] in ENCODER]


def _sizes(models: Iterable[Pretrained]) -> list[EncoderSize]:
    """The size of each model, or one error that names all that are wrong."""
    sizes, offenders = [], []
    for model in models:
        try:
            sizes.append(measure_encoder(Path(model.folder)))
        except UserError as error:
            offenders += [f"{model.label}: {offender}" for offender in error.offenders]
    if offenders:
        raise UserError("pre-trained models cannot be measured", offenders, REMEDY)
    return sizes


def _numbers(model: Pretrained, size: EncoderSize) -> dict[str, Any]:
    return {"model": model.label, **asdict(size), **{name: getattr(model, name) for name in DATA}}


def _cells(model: Pretrained, size: EncoderSize) -> list[str]:
    data = [getattr(model, name) or NONE for name in DATA]
    return [model.label, size.architecture, str(size.layers), str(size.hidden), format_millions(size.parameters), *data]


def format_millions(count: int) -> str:
    """A number of parameters: 317 M, 1.6 M."""
    return f"{count / 1e6:.0f} M" if count >= 10e6 else f"{count / 1e6:.2g} M"
