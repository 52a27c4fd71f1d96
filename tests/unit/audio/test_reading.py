"""Audio is read to its end, whatever length its header gives; the right length is that of the samples written."""

import os
import struct

import audio_lengths as made
import numpy as np
import pytest
import soundfile

from valence_gap.audio.decoding import AudioError, decode, decode_waveform, read_header

RATE = made.RATE_HZ
SECONDS = 8.0
PADDING_S = 0.1  # the delay and padding of an MP3 encoder, which only its Xing frame gives
CHUNKED = list(made.LENGTH)
UNKNOWN = {"<I": [0, 0x7FFF_FFFF, 0xFFFF_FFFF], ">I": [0, 0x7FFF_FFFF, 0xFFFF_FFFF]}
UNKNOWN |= {form: [0, 2**63 - 1, 2**64 - 1] for form in ("<Q", ">Q")}


@pytest.fixture(scope="module")
def samples():
    return made.speech_like(SECONDS, 0)


@pytest.fixture(scope="module")
def files(samples):
    """A whole file in each container."""
    chosen = {name: made.encode(name, samples) for name in [*CHUNKED, "FLAC", "NIST"]}
    return chosen | {"MP3": made.mp3(samples), **{kind: made.encode("OGG", samples, subtype=kind) for kind in OGG}}


OGG = ("VORBIS", "OPUS")


def put(tmp_path, content):
    (tmp_path / "a.bin").write_bytes(content)
    return tmp_path / "a.bin"


def seconds(path):
    decoded = decode(path).samples.size / RATE
    assert abs(decode_waveform(path).size / RATE - decoded) <= 1 / RATE
    return decoded


def refusal(path):
    with pytest.raises(AudioError) as caught:
        decode(path)
    return str(caught.value)


# MP3


@pytest.mark.parametrize("start", ["noise", "silence"])
@pytest.mark.parametrize("picture", [0, 400_000])
def test_vbr_mp3_without_a_count_of_its_frames_is_read_whole(tmp_path, start, picture):
    content = made.without_xing(made.mp3(made.speech_like(40.0, 0, start=start)))
    path = put(tmp_path, made.id3(picture) + content if picture else content)
    assert abs(seconds(path) - 40.0) <= PADDING_S


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_mp3_without_a_count_is_read_whole_at_every_rate(tmp_path, rate_hz, channels, mode):
    audio = np.stack([made.speech_like(3.0, 0, rate_hz)] * channels, axis=1)
    path = put(tmp_path, made.without_xing(made.mp3(audio, rate_hz, mode)))
    assert 0 <= seconds(path) - 3.0 <= 2 * 1152 / rate_hz


@pytest.mark.parametrize("factor", [0.1, 0.5, 0.9])
def test_mp3_that_counts_too_few_frames_is_read_whole_and_named(tmp_path, files, factor):
    path = put(tmp_path, made.with_xing_frames(files["MP3"], factor))
    assert abs(seconds(path) - SECONDS) <= PADDING_S
    assert f"8.0 s, although its header gives {SECONDS * factor:.0f}"[:30] in decode(path).remarks["longer"]


@pytest.mark.parametrize("factor", [1.1, 3.0])
def test_mp3_that_counts_too_many_frames_is_truncated(tmp_path, files, factor):
    assert "truncated" in refusal(put(tmp_path, made.with_xing_frames(files["MP3"], factor)))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_part_of_an_mp3_with_a_count_is_truncated(tmp_path, files, share):
    for content in (files["MP3"], made.with_vbri(files["MP3"])):
        assert "truncated" in refusal(put(tmp_path, content[: round(share * len(content))]))


def test_the_whole_mp3_has_the_samples_that_libsndfile_reads(tmp_path, files):
    path = put(tmp_path, files["MP3"])
    whole = soundfile.read(path, dtype="float32")[0]
    assert decode_waveform(path).size == whole.size
    np.testing.assert_allclose(decode_waveform(path), whole, atol=1e-7)  # rounding depends on the size of the blocks
    assert decode(path).remarks == {}


@pytest.mark.parametrize("missing", [1, 50, 200, 300])
def test_mp3_without_a_count_may_end_within_a_frame(tmp_path, files, missing):
    path = put(tmp_path, made.without_xing(files["MP3"])[:-missing])
    assert abs(seconds(path) - SECONDS) <= PADDING_S


@pytest.mark.parametrize("tail", [made.ID3V1, made.ape(4000), made.ape(4000) + made.ID3V1, bytes(5000)])
def test_tags_and_zeros_after_the_audio_are_not_audio(tmp_path, files, tail):
    for name in ("MP3", "FLAC", "WAV", "AIFF", "AU", "CAF", "VORBIS"):
        path = put(tmp_path, files[name] + tail)
        assert seconds(path) == SECONDS, name
    path = put(tmp_path, made.without_xing(files["MP3"]) + tail)
    assert abs(seconds(path) - SECONDS) <= PADDING_S


