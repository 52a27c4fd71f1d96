"""A segment is a slice of what decoding the whole file gives, whatever the header of the file says."""

import audio_lengths as made
import numpy as np
import pytest
import soundfile

from valence_gap.audio.decoding import AudioError, decode, read_header
from valence_gap.audio.segments import decode_segment

RATE = made.RATE_HZ
SECONDS = 6.0
PLACES = [(0.0, 1.0), (2.25, 3.5), (5.9, None), (5.95, 6.0)]


@pytest.fixture(scope="module")
def samples():
    return made.speech_like(SECONDS, 0)


def put(tmp_path, content):
    (tmp_path / "a.bin").write_bytes(content)
    return tmp_path / "a.bin"


def check_slice(path, start_s, end_s, tolerance=1):
    part = decode_segment(path, start_s, end_s).samples
    whole = decode(path).samples[round(start_s * RATE) : None if end_s is None else round(end_s * RATE)]
    assert len(part) == len(whole)
    assert np.abs(part.astype(int) - whole).max() <= tolerance  # rounding depends on the size of the blocks


@pytest.mark.parametrize(("start_s", "end_s"), PLACES)
def test_headers_that_give_too_little(tmp_path, samples, start_s, end_s):
    whole = {name: made.encode(name, samples) for name in made.LENGTH}
    contents = [made.with_length(name, content, 0.1) for name, content in whole.items()]
    flac, mp3 = made.encode("FLAC", samples), made.mp3(samples)
    contents += [made.with_flac_total(flac, total) for total in (0, 1, 50_000)]
    contents += [made.without_xing(mp3), made.with_xing_frames(mp3, 0.3), made.with_vbri(mp3), made.id3(5000) + mp3]
    for content in contents:
        check_slice(put(tmp_path, content), start_s, end_s)


def test_an_end_shortly_after_that_of_the_header(tmp_path, samples):
    """There, it is not known yet whether what follows is audio or the encoder's padding."""
    path = put(tmp_path, made.with_xing_frames(made.mp3(samples), 0.3))
    header_s = read_header(path).seconds
    for more_s in (0.01, 0.04, 0.08, 0.12):
        check_slice(path, header_s - 1.0, header_s + more_s)


@pytest.mark.parametrize(("start_s", "end_s"), PLACES)
@pytest.mark.parametrize("container", ["WAV", "FLAC", "MP3", "VORBIS", "OPUS", "GSM610", "IMA_ADPCM"])
def test_places_in_a_file_are_exact(tmp_path, samples, container, start_s, end_s):
    """libsndfile moves to another place than asked in the last page of a Vorbis stream, and in GSM not at all."""
    if container in ("VORBIS", "OPUS"):
        content = made.encode("OGG", samples, subtype=container)
    elif container in ("GSM610", "IMA_ADPCM"):
        content = made.encode("WAV", samples, subtype=container)
    else:
        content = made.mp3(samples) if container == "MP3" else made.encode(container, samples)
    check_slice(put(tmp_path, content), start_s, end_s, tolerance=1 if container != "OPUS" else 300)


@pytest.mark.parametrize(("start_s", "end_s"), [(5.0, 7.0), (7.0, 8.0), (13.0, None), (5.0, 13.5), (12.0, 18.0)])
@pytest.mark.parametrize("container", ["WAV", "FLAC", "MP3", "VORBIS"])
def test_times_of_joined_files_count_from_the_first(tmp_path, samples, container, start_s, end_s):
    content = {"MP3": made.mp3, "VORBIS": lambda one: made.encode("OGG", one, subtype="VORBIS")}.get(
        container, lambda one: made.encode(container, one)
    )(samples)
    check_slice(put(tmp_path, 3 * content), start_s, end_s)


def test_times_of_joined_files_of_other_rates_are_seconds(tmp_path, samples):
    other = made.encode("WAV", made.speech_like(4.0, 1, 8_000), 8_000)
    path = put(tmp_path, other + made.encode("WAV", samples))
    np.testing.assert_array_equal(decode_segment(path, 5.0, 9.0).samples, samples[RATE : 5 * RATE])
    assert decode_segment(path, 3.5, 9.0).samples.size == 5.5 * RATE


@pytest.mark.parametrize("container", ["WAV", "FLAC", "MP3", "joined"])
def test_a_segment_beyond_the_audio_is_outside_in_every_format(tmp_path, samples, container):
    content = made.mp3(samples[: 3 * RATE]) if container == "MP3" else made.encode("FLAC", samples[: 3 * RATE])
    if container in ("WAV", "joined"):
        content = 2 * made.encode("WAV", samples[: round(1.5 * RATE)])
        content = made.encode("WAV", samples[: 3 * RATE]) if container == "WAV" else content
    path = put(tmp_path, content)
    assert decode_segment(path, 2.0, 3.04).samples.size == RATE
    for start_s, end_s in ((2.0, 3.2), (3.5, 4.0), (3.5, None), (300.0, 301.0)):
        with pytest.raises(AudioError, match="outside, the segment") as error:
            decode_segment(path, start_s, end_s)
        assert error.value.kind == "outside"


def test_what_follows_the_audio_of_the_header_does_not_stop_a_segment(tmp_path, samples):
    path = put(tmp_path, made.encode("FLAC", samples) + np.random.default_rng(0).bytes(5000))
    check_slice(path, 4.0, None)
    check_slice(path, 4.0, 6.0)


def test_a_cut_file_is_truncated_before_the_end_of_a_segment(tmp_path, samples):
    for content in (made.encode("WAV", samples), made.mp3(samples), made.encode("FLAC", samples)):
        path = put(tmp_path, content[: len(content) // 2])
        for end_s in (5.9, None):
            with pytest.raises(AudioError, match=r"truncated|outside|unreadable"):
                decode_segment(path, 5.0, end_s)


def test_remarks_and_scale_are_those_of_the_segment_alone(tmp_path):
    loud = 0.5 * np.sin(np.arange(4 * RATE) / 10)
    loud[RATE : 2 * RATE] *= 2.4
    loud[2 * RATE : 3 * RATE] = 0
    stereo = np.stack([loud, np.where(np.arange(4 * RATE) < 3 * RATE, loud, -loud)], axis=1)
    path = tmp_path / "a.wav"
    soundfile.write(path, stereo, RATE, subtype="FLOAT")
    assert decode_segment(path, 0.0, 1.0).remarks == {}
    np.testing.assert_allclose(decode_segment(path, 0.0, 1.0).samples, 32_768 * loud[:RATE], atol=0.51)
    scaled = decode_segment(path, 1.0, 2.0)
    assert set(scaled.remarks) == {"scaled"}
    assert np.abs(scaled.samples.astype(int)).max() >= 32_767
    assert set(decode_segment(path, 2.0, 3.0).remarks) == {"silent"}
    assert set(decode_segment(path, 3.0, None).remarks) == {"cancelled"}
    soundfile.write(path, 100 * loud, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match="out of range"):
        decode_segment(path, 0.0, 1.0)


def test_a_header_says_whether_there_may_be_more_audio(tmp_path, samples):
    mp3, flac = made.mp3(samples), made.encode("FLAC", samples)
    for content in (mp3, flac, made.with_flac_total(flac, 0), made.without_xing(mp3), made.encode("NIST", samples)):
        assert not read_header(put(tmp_path, content)).is_whole
    for name in made.LENGTH:
        header = read_header(put(tmp_path, made.with_length(name, made.encode(name, samples), 0.2)))
        assert (header.is_whole, header.seconds) == (True, SECONDS)
