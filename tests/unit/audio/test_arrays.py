"""Samples in memory become what the same samples in a file do."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from valence_gap.audio.arrays import decode_array
from valence_gap.audio.decoding import AudioError, decode

SUBTYPES = {"float32": "FLOAT", "float64": "DOUBLE", "int16": "PCM_16", "int32": "PCM_32"}


def sound(frames, channels, seed, dtype="float64", peak=0.9):
    samples = np.random.default_rng(seed).uniform(-peak, peak, (frames, channels) if channels > 1 else frames)
    return samples.astype(dtype) if dtype.startswith("float") else (samples * np.iinfo(dtype).max).astype(dtype)


@settings(deadline=None, max_examples=40)
@given(
    frames=st.integers(16, 200_000),
    channels=st.integers(1, 3),
    rate_hz=st.sampled_from([8_000, 16_000, 22_050, 44_100, 48_000]),
    dtype=st.sampled_from(sorted(SUBTYPES)),
    peak=st.sampled_from([1e-5, 0.5, 1.0, 1.3]),
    seed=st.integers(0, 99),
)
def test_an_array_has_the_same_samples_and_remarks_as_a_file(
    tmp_path_factory, frames, channels, rate_hz, dtype, peak, seed
):
    samples = sound(frames, channels, seed, dtype, peak if dtype.startswith("float") else min(peak, 1.0))
    path = tmp_path_factory.mktemp("audio") / "a.wav"
    soundfile.write(path, samples, rate_hz, subtype=SUBTYPES[dtype])
    of_file, of_array = decode(path), decode_array(samples, rate_hz)
    assert np.array_equal(of_array.samples, of_file.samples)
    assert of_array.remarks == of_file.remarks
    assert (of_array.rate_hz, of_array.channels) == (rate_hz, channels)


def test_what_soundfile_reads_of_a_file_with_16_bits_is_what_the_file_has(tmp_path):
    soundfile.write(tmp_path / "a.flac", sound(30_000, 2, 0, "int16"), 44_100)
    samples, rate_hz = soundfile.read(tmp_path / "a.flac")
    assert samples.dtype == np.float64
    assert np.array_equal(decode_array(samples, rate_hz).samples, decode(tmp_path / "a.flac").samples)


@pytest.mark.parametrize(
    ("samples", "rate_hz", "problem"),
    [
        (np.zeros(0), 16_000, "empty, it has no samples"),
        (np.zeros((0, 2)), 16_000, "empty, it has no samples"),
        (np.zeros(2), 48_000 * 10, "empty, it is shorter than one sample at 16 kHz"),
        (np.array([0.0, np.nan]), 16_000, "non-finite"),
        (np.full(100, 20_000.0), 16_000, "too large by a factor of at least 20,000"),
        (np.zeros(100, dtype=np.int64), 16_000, "its samples are int64: give one of float32, float64, int16, int32"),
        (["a.wav"], 16_000, "its samples are str"),
        (np.zeros((2, 100)), 16_000, "more channels than samples: give it transposed"),
        (np.zeros((2, 2, 2)), 16_000, r"its shape is \(2, 2, 2\)"),
        (0.5, 16_000, r"its shape is \(\)"),
        (np.zeros(100), 1, "its sampling rate is given as 1 Hz"),
        (np.zeros(100), 16_000.5, "its sampling rate is given as 16000.5 Hz"),
    ],
)
def test_what_is_no_recording_is_refused(samples, rate_hz, problem):
    with pytest.raises(AudioError, match=problem):
        decode_array(samples, rate_hz)


def test_an_array_in_the_other_byte_order_is_the_same():
    samples = sound(1_000, 1, 0, "float32")
    assert np.array_equal(decode_array(samples.astype(">f4"), 16_000).samples, decode_array(samples, 16_000).samples)
