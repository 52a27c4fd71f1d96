"""The linguistic side of the study: recognised text, its embeddings, fusion with audio, and synthesised speech."""

import argparse
from typing import TYPE_CHECKING

from valence_gap.commands.options import Command, Subparsers
from valence_gap.definitions.text import Fusion, Recogniser, Synthesiser, TextEncoder
from valence_gap.definitions.values import from_json

if TYPE_CHECKING:
    from valence_gap.text.fusion_inputs import FusionSplit


def register(subparsers: Subparsers) -> None:
    """Add the sub-commands of this topic."""
    _register_text(subparsers)
    _register_fusion(subparsers)
    _register_speech(subparsers)


def _register_text(subparsers: Subparsers) -> None:
    command = Command(subparsers, "transcribe", _transcribe, "recognise what is said in a pack of audio")
    command.path("--model", "Wav2Vec2ForCTC or HubertForCTC, Hugging Face format", "DIR")
    command.path("--audio", "pack of the audio", "DIR")
    command.path("--utterances", "table with transcripts to compare with", "FILE.parquet", required=False)
    command.path("--output", "transcripts: id, text", "FILE.parquet")
    command.path("--report", "counts and word error rate", "FILE.json")
    command.threads()

    command = Command(subparsers, "embed-text", _embed_text, "embed transcripts with BERT")
    command.path("--model", "BertModel and its tokeniser, Hugging Face format", "DIR")
    command.path("--transcripts", "transcripts: id, text", "FILE.parquet")
    command.path("--output", "embeddings, float32 (utterances, hidden)", "FILE.npy")
    command.path("--index", "id of each row of the embeddings", "FILE.parquet")
    command.path("--report", "counts of empty and of cut transcripts", "FILE.json")
    command.threads()


def _register_fusion(subparsers: Subparsers) -> None:
    command = Command(subparsers, "train-fusion", _train_fusion, "train a head on audio states and text embeddings")
    command.add("--definition", required=True, metavar="JSON", help="definition of the fusion")
    for split in ("train", "dev"):
        _add_split(command, f"{split}-", f"{split} split")
        command.path(f"--{split}-labels", "its labels", "FILE.parquet")
    backbone = "backbone of the audio model; the head has its final_dropout if the recipe has head_dropout: null"
    command.path("--backbone", backbone, "DIR", required=False)
    lengths = "index of the pack of the training audio (id, samples); used if the recipe has batches: by-length"
    command.path("--train-lengths", lengths, "FILE.parquet", required=False)
    command.path("--output", "folder of the fusion", "DIR")

    summary = "predict arousal, dominance and valence from audio and text"
    command = Command(subparsers, "predict-fusion", _predict_fusion, summary)
    command.path("--model", "folder of the trained fusion", "DIR")
    _add_split(command, "", "split")
    condition = "condition whose rows of the audio model are used (default: clean)"
    command.add("--condition", default="clean", metavar="NAME", help=condition)
    command.path("--output", "predictions", "FILE.parquet")
    command.record()


def _add_split(command: Command, prefix: str, what: str) -> None:
    predictions = "the audio model's predictions, with the ids and conditions of the pooled states"
    command.path(f"--{prefix}embeddings", f"{what}: pooled states, as `predict-conditions` writes them", "FILE.npy")
    command.path(f"--{prefix}predictions", f"{what}: {predictions}", "FILE.parquet")
    command.path(f"--{prefix}text-embeddings", f"{what}: text embeddings, as `embed-text` writes them", "FILE.npy")
    command.path(f"--{prefix}text-index", f"{what}: ids of the text embeddings", "FILE.parquet")


def _register_speech(subparsers: Subparsers) -> None:
    command = Command(subparsers, "synthesise", _synthesise, "speak the transcripts of a split neutrally")
    command.path("--utterances", "table with id and transcript", "FILE.parquet")
    command.add("--definition", required=True, metavar="JSON", help="definition of the synthesiser")
    command.path("--output", "pack of audio that is written", "DIR")

    summary = "fine-tune the miniature's speech recogniser"
    command = Command(subparsers, "train-recogniser", _train_recogniser, summary)
    command.definition("training")
    command.path("--backbone", "backbone that it starts from", "DIR")
    command.threads("processes that synthesise the speech (default: 1)")
    command.measured_precision()

    command = Command(subparsers, "pretrain-bert", _pretrain_bert, "pre-train the miniature's text encoder")
    command.definition("pre-training")


