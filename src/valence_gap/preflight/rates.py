"""How long a machine takes for what jobs compute: rates that were measured, scaled to other machines.

They are used for what no finished job of the study has been measured for yet; see ``finished``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from valence_gap.preflight.work import Amount, Route, Work
from valence_gap.runtime.files import read_json
from valence_gap.runtime.provenance import cpu_model

# Dense products in bfloat16, in TFLOP/s, as the makers state them.
TFLOPS = {"A100": 312, "H100": 989, "H200": 989, "L40S": 362, "A40": 150, "A10": 125, "RTX 4090": 165, "RTX 3090": 71}

MEASURED_CARD = "H200"
LARGE_LAYERS, BASE_LAYERS, LARGE_HIDDEN = 24, 12, 1024


@dataclass(frozen=True)
class CardRate:
    """A rate that was measured on a ``MEASURED_CARD``.

    Args:
        audio_s: seconds of audio in a second.
        layers: transformer layers of the model, whose number the time is in proportion to; 0: it is not.
        busy: share of the time in which the card computed. The rest is spent by the host, on any card.
        measured: False for an assumption.
    """

    audio_s: float
    layers: int = 0
    busy: float = 1.0
    measured: bool = True


# One run on an H200 (benchmarks/results/gpu-nvidia-h200.md), batches as in the paper's recipe, utterances of 2.75-11 s.
TRAINED = {True: CardRate(2894, LARGE_LAYERS, 0.94), False: CardRate(7598, BASE_LAYERS, 0.93)}  # by: large
CARD_RATES: Mapping[Route, CardRate] = {
    "train_stem": CardRate(2063, LARGE_LAYERS, 0.94),
    "encode": CardRate(8534, LARGE_LAYERS),
    "stem": CardRate(1 / (1 / 3893 - 1 / 8534)),  # predictions from audio less those from stored features
    "train_cnn14": CardRate(10_424, busy=0.97),
    "cnn14": CardRate(20_848, busy=0.97, measured=False),
    "transcribe": CardRate(3893, measured=False),
}
CARD_START_S = 8.0

# On CPUs, one thread, as measured on an AMD EPYC with the miniature's models, wav2vec 2.0 base and the paper's CNN14.
SHARE = {True: 0.8, False: 0.6}  # of the rate of a large product, by: float32
FLOAT32_GFLOPS = 100.0  # where the rate is not measured yet; three kinds of CPUs had 94 to 141
NS_PER_VALUE: Mapping[Route, float] = {
    "stem": 4.5,
    "train_stem": 3.0,
    "transcribe": 4.5,
    "train_cnn14": 2.0,
    "cnn14": 2.0,
}
S_PER_AUDIO_S: Mapping[Route, float] = {"audio": 5e-4, "train_cnn14": 2e-4, "cnn14": 2e-4}  # log-Mel spectrograms
S_PER_UTTERANCE: Mapping[Route, float] = {"transcribe": 0.012}
CPU_START_S, SHORT_S = 3.0, 2.0
BESIDE_OTHERS = 0.67  # of the rate of a core alone, while jobs compute on the others


class Machine(Protocol):
    """What the time of a job is estimated for."""

    @property
    def name(self) -> str:
        """The machine in words."""

    def seconds(self, work: Work, amounts: tuple[Amount, ...]) -> float:
        """Estimate the time of some of the amounts of a job, without its start."""

    def start_s(self, work: Work) -> float:
        """Estimate the time from the start of a job to its first computation."""

    def assumptions(self) -> str:
        """Which rates are assumed, which were measured, and where."""


@dataclass(frozen=True)
class GpuMachine:
    """A machine with one GPU.

    Args:
        card: its name, one of ``TFLOPS``.
    """

    card: str

    @property
    def name(self) -> str:
        """The GPU."""
        return self.card

    def seconds(self, work: Work, amounts: tuple[Amount, ...]) -> float:
        """Estimate the time of some of the amounts of a job, without its start."""
        return sum(self._seconds(amount) for amount in amounts)

    def _seconds(self, amount: Amount) -> float:
        if amount.route == "audio" or (amount.route == "train_stem" and not amount.layers):
            return 0.0  # on the CPU, beside the others; and part of the rate with its encoder
        is_large = amount.size is not None and amount.size.hidden >= LARGE_HIDDEN
        rate = TRAINED[is_large] if amount.route == "train" else CARD_RATES[amount.route]
        slower = max(1.0, rate.busy * TFLOPS[MEASURED_CARD] / TFLOPS[self.card])
        return slower * (amount.layers / rate.layers if rate.layers else 1.0) * amount.audio_s / rate.audio_s

    def start_s(self, work: Work) -> float:
        """Estimate the time from the start of a job to its first computation."""
        return 0.0 if work.kind in ("audio", "short") else CARD_START_S

    def assumptions(self) -> str:
        """Which rates are assumed, which were measured, and where."""
        peak, here = TFLOPS[MEASURED_CARD], TFLOPS[self.card]
        scaled = f", scaled by {here} of {peak} TFLOP/s (dense bf16) where the card computed and not the host"
        scaled = "" if self.card == MEASURED_CARD else f"{scaled} on the {self.card}"
        return (
            f"Seconds of audio in a second, measured on one {MEASURED_CARD}{scaled}: training large models "
            f"{TRAINED[True].audio_s:,.0f}, base {TRAINED[False].audio_s:,.0f}, random weights with the stem "
            f"{CARD_RATES['train_stem'].audio_s:,.0f}, CNN14 {CARD_RATES['train_cnn14'].audio_s:,.0f}; a large model "
            f"forward from stored features {CARD_RATES['encode'].audio_s:,.0f}; in proportion to layers; stem "
            f"{CARD_RATES['stem'].audio_s:,.0f}. Assumed, not measured: CNN14 forward twice as fast as its training, "
            f"transcription as a large model, {CARD_START_S:.0f} s for the start of a job. "
            "Decoding, augmentation, synthesis, scores and figures run on the CPU and are not counted."
        )


@dataclass(frozen=True)
class CpuMachine:
    """A machine that computes on its CPU.

    Args:
        cpu: name of the CPU.
        cores: jobs that run side by side, a thread each.
        float32_gflops: rate of large products of one thread, in 1e9 operations per second.
        gflops: the same in the number format that ``precision: auto`` stands for.
        is_float32: that format is float32.
        measured: the rates were measured on this kind of CPU.
    """

    cpu: str
    cores: int
    float32_gflops: float = FLOAT32_GFLOPS
    gflops: float = FLOAT32_GFLOPS
    is_float32: bool = True
    measured: bool = False

    @property
    def name(self) -> str:
        """The CPU with its cores."""
        return f"{self.cores} core{'s' * (self.cores > 1)} of {self.cpu}"

    def seconds(self, work: Work, amounts: tuple[Amount, ...]) -> float:
        """Estimate the time of some of the amounts of a job, without its start."""
        threads = min(work.threads, self.cores)
        return sum(self._seconds(amount) for amount in amounts) / threads / self._share_of_core

    @property
    def _share_of_core(self) -> float:
        return BESIDE_OTHERS if self.cores > 1 else 1.0

    def _seconds(self, amount: Amount) -> float:
        in_float32 = amount.in_float32 or self.is_float32
        gflops = self.float32_gflops if in_float32 else self.gflops
        # A stem's products are large; those of an encoder are interrupted by normalisation, dropout and attention.
        share = 1.0 if amount.route in ("stem", "cnn14", "train_cnn14") or not amount.layers else SHARE[in_float32]
        return (
            amount.flop / (share * gflops * 1e9)
            + amount.values * NS_PER_VALUE.get(amount.route, 0.0) / 1e9
            + amount.audio_s * S_PER_AUDIO_S.get(amount.route, 0.0)
            + amount.utterances * S_PER_UTTERANCE.get(amount.route, 0.0)
        )

    def start_s(self, work: Work) -> float:
        """Estimate the time from the start of a job to its first computation."""
        return (SHORT_S if work.kind in ("audio", "short") else CPU_START_S) / self._share_of_core

    def assumptions(self) -> str:
        """Which rates are assumed, which were measured, and where."""
        rate = f"{FLOAT32_GFLOPS:.0f} GFLOP/s of one thread in large products, assumed: the first run measures them"
        if self.measured:
            rate = f"{self.gflops:.0f} GFLOP/s of one thread in large products, measured here"
            rate += "" if self.is_float32 else f" ({self.float32_gflops:.0f} in float32)"
        return (
            f"On CPUs: {rate}; of them {SHARE[False]:.0%} in transformers in bfloat16, {SHARE[True]:.0%} in float32. "
            f"For each output of a convolution {NS_PER_VALUE['stem']:g} ns in stems, {NS_PER_VALUE['cnn14']:g} in "
            f"CNN14. {1e3 * S_PER_UTTERANCE['transcribe']:.0f} ms for each transcript. {CPU_START_S:g} s for the start "
            f"of a job with a model, {SHORT_S:g} s for all of a short one. {BESIDE_OTHERS:.0%} of that speed while "
            "other cores compute. Measured on an AMD EPYC, on the miniature, wav2vec 2.0 base and the paper's CNN14."
        )


def cpu_machine(precision_file: Path, cores: int) -> CpuMachine:
    """This machine without a GPU, with the product rates that a study measured if they are of this kind of CPU.

    Args:
        precision_file: ``results/<study>/precision.json``.
        cores: jobs that run side by side.
    """
    here = cpu_model()
    try:
        found = read_json(precision_file) if precision_file.is_file() else {}
        if found.get("cpu") != here:
            return CpuMachine(here, cores)
        float32, bfloat16 = float(found["fp32_gflops"]), float(found["bf16_gflops"])
        threads = max(1, int(found["threads"]))
    except (ValueError, TypeError, LookupError, AttributeError):  # the jobs that follow the file say so
        return CpuMachine(here, cores)
    is_float32 = found.get("choice") == "fp32"
    chosen = float32 if is_float32 else bfloat16
    return CpuMachine(here, cores, float32 / threads, chosen / threads, is_float32, measured=True)
