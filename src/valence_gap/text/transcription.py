"""Automatic transcripts: greedy decoding of a CTC recogniser, and its word error rate (section IV-B).

The recogniser is a local Hugging Face folder, ``Wav2Vec2ForCTC`` or ``HubertForCTC``, such as wav2vec2-base-960h. If
the folder contains a lexicon, as the miniature's own recogniser does, the words are corrected by it.
"""

import string
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from nltk.metrics.distance import edit_distance
from nltk.tokenize import NLTKWordTokenizer
from transformers import HubertForCTC, PreTrainedModel, Wav2Vec2ForCTC

from valence_gap.audio.packs import AUDIO, INDEX, open_pack
from valence_gap.models.kernels import limit_kernels
from valence_gap.models.operations import forward_flop
from valence_gap.models.sizes import size_from_config
from valence_gap.prediction.inputs import normalise
from valence_gap.runtime import precision
from valence_gap.runtime.data_files import write_parquet
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json, write_json
from valence_gap.runtime.progress import log_line, progress
from valence_gap.runtime.provenance import run_record
from valence_gap.text.pretrained import load_pretrained, loading, model_type
from valence_gap.text.spelling import LEXICON_FILE, Lexicon
from valence_gap.weights.model_types import CONFIG, WEIGHTS

RECOGNISERS: Mapping[str, type[PreTrainedModel]] = {"wav2vec2": Wav2Vec2ForCTC, "hubert": HubertForCTC}

_APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'"})
_PUNCTUATION = string.punctuation.replace("'", "")


@dataclass(frozen=True)
class Alphabet:
    """The symbols that the outputs of a recogniser represent.

    Attributes:
        symbols: one for each output; special ones (blank, start, end, unknown) are empty, the word boundary is a space.
        blank: index of the output that separates two equal letters.
    """

    symbols: tuple[str, ...]
    blank: int

    def decode(self, best: npt.NDArray[np.int64]) -> str:
        """The text of the most likely outputs (frames,): repetitions are merged, then blanks are removed."""
        changes = np.flatnonzero(np.diff(best, prepend=-1))
        letters = (self.symbols[output] for output in best[changes] if output != self.blank)
        return " ".join("".join(letters).split())


class Recogniser:
    """A loaded recogniser. It reads one utterance at a time, so that a text depends only on its own utterance.

    Args:
        folder: contains ``config.json``, ``model.safetensors`` and ``vocab.json``; ``tokenizer_config.json`` and
            ``preprocessor_config.json``, if they differ from those of wav2vec2-base-960h; and optionally
            ``lexicon.txt``.

    Raises:
        UserError: the folder contains no such recogniser.
    """

    def __init__(self, folder: Path) -> None:
        self.alphabet = read_alphabet(folder)
        self.lexicon = Lexicon.read(folder)
        self._normalised = bool(_optional(folder / "preprocessor_config.json").get("do_normalize", True))
        self.device = precision.device()
        self._model = cast(Any, _load(folder, len(self.alphabet.symbols))).to(self.device)

    @torch.inference_mode()
    def __call__(self, waveform: torch.Tensor) -> str:
        """The text of a waveform, float32 (samples,) in -1..1 at 16 kHz; empty if it is too short for a frame."""
        if int(self._model._get_feat_extract_output_lengths(len(waveform))) < 1:
            return ""
        model_input = normalise(waveform) if self._normalised else waveform
        with precision.products_of("fp32"):  # its convolutions too
            logits = self._model(model_input[None].to(self.device)).logits[0]  # (frames, outputs)
        text = self.alphabet.decode(logits.argmax(dim=-1).cpu().numpy())
        return self.lexicon.spell(text) if self.lexicon else text


def transcribe(
    model: Path, audio: Path, output: Path, report: Path, *, utterances: Path | None = None, threads: int = 1
) -> None:
    """Transcribe a pack of audio.

    Args:
        model: folder of the recogniser.
        audio: the pack.
        output: table that is written: id, text (empty where nothing was recognised), in the order of the pack.
        report: JSON that is written: the number of empty texts, and the word error rate if transcripts are known.
        utterances: table with id and transcript, for the word error rate.
        threads: CPU threads.

    Raises:
        UserError: the model or the pack is missing or damaged.
    """
    started = time.monotonic()
    torch.set_num_threads(threads)
    recogniser, pack = Recogniser(model), open_pack(audio)
    size = size_from_config(read_json(model / CONFIG))
    limit_kernels(size)
    rows = progress(range(len(pack)), "transcripts", unit="utterances")
    texts = [recogniser(torch.from_numpy(pack.read(row))) for row in rows]
    known = _transcripts(utterances) if utterances else {}
    pairs = [(known[each], text) for each, text in zip(pack.ids, texts, strict=True) if each in known]
    errors = count_errors(pairs)
    log_line(
        f"word error rate on {len(pairs)} utterances: {errors.rate:.3f}"
        if errors.words
        else "no reference transcripts: the word error rate is not computed"
    )
    table = {"id": pd.Series(pack.ids, dtype="str"), "text": pd.Series(texts, dtype="str")}
    read = (CONFIG, WEIGHTS, "vocab.json", *([LEXICON_FILE] if recogniser.lexicon else []))
    decoding = "greedy CTC" + (", spelt by its lexicon" if recogniser.lexicon else "")
    inputs = {name: model / name for name in read} | {f"audio/{name}": audio / name for name in (AUDIO, INDEX)}
    record = run_record(
        {"decoding": decoding},
        inputs=inputs,
        started=started,
        device=str(recogniser.device),
        audio_s=float(pack.durations_s.sum()),
        flop=forward_flop(size, pack.durations_s, stem=True),
    )
    counts = {"utterances": len(texts), "empty": sum(not text for text in texts), "compared": len(pairs)}
    write_parquet(output, pd.DataFrame(table))
    write_json(report, counts | errors.as_json() | {"run": record})


