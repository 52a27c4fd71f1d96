"""What suggests that an audio file is not a usable recording of speech."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.audio.decoding import AudioError, decode
from valence_gap.audio.levels import Levels

RATE = 16_000


def voice(seconds=1.0, peak=0.5):
    """Return noise whose loudness changes, with an exact peak."""
    count = round(seconds * RATE)
    samples = np.random.default_rng(0).standard_normal(count) * np.hanning(count)
    return peak * samples / np.abs(samples).max()


def decoded(folder, samples, *, rate_hz=RATE, subtype="PCM_16", name="a.wav"):
    soundfile.write(folder / name, samples, rate_hz, subtype=subtype)
    return decode(folder / name)


def test_usual_audio_has_no_remark(tmp_path):
    for peak in (0.01, 0.5, 0.97, 1.0):
        for subtype in ("PCM_16", "PCM_24", "FLOAT", "DOUBLE"):
            assert not decoded(tmp_path, voice(peak=peak), subtype=subtype).remarks
    assert not decoded(tmp_path, np.stack([voice(), 0.1 * voice()], axis=1)).remarks


@pytest.mark.parametrize("peak", [1.51, 2.0, 20_000.0, 32_767.0, 2.0**31])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_float_audio_far_beyond_full_scale_is_refused_with_its_factor(tmp_path, peak, subtype):
    with pytest.raises(AudioError, match="out of range") as caught:
        decoded(tmp_path, voice(peak=peak), subtype=subtype)
    assert f"too large by a factor of at least {peak:,.5g}" in str(caught.value)


def test_channels_that_cancel_do_not_hide_a_wrong_scale(tmp_path):
    with pytest.raises(AudioError, match="factor of at least 20,000"):
        decoded(tmp_path, np.stack([voice(peak=20_000.0), -voice(peak=20_000.0)], axis=1), subtype="FLOAT")


@pytest.mark.parametrize("rate_hz", [RATE, 44_100])
@pytest.mark.parametrize("peak", [1.001, 1.2, 1.5])
def test_float_audio_slightly_beyond_full_scale_is_scaled_and_named(tmp_path, peak, rate_hz):
    found = decoded(tmp_path, voice(peak=peak), subtype="FLOAT", rate_hz=rate_hz)
    expected = decoded(tmp_path, voice(peak=1.0), subtype="FLOAT", rate_hz=rate_hz)
    assert np.abs(found.samples.astype(int) - expected.samples).max() <= 1
    assert found.remarks == {"scaled": f"scaled by {1 / peak:.3f}, since its peak is {peak:.3f}"}
    assert found.clipped == expected.clipped == 0


def test_a_mono_mix_within_full_scale_is_not_scaled(tmp_path):
    found = decoded(tmp_path, np.stack([voice(peak=1.4), voice(peak=0.2)], axis=1), subtype="FLOAT")
    assert found.remarks == {}
    assert np.abs(found.samples.astype(int) - decoded(tmp_path, voice(peak=0.8)).samples).max() <= 1


def test_the_overshoot_of_a_lossy_format_is_clipped_not_scaled():
    levels = Levels(formats={"VORBIS"})
    levels.add(np.full((10, 1), 1.6, dtype=np.float32), np.full(10, 1.6, dtype=np.float32))
    assert levels.gain() == 1
    assert not levels.out_of_range()
    levels.add(np.full((10, 1), 9.0, dtype=np.float32), np.full(10, 9.0, dtype=np.float32))
    assert "at least 9" in levels.out_of_range()


@pytest.mark.parametrize("peak", [0.0, 1e-4, 9e-4])
def test_silence_is_named(tmp_path, peak):
    found = decoded(tmp_path, voice(peak=peak or 1.0) * (peak > 0))
    assert found.remarks["silent"].startswith("silent")
    assert ("dB" in found.remarks["silent"]) == (peak > 0)


@pytest.mark.parametrize("other", [-1.0, -0.9, -1.1])
def test_channels_that_cancel_are_named(tmp_path, other):
    found = decoded(tmp_path, np.stack([voice(), other * voice()], axis=1))
    assert found.remarks == {"cancelled": "its channels cancel in the mono mix"}


@pytest.mark.parametrize("channels", [2, 3, 8])
def test_unrelated_channels_do_not_cancel(tmp_path, channels):
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (RATE, channels))
    assert decoded(tmp_path, noise).remarks == {}
    noise[:, 1:] = 0
    assert decoded(tmp_path, noise).remarks == {}


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ULAW", "ALAW"])
def test_clipped_audio_is_named_with_its_share(tmp_path, subtype):
    clipped = np.clip(voice(peak=4.0), -1, 1)
    share = np.mean(np.abs(clipped) >= 1)
    found = decoded(tmp_path, clipped, subtype=subtype).remarks["full-scale"]
    value = float(found.removeprefix("clipped: ").partition("%")[0]) / 100
    assert abs(value - share) < 0.02
    assert share > 0.05


@given(
    peak=st.floats(1e-3, 1e6),
    channels=st.integers(1, 3),
    cut=st.integers(1, 999),
)
def test_levels_do_not_depend_on_the_blocks(peak, channels, cut):
    audio = np.random.default_rng(0).uniform(-peak, peak, (1000, channels)).astype(np.float32)
    whole, parts = Levels(), Levels()
    whole.add(audio, audio.mean(axis=1))
    for part in (audio[:cut], audio[cut:]):
        parts.add(part, part.mean(axis=1))
    assert (whole.frames, whole.values, whole.peak, whole.full_scale) == (
        parts.frames,
        parts.values,
        parts.peak,
        parts.full_scale,
    )
    assert whole.peak == np.abs(audio).max()
    assert whole.remarks().keys() == parts.remarks().keys()
