"""The sub-commands of ``valence-gap``: one module for each topic of the command line.

In: arguments. Out: each command calls one function; slow imports are made when the command runs. May import:
every package.
"""
