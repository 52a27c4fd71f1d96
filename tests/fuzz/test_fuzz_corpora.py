"""Corrupted corpora: an error, or every row is accounted for; no file outside the roots is opened."""

import ast
import io
import json
import os
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from corruption import NASTY, byte_step, cell, corrupt, line_step, table_step
from harness import attempt, fuzz_settings
from hypothesis import example, given
from hypothesis import strategies as st
from trees import AUDFORMAT_EMOTION, ESC50, ESC50_NAMES, TABLE, TREES, counted_rows, label_rows, wav, write_audio

from valence_gap.corpora import esc50
from valence_gap.corpora.inventory import inventory
from valence_gap.corpora.prepare import prepare_corpus
from valence_gap.definitions.values import SPLITS

RULES = st.sampled_from(["keep", "clip", "fail"])


@pytest.fixture(scope="module")
def place_of(tmp_path_factory):
    """The audio of all corpora, written once, beside a secret folder that no row may reach."""
    base = tmp_path_factory.mktemp("corpora")
    for name, tree in TREES.items():
        write_audio(base / name / "audio", tree.audio)
        write_audio(base / name / "outside", ["secret.wav", "MSP-PODCAST_0009_0009.wav"])
        (base / name / "outside/secret.txt").write_text("secret")
    return base


def prepared(tree, root, audio, output, **settings):
    prepare_corpus(tree.adapter, tree.corpus(**settings), tree.given(root, audio), output)
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    tables = {split: pd.read_parquet(output / f"utterances.{split}.parquet") for split in SPLITS}
    labels = {split: pd.read_parquet(output / f"labels.{split}.parquet") for split in SPLITS}
    return report, tables, labels


def check_tables(tree, tables, labels, audio, rule):
    """Check that ids are unique, files are below the audio folder, and labels are numbers."""
    table = pd.concat(tables.values())
    assert table["id"].is_unique
    for file in table["file"]:
        path = (audio / file).resolve()
        assert path.is_relative_to(audio.resolve())
        assert path.is_file()
    values = pd.concat(labels.values())[list(tree.corpus().dimensions)]
    assert values.notna().all(axis=None)
    if rule != "keep":
        assert values.stack().between(-1e-9, 1 + 1e-9).all()


def check(tree, base, corrupted, rule):
    with tempfile.TemporaryDirectory(dir=base / tree.adapter) as folder:
        root, audio = Path(folder), base / tree.adapter / "audio"
        tree.write(root, corrupted)
        result = attempt(
            lambda: prepared(tree, root, audio, root / "out", out_of_scale=rule),
            outside=base / tree.adapter / "outside",
            skips=lambda result: bool(result[0]["skipped"]),
            names=(*(Path(name).name for name in tree.texts), tree.adapter, str(root)),
        )
        if result is None:
            return
        report, tables, labels = result
        check_tables(tree, tables, labels, audio, rule)
        content = corrupted.get(tree.label_file, tree.texts[tree.label_file].encode())
        noted = [reason for reason in report["noted"] if reason.startswith("table whose cells are separated by ")]
        separator = ast.literal_eval(noted[0].rpartition(" by ")[2]) if noted else ","
        rows = label_rows(tree, content, separator)
        assert rows == counted_rows(report, sum(map(len, tables.values())), tree.label_file), json.dumps(
            report["skipped"]
        )


def broken(tree):
    """Strategy: which files are corrupted, and their corrupted content."""

    def steps(name):
        fitting = table_step if name.endswith(".csv") else line_step
        return st.lists(st.one_of(fitting, fitting, byte_step), min_size=1, max_size=3)

    one = st.sampled_from([tree.label_file, *tree.texts]).flatmap(lambda name: st.tuples(st.just(name), steps(name)))
    return st.lists(one, min_size=1, max_size=2).map(
        lambda chosen: {name: corrupt(tree.texts[name].encode(), found) for name, found in chosen}
    )


