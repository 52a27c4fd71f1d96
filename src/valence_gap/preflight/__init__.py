"""What would go wrong with a study, found before the first job runs, and what the study will cost.

In: the configuration and the corpora on disk. Out: findings (ok, differs, wrong, unknown); no audio is decoded and no
network is asked. May import: ``study``, ``corpora`` and what they may.
"""
