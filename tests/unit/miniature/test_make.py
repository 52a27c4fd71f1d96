"""The miniature corpora: their bytes, their unusual rows and files, and the tables that the adapters read."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from valence_gap.cli import main
from valence_gap.corpora import esc50
from valence_gap.corpora.prepare import prepare_corpus
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.miniature import Miniature, MiniatureCorpus
from valence_gap.definitions.values import DIMENSIONS, to_json
from valence_gap.miniature import make
from valence_gap.miniature.writers import cmu_mosi, iemocap, msp_podcast
from valence_gap.miniature.writers.recording import Recording, record, recording_of
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json

SIZE = Miniature(
    seed=3,
    msp_podcast={
        "train": MiniatureCorpus(utterances=8, speakers=4),
        "dev": MiniatureCorpus(utterances=2, speakers=2),
        "test": MiniatureCorpus(utterances=9, speakers=4),
    },
    iemocap=MiniatureCorpus(utterances=10, speakers=4),
    cmu_mosi=MiniatureCorpus(utterances=7, speakers=3),
    esc50_clips=1,
)
MSP, IEMOCAP, MOSI, ESC50 = make.FOLDERS


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("miniature") / "raw"
    make.make_miniature(SIZE, output, 1)
    return output


@pytest.fixture(scope="module")
def prepared(tree, tmp_path_factory):
    """Each corpus as its adapter reads it: (utterances joined with labels, report)."""
    definitions = {
        "msp-podcast": (
            {"train": "train", "dev": "validation", "test": "test-1"},
            {"audio": (f"{MSP}/Audios",), "labels": MSP, "transcripts": f"{MSP}/Transcripts"},
            DIMENSIONS,
        ),
        "iemocap": ({"test": "all"}, {"audio": (IEMOCAP,), "labels": IEMOCAP, "transcripts": IEMOCAP}, DIMENSIONS),
        "cmu-mosi": (
            {"test": "test"},
            {
                "audio": (f"{MOSI}/Raw/Audio/WAV_16000/Segmented",),
                "labels": f"{MOSI}/Labels/OpinionLevelSentiment.csv",
                "transcripts": f"{MOSI}/Raw/Transcript/Segmented",
                "speakers": f"{MOSI}/gender.csv",
            },
            ("valence",),
        ),
    }
    found = {}
    for name, (splits, paths, dimensions) in definitions.items():
        output = tmp_path_factory.mktemp(name)
        corpus = Corpus(adapter=name, label=name, splits=splits, dimensions=dimensions, out_of_scale="keep")
        absolute = {
            key: tuple(str(tree / one) for one in value) if key == "audio" else str(tree / value)
            for key, value in paths.items()
        }
        prepare_corpus(name, corpus, CorpusPaths(**absolute), output)
        parts = [
            pd.read_parquet(output / f"utterances.{split}.parquet")
            .merge(pd.read_parquet(output / f"labels.{split}.parquet"), on="id")
            .assign(split=split)
            for split in ("train", "dev", "test")
        ]
        found[name] = (pd.concat(parts).set_index("id"), read_json(output / "report.json"))
    return found


def _check_labels(table, planned, low, high, dimensions):
    for one in planned:
        row = table.loc[Path(one.id).stem]
        for dimension in dimensions:
            assert row[dimension] == pytest.approx((one.mean(dimension) - low) / (high - low), abs=1e-4), one.id
        assert row["speaker"] in (one.speaker, None) or pd.isna(row["speaker"])
        assert row["gender"] == one.voice.gender or pd.isna(row["gender"])


def test_msp_podcast_is_read_back(prepared):
    table, _ = prepared["msp-podcast"]
    assert table["split"].value_counts().to_dict() == {"train": 8, "dev": 2, "test": 9}
    for split, planned in msp_podcast.plan(SIZE).items():
        _check_labels(table[table["split"] == split], planned, 1, 7, DIMENSIONS)
    transcribed = table[table["transcript"].notna()]
    assert set(transcribed["split"]) == {"test"}
    assert len(transcribed) == 5  # .55 of 9
    texts = {Path(one.id).stem: one.text for one in msp_podcast.plan(SIZE)["test"]}
    assert all(texts[name] == row["transcript"] for name, row in transcribed.iterrows())


def test_one_training_speaker_is_unknown(prepared):
    table, _ = prepared["msp-podcast"]
    unknown = table[table["speaker"].isna()]
    assert unknown["split"].tolist() == ["train"]
    assert unknown["gender"].isna().all()


def test_no_speaker_of_msp_podcast_is_in_two_splits(prepared):
    table, _ = prepared["msp-podcast"]
    assert table.groupby("speaker")["split"].nunique().max() == 1
    assert table.groupby("split")["speaker"].nunique().to_dict() == {"train": 4, "dev": 2, "test": 4}


def test_iemocap_is_read_back(prepared):
    table, report = prepared["iemocap"]
    planned = iemocap.plan(SIZE)
    assert len(table) == 10
    _check_labels(table, planned, 1, 5, DIMENSIONS)
    assert set(table["speaker"]) == {"Ses01_F", "Ses01_M", "Ses02_F", "Ses02_M"}
    assert table["transcript"].to_dict() == {one.id: one.text for one in planned}
    assert table["dominance"].max() == pytest.approx((5.5 - 1) / 4)
    assert (table["dominance"] > 1).sum() == 1
    assert report["splits"]["test"]["utterances"] == 10


def test_cmu_mosi_is_read_back(prepared):
    table, _ = prepared["cmu-mosi"]
    planned = cmu_mosi.plan(SIZE)
    assert len(table) == 7
    _check_labels(table, planned, -3, 3, ("valence",))
    assert table["arousal"].isna().all()
    assert table["gender"].notna().all()
    words = {one.id: one.text.upper().strip(".").replace(",", "") for one in planned}
    assert table["transcript"].to_dict() == words


def test_opinion_times_are_the_lengths_of_the_audio(tree):
    opinions = pd.read_csv(tree / MOSI / "Labels/OpinionLevelSentiment.csv", header=None)
    assert len(opinions) == 7
    for start, end, video, segment, _ in opinions.itertuples(index=False):
        info = soundfile.info(tree / MOSI / f"Raw/Audio/WAV_16000/Segmented/{video}_{segment}.wav")
        assert end - start == pytest.approx(info.frames / info.samplerate, abs=0.0011)


def test_one_file_is_stereo_and_the_others_16_khz_mono(tree):
    formats = [
        (info.samplerate, info.channels, info.subtype)
        for folder in (MSP, IEMOCAP, MOSI)
        for info in map(soundfile.info, (tree / folder).rglob("*.wav"))
    ]
    assert formats.count((44_100, 2, "PCM_16")) == 1
    assert formats.count((16_000, 1, "PCM_16")) == len(formats) - 1 == 8 + 2 + 9 + 10 + 7 - 1


def test_utterances_last_a_few_seconds_and_are_audible(tree):
    paths = list((tree / IEMOCAP).rglob("*.wav"))
    assert len(paths) == 10
    for path in paths:
        samples, rate_hz = soundfile.read(path)
        assert 1 < len(samples) / rate_hz < 8
        assert 0.005 < np.sqrt(np.mean(samples**2)) < 0.5


def test_consensus_is_the_mean_of_the_workers(tree):
    labels = pd.read_csv(tree / MSP / "Labels/labels_concensus.csv").set_index("FileName")
    detail = pd.read_csv(tree / MSP / "Labels/labels_detailed.csv")
    answers = detail["EmoDetail"].str.extract(r"A:(?P<EmoAct>\S+); V:(?P<EmoVal>\S+); D:(?P<EmoDom>\S+);").astype(float)
    means = answers.groupby(detail["FileName"]).mean()
    assert detail["FileName"].value_counts().min() >= 5
    pd.testing.assert_frame_equal(labels[means.columns], means, atol=1e-9)


def test_esc50_is_read_back(tree):
    table = pd.read_csv(tree / ESC50 / "meta/esc50.csv")
    assert table.columns.tolist() == ["filename", "fold", "target", "category", "esc10", "src_file", "take"]
    assert len(table) == 32
    for row in table.itertuples():
        assert row.filename == f"{row.fold}-{row.src_file}-{row.take}-{row.target}.wav"
        info = soundfile.info(tree / ESC50 / "audio" / row.filename)
        assert (info.samplerate, info.channels, info.frames) == (44_100, 1, 220_500)
    assert {name: len(files) for name, files in esc50.clips(tree / ESC50).items()} == dict.fromkeys(
        ("natural", "human", "interior"), 10
    )


def test_one_clip_is_almost_silent(tree):
    peaks = [np.abs(soundfile.read(path)[0]).max() for path in sorted((tree / ESC50 / "audio").glob("*.wav"))]
    assert sum(peak < 0.001 for peak in peaks) == 1
    assert min(peaks) > 0


def test_any_number_of_workers_gives_the_same_bytes(tree, tmp_path):
    make.make_miniature(SIZE, tmp_path / "raw", 2)
    assert (tmp_path / "raw/manifest.json").read_bytes() == (tree / "manifest.json").read_bytes()
    assert make.tree_checksum(tmp_path / "raw") == make.tree_checksum(tree)


def test_manifest_describes_the_corpora(tree):
    manifest = read_json(tree / "manifest.json")
    assert manifest["definition"] == json.loads(to_json(SIZE))
    assert manifest["corpora"][MSP]["counts"] == {"train": 8, "dev": 2, "test": 9}
    for folder in make.FOLDERS:
        assert manifest["corpora"][folder]["sha256"] == make.tree_checksum(tree / folder)


def test_an_utterance_depends_on_the_seed_and_its_name_alone():
    longer = replace(SIZE, iemocap=MiniatureCorpus(utterances=14, speakers=4))
    assert [one.affect for one in iemocap.plan(longer)[:10]] == [one.affect for one in iemocap.plan(SIZE)]
    other = replace(SIZE, seed=4)
    assert all(a.affect != b.affect for a, b in zip(cmu_mosi.plan(other), cmu_mosi.plan(SIZE), strict=True))


def test_checksum_depends_on_names_and_contents(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    before = make.tree_checksum(tmp_path)
    (tmp_path / "b").rename(tmp_path / "c")
    renamed = make.tree_checksum(tmp_path)
    (tmp_path / "c").write_text("3")
    assert len({before, renamed, make.tree_checksum(tmp_path)}) == 3


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_args, **_kwargs):
        raise UserError("no voice")

    monkeypatch.setattr(make, "synthesise_utterance", fail)
    with pytest.raises(UserError, match="no voice"):
        make.make_miniature(SIZE, tmp_path / "raw", 1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_not_replaced(tmp_path):
    (tmp_path / MSP).mkdir()
    (tmp_path / "thesis.tex").write_text("")
    (tmp_path / "photos").mkdir()
    with pytest.raises(UserError) as error:
        make.make_miniature(SIZE, tmp_path, 1)
    assert [Path(one).name for one in error.value.offenders] == ["photos", "thesis.tex"]
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.parametrize("speakers", [3, 12])
def test_iemocap_needs_pairs_in_five_sessions(speakers):
    with pytest.raises(UserError, match="five sessions"):
        iemocap.plan(replace(SIZE, iemocap=MiniatureCorpus(utterances=20, speakers=speakers)))


def test_mosi_has_no_more_speakers_than_videos():
    with pytest.raises(UserError, match="At most 31"):
        cmu_mosi.plan(replace(SIZE, cmu_mosi=MiniatureCorpus(utterances=40, speakers=32)))


def test_the_command_says_what_is_wrong_in_its_definition(tmp_path, capsys):
    assert main(["make-miniature", "--definition", '{"seed": "x"}', "--output", str(tmp_path / "raw")]) == 2
    message = capsys.readouterr().err
    assert "iemocap" in message
    assert "seed" in message
    assert "Traceback" not in message


def test_a_recording_has_its_band_its_floor_and_no_clipping():
    t = np.arange(22_050) / 22_050
    voice = (0.5 * np.sin(2 * np.pi * 1000 * t) + 0.5 * np.sin(2 * np.pi * 7000 * t)).astype(np.float32)
    dry = Recording(4.0, np.array([1.0], np.float32), (100, 4000), 0.001, 0.0)
    recorded = record(voice, 22_050, dry, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(recorded))
    assert len(recorded) == 16_000
    assert np.abs(recorded).max() == pytest.approx(0.98, abs=0.001)
    assert spectrum[7000] < 0.03 * spectrum[1000]
    silence = record(np.zeros(22_050, np.float32), 22_050, replace(dry, gain=1.0), np.random.default_rng(0))
    assert np.std(silence) == pytest.approx(0.001 * np.sqrt(4000 / 8000), rel=0.1)


def test_recordings_differ_between_speakers_and_corpora():
    quiet, loud = recording_of("iemocap", "Ses01_F", 0), recording_of("msp-podcast", "1", 0)
    assert quiet.gain < loud.gain
    assert quiet.gain != recording_of("iemocap", "Ses01_M", 0).gain
    assert recording_of("iemocap", "Ses01_F", 1).gain != quiet.gain
