import json
from hashlib import sha256

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from valence_gap.audio.conditions import (
    AddNoise,
    apply_condition,
    apply_conditions,
    fade,
    speed_up,
    utterance_generator,
)
from valence_gap.audio.noise import Clip, Clips, load_clips, mix, random_segment
from valence_gap.audio.packs import open_pack, write_pack
from valence_gap.audio.subsets import drawn_rows
from valence_gap.definitions.evaluation import Condition
from valence_gap.runtime.errors import UserError

SPEED = Condition(kind="speed", label="Speed")
FADE = Condition(kind="fade", label="Fade")


def noise(snr_db, noise_class="natural"):
    return Condition(kind="noise", label=f"{noise_class} {snr_db}", noise_class=noise_class, snr_db=snr_db)


def level_db(signal):
    return 10 * np.log10(np.mean(np.asarray(signal, np.float64) ** 2))


def speech(samples, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).standard_normal(samples)).clip(-1, 1).astype(np.float32)


def pack_of(folder, utterances):
    write_pack(folder, ((i, np.rint(32767 * audio).astype(np.int16)) for i, audio in utterances.items()), {})
    return open_pack(folder)


def clips_of(count=5, samples=20_000):
    return Clips([Clip(f"{n}.wav", speech(samples, 0.05, seed=100 + n)) for n in range(count)])


# Noise


@settings(deadline=None, max_examples=60)
@given(
    samples=st.integers(50, 40_000),
    clip_samples=st.integers(50, 40_000),
    padding=st.sampled_from([0.0, 0.5, 0.95]),
    speech_level=st.sampled_from([1e-4, 0.01, 0.1, 0.8]),
    clip_level=st.sampled_from([1e-4, 0.1, 0.8]),
    snr_db=st.sampled_from([0.0, 10.0, 20.0]),
    seed=st.integers(0, 1000),
)
def test_ratio_is_that_of_the_utterance_to_the_noise_as_mixed(
    samples, clip_samples, padding, speech_level, clip_level, snr_db, seed
):
    clean = speech(samples, speech_level, seed)
    clip = speech(clip_samples, clip_level, seed + 1)
    clip[clip_samples - round(padding * clip_samples) :] = 0
    clip[0] = clip_level  # a clip of few samples must not be silent either
    stretch = random_segment(clip, samples, np.random.default_rng(seed))
    mixture = mix(clean, stretch, snr_db)
    added = mixture.signal / mixture.scale - clean.astype(np.float64)
    assert stretch.shape == clean.shape
    assert level_db(clean) - level_db(added) == pytest.approx(snr_db, abs=0.05)
    assert mixture.signal.max() <= 32767 / 32768 + 1e-12
    assert mixture.signal.min() >= -1 - 1e-12


@pytest.mark.parametrize("noise_class", ["natural", "human", "interior"])
@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_ratio_survives_the_pack(tmp_path, noise_class, snr_db):
    pack = pack_of(tmp_path / "clean", {"short": speech(8000, 0.1, 1), "long": speech(60_000, 0.02, 2)})
    apply_condition(pack, clips_of(), noise(snr_db, noise_class), 0, tmp_path / "noisy")
    noisy = open_pack(tmp_path / "noisy")
    assert noisy.ids == pack.ids
    for row in range(2):
        added = noisy.read(row) - pack.read(row)
        assert level_db(pack.read(row)) - level_db(added) == pytest.approx(snr_db, abs=0.05)


def test_mixture_that_would_clip_is_scaled_as_a_whole():
    clean = np.array([0.9, -0.9, 0.9, -0.9], np.float32)
    mixture = mix(clean, np.array([0.1, -0.1, -0.1, 0.1], np.float32), 0.0)
    np.testing.assert_allclose(mixture.signal / mixture.scale, [1.8, -1.8, 0, 0], atol=1e-6)
    assert mixture.signal.max() == pytest.approx(32767 / 32768)
    assert mix(clean / 4, np.array([0.1, -0.1, -0.1, 0.1], np.float32), 0.0).scale == 1


