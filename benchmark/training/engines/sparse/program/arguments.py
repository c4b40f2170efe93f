"""What compiled code is given: arrays under their names."""

from typing import Any, NamedTuple


class Shape(NamedTuple):
    """What all networks of a fleet share: the tables, and where each layer's rows and columns begin."""

    groups: int
    """Of lanes, that a batch fills."""
    buffers: Any
    ops: Any
    stretches: Any
    """int64 [stretches, 3], see `benchmark.training.engines.sparse.plan.Tables`."""
    reals: Any
    addresses: Any
    """int64 [ways, operations], see `benchmark.training.engines.sparse.calling.addresses`."""
    rows: Any
    """int64 [layers + 1]: where the row pointers of each layer begin."""
    columns: Any
    full: Any
    """int64: places of all weights of one output, of every layer."""
    full_rows: Any
    """int64, as ``rows`` of a network: where the rows of a full network begin, counted from each layer's first."""
    full_starts: Any
    """int64 [layers + 1]: where the places of each layer begin in ``full``."""
    sizes: Any
    """int64 [layers + 1]: where the weights of each layer begin in a full network."""
    factor_places: Any
    """int64 [layers, 2]: where a step of ``history`` keeps the inputs and the output's gradient of each linear layer;
    -1 where it does not."""
    factor_lanes: int
    """Numbers that it keeps of each feature: those of a whole batch."""


class State(NamedTuple):
    """The networks of a fleet; of those with sparse weights, one network's are all behind each other."""

    values: Any
    """Of active weights."""
    gradients: Any
    momenta: Any
    places: Any
    """int32: where each active weight reads its input."""
    index: Any
    """int32: the numbers of a network's weights, counted from its first, sorted by input channel and kernel row."""
    looks: Any
    """int32: where each of ``index`` reads the gradient of its output."""
    starts: Any
    """int64 [members + 1]: where the weights of each network begin."""
    rows: Any
    """int64 [members, rows]: row pointers of all layers, counted from the network's first weight."""
    columns: Any
    nothing: Any
    """Zeros, for products without a bias."""
    dense: Any
    """[members, dense parameters]: biases, scales and shifts."""
    dense_gradients: Any
    dense_momenta: Any
    statistics: Any
    """[members, running statistics]."""
    dropouts: Any
    """int64 [members, dropouts, 2]: seed and position of each dropout."""


class Work(NamedTuple):
    """What the networks do in this call."""

    members: Any
    """int64: their numbers."""
    batches: Any
    """int64 [members]: which batch each network of the fleet sees."""
    inputs: Any
    """[batches, numbers], laid out as buffer 0."""
    targets: Any
    """int64 [batches, examples]."""
    smoothing: float
    losses: Any
    """float64 [members], which is written."""
    every: Any
    """int64 [members]: the row of ``full_gradients`` for those whose dense gradient is asked for, or -1."""
    linear_too: Any
    """int64 [members]: whether that is the gradient of all layers, or of convolutions alone."""
    full_gradients: Any
    """[rows, weights of a full network]."""
    slots: Any
    """int64 [members]: the slot of ``history`` that keeps the factors of this step's gradients, or -1."""
    history: Any
    """[members, slots, numbers]."""


class Unlaid(NamedTuple):
    """Examples that are still to be laid out as batches."""

    image: tuple[int, int, int]
    """Channels, height and width of an example."""
    sources: Any
    """int64 [steps, 2]: the address of what a step's examples are among, [N, features], and N."""
    rows: Any
    """int64 [steps, batches, examples]: where each example is, or -1 behind the last one of a batch; [0, 0, 0] where
    all batches are laid out."""
    laid_out: Any
    """int64 [steps · batches]: 1 for a batch that is, which is written."""


class Steps(NamedTuple):
    """Steps that the networks do one after the other.

    Dense gradients are made in the last one alone; factors and weights are kept in each that has a place for them.
    """

    members: Any
    """int64: the numbers of the networks, in the order in which they are computed."""
    batches: Any
    inputs: Any
    """[slots, numbers]: batches that are laid out, in each slot those of a step."""
    numbers: int
    """Of all batches of a step."""
    at: Any
    """int64 [steps]: the slot of ``inputs`` of each step."""
    targets: Any
    """int64 [steps, batches, examples]."""
    smoothing: float
    sgd: Any
    """float64 [steps, 5]: what `Sgd.settings` says of the optimizer step that comes before the gradients."""
    due: Any
    """int64 [steps]: whether there is one."""
    losses: Any
    """float64 [steps, members], which is written."""
    every: Any
    nobody: Any
    """int64 [members]: the same for steps of which nobody asks for a dense gradient."""
    full_gradients: Any
    linear_too: Any
    slots: Any
    """int64 [steps, members]."""
    history: Any
    trail: Any
    """Where the weights that networks do steps with are recorded."""
    places: Any
    """int64 [steps, members]: where in ``trail`` those of each begin, or -1 where none are."""
