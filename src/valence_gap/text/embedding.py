"""Text embeddings: the mean of BERT's last hidden states over the tokens of a transcript (paper, section IV-B)."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from transformers import AutoTokenizer, BertModel

from valence_gap.models.operations import layer_flop
from valence_gap.models.sizes import Size, size_from_config
from valence_gap.runtime import precision
from valence_gap.runtime.data_files import write_array, write_parquet
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json, write_json
from valence_gap.runtime.progress import progress
from valence_gap.runtime.provenance import run_record
from valence_gap.text.pretrained import load_pretrained, loading, model_type
from valence_gap.weights.model_types import CONFIG, WEIGHTS

TOKENS_PER_BATCH = 2048

Floats = npt.NDArray[np.float32]


class TextEncoder:
    """A loaded BERT.

    Args:
        folder: contains a ``BertModel`` and its tokeniser; if the model has a head, it is ignored.

    Raises:
        UserError: the folder contains no such model.
    """

    def __init__(self, folder: Path) -> None:
        model_type(folder, ["bert"], "the folder does not contain a text encoder")
        with loading("a text encoder", folder):
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = load_pretrained(BertModel, folder, add_pooling_layer=False)
        self.device = precision.device()
        self._model = model.to(self.device).eval()
        self.longest = int(self._model.config.max_position_embeddings)

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text with [CLS] first and [SEP] last, truncated to the longest input of the model."""
        return cast(list[int], self._tokenizer(text, truncation=True, max_length=self.longest)["input_ids"])

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Embed texts.

        The mean is over all tokens, [CLS] and [SEP] included, so that an empty text has an embedding too. All texts of
        a batch have the same number of tokens, so that nothing is padded.

        Args:
            texts: any number of texts.

        Returns:
            float32 (texts, hidden).
        """
        tokens = [self.tokens(text) for text in texts]
        embeddings = np.zeros((len(texts), int(self._model.config.hidden_size)), dtype=np.float32)
        for rows in progress(_batches(tokens), "text embeddings", unit="batches"):
            embeddings[rows] = self._embed([tokens[row] for row in rows])
        return embeddings

    @torch.inference_mode()
    def _embed(self, tokens: list[list[int]]) -> Floats:
        states = self._model(torch.tensor(tokens, device=self.device)).last_hidden_state  # (batch, tokens, hidden)
        return cast(Floats, states.mean(dim=1).float().cpu().numpy())


def embed_text(model: Path, transcripts: Path, output: Path, index: Path, report: Path, *, threads: int = 1) -> None:
    """Embed the transcripts of a split.

    Args:
        model: folder of the text encoder.
        transcripts: table with id and text.
        output: ``.npy`` file that is written, float32 (utterances, hidden).
        index: table that is written: id of each row.
        report: JSON that is written: the numbers of empty and of truncated transcripts.
        threads: CPU threads.

    Raises:
        UserError: the model or the table is missing or damaged, or an utterance is in the table twice.
    """
    started = time.monotonic()
    torch.set_num_threads(threads)
    encoder = TextEncoder(model)
    ids, texts = read_transcripts(transcripts)
    embeddings = encoder(texts)
    lengths = [len(encoder.tokens(text)) for text in texts]
    inputs = {name: model / name for name in (CONFIG, WEIGHTS)} | {"transcripts": transcripts}
    record = run_record(
        {"pooling": "mean over all tokens, [CLS] and [SEP] included"},
        inputs=inputs,
        started=started,
        device=str(encoder.device),
        flop=_flop(size_from_config(read_json(model / CONFIG)), lengths),
    )
    counts = {
        "utterances": len(ids),
        "empty": sum(not text.strip() for text in texts),
        "cut": sum(length == encoder.longest for length in lengths),
    }
    write_array(output, embeddings)
    write_parquet(index, pd.DataFrame({"id": pd.Series(ids, dtype="str")}))
    write_json(report, {**counts, "hidden": embeddings.shape[1], "run": record})


def _flop(size: Size, lengths: Sequence[int]) -> float:
    """Operations of the layers for texts of some lengths, in tokens."""
    return sum(size.layers * layer_flop(size.hidden, size.intermediate, tokens) * tokens for tokens in lengths)


def read_transcripts(path: Path) -> tuple[list[str], list[str]]:
    """Ids and texts of a table of transcripts; a missing text is empty.

    Raises:
        UserError: the table lacks a column, or has several rows for one utterance.
    """
    table = pd.read_parquet(path)
    if missing := [f"column {name} is missing" for name in ("id", "text") if name not in table]:
        raise UserError(f"{path} is not a table of transcripts", missing)
    ids = [str(each) for each in table["id"]]
    if twice := sorted({each for each in ids if ids.count(each) > 1}) if len(set(ids)) < len(ids) else []:
        raise UserError(f"{path} has several rows for one utterance", twice)
    return ids, [str(text) for text in table["text"].fillna("")]


def _batches(tokens: Sequence[Sequence[int]]) -> list[list[int]]:
    by_length: dict[int, list[int]] = {}
    for row, each in enumerate(tokens):
        by_length.setdefault(len(each), []).append(row)
    batches = []
    for length, same in sorted(by_length.items()):
        size = max(1, TOKENS_PER_BATCH // length)
        batches += [same[start : start + size] for start in range(0, len(same), size)]
    return batches