def test_scaled_and_silent_utterances_are_counted(tmp_path):
    audio = {"loud": np.full(1000, 0.9), "quiet": np.full(1000, 0.01), "silent": np.zeros(1000)}
    apply_condition(pack_of(tmp_path / "clean", audio), clips_of(1), noise(0.0), 0, tmp_path / "noisy")
    report = json.loads((tmp_path / "noisy" / "report.json").read_text())
    assert report["scaled_against_clipping"]["count"] == 1
    assert report["scaled_against_clipping"]["smallest_scale"] < 1
    assert report["clipped_samples"] == 0
    assert report["silent"] == 1
    assert report["clips"] == {"audible": 1, "used": 1, "silent": []}
    noisy = open_pack(tmp_path / "noisy")
    assert not noisy.read(2).any()
    assert noisy.read(1).any()


def test_short_clip_is_looped_from_a_random_offset():
    clip = np.arange(1, 8, dtype=np.float32)
    stretches = [random_segment(clip, 20, np.random.default_rng(seed)) for seed in range(50)]
    for stretch in stretches:
        start = int(stretch[0]) - 1
        np.testing.assert_array_equal(stretch, [clip[(start + n) % 7] for n in range(20)])
    assert {int(stretch[0]) for stretch in stretches} == set(range(1, 8))


def test_long_clip_is_cut_not_looped():
    clip = np.arange(1, 101, dtype=np.float32)
    starts = set()
    for seed in range(200):
        stretch = random_segment(clip, 90, np.random.default_rng(seed))
        np.testing.assert_array_equal(np.diff(stretch), 1)
        starts.add(int(stretch[0]))
    assert starts == set(range(1, 12))


def test_padding_of_a_clip_is_never_all_that_is_mixed_in():
    clip = np.zeros(80_000, np.float32)
    clip[100] = 0.5  # so rare that the tries run out
    for seed in range(20):
        assert random_segment(clip, 100, np.random.default_rng(seed)).max() == 0.5


def test_faint_floor_beside_a_sound_is_not_amplified():
    clip = np.full(50_000, 1e-6, np.float32)
    clip[:10_000] = 0.5
    for seed in range(50):
        assert random_segment(clip, 1000, np.random.default_rng(seed)).max() == 0.5


def test_ratios_of_one_class_share_clip_and_offset_and_classes_do_not(tmp_path):
    pack = pack_of(tmp_path / "clean", {f"u{n}": speech(4000, 0.05, n) for n in range(8)})
    added = {}
    for name, condition in {"0": noise(0.0), "20": noise(20.0), "human": noise(0.0, "human")}.items():
        apply_condition(pack, clips_of(), condition, 0, tmp_path / name)
        noisy = open_pack(tmp_path / name)
        added[name] = [noisy.read(row) - pack.read(row) for row in range(8)]
    for row in range(8):
        assert np.corrcoef(added["0"][row], added["20"][row])[0, 1] > 0.999
    assert sum(np.corrcoef(added["0"][n], added["human"][n])[0, 1] > 0.9 for n in range(8)) < 4


def test_exactly_one_clip_per_utterance_is_drawn_from_all():
    clips = Clips([Clip(str(n), np.full(10, 1.0 + n, np.float32)) for n in range(10)])
    augment = AddNoise(clips, 0.0)
    for n in range(300):
        augment(speech(50), utterance_generator(0, "noise-natural", f"u{n}"))
    assert augment.used == {str(n) for n in range(10)}


def test_clips_are_sorted_and_silent_ones_left_out(tmp_path):
    soundfile.write(tmp_path / "b.wav", speech(100), 16000)
    soundfile.write(tmp_path / "a.wav", speech(4410), 44100)
    soundfile.write(tmp_path / "silent.wav", np.zeros(100), 16000)
    clips = load_clips(tmp_path / name for name in ("silent.wav", "b.wav", "a.wav"))
    assert [(clip.name, clip.waveform.size) for clip in clips.audible] == [("a.wav", 1600), ("b.wav", 100)]
    assert clips.silent == ["silent.wav"]
    with pytest.raises(UserError, match="no audible noise clip"):
        load_clips([tmp_path / "silent.wav"])
    with pytest.raises(UserError) as caught:
        load_clips([tmp_path / "x", tmp_path / "y", tmp_path / "b.wav"])
    assert [line.split(":")[0] for line in caught.value.offenders] == ["x", "y"]


