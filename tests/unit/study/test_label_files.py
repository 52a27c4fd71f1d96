"""Label files that were edited after their corpus was read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.corpora.inventory import inventory
from valence_gap.definitions.corpora import CorpusPaths
from valence_gap.definitions.registry import ADAPTERS
from valence_gap.runtime.files import write_json
from valence_gap.runtime.provenance import checksum
from valence_gap.study.label_files import PATTERNS, edited_files, is_read, replace_rows

FILES = {
    "iemocap": (
        "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",
        "Session1/dialog/transcriptions/Ses01F_impro01.txt",
    ),
    "msp-podcast": ("Labels/labels_consensus.csv", "Transcripts/MSP-PODCAST_0001_0001.txt"),
    "cmu-mosi": ("Labels/OpinionLevelSentiment.csv", "Transcript/03bSnISJMiM.annotprocessed"),
    "audformat": ("db.emotion.csv", "README.md"),
}


def listed(folder: Path, *names: str) -> tuple[Path, CorpusPaths]:
    """A corpus with these files, one of audio, and its inventory."""
    root = folder / "corpus"
    for name in (*names, "a.wav"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"content of {name}")
    paths = CorpusPaths(audio=(str(root),), labels=str(root))
    inventory(paths, folder / "inventory.csv")
    return folder / "inventory.csv", paths


def refuse_audio(path: Path) -> str:
    assert path.suffix != ".wav"
    return checksum(path)


def test_each_adapter_has_its_label_files() -> None:
    assert set(PATTERNS) == set(ADAPTERS)
    assert set(FILES) == set(ADAPTERS) - {"table"}


@pytest.mark.parametrize("adapter", FILES)
def test_edited_labels_are_found_and_other_files_are_not_read(tmp_path: Path, adapter: str) -> None:
    labels, other = FILES[adapter]
    listing, paths = listed(tmp_path, labels, other)
    assert edited_files(listing, paths, adapter, refuse_audio) == []
    for name in (labels, other):
        (tmp_path / "corpus" / name).write_text("edited")
    (edited,) = edited_files(listing, paths, adapter, refuse_audio)
    assert edited.path == tmp_path / "corpus" / labels


def test_a_single_table_is_compared_wherever_it_is(tmp_path: Path) -> None:
    listing, _ = listed(tmp_path)
    table = tmp_path / "labels.csv"
    table.write_text("file,arousal\n")
    paths = CorpusPaths(audio=(str(tmp_path / "corpus"),), labels=str(table))
    inventory(paths, listing)
    moved = CorpusPaths(audio=paths.audio, labels=str(table.rename(tmp_path / "moved.csv")))
    assert edited_files(listing, moved, "table", checksum) == []
    (tmp_path / "moved.csv").write_text("file,valence\n")
    assert len(edited_files(listing, moved, "table", checksum)) == 1


def test_a_corpus_that_is_not_there_is_left_alone(tmp_path: Path) -> None:
    listing, _ = listed(tmp_path, *FILES["cmu-mosi"])
    gone = CorpusPaths(audio=("/nowhere",), labels="/nowhere")
    assert edited_files(listing, gone, "cmu-mosi", checksum) == []


names = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="/\0"), min_size=1, max_size=20)


@given(st.dictionaries(names.filter(lambda name: not name.startswith(".")).map("x{}.csv".format), st.booleans()))
def test_the_replaced_rows_are_those_of_a_whole_inventory(
    tmp_path_factory: pytest.TempPathFactory, edits: dict[str, bool]
) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    listing, paths = listed(folder, *edits)
    for name, is_edited in edits.items():
        if is_edited:
            (folder / "corpus" / name).write_text("edited, and of another length")
    edited = edited_files(listing, paths, "cmu-mosi", refuse_audio)
    assert {one.path.name for one in edited} == {name for name, is_edited in edits.items() if is_edited}
    replace_rows(listing, edited)
    replaced = listing.read_text()
    inventory(paths, listing)
    assert listing.read_text() == replaced


def test_a_report_says_which_inventory_it_was_made_from(tmp_path: Path) -> None:
    listing, _ = listed(tmp_path, "labels.csv")
    report = tmp_path / "report.json"
    write_json(report, {"inputs": {"inventory": checksum(listing)}})
    assert is_read(listing, report, checksum)
    listing.write_text("another")
    assert not is_read(listing, report, checksum)
    write_json(report, {})
    assert is_read(listing, report, checksum)
