"""Where pre-trained weights come from, and what a folder of weights contains.

In: a hub id with a commit, or a local folder. Out: a folder of ``config.json``, ``model.safetensors`` and ``run.json``.
May import: ``runtime``, ``definitions``.
"""