# Speed and fade


@given(samples=st.integers(0, 30_000), seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=80)
def test_speed_shortens_one_segment_of_a_tenth_to_a_fifth(samples, seed):
    waveform = np.random.default_rng(seed).uniform(0.5, 1, samples).astype(np.float32)
    faster = speed_up(waveform, np.random.default_rng(seed), factor=1.25, share=(0.1, 0.2))
    lengths = range(round(0.1 * samples), round(0.2 * samples) + 1)
    assert samples - faster.size in {length - round(length / 1.25) for length in lengths}
    same = min(samples, faster.size)
    before = int(np.argmin(np.append(faster[:same] == waveform[:same], False)))
    after = int(np.argmin(np.append(faster[::-1][:same] == waveform[::-1][:same], False)))
    assert samples - before - after <= round(0.2 * samples)


def test_segment_is_drawn_from_all_lengths_and_places():
    waveform = np.linspace(0.1, 0.9, 10_000, dtype=np.float32)
    shares, starts = [], []
    for seed in range(300):
        faster = speed_up(waveform, np.random.default_rng(seed), factor=1.25, share=(0.1, 0.2))
        shares.append((10_000 - faster.size) * 5 / 10_000)
        same = min(faster.size, 10_000)
        starts.append(int(np.argmin(np.append(faster == waveform[:same], False))))
    assert 0.1 <= min(shares) < 0.105
    assert 0.195 < max(shares) <= 0.2005
    assert min(starts) < 300
    assert max(starts) > 8000


def test_sped_up_tone_rises_by_the_factor_without_a_seam():
    waveform = np.sin(2 * np.pi * 400 * np.arange(32_000) / 16_000).astype(np.float32)
    faster = speed_up(waveform, np.random.default_rng(1), factor=1.25, share=(0.2, 0.2))
    start = int(np.argmin(faster == waveform[: faster.size]))
    spectrum = np.abs(np.fft.rfft(faster[start : start + 5120] * np.hanning(5120)))
    assert abs(int(spectrum.argmax()) * 16_000 / 5120 - 500) < 4
    assert np.abs(np.diff(faster[start - 5 : start + 5])).max() < 1.02 * 2 * np.pi * 500 / 16_000


@pytest.mark.parametrize(("factor", "share"), [(1.25, (1.0, 1.0)), (2.0, (0.5, 0.5)), (0.8, (0.3, 0.3)), (1.1, (0, 0))])
def test_other_factors_and_shares(factor, share):
    faster = speed_up(speech(10_000), np.random.default_rng(0), factor=factor, share=share)
    length = round(share[0] * 10_000)
    assert faster.size == 10_000 - length + round(length / factor)


def test_fade_changes_the_gain_by_two_percent_per_second():
    waveform = np.full(10 * 16_000, 0.5, np.float32)
    directions = set()
    for seed in range(20):
        gain = fade(waveform, np.random.default_rng(seed), rate_per_s=0.02) / 0.5
        slopes = np.diff(gain) * 16_000
        assert gain.max() == 1
        assert np.abs(np.abs(slopes) - 0.02).max() < 1e-9
        fades_in = bool(slopes[0] > 0)
        assert gain[-1 if fades_in else 0] == 1
        directions.add(fades_in)
    assert directions == {True, False}


def test_fade_ends_in_silence_not_beyond():
    waveform = np.ones(60 * 16_000, np.float32)
    gain = fade(waveform, np.random.default_rng(0), rate_per_s=0.02)
    assert gain.min() == 0
    assert np.count_nonzero(gain) == 50 * 16_000


# Conditions as a whole


@pytest.mark.parametrize("condition", [noise(10.0), SPEED, FADE])
def test_other_utterances_have_no_influence(tmp_path, condition):
    audio = {f"u{n}": speech(3000 + 100 * n, 0.05, n) for n in range(6)}
    fewer = {name: audio[name] for name in ("u4", "u1")}
    for name, utterances in (("all", audio), ("fewer", fewer)):
        apply_condition(pack_of(tmp_path / f"{name}-clean", utterances), clips_of(), condition, 3, tmp_path / name)
    whole, part = open_pack(tmp_path / "all"), open_pack(tmp_path / "fewer")
    for row, name in enumerate(part.ids):
        np.testing.assert_array_equal(part.read(row), whole.read(whole.ids.index(name)))


