"""Packed frames give the numbers and gradients of padded ones, with attention computed sequence by sequence."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from small_encoders import LENGTHS, computed, encoder_of

from valence_gap.models import wav2vec2
from valence_gap.models.layers import packed_attention, packing
from valence_gap.models.layers.packed_attention import attend_packed
from valence_gap.models.layers.packing import packing_of
from valence_gap.runtime import precision

CPU = torch.device("cpu")


def packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav2vec2, "is_packed", lambda device, head_width: True)


@pytest.mark.parametrize("capacity", [1, 64])
@pytest.mark.parametrize("layerdrop", [0.0, 0.5])
@pytest.mark.parametrize("stable", [False, True])
@pytest.mark.parametrize("lengths", [LENGTHS, torch.tensor([12, 12])], ids=["padded", "full"])
def test_packed_frames_give_the_numbers_and_gradients_of_padded_ones(
    monkeypatch: pytest.MonkeyPatch, lengths: torch.Tensor, stable: bool, layerdrop: float, capacity: int
) -> None:
    encoder = encoder_of(do_stable_layer_norm=stable, layerdrop=layerdrop)
    expected = computed(encoder, lengths)
    packed(monkeypatch)
    monkeypatch.setattr(packing, "CAPACITY", capacity)
    found = computed(encoder, lengths)
    assert len(found) == len(expected) > 3
    for one, other in zip(found, expected, strict=True):
        assert (one - other).norm() <= 1e-5 * other.norm() + 1e-7


def test_activation_checkpoints_change_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    packed(monkeypatch)
    encoder = encoder_of(layerdrop=0.3)
    expected = computed(encoder, LENGTHS)
    encoder.activation_checkpointing_enable()
    for one, other in zip(computed(encoder, LENGTHS), expected, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_values_in_the_padding_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    packed(monkeypatch)
    encoder = encoder_of()
    assert torch.equal(computed(encoder, LENGTHS)[0], computed(encoder, LENGTHS, garbage=1e3)[0])


def test_packed_frames_are_as_close_to_float32_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = encoder_of().eval()
    exact = computed(encoder, LENGTHS)[0]
    packed(monkeypatch)
    with precision.autocast(torch.bfloat16, "cpu"):
        rounded = computed(encoder, LENGTHS)[0]
    assert 0 < (rounded - exact).norm() < 0.02 * exact.norm()


@settings(deadline=None, max_examples=50)
@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=50), filled=st.booleans())
def test_each_valid_frame_is_packed_once_and_returns_to_its_place(lengths: list[int], filled: bool) -> None:
    counts = torch.tensor(lengths)
    width = max(lengths) + 3
    states = torch.arange(1, len(lengths) * width * 2 + 1, dtype=torch.float32).view(len(lengths), width, 2)
    places = packing_of(counts, width, CPU, filled=filled)
    frames = places.pack(states)
    assert places.frames == sum(lengths)
    assert frames[: places.frames].equal(torch.cat([row[:count] for row, count in zip(states, lengths, strict=True)]))
    returned = places.unpack(frames, states.shape)
    valid = torch.arange(width) < counts[:, None]
    assert returned.equal(states * valid[..., None])
    sizes = places.starts.diff()
    assert sizes[: len(lengths)].tolist() == lengths
    assert int(sizes.min()) >= 0
    assert int(sizes.max()) <= places.longest
    assert int(places.starts[-1]) == len(frames)
    if filled:
        assert len(frames) % packing.CAPACITY == 0
        assert len(sizes) % packing.SEQUENCES == 0
        assert int(sizes[len(lengths) :].max()) <= packing.CAPACITY // packing.MIN_FILLERS
    else:
        assert len(frames) == sum(lengths)


def test_attention_stays_within_each_sequence() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(12, 2, 8, generator=generator) for _ in range(3))
    found = attend_packed(query, key, value, torch.tensor([0, 5, 5, 12], dtype=torch.int32), 7)
    for start, end in ((0, 5), (5, 12)):
        one = (each[None, start:end].transpose(1, 2) for each in (query, key, value))
        expected = F.scaled_dot_product_attention(*one)[0].transpose(0, 1)
        torch.testing.assert_close(found[start:end], expected)


def test_attention_drops_weights_at_the_rate() -> None:
    torch.manual_seed(0)
    frames = 64
    same = torch.zeros(frames, 1, frames)
    starts = torch.tensor([0, frames], dtype=torch.int32)
    weights = attend_packed(same, same, torch.eye(frames)[:, None], starts, frames, rate=0.25)[:, 0] * frames
    assert ((weights == 0) | ((weights - 4 / 3).abs() < 1e-3)).all()
    assert float((weights == 0).float().mean()) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"capability": (7, 5)}, "this GPU has 7.5"),
        ({"available": False}, "this build of PyTorch"),
        ({"hip": "6.4"}, "this build of PyTorch"),
        ({"head_width": 20}, "these have 20"),
    ],
)
def test_a_gpu_that_cannot_pack_is_reported_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changes: dict[str, object], reason: str
) -> None:
    at = {"capability": (9, 0), "available": True, "hip": None, "head_width": 64} | changes
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: at["capability"])
    monkeypatch.setattr(torch.backends.cuda, "is_flash_attention_available", lambda: at["available"])
    monkeypatch.setattr(torch.version, "hip", at["hip"])
    monkeypatch.setattr(packed_attention, "product_dtype", lambda device: torch.bfloat16)
    packed_attention._has_flash_attention.cache_clear()
    for _ in range(2):
        assert packed_attention.is_packed(torch.device("cuda"), at["head_width"]) == (not reason)  # type: ignore[arg-type]
    packed_attention._has_flash_attention.cache_clear()
    lines = capsys.readouterr().err.splitlines()
    assert [reason in line for line in lines] == [True] * bool(reason)


def test_frames_are_packed_neither_on_a_cpu_nor_in_float32_nor_where_bits_must_repeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packed_attention, "_has_flash_attention", lambda device, head_width: True)
    monkeypatch.setattr(packed_attention, "product_dtype", lambda device: torch.bfloat16)
    assert packed_attention.is_packed(torch.device("cuda"), 64)
    assert not packed_attention.is_packed(CPU, 64)
    with precision.deterministic_kernels(True):
        assert not packed_attention.is_packed(torch.device("cuda"), 64)
    monkeypatch.setattr(packed_attention, "product_dtype", lambda device: torch.float32)
    assert not packed_attention.is_packed(torch.device("cuda"), 64)
