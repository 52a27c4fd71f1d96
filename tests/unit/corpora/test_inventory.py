"""The inventory: which files it lists, and that it is rewritten only on a change."""

import hashlib
import os

import pandas as pd
import pytest
from corpus_trees import prepare, write, write_audio

from valence_gap.cli import parser
from valence_gap.corpora.inventory import inventory
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.values import to_json
from valence_gap.runtime.errors import UserError


def tree(root):
    write(root / "audio/b.wav", b"bbb")
    write(root / "audio/deep/a.FLAC", b"aa")
    write(root / "audio/._b.wav", b"fork")
    write(root / "audio/.hidden/c.wav", b"c")
    write(root / "audio/film.avi", b"film")
    write(root / "labels/labels.csv", "file,label\n")
    write(root / "labels/sound.wav", b"sound")
    write(root / "labels/MOCAP_head/motion.txt", b"motion")
    write(root / "transcripts/b.txt", "bee")
    write(root / "gender.csv", "file,gender\n")
    return CorpusPaths(
        audio=(str(root / "audio"),),
        labels=str(root / "labels"),
        transcripts=str(root / "transcripts"),
        speakers=str(root / "gender.csv"),
    )


def test_what_is_listed(tmp_path):
    inventory(tree(tmp_path), tmp_path / "out/inventory.csv")
    table = pd.read_csv(tmp_path / "out/inventory.csv")
    assert [tuple(row) for row in table[["root", "file", "bytes"]].to_numpy()] == [
        ("audio-0", "b.wav", 3),
        ("audio-0", "deep/a.FLAC", 2),
        ("labels", "labels.csv", 11),
        ("speakers", "gender.csv", 12),
        ("transcripts", "b.txt", 3),
    ]
    assert table["sha256"][0] == hashlib.sha256(b"bbb").hexdigest()


@pytest.mark.parametrize(
    ("change", "rewritten"),
    [
        (lambda root: None, False),
        (lambda root: os.utime(root / "audio/b.wav", (1, 1)), False),
        (lambda root: write(root / "audio/b.wav", b"BBB"), True),
        (lambda root: write(root / "audio/c.wav", b"c"), True),
        (lambda root: (root / "transcripts/b.txt").unlink(), True),
        (lambda root: write(root / "audio/.c.wav", b"c"), False),
    ],
)
def test_rewritten_only_on_a_change(tmp_path, change, rewritten):
    paths, output = tree(tmp_path), tmp_path / "inventory.csv"
    inventory(paths, output)
    os.utime(output, (1, 1))
    change(tmp_path)
    inventory(paths, output)
    assert (output.stat().st_mtime != 1) == rewritten


def test_missing_places_are_all_named(tmp_path):
    write(tmp_path / "file.wav", b"")
    paths = CorpusPaths(audio=(str(tmp_path / "file.wav"),), labels=str(tmp_path / "no"), speakers=str(tmp_path / "x"))
    with pytest.raises(UserError) as error:
        inventory(paths, tmp_path / "inventory.csv")
    assert [line.partition(":")[0] for line in error.value.offenders] == ["audio-0", "labels", "speakers"]
    assert not (tmp_path / "inventory.csv").exists()


def run(*arguments):
    parsed = parser().parse_args([str(argument) for argument in arguments])
    parsed.run(parsed)


def test_sub_commands(tmp_path):
    write(tmp_path / "table.csv", "file,valence\na.wav,3\n")
    write_audio(tmp_path / "a.wav")
    corpus = Corpus(
        adapter="table",
        label="Own",
        splits={"test": "all"},
        dimensions=("valence",),
        scale={"valence": (1.0, 5.0)},
    )
    paths = to_json(CorpusPaths(audio=(str(tmp_path),), labels=str(tmp_path / "table.csv")))
    listed = tmp_path / "out/inventory.csv"
    run("inventory", "--paths", paths, "--output", listed)
    run(
        *("prepare-corpus", "--name", "own", "--definition", to_json(corpus), "--paths", paths),
        *("--inventory", listed, "--output", tmp_path / "out"),
    )
    checksum = hashlib.sha256((tmp_path / "a.wav").read_bytes()).hexdigest()
    assert pd.read_parquet(tmp_path / "out/utterances.test.parquet")["sha256"].tolist() == [checksum]
    read = prepare(
        tmp_path / "again",
        "table",
        {"audio": [tmp_path], "labels": tmp_path / "table.csv"},
        splits={"test": "all"},
        dimensions=("valence",),
        scale={"valence": (1.0, 5.0)},
    )
    assert (tmp_path / "out/labels.test.parquet").read_bytes() == (tmp_path / "again/labels.test.parquet").read_bytes()
    assert read.report["splits"]["test"]["utterances"] == 1
    listed.write_text("root,file,bytes,sha256\n")
    with pytest.raises(UserError, match="does not list all of the corpus' audio"):
        run(
            *("prepare-corpus", "--name", "own", "--definition", to_json(corpus), "--paths", paths),
            *("--inventory", listed, "--output", tmp_path / "out"),
        )
    with pytest.raises(UserError, match=r"CorpusPaths\.labels: missing"):
        run("inventory", "--paths", '{"audio": 1}', "--output", listed)