@pytest.mark.parametrize("name", TREES)
def test_the_valid_corpus_is_read(place_of, tmp_path, name):
    tree = TREES[name]
    tree.write(tmp_path / "tree")
    _, tables, _ = prepared(tree, tmp_path / "tree", place_of / name / "audio", tmp_path / "out", out_of_scale="keep")
    assert sum(map(len, tables.values())) == len(tree.audio) - (name == "msp-podcast")  # one row is of Test2


@fuzz_settings("msp-podcast")
@given(corrupted=broken(TREES["msp-podcast"]), rule=RULES)
def test_msp_podcast(place_of, corrupted, rule):
    check(TREES["msp-podcast"], place_of, corrupted, rule)


@fuzz_settings("iemocap")
@given(corrupted=broken(TREES["iemocap"]), rule=RULES)
def test_iemocap(place_of, corrupted, rule):
    check(TREES["iemocap"], place_of, corrupted, rule)


@fuzz_settings("cmu-mosi")
@given(corrupted=broken(TREES["cmu-mosi"]), rule=RULES)
def test_cmu_mosi(place_of, corrupted, rule):
    check(TREES["cmu-mosi"], place_of, corrupted, rule)


@fuzz_settings("table")
@given(corrupted=broken(TREES["table"]), rule=RULES)
def test_table(place_of, corrupted, rule):
    check(TREES["table"], place_of, corrupted, rule)


@fuzz_settings("audformat")
@example(corrupted={"db.emotion.csv": AUDFORMAT_EMOTION.replace("b.wav", "").encode()}, rule="keep")
@given(corrupted=broken(TREES["audformat"]), rule=RULES)
def test_audformat(place_of, corrupted, rule):
    check(TREES["audformat"], place_of, corrupted, rule)


def columns_of(values):
    """Strategy: a column of a Parquet file, of any type."""
    kinds = st.sampled_from([str, float, "category", bool, bytes, list, "datetime64[ns]", None])
    return st.tuples(kinds, values)


def parquet(chosen, name, junk):
    """Return a table as Parquet, with one column of another type, another name, or corrupted bytes."""
    kind, value = chosen
    table = pd.read_csv(io.StringIO(TABLE))
    rows = len(table)
    columns = {
        str: [value] * rows,
        float: [float("nan")] * rows,
        "category": pd.Categorical([value] * rows),
        bool: [True] * rows,
        bytes: [value.encode()] * rows,
        list: [[value]] * rows,
        "datetime64[ns]": pd.Series(pd.Timestamp("2020-01-01"), index=range(rows)),
        None: [None] * rows,
    }
    column, renamed = name
    table[column] = columns[kind]
    stream = io.BytesIO()
    table.rename(columns={column: renamed}).to_parquet(stream, index=False)
    return corrupt(stream.getvalue(), junk)


@fuzz_settings("parquet")
@given(
    chosen=columns_of(st.sampled_from(NASTY)),
    name=st.sampled_from(["file", "id", "split", "speaker", "gender", "valence", "arousal"]).flatmap(
        lambda column: st.tuples(st.just(column), st.one_of(st.just(column), st.just(column), cell))
    ),
    junk=st.one_of(st.just([]), st.just([]), st.lists(byte_step, min_size=1, max_size=1)),
)
def test_parquet(place_of, chosen, name, junk):
    base, audio = place_of / "table", place_of / "table/audio"
    tree = TREES["table"]
    with tempfile.TemporaryDirectory(dir=base) as folder:
        path = Path(folder) / "table.parquet"
        path.write_bytes(parquet(chosen, name, junk))
        paths = tree.given(Path(folder), audio).__class__(audio=(str(audio),), labels=str(path))

        def read():
            prepare_corpus("table", tree.corpus(), paths, Path(folder) / "out")
            tables = [pd.read_parquet(Path(folder) / f"out/utterances.{split}.parquet") for split in SPLITS]
            return json.loads((Path(folder) / "out/report.json").read_text()), tables

        result = attempt(
            read, outside=base / "outside", skips=lambda found: bool(found[0]["skipped"]), names=("table",)
        )
        if result is not None and not junk:
            report, tables = result
            assert counted_rows(report, sum(map(len, tables)), path.name) == 5


