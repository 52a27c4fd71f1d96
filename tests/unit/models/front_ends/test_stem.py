"""The stem on several utterances at once: each has the features that it has alone."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import make_backbone

from valence_gap.models.front_ends import stem as module
from valence_gap.models.front_ends.stem import Stem
from valence_gap.models.layers.convolution import convolve

NORMS = ("group", "layer")


@pytest.fixture(scope="module")
def stems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stem]:
    folder: Path = tmp_path_factory.mktemp("stems")
    return {norm: Stem.of(make_backbone(folder / norm, norm=norm), rounded=False) for norm in NORMS}


def padded(waveforms: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    lengths = torch.tensor([len(each) for each in waveforms])
    return torch.nn.utils.rnn.pad_sequence(waveforms, batch_first=True), lengths


@settings(max_examples=30, deadline=None)
@given(
    norm=st.sampled_from(NORMS),
    samples=st.lists(st.integers(0, 3_000), min_size=1, max_size=6),
    at_once=st.sampled_from([1, 2_000, 5_000, 10**9]),
    seed=st.integers(0, 2**16),
)
def test_features_of_a_batch_are_those_of_each_utterance_alone(
    stems: dict[str, Stem], norm: str, samples: list[int], at_once: int, seed: int
) -> None:
    stem, draw = stems[norm], torch.Generator().manual_seed(seed)
    # Loud and quiet utterances: statistics that took in the others of the batch would be far off.
    waveforms = [torch.randn(n, generator=draw) * 10.0 ** (i % 3 - 1) for i, n in enumerate(samples)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "SECONDS_AT_ONCE", at_once / 16_000)
        found = stem.features(*padded(waveforms))
    assert found.dtype == torch.float32
    assert found.shape[:2] == (len(samples), max(map(stem.frames, samples)))
    for row, waveform in enumerate(waveforms):
        torch.testing.assert_close(found[row, : stem.frames(len(waveform))], stem(waveform), atol=1e-5, rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    norm=st.sampled_from(NORMS),
    samples=st.integers(0, 6_000),
    whole=st.integers(640, 3_000),
    batched=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_a_long_utterance_is_computed_in_blocks(
    stems: dict[str, Stem], norm: str, samples: int, whole: int, batched: bool, seed: int
) -> None:
    stem, draw = stems[norm], torch.Generator().manual_seed(seed)
    waveform = torch.randn(samples, generator=draw) * torch.linspace(0.1, 3, samples)  # the blocks differ in level
    expected = stem(waveform)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "WHOLE_S", whole / 16_000)
        read = []
        patched.setattr(
            module, "convolve", lambda states, *rest: (read.append(len(states)), convolve(states, *rest))[1]
        )
        found = stem.features(*padded([waveform]))[0] if batched else stem(waveform)
    assert max(read) <= whole + math.prod(stem.strides) + stem.receptive_field
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("trained", [True, False])
def test_what_follows_an_utterance_changes_no_bit_of_its_features(
    stems: dict[str, Stem], norm: str, trained: bool
) -> None:
    stem, draw = stems[norm], torch.Generator().manual_seed(0)
    waveforms, lengths = (
        torch.randn(3, 4_000, generator=draw),
        torch.tensor([4_000, 3_217, stems[norm].receptive_field]),
    )
    silent = waveforms.clone()
    for row, length in enumerate(lengths.tolist()):
        silent[row, length:] = 0
    both = [stem.batch(each, lengths)[0] if trained else stem.features(each, lengths) for each in (waveforms, silent)]
    for row, length in enumerate(lengths.tolist()):
        frames = stem.frames(length)
        assert torch.equal(both[0][row, :frames], both[1][row, :frames])
        assert row == 0 or not torch.equal(both[0][row], both[1][row])  # the padding did differ


def test_features_of_a_batch_are_rounded_if_those_of_an_utterance_are(tmp_path: Path) -> None:
    stem = Stem.of(make_backbone(tmp_path, norm="layer"))
    waveforms = torch.randn(2, 2_000, generator=torch.Generator().manual_seed(0))
    found = stem.features(waveforms, torch.tensor([2_000, 2_000]))
    assert torch.equal(found, found.to(torch.bfloat16).float())
    torch.testing.assert_close(found[0], stem(waveforms[0]), atol=1e-2, rtol=1e-2)  # bfloat16 has three digits


def test_a_batch_is_computed_in_float32_within_autocast(stems: dict[str, Stem]) -> None:
    waveforms, lengths = torch.randn(2, 2_000), torch.tensor([2_000, 1_500])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = stems["layer"].features(waveforms, lengths)
    assert torch.equal(found, stems["layer"].features(waveforms, lengths))
