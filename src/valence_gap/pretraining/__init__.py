"""Pre-training of the miniature's own backbones, recogniser and BERT.

In: unlabelled synthetic speech and sentences. Out: folders in Hugging Face format, as in ``resources/miniature``. May
import: ``training``, ``text`` and what they may.
"""
