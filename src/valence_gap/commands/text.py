"""The linguistic side of the study: recognised text, its embeddings, fusion with audio, and synthesised speech."""

import argparse
from pathlib import Path

from valence_gap.commands.options import add_definition, add_record, add_threads


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-commands of this topic."""
    _register_transcribe(subparsers)
    _register_embed_text(subparsers)
    _register_fusion(subparsers)
    _register_synthesise(subparsers)
    _register_making(subparsers)


def _register_transcribe(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "transcribe",
        help="recognise what is said in a pack of audio",
        description="Transcribe every utterance of a pack with a CTC recogniser, by greedy decoding and one utterance "
        "at a time, so that a text depends on its own audio alone. Where the utterance table has transcripts, the word "
        "error rate is measured.",
    )
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="Wav2Vec2ForCTC or HubertForCTC, Hugging Face format")
    add("--audio", type=Path, required=True, metavar="DIR", help="pack of the audio")
    add("--utterances", type=Path, metavar="FILE.parquet", help="table with transcripts to compare with")
    add("--output", type=Path, required=True, metavar="FILE.parquet", help="transcripts: id, text")
    add("--report", type=Path, required=True, metavar="FILE.json", help="counts and word error rate")
    add_threads(parser)
    parser.set_defaults(run=_transcribe)


def _register_embed_text(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "embed-text",
        help="embed transcripts with BERT",
        description="Embed every transcript: the mean of BERT's last hidden states over all of its tokens, [CLS] and "
        "[SEP] included, so that an empty transcript has an embedding too.",
    )
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="BertModel and its tokeniser, Hugging Face format")
    add("--transcripts", type=Path, required=True, metavar="FILE.parquet", help="transcripts: id, text")
    add("--output", type=Path, required=True, metavar="FILE.npy", help="embeddings, float32 (utterances, hidden)")
    add("--index", type=Path, required=True, metavar="FILE.parquet", help="id of each row of the embeddings")
    add("--report", type=Path, required=True, metavar="FILE.json", help="counts of empty and of cut transcripts")
    add_threads(parser)
    parser.set_defaults(run=_embed_text)


def _register_fusion(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = subparsers.add_parser(
        "train-fusion",
        help="train a head on audio states and text embeddings",
        description="Train a regression head on the pooled states of a fine-tuned audio model and text embeddings, "
        "both frozen and concatenated without scaling. The head of the epoch with the best mean dev CCC is kept.",
    )
    train.add_argument("--definition", required=True, metavar="JSON", help="definition of the fusion")
    for split in ("train", "dev"):
        _add_split(train, f"{split}-", f"{split} split")
        train.add_argument(f"--{split}-labels", type=Path, required=True, metavar="FILE.parquet", help="its labels")
    train.add_argument(
        "--backbone",
        type=Path,
        metavar="DIR",
        help="backbone of the audio model; the head has its final_dropout if the recipe has head_dropout: null",
    )
    train.add_argument(
        "--train-lengths",
        type=Path,
        metavar="FILE.parquet",
        help="index of the pack of the training audio (id, samples); used if the recipe has batches: by-length",
    )
    train.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the fusion")
    train.set_defaults(run=_train_fusion)

    predict = subparsers.add_parser(
        "predict-fusion",
        help="predict arousal, dominance and valence from audio and text",
        description="Predict from the pooled states of the audio model and the text embeddings of the same utterances.",
    )
    predict.add_argument("--model", type=Path, required=True, metavar="DIR", help="folder of the trained fusion")
    _add_split(predict, "", "split")
    predict.add_argument(
        "--condition",
        default="clean",
        metavar="NAME",
        help="condition whose rows of the audio model are used (default: clean)",
    )
    predict.add_argument("--output", type=Path, required=True, metavar="FILE.parquet", help="predictions")
    add_record(predict)
    predict.set_defaults(run=_predict_fusion)


def _add_split(parser: argparse.ArgumentParser, prefix: str, what: str) -> None:
    def add(name: str, metavar: str, text: str) -> None:
        parser.add_argument(f"--{prefix}{name}", type=Path, required=True, metavar=metavar, help=f"{what}: {text}")

    add("embeddings", "FILE.npy", "pooled states, as `predict-conditions` writes them")
    add(
        "predictions", "FILE.parquet", "the audio model's predictions, with the ids and conditions of the pooled states"
    )
    add("text-embeddings", "FILE.npy", "text embeddings, as `embed-text` writes them")
    add("text-index", "FILE.parquet", "ids of the text embeddings")


def _register_synthesise(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "synthesise",
        help="speak the transcripts of a split neutrally",
        description="Speak the transcribed part of a split with one neutral voice of a speech synthesiser, so that "
        "only the words carry emotion: espeak-ng, a VITS or SpeechT5 model, or any program that writes a wav. Engine, "
        "version and voice are recorded in report.json.",
    )
    add = parser.add_argument
    add("--utterances", type=Path, required=True, metavar="FILE.parquet", help="table with id and transcript")
    add("--definition", required=True, metavar="JSON", help="definition of the synthesiser")
    add("--output", type=Path, required=True, metavar="DIR", help="pack of audio that is written")
    parser.set_defaults(run=_synthesise)


def _register_making(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    recogniser = subparsers.add_parser(
        "train-recogniser",
        help="fine-tune the miniature's speech recogniser",
        description="Synthesise plain text with voices that no corpus has, and fine-tune a miniature backbone on it as "
        "a CTC recogniser with wav2vec2-base-960h's letters. The result is an ordinary Hugging Face folder with a "
        "model card.",
    )
    add_definition(recogniser, "training")
    recogniser.add_argument("--backbone", type=Path, required=True, metavar="DIR", help="backbone that it starts from")
    recogniser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="processes that synthesise the speech (default: 1)"
    )
    recogniser.set_defaults(run=_train_recogniser)

    bert = subparsers.add_parser(
        "pretrain-bert",
        help="pre-train the miniature's text encoder",
        description="Pre-train a small BERT by masked words on plain text of the miniature, with a WordPiece "
        "vocabulary of its own. The result is an ordinary Hugging Face folder with a model card.",
    )
    add_definition(bert, "pre-training")
    bert.set_defaults(run=_pretrain_bert)


def _transcribe(args: argparse.Namespace) -> None:
    from valence_gap.text.transcription import transcribe

    transcribe(args.model, args.audio, args.output, args.report, utterances=args.utterances, threads=args.threads)


def _embed_text(args: argparse.Namespace) -> None:
    from valence_gap.text.embedding import embed_text

    embed_text(args.model, args.transcripts, args.output, args.index, args.report, threads=args.threads)


def _train_fusion(args: argparse.Namespace) -> None:
    from valence_gap.definitions.text import Fusion
    from valence_gap.definitions.values import from_json
    from valence_gap.text.fusion import train_fusion
    from valence_gap.text.fusion_inputs import FusionSplit, StoredEmbeddings

    train = FusionSplit(
        StoredEmbeddings(args.train_embeddings, args.train_predictions),
        StoredEmbeddings(args.train_text_embeddings, args.train_text_index),
        args.train_labels,
    )
    dev = FusionSplit(
        StoredEmbeddings(args.dev_embeddings, args.dev_predictions),
        StoredEmbeddings(args.dev_text_embeddings, args.dev_text_index),
        args.dev_labels,
    )
    fusion = from_json(Fusion, args.definition)
    train_fusion(fusion, train, dev, args.output, backbone=args.backbone, lengths=args.train_lengths)


def _predict_fusion(args: argparse.Namespace) -> None:
    from valence_gap.text.fusion import predict_fusion
    from valence_gap.text.fusion_inputs import FusionSplit, StoredEmbeddings

    split = FusionSplit(
        StoredEmbeddings(args.embeddings, args.predictions), StoredEmbeddings(args.text_embeddings, args.text_index)
    )
    predict_fusion(args.model, split, args.output, condition=args.condition, record=args.record)


def _synthesise(args: argparse.Namespace) -> None:
    from valence_gap.definitions.text import Synthesiser
    from valence_gap.definitions.values import from_json
    from valence_gap.text.synthesis import synthesise

    synthesise(args.utterances, from_json(Synthesiser, args.definition), args.output)


def _train_recogniser(args: argparse.Namespace) -> None:
    from valence_gap.definitions.text import Recogniser
    from valence_gap.definitions.values import from_json
    from valence_gap.pretraining.recogniser import train_recogniser

    definition = from_json(Recogniser, args.definition)
    train_recogniser(args.name, definition, args.backbone, args.output, workers=args.threads)


def _pretrain_bert(args: argparse.Namespace) -> None:
    from valence_gap.definitions.text import TextEncoder
    from valence_gap.definitions.values import from_json
    from valence_gap.pretraining.text_encoder import pretrain_text_encoder

    pretrain_text_encoder(args.name, from_json(TextEncoder, args.definition), args.output)
