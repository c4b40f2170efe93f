from benchmark.system.quantity import quantity


def test_one_of_something_is_not_many():
    assert [quantity(number, "run") for number in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert [quantity(number, "point") for number in (0.3, 1.0, 10.0)] == ["0.3 points", "1 point", "10 points"]
