"""Names of the check of the stopping rule."""

CONVERGENCE = "convergence"
"""The target that applies the stopping rule to the trainings of all others."""
DOUBLED = "-doubled"
"""The end of the name of a model that is another one, trained with twice as many epochs."""