@fuzz_settings("esc50")
@given(
    steps=st.lists(st.one_of(table_step, table_step, byte_step), min_size=1, max_size=3),
    lost=st.lists(st.sampled_from(ESC50_NAMES), max_size=2),
)
def test_esc50(place_of, steps, lost):
    base = place_of / "esc50"
    with tempfile.TemporaryDirectory(dir=place_of) as folder:
        root = Path(folder)
        write_audio(root / "audio", [name for name in ESC50_NAMES if name not in lost])
        write_audio(base / "outside", ["secret.wav"])
        (root / "meta").mkdir()
        (root / "meta/esc50.csv").write_bytes(corrupt(ESC50.encode(), steps))
        found = attempt(lambda: esc50.clips(root), outside=base / "outside", names=("esc50.csv", str(root)))
        for clips in (found or {}).values():
            assert all(clip.parent == root / "audio" and clip.is_file() for clip in clips)


# Other files beside those that are read


def test_unusual_files_neither_hang_nor_hide_a_corpus(place_of, tmp_path):
    """Pipes, links in a circle, folders named like files, names that are not UTF-8."""
    tree = TREES["msp-podcast"]
    audio = tmp_path / "audio"
    shutil.copytree(place_of / "msp-podcast/audio", audio)
    tree.write(tmp_path / "tree")
    transcripts = tmp_path / "tree/Transcripts"
    for folder in (audio, transcripts, tmp_path / "tree", tmp_path / "tree/Labels"):
        os.mkfifo(folder / "pipe.wav")
        os.mkfifo(folder / "pipe.txt")
        (folder / "circle").symlink_to(folder)
        (folder / "nowhere.wav").symlink_to(folder / "nothing")
        (folder / "nowhere.txt").symlink_to(folder / "nothing")
        (folder / "folder.wav").mkdir()
        (folder / "folder.txt").mkdir()
        Path(os.fsdecode(os.fsencode(folder) + b"/no-utf-\xff\xfe.wav")).write_bytes(wav())
        Path(os.fsdecode(os.fsencode(folder) + b"/no-utf-\xff\xfe.txt")).write_bytes(b"text")
        Path(folder / "line\nbreak.wav").write_bytes(wav())
    result = attempt(lambda: prepared(tree, tmp_path / "tree", audio, tmp_path / "out"))
    assert result is not None
    report, tables, _ = result
    assert sum(map(len, tables.values())) == 4
    assert report["skipped"]["audio without a row"]["count"] == 2
    attempt(lambda: inventory(tree.given(tmp_path / "tree", audio), tmp_path / "inventory.csv"))
    assert len(pd.read_csv(tmp_path / "inventory.csv")) > len(tree.audio)


def test_links_in_a_label_folder_that_are_pipes_do_not_hang(place_of, tmp_path):
    tree = TREES["msp-podcast"]
    tree.write(tmp_path, {"Labels/labels_consensus.csv": None})
    (tmp_path / "Labels").mkdir()
    os.mkfifo(tmp_path / "Labels/labels_consensus.csv")
    assert attempt(lambda: prepared(tree, tmp_path, place_of / "msp-podcast/audio", tmp_path / "out")) is None


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_audio_that_is_copied_incompletely_is_counted(place_of, tmp_path, share):
    tree = TREES["table"]
    tree.write(tmp_path / "tree")
    write_audio(tmp_path / "audio", tree.audio[: int(share * len(tree.audio))])
    (tmp_path / "audio").mkdir(exist_ok=True)
    result = attempt(
        lambda: prepared(tree, tmp_path / "tree", tmp_path / "audio", tmp_path / "out", on_missing_audio="skip")
    )
    if result is not None:
        assert result[0]["skipped"]["row without audio"]["count"] == 3
