"""Revisions of the stages: raising one makes Snakemake compute the stage, and everything that depends on it, again.

Snakemake compares the command line of a rule, not the code behind it. So each rule has the revision of its stage as a
parameter, and a test compares the code of each stage with the fingerprint that is recorded for its revision.
"""

import ast
import hashlib
import json

from valence_gap.study.source_dependencies import ROOT, source_dependencies

REVISIONS = {
    "miniature": 3,
    "corpus": 2,
    "audio": 1,
    "conditions": 1,
    "synthesise": 1,
    "fetch": 1,
    "pretrain": 6,
    "features": 2,
    "train": 3,
    "predict": 3,
    "text": 1,
    "fusion": 1,
    "score": 3,
    "embeddings": 1,
    "claims": 5,
    "page": 1,
    "export": 1,
}

STAGES: dict[str, tuple[str, ...]] = {
    "miniature": ("miniature/make.py", "miniature/data/*.json"),
    "corpus": ("corpora/prepare.py", "corpora/adapters/*.py", "corpora/inventory.py"),
    "audio": ("audio/packing.py",),
    "conditions": ("audio/conditions.py", "corpora/esc50.py"),
    "synthesise": ("text/synthesis.py",),
    "fetch": ("weights/fetch.py", "models/loading.py"),
    "pretrain": (
        "pretraining/masked_prediction.py",
        "pretraining/recogniser.py",
        "pretraining/text_encoder.py",
        "miniature/data/*.json",
        "runtime/product_rates.py",
    ),
    "features": ("prediction/stem_features.py",),
    "train": ("training/train.py", "runtime/product_rates.py"),
    "predict": ("prediction/inference.py", "runtime/product_rates.py"),
    "text": ("text/transcription.py", "text/embedding.py"),
    "fusion": ("text/fusion.py",),
    "score": ("scores/scoring.py",),
    "embeddings": ("embeddings/*.py",),
    "claims": ("claims/check.py",),
    "page": ("page/utterances.py",),
    "export": ("export/best.py", "export/to_huggingface.py", "export/to_crate.py"),
}
"""The files that each stage runs (paths below the package). They and all they import determine the stage's numbers."""


def fingerprint(stage: str) -> str:
    """A checksum of a stage's data and code: the file names, and syntax trees without docstrings and comments."""
    digest = hashlib.sha256()
    for name in source_dependencies(STAGES[stage]):
        content = (ROOT / name).read_bytes()
        digest.update(name.encode())
        digest.update(ast.dump(_without_docstrings(ast.parse(content))).encode() if name.endswith(".py") else content)
    return digest.hexdigest()[:16]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return tree


if __name__ == "__main__":
    print(json.dumps({stage: [REVISIONS[stage], fingerprint(stage)] for stage in STAGES}, indent=2))
