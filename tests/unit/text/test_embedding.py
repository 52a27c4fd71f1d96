import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertModel

from valence_gap.definitions.text import TextEncoder as Definition
from valence_gap.pretraining.text_encoder import MAX_LENGTH, pretrain_text_encoder
from valence_gap.runtime.errors import UserError
from valence_gap.text.embedding import TextEncoder, embed_text

TINY = Definition(sentences=80, vocabulary=200, hidden=16, layers=1, heads=2, steps=2, batch_size=4, warm_up=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert") / "tiny"
    pretrain_text_encoder("tiny", TINY, folder)
    return folder


def embed(model: Path, folder: Path, texts: dict[str, str | None]) -> np.ndarray:
    table = pd.DataFrame({"id": list(texts), "text": pd.Series(list(texts.values()), dtype="str")})
    table.to_parquet(folder / "text.parquet")
    embed_text(model, folder / "text.parquet", folder / "e.npy", folder / "i.parquet", folder / "r.json")
    assert list(pd.read_parquet(folder / "i.parquet")["id"]) == list(texts)
    return np.load(folder / "e.npy")


def test_an_embedding_is_the_mean_over_all_tokens_of_the_last_hidden_states(model: Path, tmp_path: Path) -> None:
    text = "THE FILM WAS GOOD"
    found = embed(model, tmp_path, {"a": text})
    tokens = AutoTokenizer.from_pretrained(model)(text, return_tensors="pt")
    with torch.no_grad():
        states = BertModel.from_pretrained(model)(**tokens).last_hidden_state[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], states.mean(0).numpy(), atol=1e-5)


def test_an_embedding_depends_on_its_own_text_alone_and_not_on_its_case(model: Path, tmp_path: Path) -> None:
    texts = {"a": "it was good", "b": "a long and very dull story of the station", "c": "IT WAS GOOD", "d": "no"}
    together = embed(model, tmp_path, texts)
    alone = embed(model, tmp_path, {"a": "it was good"})
    np.testing.assert_allclose(together[0], alone[0], atol=1e-6)
    np.testing.assert_array_equal(together[0], together[2])
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_empty_and_overlong_transcripts_are_embedded_and_counted(model: Path, tmp_path: Path) -> None:
    found = embed(model, tmp_path, {"empty": "", "none": None, "long": "film " * 2 * MAX_LENGTH, "a": "film"})
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[0], found[1])
    assert TextEncoder(model).tokens("") == TextEncoder(model).tokens("x")[:1] + TextEncoder(model).tokens("x")[-1:]
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["utterances"], report["empty"], report["cut"], report["hidden"]) == (4, 2, 1, 16)


def test_an_utterance_with_two_transcripts_is_refused(model: Path, tmp_path: Path) -> None:
    pd.DataFrame({"id": ["a", "a"], "text": ["x", "y"]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(UserError, match="several rows"):
        embed_text(model, tmp_path / "t.parquet", tmp_path / "e", tmp_path / "i", tmp_path / "r")


def test_a_folder_without_bert_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "hubert"}')
    with pytest.raises(UserError, match="does not contain a text encoder"):
        TextEncoder(tmp_path)


def test_a_text_encoder_without_some_weights_is_refused(model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model, tmp_path / "bert")
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("layer.0.attention.self.query.weight"))
    save_file({key: value for key, value in weights.items() if key != name}, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"(?s)does not hold the model.*query\.weight is missing"):
        TextEncoder(folder)


def test_older_names_of_layer_normalisation_are_read(model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model, tmp_path / "bert")
    older = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}

    def renamed(name: str) -> str:
        return next((name.removesuffix(new) + old for new, old in older.items() if name.endswith(new)), name)

    weights = {name: value + 0.1 for name, value in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    expected = TextEncoder(folder)(["a film"])
    stored = {renamed(name): value for name, value in weights.items()}
    assert stored.keys() != weights.keys()
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    np.testing.assert_array_equal(TextEncoder(folder)(["a film"]), expected)
