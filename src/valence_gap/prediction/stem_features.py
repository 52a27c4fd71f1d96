"""Stem features on disk: computed once, and used by every model with the same backbone."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from valence_gap.audio import packs
from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.models.encoder import load_stem
from valence_gap.models.front_ends.stem import SECONDS_AT_ONCE, Stem
from valence_gap.models.kernels import limit_kernels
from valence_gap.models.operations import stem_flop_per_s
from valence_gap.models.sizes import size_from_config
from valence_gap.prediction.inference import batches, has_batched_stem
from valence_gap.prediction.inputs import FEATURES, Inputs, before_stem, open_inputs, pad
from valence_gap.runtime import data_files, files, precision, provenance
from valence_gap.runtime.prefetching import loaded_ahead
from valence_gap.runtime.progress import progress
from valence_gap.weights.model_types import CONFIG, WEIGHTS

RUN = "run.json"
# Audio whose features a GPU holds, and then the host: 180 MB in bfloat16 with 512 channels. Batches are made within it.
WINDOW_S = 3600.0

Bits = npt.NDArray[np.uint16] | npt.NDArray[np.float32]


def extract_features(
    backbone: Path, audio: Path, output: Path, *, rounded: bool = True, deterministic: bool = False
) -> None:
    """Compute the output of a backbone's frozen convolutional stem for a pack.

    Each utterance is computed from its waveform of zero mean and unit variance; without this normalisation if the
    backbone says ``do_normalize: false``, as WavLM Base does. On a CPU it is computed alone, without padding; on a GPU
    together with others of similar length. The memory use does not depend on the size of the corpus.

    Args:
        backbone: folder of the backbone in Hugging Face format.
        audio: pack of the audio.
        output: folder to write: ``features.npy`` (uint16, bits of bfloat16, or float32: (frames of all utterances,
            channels)), ``index.parquet`` (id, offset, frames) and ``run.json``.
        rounded: round to bfloat16; otherwise store float32, in twice the space.
        deterministic: use deterministic kernels on a GPU too; they give the same bits every time.

    Raises:
        UserError: the backbone or the pack is missing or damaged.
    """
    started = time.monotonic()
    stem = load_stem(backbone, rounded=rounded)
    size = size_from_config(files.read_json(backbone / CONFIG))
    limit_kernels(size)
    stem.extractor.to(precision.device())
    inputs = open_inputs("stem", audio=audio, stem=stem)
    with files.atomic_folder(output) as scratch, precision.deterministic_kernels(deterministic):
        _write(scratch, inputs, stem)
        sources = {"backbone": backbone / WEIGHTS, "audio": audio / packs.AUDIO, "index": audio / packs.INDEX}
        definition = {"backbone": backbone.name, "format": "bfloat16" if rounded else "float32"}
        audio_s = float(inputs.lengths.sum()) / stem.frames_per_s
        record = provenance.run_record(
            definition,
            inputs=sources,
            started=started,
            device=str(precision.device()),
            audio_s=audio_s,
            flop=audio_s * stem_flop_per_s(size),
        )
        record |= {"deterministic": deterministic or precision.device().type == "cpu"}
        files.write_json(scratch / RUN, record | ({} if stem.normalised else {"normalised": False}))


def to_bits(features: Tensor) -> npt.NDArray[np.uint16]:
    """Return the bits of the numbers in bfloat16: uint16, same shape."""
    bits: npt.NDArray[np.uint16] = features.to(torch.bfloat16).contiguous().view(torch.uint16).numpy()
    return bits


def _write(folder: Path, inputs: Inputs, stem: Stem) -> None:
    offsets = np.cumsum(inputs.lengths) - inputs.lengths
    index = {"id": pd.Series(inputs.ids, dtype="str"), "offset": offsets, "frames": inputs.lengths}
    shape = (int(inputs.lengths.sum()), _channels(stem))
    dtype = np.uint16 if stem.rounded else np.float32
    features = progress(_computed(inputs), "stem features", total=len(inputs), unit="utterances")
    blocks = (_checked(inputs, row, each, rounded=stem.rounded) for row, each in enumerate(features))
    data_files.write_blocks(folder / FEATURES, dtype, shape, blocks)
    data_files.write_parquet(folder / packs.INDEX, pd.DataFrame(index))


def _computed(inputs: Inputs) -> Iterator[Tensor]:
    """Yield the features of each utterance, in order, on the CPU."""
    place = precision.device()
    if (found := before_stem(inputs)) is None or not has_batched_stem(place):
        yield from (inputs[row] for row in range(len(inputs)))
        return
    for rows in _windows(inputs.lengths, found[0].frames_per_s):
        yield from _of_window(*found, rows, place)


def _windows(frames: npt.NDArray[np.int64], frames_per_s: float) -> list[npt.NDArray[np.int64]]:
    """Return successive rows with about ``WINDOW_S`` of audio, whose features are in memory together."""
    ends = np.cumsum(frames) // int(WINDOW_S * frames_per_s)
    return [each for each in np.split(np.arange(len(frames)), np.flatnonzero(np.diff(ends)) + 1) if each.size]


def _of_window(stem: Stem, waveforms: Inputs, rows: npt.NDArray[np.int64], place: torch.device) -> Sequence[Tensor]:
    """Return the features of some utterances, computed in batches of similar length and copied to the host at once."""
    samples = waveforms.lengths[rows]
    plan = list(batches(samples, SECONDS_AT_ONCE * SAMPLE_RATE_HZ))
    frames = [stem.frames(int(each)) for each in samples]

    def load(some: npt.NDArray[np.int64]) -> tuple[Tensor]:
        return (pad([waveforms[int(rows[each])] for each in some])[0],)

    parts: list[Tensor] = [torch.empty(0)] * len(rows)
    for some, (padded,) in zip(plan, loaded_ahead(load, plan, place), strict=True):
        features = stem.features(padded, torch.from_numpy(samples[some]))
        for number, each in zip(some, features.to(torch.bfloat16) if stem.rounded else features, strict=True):
            parts[number] = each[: frames[number]]
    return torch.split(torch.cat(parts).cpu().float(), frames)


def _checked(inputs: Inputs, row: int, features: Tensor, *, rounded: bool) -> Bits:
    if len(features) != inputs.lengths[row]:
        raise RuntimeError(f"{inputs.ids[row]}: the stem gave {len(features)} frames instead of {inputs.lengths[row]}")
    return to_bits(features) if rounded else features.numpy()


def _channels(stem: Stem) -> int:
    return stem(torch.zeros(stem.receptive_field)).shape[1]
