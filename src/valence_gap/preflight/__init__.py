"""The problems of a study, found before the first job runs, and the cost of the study.

In: the configuration and the corpora on disk. Out: findings (ok, differs, wrong, unknown); no audio is decoded and no
network is used. May import: ``study``, ``corpora`` and what they may.
"""
