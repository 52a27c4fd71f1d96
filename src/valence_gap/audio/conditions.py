"""The augmented variants of a test set as packs of their own (paper, sections III-D and IV-H)."""

import hashlib
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soxr

from valence_gap.audio.noise import Clips, Signal, load_clips, mix, random_segment
from valence_gap.audio.packs import AUDIO, INDEX, Pack, Samples, Waveform, open_pack, quantise, write_pack
from valence_gap.audio.subsets import drawn_rows
from valence_gap.definitions.evaluation import Condition
from valence_gap.definitions.values import SAMPLE_RATE_HZ, to_json
from valence_gap.runtime import provenance
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import canonical_json
from valence_gap.runtime.progress import progress

SPLIT = "test"
CONTEXT_S = 0.05  # the resampler reads this much on either side of a segment, so that its ends do not ring


class Augmentation(Protocol):
    """The change that a condition makes to one utterance; all random choices come from the generator."""

    def __call__(self, waveform: Waveform, generator: np.random.Generator) -> Signal | Waveform:
        """Return the augmented waveform at 16 kHz."""


def utterance_generator(seed: int, draw: str, identifier: str) -> np.random.Generator:
    """Return the random generator of one utterance; it does not depend on any other utterance.

    Args:
        seed: seed of the conditions.
        draw: name of the random choice, such as ``speed``.
        identifier: id of the utterance.
    """
    digest = hashlib.sha256(canonical_json([seed, draw, identifier]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest))


def draw_name(condition: Condition) -> str:
    """Return the name of a condition's random choice: all ratios of a noise class use the same clip and offset."""
    return f"{condition.kind}-{condition.noise_class}" if condition.kind == "noise" else condition.kind


def speed_up(
    waveform: Waveform, generator: np.random.Generator, *, factor: float, share: tuple[float, float]
) -> Waveform:
    """Speed up one random segment by resampling; its pitch moves with it.

    Args:
        waveform: float32 (samples,) at 16 kHz.
        generator: source of the segment's length and position, both uniform.
        factor: speed factor; a segment of L samples becomes one of round(L / factor).
        share: smallest and largest length of the segment as a share of the utterance.

    Returns:
        float32 (samples - L + round(L / factor),).
    """
    length = round(generator.uniform(*share) * waveform.size)
    start = int(generator.integers(waveform.size - length + 1))
    return np.concatenate(
        (waveform[:start], _resample_segment(waveform, start, length, factor), waveform[start + length :])
    )


def _resample_segment(waveform: Waveform, start: int, length: int, factor: float) -> Waveform:
    """Return the segment at ``factor`` times its speed, resampled together with the samples around it."""
    ratio = Fraction(factor).limit_denominator(1000)
    faster_length = round(length / ratio)
    # The context is a whole number of the ratio's periods, so that the segment also begins at a sample of the result.
    periods = math.ceil(CONTEXT_S * SAMPLE_RATE_HZ / ratio.numerator)
    context, end = periods * ratio.numerator, start + length
    before, after = max(0, context - start), max(0, end + context - waveform.size)
    around = np.pad(waveform[max(0, start - context) : end + context], (before, after))
    faster = soxr.resample(around, ratio.numerator, ratio.denominator, quality="VHQ")
    begin = periods * ratio.denominator
    return np.asarray(faster[begin : begin + faster_length], dtype=np.float32)


def fade(waveform: Waveform, generator: np.random.Generator, *, rate_per_s: float) -> Signal:
    """Fade in or out, in a random direction. The gain is linear, 1 at the loud end, and never below 0.

    Args:
        waveform: float32 (samples,) at 16 kHz.
        generator: source of the direction.
        rate_per_s: change of the gain per second.

    Returns:
        float64 (samples,).
    """
    gain = np.maximum(1 - rate_per_s * np.arange(waveform.size) / SAMPLE_RATE_HZ, 0)
    fade_in = bool(generator.integers(2))
    return np.asarray(waveform * (gain[::-1] if fade_in else gain), dtype=np.float64)


