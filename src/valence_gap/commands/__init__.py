"""The sub-commands of ``valence-gap``: one module for each topic of the command line.

In: arguments. Out: a call of one function each; what is slow to import is imported when the command runs. May import:
every package.
"""