@dataclass(frozen=True)
class WordErrors:
    """Errors against reference transcripts, summed over utterances.

    Attributes:
        edits: words substituted, deleted or inserted.
        words: words of the references.
    """

    edits: int
    words: int

    @property
    def rate(self) -> float:
        """Edits per word of the references; NaN if the references have no words."""
        return self.edits / self.words if self.words else float("nan")

    def as_json(self) -> dict[str, Any]:
        """The counts, and the rate (null if it is undefined)."""
        rate = round(self.rate, 4) if self.words else None
        return {"word_edits": self.edits, "words": self.words, "word_error_rate": rate}


def count_errors(pairs: Sequence[tuple[str, str]]) -> WordErrors:
    """Sum the word errors of (reference, hypothesis) pairs: long utterances weigh more than short ones."""
    split = [(normalised_words(reference), normalised_words(hypothesis)) for reference, hypothesis in pairs]
    edits = sum(int(edit_distance(reference, hypothesis)) for reference, hypothesis in split)
    return WordErrors(edits, sum(len(reference) for reference, _ in split))


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Word errors of one utterance per word of its reference; NaN if the reference has no words.

    Examples:
        >>> word_error_rate("It was good, wasn't it?", "IT WAS GOOD WASN'T")
        0.16666666666666666
    """
    return count_errors([(reference, hypothesis)]).rate


def normalised_words(text: str) -> list[str]:
    """The words of a text in lower case without punctuation.

    The tokeniser of nltk splits contractions ("wasn't" is "was", "n't"), in references and in hypotheses.
    """
    cleaned = text.translate(_APOSTROPHES).lower().replace("-", " ")
    tokens = (token.strip(_PUNCTUATION) for token in NLTKWordTokenizer().tokenize(cleaned))
    return [token for token in tokens if any(letter.isalnum() for letter in token)]


def read_alphabet(folder: Path) -> Alphabet:
    """The alphabet of a recogniser, from its ``vocab.json`` and ``tokenizer_config.json``.

    Raises:
        UserError: there is no vocabulary, it does not number its symbols from 0, or it has no blank.
    """
    path = folder / "vocab.json"
    if not path.is_file():
        raise UserError(
            "the folder does not contain a recogniser",
            [f"{path} is missing"],
            "Fetch the folder with its tokenizer files.",
        )
    numbers: dict[str, int] = read_json(path)
    settings = _optional(folder / "tokenizer_config.json")
    special = {
        name: _content(settings.get(f"{name}_token", default))
        for name, default in (("pad", "<pad>"), ("bos", "<s>"), ("eos", "</s>"), ("unk", "<unk>"))
    }
    boundary = _content(settings.get("word_delimiter_token", "|"))
    if special["pad"] not in numbers or sorted(numbers.values()) != list(range(len(numbers))):
        raise UserError(
            "the vocabulary of a recogniser is not valid",
            [f"{path}: it must number its symbols from 0 and contain the blank {special['pad']!r}"],
        )
    silent = set(special.values())
    ordered = sorted(numbers, key=lambda symbol: numbers[symbol])
    symbols = tuple("" if symbol in silent else " " if symbol == boundary else symbol for symbol in ordered)
    return Alphabet(symbols, numbers[special["pad"]])


def _content(token: Any) -> str | None:
    """The text of a special token, which is stored as text or as a serialised AddedToken."""
    return token.get("content") if isinstance(token, dict) else token


def _optional(path: Path) -> dict[str, Any]:
    return cast(dict[str, Any], read_json(path)) if path.is_file() else {}


def _load(folder: Path, outputs: int) -> PreTrainedModel:
    kind = model_type(folder, RECOGNISERS, "the folder does not contain a recogniser")
    with loading("a recogniser", folder):
        # the mask embedding is used in training alone
        model = load_pretrained(RECOGNISERS[kind], folder, optional=["masked_spec_embed"])
    if model.config.vocab_size != outputs:
        raise UserError(
            "the size of a recogniser does not match its vocabulary",
            [f"{folder}: {model.config.vocab_size} outputs, {outputs} symbols in vocab.json"],
        )
    return cast(PreTrainedModel, model.eval())


def _transcripts(utterances: Path) -> dict[str, str]:
    table = pd.read_parquet(utterances, columns=["id", "transcript"]).dropna(subset=["transcript"])
    pairs = ((str(i), str(text)) for i, text in zip(table["id"], table["transcript"], strict=True))
    return {identifier: text for identifier, text in pairs if normalised_words(text)}
