"""How many kernels oneDNN, which computes on CPUs, keeps in a process."""

import os

from valence_gap.definitions.models import Backbone
from valence_gap.models.sizes import Size

# By default oneDNN keeps 1,024 kernels with their buffers. Each length of an encoder's input needs others, and in a
# real corpus the same length seldom comes again. 16 are those of one layer, which the next layer needs again.
FEW_KERNELS = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
# Smaller encoders, such as those of the miniature, have small buffers, and making kernels anew takes a tenth of their
# time.
LEAST_HIDDEN = 512


def limit_kernels(shape: Size | Backbone, *, train_stem: bool = False) -> None:
    """Make oneDNN keep few kernels in this process, if a model's kernels are large; call it before the first product.

    The numbers do not depend on it. A CNN14 keeps all its kernels, because it has few input lengths.

    Args:
        shape: an encoder's size, or the definition of a CNN14.
        train_stem: the encoder's convolutional stem is trained too; its kernels are large for every encoder.
    """
    if train_stem or (isinstance(shape, Size) and shape.hidden >= LEAST_HIDDEN):
        os.environ.setdefault(*FEW_KERNELS)
