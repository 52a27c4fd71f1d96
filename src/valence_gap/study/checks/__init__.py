"""The checks of a configuration: every name, key and value that is wrong, all at once.

In: a configuration of valid types. Out: one line for each thing that is wrong. May import: what ``study`` may.
"""