@dataclass
class AddNoise:
    """Adds one random noise clip per utterance at a signal-to-noise ratio, and counts the special cases.

    Attributes:
        clips: noise clips of one class.
        snr_db: signal-to-noise ratio in dB.
        silent: number of silent utterances; they stay unchanged, because they have no signal-to-noise ratio.
        scaled: number of utterances that were scaled down to avoid clipping.
        smallest_scale: the smallest of their scale factors.
        used: names of the clips that were mixed in.
    """

    clips: Clips
    snr_db: float
    silent: int = 0
    scaled: int = 0
    smallest_scale: float = 1.0
    used: set[str] = field(default_factory=set)

    def __call__(self, waveform: Waveform, generator: np.random.Generator) -> Signal | Waveform:
        """Mix one random clip into the waveform."""
        if not waveform.any():
            self.silent += 1
            return waveform
        clip = self.clips.audible[int(generator.integers(len(self.clips.audible)))]
        mixture = mix(waveform, random_segment(clip.waveform, waveform.size, generator), self.snr_db)
        self.scaled += mixture.scale < 1
        self.smallest_scale = min(self.smallest_scale, mixture.scale)
        self.used.add(clip.name)
        return mixture.signal

    def report(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {
            "silent": self.silent,
            "scaled_against_clipping": {"count": self.scaled, "smallest_scale": self.smallest_scale},
            "clips": {"audible": len(self.clips.audible), "used": len(self.used), "silent": list(self.clips.silent)},
        }


def augmentation(condition: Condition, clips: Clips) -> Augmentation:
    """Return the augmentation of a condition.

    Raises:
        UserError: the condition is not an augmentation, or its definition lacks the noise class or the ratio.
    """
    if condition.kind == "speed":
        return lambda waveform, generator: speed_up(waveform, generator, factor=condition.factor, share=condition.share)
    if condition.kind == "fade":
        return lambda waveform, generator: fade(waveform, generator, rate_per_s=condition.rate_per_s)
    if condition.noise_class is None or condition.snr_db is None:
        raise UserError(f"condition {condition.label!r} is noise and needs noise_class and snr_db")
    return AddNoise(clips, condition.snr_db)


def apply_condition(
    pack: Pack,
    clips: Clips,
    condition: Condition,
    seed: int,
    output: Path,
    *,
    utterances: int | None = None,
    checksums: Mapping[str, str] | None = None,
) -> None:
    """Write the augmented variant of a pack: the same utterances in the same order, or a fixed subset of them.

    Args:
        pack: the clean audio.
        clips: noise clips of the condition's class; other kinds do not use them.
        condition: the augmentation to apply.
        seed: seed of the conditions. The random choices of an utterance depend only on the seed, the kind, the noise
            class and the utterance's id.
        output: folder of the pack.
        utterances: how many of them, see :func:`valence_gap.audio.subsets.drawn_rows`; None: all.
        checksums: checksums of the files of pack and clips, for the run record.
    """
    started = time.monotonic()
    augment = augmentation(condition, clips)
    rows = drawn_rows(pack.ids, seed, utterances)
    report: dict[str, Any] = {} if utterances is None else {"drawn": {"utterances": len(rows), "of": len(pack)}}

    def blocks() -> Iterator[tuple[str, Samples]]:
        clipped = 0
        for row in progress(rows, condition.label, unit="utterances"):
            generator = utterance_generator(seed, draw_name(condition), pack.ids[row])
            samples, beyond = quantise(augment(pack.read(row), generator))
            clipped += beyond
            yield pack.ids[row], samples
        report["clipped_samples"] = clipped
        if isinstance(augment, AddNoise):
            report.update(augment.report())
        definition = {"condition": json.loads(to_json(condition)), "seed": seed}
        definition |= {} if utterances is None else {"utterances": utterances}
        report["run"] = provenance.run_record(definition, started=started) | {"inputs": dict(checksums or {})}

    write_pack(output, blocks(), report)


def apply_conditions(
    audio: Path,
    noises: Mapping[str, Sequence[Path]],
    conditions: Mapping[str, Condition],
    seed: int,
    output_root: Path,
    *,
    utterances: int | None = None,
) -> None:
    """Write all conditions of one test set, or of a fixed subset of it, to ``output_root/{name}/test``.

    Args:
        audio: folder of the clean pack.
        noises: noise class -> its clips; only the classes that are used are read.
        conditions: name -> definition.
        seed: seed of the conditions.
        output_root: the corpus' folder of packs.
        utterances: how many utterances, the same ones under all conditions; None: all.
    """
    pack = open_pack(audio)
    of_pack = {name: provenance.checksum(audio / name) for name in (AUDIO, INDEX)}
    by_class = sorted(conditions.items(), key=lambda item: item[1].noise_class or "")
    for noise_class, group in groupby(by_class, key=lambda item: item[1].noise_class):
        clips = load_clips(noises[noise_class]) if noise_class else Clips()
        of_clips = {f"noise/{noise_class}": provenance.checksum_of_all(noises[noise_class])} if noise_class else {}
        for name, condition in group:
            folder, checksums = output_root / name / SPLIT, of_pack | of_clips
            apply_condition(pack, clips, condition, seed, folder, utterances=utterances, checksums=checksums)
