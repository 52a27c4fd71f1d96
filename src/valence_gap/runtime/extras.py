"""What to install if a package is missing: prediction needs fewer packages than a study."""

from valence_gap.runtime.errors import UserError

STUDY = (
    "snakemake",
    "tokenizers",
    "scipy",
    "sklearn",
    "threadpoolctl",
    "matplotlib",
    "nltk",
    "h5py",
    "espeakng_loader",
    "vaderSentiment",
    "jinja2",
    "itables",
    "rocrate",
    "docutils",
    "markdown_it",
    "rich",
    "PIL",
    "snakemake_interface_logger_plugins",
)
"""The modules of the extra ``study`` in pyproject.toml."""


def missing_package(error: Exception) -> UserError | None:
    """Convert the failed import of a package of the extra ``study``; None for any other error."""
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if package not in STUDY:
        return None
    remedy = "Install what a study needs: pip install 'valence-gap[study]', or in a checkout pip install -e '.[study]'"
    return UserError("this needs a package that is not installed", [package], remedy)
