"""The numbers that tell compiled code about a network: one row for every buffer and one for every operation.

A position is a place in an image [channels, height, width]; a buffer holds, at every position, the numbers of all
examples of a batch, in groups of sixteen lanes. Each group has its image, so number ``lane`` of group ``g`` at position
``p`` is at ``START + g · GROUP + p · LANES + lane``.
"""

from enum import IntEnum


class Buffer(IntEnum):
    """Columns of the table of buffers."""

    START = 0
    GROUP = 1
    """0 where the groups of a batch have the same space, in turn."""
    HEIGHT = 2
    """Rows of an image as stored, with its border and the gaps of a dilation."""
    WIDTH = 3
    FIRST = 4
    """Position of the first pixel of channel 0, behind the border."""
    ROW = 5
    """Positions from a pixel to the one below it, over the border and the gaps of a dilation."""
    PIXEL = 6
    """Positions from a pixel to the next in its row."""
    CORNER = 7
    """Position of the first pixel that a product looks at: the corner of the border that the product has, which may be
    inside a wider one."""
    RELU = 8
    """Whether it holds outputs of ReLU, so that their gradient is zero where they are."""


class Op(IntEnum):
    """Columns of the table of operations."""

    KIND = 0
    INPUT = 1
    """Number of a buffer; 0 is the batch."""
    OUTPUT = 2
    INPUT_GRADIENT = 3
    """Number of a buffer, or -1 where nobody needs it."""
    OUTPUT_GRADIENT = 4
    CHANNELS = 5
    """Of the input."""
    HEIGHT = 6
    WIDTH = 7
    OUT_CHANNELS = 8
    OUT_HEIGHT = 9
    OUT_WIDTH = 10
    KERNEL_HEIGHT = 11
    KERNEL_WIDTH = 12
    STRIDE_HEIGHT = 13
    STRIDE_WIDTH = 14
    PADDING_HEIGHT = 15
    PADDING_WIDTH = 16
    LAYER = 17
    """Of products: the number of the sparse layer."""
    PARAMETERS = 18
    """Where its dense parameters (a bias; a scale and a shift) begin, or -1."""
    STATE = 19
    """Where its running statistics begin, or what max-pooling and dropout remember of a batch."""
    RELU = 20
    TILE = 21
    """Columns, rows and groups of the output in one tile; so three columns of this table."""
    READ = 24
    """The three strides of such a tile in the input, and in the output."""
    WRITE = 27
    INPUT_TILE = 30
    """The same for the gradient of the input, with the strides of its tile in what is read and written, and in the
    input itself."""
    INPUT_READ = 33
    INPUT_WRITE = 36
    INPUT_MASK = 39
    SAVED = 42
    """Where batch-norm keeps the mean and the inverse deviation of a batch, in the workspace, and a convolution of
    narrow images what it lays out."""
    COUNTER = 43
    """Number of a dropout, whose seed and position are a member's."""
    THRESHOLD = 44
    """Draws of 24 bits below it are dropped."""
    BLOCK = 45
    """Of convolutions of narrow images: outputs that are handled together."""
    POINTS = 46
    """Where a convolution that may be computed by points keeps what it needs for that, in the workspace."""


class Kind(IntEnum):
    """What an operation does."""

    LINEAR = 0
    CONVOLUTION = 1
    MAX_POOLING = 2
    MEAN_POOLING = 3
    BATCH_NORM = 4
    DROPOUT = 5


class Way(IntEnum):
    """What of an operation is computed; rows of `Shape.addresses`."""

    FORWARD = 0
    """In a training."""
    EVALUATION = 1
    WEIGHT_GRADIENT = 2
    """Of whatever parameters it has."""
    INPUT_GRADIENT = 3
    LOSS = 4
    """Of the last operation's outputs, with their gradient."""


BUFFER_COLUMNS = len(Buffer)
OP_COLUMNS = len(Op) + 14
"""Seven of the columns are three wide."""


class Real(IntEnum):
    """Columns of the table of what is not a whole number, one row for every operation."""

    SCALE = 0
    """Of dropout: what is left is divided by it."""
    MOMENTUM = 1
    EPSILON = 2
