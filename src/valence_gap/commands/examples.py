"""The groups of sub-commands in ``valence-gap --help``, with an example of each command."""

from collections.abc import Mapping

USE, DATA, CALLED = "use a model, check a study", "prepare data", "called by the workflow"
EXAMPLES: Mapping[str, Mapping[str, str]] = {
    USE: {
        "predict": "predict recordings --model results/miniature/models/w2v2-b/seed-42 --output scores.csv",
        "preflight": "preflight --configfile config.yaml workflow/presets/paper.yaml my-corpora.yaml",
        "verify": "verify results/miniature ../other/results/miniature --tolerance 0.02",
        "export": "export --model results/mine/models/w2v2-b/seed-42 --name my-model --output my-model",
    },
    DATA: {
        "show-corpora": "show-corpora results/miniature/corpora/iemocap/report.json",
        "export-audformat": "export-audformat --name iemocap --corpus results/mine/corpora/iemocap --output iemocap",
        "schema": "schema --output config.schema.json",
    },
}
"""Commands that a user calls, by group: the arguments of one call. All others are called by rules."""

CALL = "snakemake --dry-run --printshellcmds TARGET"
EPILOGS: Mapping[str, str] = {
    "predict": """columns of the result:
  file                         the audio file, as it was given
  duration_s                   its length in seconds
  start_s, end_s               with --per-chunk instead: the part in seconds
  arousal, dominance, valence  0 (calm, weak, negative) to 1 (excited, strong, positive), on the scale of the labels
                               that the model was trained on; a regression, so it can exceed them
  notes                        what suggests that a score means little: silence, clipping, a score far outside 0..1
"""
}


def epilog(name: str) -> str:
    """The end of the ``--help`` of a sub-command: an example, or how a rule's call is printed."""
    example = next((examples[name] for examples in EXAMPLES.values() if name in examples), None)
    text = f"example:\n  valence-gap {example}" if example else f"Called by Snakemake. To see a call: {CALL}"
    return "\n\n".join(filter(None, (EPILOGS.get(name, "").rstrip(), text)))


def overview(summaries: Mapping[str, str]) -> str:
    """All sub-commands by group, for ``valence-gap --help``.

    Args:
        summaries: what each sub-command does, by its name.
    """
    listed = {name for examples in EXAMPLES.values() for name in examples}
    blocks = []
    for group, examples in EXAMPLES.items():
        lines = [f"  {name:<20}{summaries[name]}\n  {'':<20}  valence-gap {call}" for name, call in examples.items()]
        blocks.append("\n".join([f"{group}:", *lines]))
    called = [f"  {name:<20}{what}" for name, what in summaries.items() if name not in listed]
    blocks.append("\n".join([f"{CALLED} (to see a call: {CALL}):", *called]))
    return "\n\n".join([*blocks, "`valence-gap COMMAND --help` has the options of each."])