def _transcribe(args: argparse.Namespace) -> None:
    """Transcribe every utterance of a pack with a CTC recogniser, by greedy decoding and one utterance at a time, so
    that a text depends on its own audio alone. Where the utterance table has transcripts, the word error rate is
    measured.
    """
    from valence_gap.text.transcription import transcribe

    transcribe(args.model, args.audio, args.output, args.report, utterances=args.utterances, threads=args.threads)


def _embed_text(args: argparse.Namespace) -> None:
    """Embed every transcript: the mean of BERT's last hidden states over all of its tokens, [CLS] and [SEP] included,
    so that an empty transcript has an embedding too.
    """
    from valence_gap.text.embedding import embed_text

    embed_text(args.model, args.transcripts, args.output, args.index, args.report, threads=args.threads)


def _fusion_split(args: argparse.Namespace, prefix: str = "") -> "FusionSplit":
    """The files of a split that :func:`_add_split` has options for, with its labels if there is an option for them."""
    from valence_gap.text.fusion_inputs import FusionSplit, StoredEmbeddings

    given = {name.removeprefix(prefix): path for name, path in vars(args).items() if name.startswith(prefix)}
    return FusionSplit(
        StoredEmbeddings(given["embeddings"], given["predictions"]),
        StoredEmbeddings(given["text_embeddings"], given["text_index"]),
        given.get("labels"),
    )


def _train_fusion(args: argparse.Namespace) -> None:
    """Train a regression head on the pooled states of a fine-tuned audio model and text embeddings, both frozen and
    concatenated without scaling. The head of the epoch with the best mean dev CCC is kept.
    """
    from valence_gap.text.fusion import train_fusion

    train, dev = _fusion_split(args, "train_"), _fusion_split(args, "dev_")
    fusion = from_json(Fusion, args.definition)
    train_fusion(fusion, train, dev, args.output, backbone=args.backbone, lengths=args.train_lengths)


def _predict_fusion(args: argparse.Namespace) -> None:
    """Predict from the pooled states of the audio model and the text embeddings of the same utterances."""
    from valence_gap.text.fusion import predict_fusion

    predict_fusion(args.model, _fusion_split(args), args.output, condition=args.condition, record=args.record)


def _synthesise(args: argparse.Namespace) -> None:
    """Speak the transcribed part of a split with one neutral voice of a speech synthesiser, so that only the words
    carry emotion: espeak-ng, a VITS or SpeechT5 model, or any program that writes a wav. Engine, version and voice are
    recorded in report.json.
    """
    from valence_gap.text.synthesis import synthesise

    synthesise(args.utterances, from_json(Synthesiser, args.definition), args.output)


def _train_recogniser(args: argparse.Namespace) -> None:
    """Synthesise plain text with voices that no corpus has, and fine-tune a miniature backbone on it as a CTC
    recogniser with wav2vec2-base-960h's letters. The result is an ordinary Hugging Face folder with a model card.
    """
    from valence_gap.pretraining.recogniser import train_recogniser
    from valence_gap.runtime.product_rates import following

    definition = from_json(Recogniser, args.definition)
    with following(args.measured_precision, definition.threads):
        train_recogniser(args.name, definition, args.backbone, args.output, workers=args.threads)


def _pretrain_bert(args: argparse.Namespace) -> None:
    """Pre-train a small BERT by masked words on plain text of the miniature, with a WordPiece vocabulary of its own.
    The result is an ordinary Hugging Face folder with a model card.
    """
    from valence_gap.pretraining.text_encoder import pretrain_text_encoder

    pretrain_text_encoder(args.name, from_json(TextEncoder, args.definition), args.output)
