"""ReLU and a maximum over windows of 2×2, forward and backward, in Triton; channels are last."""

import triton
import triton.language as tl

NOWHERE = tl.constexpr(4)
"""The place of a maximum that is not above zero."""


# long because a kernel is one function whose sizes are its arguments
@triton.jit
def pool_kernel(
    inputs, outputs, places, TOTAL,
    CHANNELS: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The maximum of each window and its place, TOTAL of both."""
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < TOTAL
    first = _first_of_window(at, CHANNELS, HEIGHT, WIDTH)
    best = tl.load(inputs + first, mask=there, other=0.0)
    place = tl.zeros((BLOCK,), dtype=tl.int32)
    for index in tl.static_range(1, 4):
        value = tl.load(inputs + first + ((index // 2) * WIDTH + index % 2) * CHANNELS, mask=there, other=0.0)
        better = (value > best) | (value != value)  # what is not a number is passed on, as torch does
        place = tl.where(better, index, place)
        best = tl.where(better, value, best)
    dead = best <= 0
    tl.store(outputs + at, tl.where(dead, 0.0, best), mask=there)
    tl.store(places + at, tl.where(dead, NOWHERE, place).to(tl.int8), mask=there)


# long because a kernel is one function whose sizes are its arguments
@triton.jit
def unpool_kernel(
    gradients, places, input_gradients, TOTAL,
    CHANNELS: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradients of inputs that lie in a window, from those of its maximum."""
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < TOTAL
    first = _first_of_window(at, CHANNELS, HEIGHT, WIDTH)
    gradient = tl.load(gradients + at, mask=there, other=0.0)
    place = tl.load(places + at, mask=there, other=0)
    for index in tl.static_range(4):
        target = input_gradients + first + ((index // 2) * WIDTH + index % 2) * CHANNELS
        tl.store(target, tl.where(place == index, gradient, 0.0), mask=there)


@triton.jit
def _first_of_window(at, CHANNELS: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr):
    """Where the window of output ``at`` begins in the inputs."""
    channel, window = at % CHANNELS, at // CHANNELS
    right, row = window % (WIDTH // 2), window // (WIDTH // 2)
    down, example = row % (HEIGHT // 2), row // (HEIGHT // 2)
    return ((example * HEIGHT + 2 * down) * WIDTH + 2 * right) * CHANNELS + channel
