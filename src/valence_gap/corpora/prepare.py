"""Read a corpus with the reader of its on-disk format, and write the tables that have the same format for all."""

import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from valence_gap.corpora.inventory import check_exist
from valence_gap.corpora.report import Report
from valence_gap.corpora.segments import TIMES
from valence_gap.corpora.utterances import UTTERANCE_COLUMNS, Adapter, build_corpus_table
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.registry import ADAPTERS
from valence_gap.definitions.values import DIMENSIONS, SPLITS
from valence_gap.runtime.data_files import write_parquet
from valence_gap.runtime.errors import UserError, valid_names
from valence_gap.runtime.files import write_json
from valence_gap.runtime.progress import log_line, note
from valence_gap.runtime.provenance import run_record


def adapter_of(name: str) -> Adapter:
    """Return the reader of an on-disk format, by its name in :data:`valence_gap.definitions.registry.ADAPTERS`."""
    module = import_module(f"valence_gap.corpora.adapters.{name.replace('-', '_')}")
    adapter: Adapter = module.ADAPTER
    return adapter


def prepare_corpus(
    name: str, corpus: Corpus, paths: CorpusPaths, output: Path, *, inventory: Path | None = None
) -> None:
    """Read a corpus and write its tables.

    Args:
        name: name of the corpus in the study, for the log and the report.
        corpus: its definition.
        paths: its paths.
        output: folder for ``utterances.{split}.parquet``, ``labels.{split}.parquet`` and ``provenance.{split}.parquet``
            of train, dev and test (same rows, sorted by id; no row where the definition does not name the split), and
            ``report.json``. Utterances have the checksum of their audio, so that every stage that reads the table
            detects changed audio. If the corpus has segments of files, they have ``start_s`` and ``end_s`` in seconds
            (NaN: the end of the file). They have no provenance, because it changes with every row added above.
        inventory: the list of the corpus' files, with their checksums; None: utterances have no checksums.

    Raises:
        UserError: if the corpus is not where the paths say, is not in the adapter's format, is not valid, or has audio
            that the inventory does not list.
    """
    if corpus.adapter not in ADAPTERS:
        raise UserError(
            f"No adapter reads the corpus {name}.",
            [f"adapter: {corpus.adapter}"],
            f"Choose one; {valid_names(ADAPTERS)}.",
        )
    started = time.monotonic()
    check_exist(paths)
    report = Report()
    try:
        # A rule passes a definition without its label, which only changes figures. Errors name the corpus.
        rows = build_corpus_table(corpus.named(name), paths, adapter_of(corpus.adapter), report)
    finally:
        report.log(name)  # also for a corpus that is refused, so that the log has all findings
    rows = rows.assign(sha256=_checksums(rows, inventory) if inventory else pd.Series(None, rows.index, dtype="str"))
    times = [column for column in TIMES if column in rows]
    by_split = {split: rows[rows["our_split"] == split] for split in SPLITS}
    for split, part in by_split.items():
        write_parquet(output / f"utterances.{split}.parquet", part[[*UTTERANCE_COLUMNS, *times, "sha256"]])
        write_parquet(output / f"labels.{split}.parquet", part[["id", *DIMENSIONS]])
        write_parquet(output / f"provenance.{split}.parquet", part[["id", "provenance"]])
    counts = {split: _count(part) for split, part in by_split.items()}
    for split, count in counts.items():
        log_line(f"{name}: {split}: " + ", ".join(f"{value} {what}" for what, value in count.items()))
    for line in report.lines():
        note(name, line)
    record = run_record(
        TypeAdapter(Corpus).dump_python(corpus, mode="json"),
        inputs={"inventory": inventory} if inventory else None,
        started=started,
    )
    write_json(output / "report.json", {"corpus": name, "splits": counts, **report.as_json(), **record})


def _checksums(rows: pd.DataFrame, inventory: Path) -> pd.Series:
    """Return the checksum of the audio of each row.

    Raises:
        UserError: the inventory does not list all of the audio.
    """
    checksums = pd.read_csv(inventory, dtype="str", keep_default_na=False).set_index(["root", "file"])["sha256"]
    names = pd.MultiIndex.from_arrays(["audio-" + rows["audio_root"].astype("str"), rows["file"]])
    found = pd.Series(checksums.reindex(names).to_numpy(), rows.index, dtype="str")
    if found.isna().any():
        raise UserError(
            f"{inventory} does not list all of the corpus' audio: the audio has changed since.",
            rows.loc[found.isna(), "file"],
            "List it again: snakemake corpora -R inventory",
        )
    return found


def _count(part: pd.DataFrame) -> dict[str, Any]:
    return {
        "utterances": len(part),
        "speakers": int(part["speaker"].nunique()),
        "female": int((part["gender"] == "female").sum()),
        "male": int((part["gender"] == "male").sum()),
        "transcripts": int(part["transcript"].notna().sum()),
        "hours": round(float(part["duration_s"].sum()) / 3600, 4),
    }
