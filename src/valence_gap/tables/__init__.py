"""Tables I to III: one module each, with ``Description`` and ``table(scores, description)``.

In: scores and published numbers. Out: CSV, Markdown and LaTeX. May import: ``runtime``, ``definitions``.
"""