@pytest.mark.parametrize("condition", [noise(10.0), SPEED, FADE])
def test_seed_changes_the_draws_and_nothing_else_does(tmp_path, condition):
    pack = pack_of(tmp_path / "clean", {f"u{n}": speech(3000, 0.05, n) for n in range(6)})
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        apply_condition(pack, clips_of(), condition, seed, tmp_path / name)
    one, again, two = ((tmp_path / name / "audio.npy").read_bytes() for name in ("one", "again", "two"))
    assert one == again
    assert one != two


def test_draws_differ_between_ids_and_names():
    first = utterance_generator(1, "speed", "1").integers(2**60)
    assert utterance_generator(1, "speed", "1").integers(2**60) == first
    assert utterance_generator(11, "speed", "").integers(2**60) != first
    assert utterance_generator(1, "fade", "1").integers(2**60) != first


def test_all_conditions_of_a_test_set(tmp_path):
    soundfile.write(tmp_path / "clip.wav", speech(3000), 16000)
    noises = {"natural": [tmp_path / "not read.wav"], "human": [tmp_path / "clip.wav"]}
    pack_of(tmp_path / "clean" / "test", {"a": speech(4000), "b": speech(100)})
    conditions = {"human-0db": noise(0.0, "human"), "speed": SPEED, "human-10db": noise(10.0, "human"), "fade": FADE}
    apply_conditions(tmp_path / "clean" / "test", noises, conditions, 5, tmp_path)
    for name, condition in conditions.items():
        assert open_pack(tmp_path / name / "test").ids == ["a", "b"]
        run = json.loads((tmp_path / name / "test" / "report.json").read_text())["run"]
        assert run["definition"]["condition"]["label"] == condition.label
        assert run["definition"]["seed"] == 5
        noise_inputs = {f"noise/{condition.noise_class}"} if condition.noise_class else set()
        assert set(run["inputs"]) == {"audio.npy", "index.parquet"} | noise_inputs
        assert run["inputs"]["audio.npy"] == sha256((tmp_path / "clean/test/audio.npy").read_bytes()).hexdigest()


def test_a_subset_is_the_same_under_all_conditions_and_sounds_as_in_the_whole(tmp_path):
    ids = [f"u{row}" for row in range(9)]
    pack_of(tmp_path / "clean" / "test", {name: speech(300, seed=row) for row, name in enumerate(ids)})
    conditions = {"speed": SPEED, "fade": FADE}
    for folder, number in (("whole", None), ("part", 4), ("as large", 9)):
        apply_conditions(tmp_path / "clean" / "test", {}, conditions, 5, tmp_path / folder, utterances=number)
    for name in conditions:
        whole, part = (open_pack(tmp_path / folder / name / "test") for folder in ("whole", "part"))
        assert part.ids == [ids[row] for row in drawn_rows(ids, 5, 4)]
        for row, identifier in enumerate(part.ids):
            np.testing.assert_array_equal(part.read(row), whole.read(ids.index(identifier)))
        for file in ("audio.npy", "index.parquet"):
            contents = [(tmp_path / folder / name / "test" / file).read_bytes() for folder in ("whole", "as large")]
            assert contents[0] == contents[1]
        reports = [
            json.loads((tmp_path / folder / name / "test" / "report.json").read_text()) for folder in ("whole", "part")
        ]
        assert "drawn" not in reports[0]
        assert "utterances" not in reports[0]["run"]["definition"]
        assert reports[1]["drawn"] == {"utterances": 4, "of": 9}
        assert reports[1]["run"]["definition"]["utterances"] == 4


def test_noise_without_a_level_is_refused(tmp_path):
    pack = pack_of(tmp_path / "clean", {"a": speech(10)})
    with pytest.raises(UserError, match="needs noise_class and snr_db"):
        apply_condition(pack, Clips(), Condition(kind="noise", label="Noise"), 0, tmp_path / "out")
