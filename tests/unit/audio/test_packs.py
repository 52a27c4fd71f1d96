import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.audio.packs import open_pack, quantise, write_pack
from valence_gap.runtime.errors import UserError


def test_round_trip_of_whole_and_split_utterances(tmp_path):
    generator = np.random.default_rng(0)
    truth = {f"u{n}": generator.integers(-32768, 32768, n, dtype=np.int16) for n in (5, 0, 1, 1000)}
    blocks = [(identifier, part) for identifier, audio in truth.items() for part in np.array_split(audio, 3)]
    write_pack(tmp_path / "pack", blocks, {"note": "kept"})
    pack = open_pack(tmp_path / "pack")
    assert pack.ids == list(truth)
    assert pack.samples.tolist() == [5, 0, 1, 1000]
    assert pack.offsets.tolist() == [0, 5, 5, 6]
    for row, audio in enumerate(truth.values()):
        read = pack.read(row)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read * 32768, audio)
    report = json.loads((tmp_path / "pack" / "report.json").read_text())
    assert report == {"note": "kept", "utterances": 4, "duration_s": 1006 / 16000}


def test_array_is_what_numpy_would_have_written(tmp_path):
    audio = np.arange(300, dtype=np.int16)
    write_pack(tmp_path / "pack", [("a", audio[:100]), ("b", audio[100:])], {})
    np.testing.assert_array_equal(np.load(tmp_path / "pack" / "audio.npy", allow_pickle=False), audio)


def test_empty_pack(tmp_path):
    write_pack(tmp_path / "pack", [], {})
    pack = open_pack(tmp_path / "pack")
    assert len(pack) == 0
    assert pack.audio.size == 0
    assert pack.durations_s.shape == (0,)


def test_report_is_read_after_the_blocks(tmp_path):
    report = {}

    def blocks():
        yield "a", np.zeros(1, np.int16)
        report["late"] = 1

    write_pack(tmp_path / "pack", blocks(), report)
    assert json.loads((tmp_path / "pack" / "report.json").read_text())["late"] == 1


def test_failure_leaves_the_old_pack_and_no_scratch(tmp_path):
    write_pack(tmp_path / "pack", [("old", np.ones(3, np.int16))], {})

    def blocks():
        yield "new", np.zeros(1, np.int16)
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_pack(tmp_path / "pack", blocks(), {})
    assert open_pack(tmp_path / "pack").ids == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["pack"]


def test_returning_id_and_wrong_type_are_refused(tmp_path):
    zero = np.zeros(1, np.int16)
    with pytest.raises(ValueError, match="'a' occurs twice"):
        write_pack(tmp_path / "pack", [("a", zero), ("b", zero), ("a", zero)], {})
    with pytest.raises(TypeError, match="int16"):
        write_pack(tmp_path / "pack", [("a", np.zeros(1, np.float32))], {})


def test_missing_and_damaged_packs_are_reported(tmp_path):
    with pytest.raises(UserError, match=r"audio\.npy is missing"):
        open_pack(tmp_path)
    write_pack(tmp_path / "pack", [("a", np.zeros(7, np.int16))], {})
    np.save(tmp_path / "pack" / "audio.npy", np.zeros(6, np.int16))
    with pytest.raises(UserError, match="damaged"):
        open_pack(tmp_path / "pack")


def test_memory_does_not_grow_with_the_pack(tmp_path):
    block = np.ones(16_000, np.int16)
    tracemalloc.start()
    write_pack(tmp_path / "pack", ((f"u{n}", block) for n in range(1000)), {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "pack" / "audio.npy").stat().st_size > 32_000_000
    assert peak < 4_000_000


@given(st.integers(-32768, 32767))
def test_quantise_keeps_every_sample_of_pcm16(value):
    samples, beyond = quantise(np.array([value / 32768], np.float32))
    assert samples.tolist() == [value]
    assert beyond == 0


def test_quantise_clips_and_counts():
    samples, beyond = quantise(np.array([1.0, 1.5, -1.0, -2.0, 0.6 / 32768], np.float32))
    assert samples.tolist() == [32767, 32767, -32768, -32768, 1]
    assert beyond == 2
