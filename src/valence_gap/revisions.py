"""Revisions of the stages: raising one makes every result of that stage, and what follows from it, be made again.

Snakemake sees the command line of a rule, not the code behind it. So each rule carries the revision of its stage as a
parameter, and a test compares the code of each stage with the fingerprint noted for its revision.
"""

import ast
import hashlib
import json
from pathlib import Path

REVISIONS = {
    "miniature": 2,
    "corpus": 2,
    "audio": 1,
    "conditions": 1,
    "synthesise": 1,
    "fetch": 1,
    "pretrain": 3,
    "features": 2,
    "train": 3,
    "predict": 3,
    "text": 1,
    "fusion": 1,
    "score": 2,
    "claims": 1,
    "export": 1,
}

STAGES: dict[str, tuple[str, ...]] = {
    "miniature": ("miniature/**/*.py",),
    "corpus": ("corpora/*.py", "labels.py", "inventory.py"),
    "audio": ("audio.py", "packs.py", "decoding.py"),
    "conditions": ("conditions.py", "noise_mixing.py", "packs.py", "corpora/esc50.py"),
    "synthesise": ("synthesis.py", "synthesis_transformers.py", "miniature/engine.py", "packs.py"),
    "fetch": ("backbones.py",),
    "pretrain": (
        *("pretraining.py", "pretraining_targets.py", "mfcc.py", "recogniser_training.py", "text_pretraining.py"),
        *("word_vectors.py", "schedules.py", "masked_curve.py"),
        "miniature/**/*.py",
    ),
    "features": ("features.py", "models/stem.py", "models/convolution.py", "models/families.py", "inputs.py"),
    "train": (
        *("training.py", "learners.py", "examples.py", "losses.py", "batching.py", "fractions.py", "metrics.py"),
        *("inputs.py", "inference.py", "precision.py", "models/*.py", "optimizers.py", "schedules.py", "seeding.py"),
    ),
    "predict": ("inference.py", "inputs.py", "precision.py", "models/*.py"),
    "text": ("transcription.py", "spelling.py", "text.py"),
    "fusion": (
        *("fusion.py", "losses.py", "metrics.py", "models/head.py", "batching.py"),
        *("optimizers.py", "schedules.py", "seeding.py"),
    ),
    "score": ("scoring.py", "statistics.py", "metrics.py"),
    "claims": ("claims/*.py", "statistics.py", "metrics.py"),
    "export": ("best_model.py", "export.py", "model_card.py", "onnx_export.py"),
}
"""The source files (patterns below the package) whose code decides the numbers of each stage."""


def fingerprint(stage: str) -> str:
    """A checksum of a stage's code: its syntax trees without docstrings and comments, in order of file name."""
    root = Path(__file__).parent
    paths = sorted({path for pattern in STAGES[stage] for path in root.glob(pattern)})
    digest = hashlib.sha256()
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(ast.dump(_without_docstrings(tree)).encode())
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
