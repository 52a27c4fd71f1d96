"""The utterances that the page shows."""

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import soundfile
from page_data import UTTERANCES, utterance_files

from valence_gap.page.utterances import columns, write_utterances
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json


def written(tmp_path: Path, seed: int = 1, **changes: Any) -> dict[str, Any]:
    files = replace(utterance_files(tmp_path), **changes)
    output = tmp_path / "utterances.json"
    write_utterances(files, model="w2v2-b", run_seed=42, seed=seed, output=output, record=tmp_path / "run.json")
    found: dict[str, Any] = read_json(output)
    return found


def test_there_is_a_row_for_each_utterance_of_clean_speech(tmp_path: Path) -> None:
    found = written(tmp_path)
    table = pd.DataFrame(found["rows"], columns=found["columns"])
    assert found["columns"] == columns()
    assert table.groupby("corpus").size().to_dict() == {"msp-podcast": UTTERANCES, "cmu-mosi": UTTERANCES}
    predicted = pd.read_parquet(tmp_path / "predictions/w2v2-b/seed-42/msp-podcast/clean.parquet")
    shown = table[table["corpus"] == "msp-podcast"]["predicted_valence"].astype(float)
    assert (shown.to_numpy() - predicted["valence"].to_numpy()).max() < 1e-4
    assert table.loc[table["corpus"] == "cmu-mosi", "label_arousal"].isna().all()
    error = table["predicted_valence"] - table["label_valence"] - table["error_valence"]
    assert error.abs().max() < 2e-4


def test_five_utterances_are_played_the_same_under_each_condition(tmp_path: Path) -> None:
    clips = pd.DataFrame(written(tmp_path)["clips"])
    assert clips.groupby(["corpus", "condition"]).size().to_dict() == {
        ("msp-podcast", "clean"): 5,
        ("msp-podcast", "human-0db"): 5,
        ("cmu-mosi", "clean"): 5,
    }
    drawn = clips[clips["corpus"] == "msp-podcast"].groupby("condition")["id"].apply(set)
    assert drawn["clean"] == drawn["human-0db"]
    assert min(drawn["clean"]) >= "msp-podcast-20"  # the others have no samples under noise


def test_a_clip_is_an_mp3_of_the_utterance_with_labels_and_predictions(tmp_path: Path) -> None:
    clip = written(tmp_path)["clips"][0]
    samples, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(clip["audio"])))
    assert rate_hz == 16_000
    assert len(samples) / rate_hz == pytest.approx(0.5, abs=0.15)  # an encoder adds silence at both ends
    assert len(base64.b64decode(clip["audio"])) < 6_000  # 32 kbit/s
    labels = pd.read_parquet(tmp_path / "corpora/msp-podcast/labels.test.parquet").set_index("id")
    assert clip["labels"]["valence"] == pytest.approx(labels.loc[clip["id"], "valence"], abs=1e-4)
    assert set(clip["predictions"]) == {"arousal", "dominance", "valence"}


def test_the_draw_depends_on_the_seed_alone(tmp_path: Path) -> None:
    one, same, other = (written(tmp_path, seed)["clips"] for seed in (1, 1, 2))
    assert one == same
    assert [clip["id"] for clip in one] != [clip["id"] for clip in other]


def test_without_packs_there_is_no_audio(tmp_path: Path) -> None:
    found = written(tmp_path, packs={})
    assert found["clips"] == []
    assert len(found["rows"]) == 2 * UTTERANCES


def test_the_record_has_the_checksum_of_each_file(tmp_path: Path) -> None:
    written(tmp_path)
    assert {"audio/msp-podcast/human-0db", "labels/cmu-mosi", "predictions/msp-podcast/augmented"} <= set(
        read_json(tmp_path / "run.json")["inputs"]
    )


def test_missing_labels_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)labels or utterances are missing.*cmu-mosi.*msp-podcast"):
        written(tmp_path, labels={})
