"""The page of a study: its answer, what was run, figures, claims, audio and tables in one file that works offline.

In: the results of a finished study.
Out: ``index.html``, and before it the utterances that it shows.
"""
