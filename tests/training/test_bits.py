"""The same bits on the same CPU: in any fleet and with any number of threads, each in a process of its own."""

import json
import os
import random
import subprocess
import sys

import pytest
import torch

from tests.seeds import seed_of_code

SEED = int(os.environ.get("DST_BENCH_BITS_SEED") or seed_of_code())
THREADS = (1, 2, 3)
RULES = ((None, None), ("magnitude", "random"), ("snip", "gradient"), ("running_snip", "momentum"), ("grasp", "random"))


def cases(seed, count, widest, *, convolutions):
    """Networks, each with members in one fleet, in fleets of one, and in other fleets, in another order."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        if convolutions and number % 3 == 2:
            model, shape, examples = {"name": "lenet5"}, [1, 28, 28], 48
        else:
            depth = draw.randint(1, 3)
            model = {"name": "mlp", "widths": [draw.randint(1, widest) for _ in range(depth)]}
            shape, examples = [draw.randint(1, widest)], 180
        members = [[seed, draw.choice([0.05, 0.3, 1.0]), *draw.choice(RULES)] for seed in range(1, draw.randint(3, 6))]
        members = [[seed, density, *((None, None) if density == 1.0 else rule)] for seed, density, *rule in members]
        half = len(members) // 2 or 1
        fleets = [members, *([each] for each in members[:2]), members[:half], members[half:][::-1]]
        batch = draw.choice([1, 7, 16, 32, 60])
        found.append({"model": model, "shape": shape, "examples": examples, "batch": batch, "fleets": fleets})
    return found


def trained(threads, made):
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "tests.training.bits", str(threads), json.dumps(made)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(made, threads=THREADS):
    print(f"DST_BENCH_BITS_SEED={SEED}")
    by_threads = {each: trained(each, made) for each in threads}
    wrong = []
    for number, case in enumerate(made):
        known = {}
        for used, found in by_threads.items():
            for fleet, digests in zip(case["fleets"], found[number], strict=True):
                for member, digest in zip(fleet, digests, strict=True):
                    known.setdefault(str(member), {}).setdefault(digest, []).append((used, len(fleet)))
        shown = {key: case[key] for key in ("model", "shape", "batch")}
        wrong += [f"{shown} {member}: {places}" for member, places in known.items() if len(places) > 1]
    assert not wrong, f"DST_BENCH_BITS_SEED={SEED}: {len(wrong)} members have several bits\n" + "\n".join(wrong)


@pytest.mark.parametrize("rows", [1, 2, 7, 32])
def test_a_product_has_the_same_bits_wherever_its_matrix_lies_in_memory(rows):
    generator = torch.Generator().manual_seed(rows)
    for height, width in ((29, 34), (101, 57), (300, 784)):
        matrix, inputs = (torch.randn(each, width, generator=generator) for each in (height, rows))
        found = []
        for place in range(16):
            stacked = torch.zeros(2 * height * width + place)[place:].view(2, height, width)
            stacked[:] = matrix
            found.append(torch.matmul(stacked, torch.stack([inputs, inputs]).mT))
        assert all(torch.equal(each, found[0]) for each in found)


def test_a_member_has_the_same_bits_in_every_fleet_and_with_every_number_of_threads():
    check(cases(SEED, 4, 40, convolutions=True), threads=(1, 3))


@pytest.mark.long
def test_members_of_many_and_larger_networks_have_the_same_bits_everywhere():
    check([*cases(SEED, 40, 64, convolutions=True), *cases(SEED + 1, 20, 600, convolutions=False)])
