"""Drawing code that figures share: bars, curves, differences, steps, and the style.

In: tables of estimates. Out: matplotlib figures. May import: what ``figures`` may.
"""