def test_junk_after_mp3_and_flac_is_named(tmp_path, files):
    junk = np.random.default_rng(0).bytes(5000)
    for name in ("MP3", "FLAC"):
        path = put(tmp_path, files[name] + junk)
        assert seconds(path) == SECONDS
        assert "undecoded" in decode(path).remarks
    path = put(tmp_path, made.without_xing(files["MP3"]) + 20 * junk)
    assert abs(seconds(path) - SECONDS) <= PADDING_S
    assert "bytes of it are neither audio nor a tag" in decode(path).remarks["undecoded"]


def test_mp3_is_read_on_after_damaged_bytes(tmp_path, files):
    content, junk = files["MP3"], bytes(20_000)
    place = content.index(content[:2], len(content) // 2)
    damaged = content[:place] + junk + content[place:]
    path = put(tmp_path, made.without_xing(damaged))
    assert abs(seconds(path) - SECONDS) <= 0.2
    assert "undecoded" in decode(path).remarks
    assert "truncated" in refusal(put(tmp_path, damaged))  # its count is not fulfilled without a break


def test_flac_that_is_damaged_after_the_total_of_its_header_is_refused(tmp_path, files):
    content = made.with_flac_total(files["FLAC"], 8_000)
    assert "lost sync" in refusal(put(tmp_path, content[: len(content) // 2]))


def test_vbri_frames_are_a_promise(tmp_path, files):
    path = put(tmp_path, made.with_vbri(files["MP3"]))
    assert 0 <= seconds(path) - SECONDS <= 4 * 576 / RATE


# FLAC


@pytest.mark.parametrize("total", [0, 1, 50_000])
def test_flac_is_read_whole_whatever_total_its_header_gives(tmp_path, samples, files, total):
    path = put(tmp_path, made.with_flac_total(files["FLAC"], total))
    np.testing.assert_array_equal(decode(path).samples, samples)
    assert ("longer" in decode(path).remarks) == (total > 0)
    assert read_header(path).seconds == (total / RATE if total else None)


@pytest.mark.parametrize("total", [140_000, 2**36 - 1])
def test_flac_with_less_than_its_total_is_refused(tmp_path, files, total):
    assert any(
        word in refusal(put(tmp_path, made.with_flac_total(files["FLAC"], total))) for word in ("trunc", "longer")
    )


@pytest.mark.parametrize("total", [0, 128_000])
def test_a_part_of_a_flac_file_is_refused(tmp_path, files, total):
    content = made.with_flac_total(files["FLAC"], total)
    assert "lost sync" in refusal(put(tmp_path, content[: len(content) // 2]))


# Containers with a length in bytes


@pytest.mark.parametrize("container", CHUNKED)
def test_unknown_lengths_are_read_to_the_end(tmp_path, files, container):
    whole = decode(put(tmp_path, files[container])).samples
    for value in UNKNOWN[made.LENGTH[container][2]]:
        path = put(tmp_path, made.with_length(container, files[container], value=value))
        np.testing.assert_array_equal(decode(path).samples, whole)
        assert read_header(path).seconds in (SECONDS, None)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.97])
@pytest.mark.parametrize("container", CHUNKED)
def test_a_length_that_is_too_small_is_corrected(tmp_path, files, container, share):
    whole = decode(put(tmp_path, files[container])).samples
    path = put(tmp_path, made.with_length(container, files[container], share))
    np.testing.assert_array_equal(decode(path).samples, whole)
    if container != "W64":  # libsndfile does not look at its length
        assert "although its header gives" in decode(path).remarks["longer"]


@pytest.mark.parametrize("container", CHUNKED)
def test_less_audio_than_the_header_gives_is_truncated(tmp_path, files, container):
    _, count = made.audio_bytes(container, files[container])
    for content in (
        made.with_length(container, files[container], 1.5),
        files[container][: len(files[container]) - count // 2],
        files[container][:-4000],
    ):
        assert "truncated, the file has" in refusal(put(tmp_path, content))
        with pytest.raises(AudioError, match="truncated"):
            read_header(put(tmp_path, content))


@pytest.mark.parametrize("container", list(made.CHUNK))
def test_chunks_after_the_audio_are_not_audio(tmp_path, files, container):
    path = put(tmp_path, files[container] + made.CHUNK[container])
    assert seconds(path) == SECONDS
    assert decode(path).remarks == {}


@pytest.mark.parametrize("container", list(made.CHUNK))
def test_a_file_without_audio_is_empty_though_chunks_follow(tmp_path, files, container):
    _, count = made.audio_bytes(container, files[container])
    content = made.with_length(container, files[container], value=made.LENGTH[container][3])
    assert any(word in refusal(put(tmp_path, content[:-count] + made.CHUNK[container])) for word in ("empty", "unread"))


@pytest.mark.parametrize("container", [*CHUNKED, "FLAC", "MP3", *OGG])
def test_a_tag_with_a_picture_before_the_audio_is_skipped(tmp_path, files, container):
    whole = decode(put(tmp_path, files[container])).samples
    np.testing.assert_array_equal(decode(put(tmp_path, made.id3(400_000) + files[container])).samples, whole)


@pytest.mark.parametrize("container", [*CHUNKED, "FLAC", "MP3", *OGG])
def test_files_joined_to_one_are_all_read_and_named(tmp_path, files, container):
    whole = decode(put(tmp_path, files[container])).samples
    path = put(tmp_path, 3 * files[container])
    np.testing.assert_array_equal(decode(path).samples, np.tile(whole, 3))
    assert decode(path).remarks["longer"] == "3 files joined to one: 24.0 s in all"
    assert read_header(path).seconds == pytest.approx(24.0)


def test_joined_mp3_files_of_other_rates_and_channels_are_all_read(tmp_path, files, samples):
    others = [made.mp3(made.speech_like(5.0, 1, 44_100), 44_100), made.mp3(np.stack([samples, samples], 1))]
    for other, length in zip(others, (5.0, 8.0), strict=True):
        assert seconds(put(tmp_path, files["MP3"] + other)) == SECONDS + length
        path = put(tmp_path, made.without_xing(files["MP3"]) + made.without_xing(other))
        assert abs(seconds(path) - SECONDS - length) <= 2 * PADDING_S


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM", "GSM610", "ULAW", "PCM_24", "DOUBLE"])
def test_other_encodings_of_wav(tmp_path, samples, subtype):
    content = made.encode("WAV", samples / 32_768, subtype=subtype)
    length = seconds(put(tmp_path, content))
    assert 0 <= length - SECONDS < 0.05
    assert seconds(put(tmp_path, made.with_length("WAV", content, 0.5))) == length
    assert "truncated" in refusal(put(tmp_path, content[: len(content) // 2]))


def test_alac_in_caf(tmp_path, samples):
    content = made.encode("CAF", samples, subtype="ALAC_16")
    for changed in (content, made.with_length("CAF", content, value=2**64 - 1)):
        np.testing.assert_array_equal(decode(put(tmp_path, changed)).samples, samples)


# Other containers


@pytest.mark.parametrize("kind", OGG)
def test_ogg_that_ends_within_a_page_is_truncated(tmp_path, files, kind):
    for place in made.pages(files[kind])[2:]:
        assert "within a page" in refusal(put(tmp_path, files[kind][: place + 60]))


@pytest.mark.parametrize("kind", OGG)
def test_ogg_without_an_end_mark_is_named(tmp_path, files, kind):
    path = put(tmp_path, files[kind][: made.pages(files[kind])[-1]])
    assert "no end mark" in decode(path).remarks["unterminated"]
    assert decode(put(tmp_path, files[kind])).remarks == {}


def test_vorbis_without_an_end_mark_is_whole(tmp_path, files):
    assert seconds(put(tmp_path, made.without_end_mark(files["VORBIS"]))) == SECONDS


def test_nist_counts_its_samples(tmp_path, files):
    def with_count(text):
        return put(tmp_path, files["NIST"].replace(b"sample_count -i 128000", b"sample_count -i " + text))

    assert seconds(with_count(b"064000")) == SECONDS
    assert seconds(with_count(b"000000")) == SECONDS
    assert "64000" not in refusal(with_count(b"900000"))
    assert "truncated" in refusal(put(tmp_path, files["NIST"][:100_000]))


@pytest.mark.parametrize("container", ["VOC", "SVX", "AVR", "MPC2K", "MAT4", "MAT5", "SDS"])
def test_a_part_of_a_file_in_a_rare_format_is_truncated(tmp_path, samples, container):
    content = made.encode(container, samples, subtype="PCM_16")
    assert seconds(put(tmp_path, content)) == SECONDS
    assert "truncated" in refusal(put(tmp_path, content[: len(content) // 2]))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\0\0\x1cftypM4A \0\0\0\0" + bytes(500), "MPEG-4"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01" + bytes(500), "webm"),
        (b"#!AMR\n" + bytes(500), "AMR"),
        (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(500), "wma"),
    ],
)
def test_a_format_that_libsndfile_does_not_read_is_named_with_a_remedy(tmp_path, content, name):
    message = refusal(put(tmp_path, content))
    assert name in message
    assert "ffmpeg -i a.bin a.wav" in message


def test_a_file_of_more_than_2_gb_has_the_length_of_its_header(tmp_path):
    size = 0x8000_0000
    with (tmp_path / "long.wav").open("wb") as stream:
        head = struct.pack("<HHIIHH", 1, 2, 192_000, 192_000 * 8, 8, 32)
        stream.write(b"RIFF" + struct.pack("<I", size + 36) + b"WAVEfmt \x10\0\0\0" + head)
        stream.write(b"data" + struct.pack("<I", size))
        stream.truncate(44 + size)
    assert read_header(tmp_path / "long.wav").seconds == size / 8 / 192_000


def test_a_name_that_is_not_utf_8_is_read(tmp_path, files):
    for name in ("WAV", "FLAC", "MP3"):
        path = tmp_path / os.fsdecode(b"caf\xe9." + name.lower().encode())
        path.write_bytes(files[name])
        assert seconds(path) == SECONDS
