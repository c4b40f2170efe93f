"""Experiments are data: what may be written in one, and what is said where something else is."""

import pytest
import yaml

from benchmark.experiments.experiment import experiment_files, load_experiment
from benchmark.experiments.runs import expand
from benchmark.models import build_model
from criteria import InputError

SMALL = {
    "title": "small",
    "data": "digits",
    "model": {"name": "mlp", "widths": [8]},
    "training": {"epochs": 1, "batch_size": 64, "learning_rate": 0.1},
    "topology": {"update_period": 5},
    "axes": {"criteria": ["magnitude"], "growths": ["random"], "densities": [0.1], "seeds": [1]},
}


def written(tmp_path, content):
    path = tmp_path / "small.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def changed(*path_and_value):
    *path, last, value = path_and_value
    content = yaml.safe_load(yaml.safe_dump(SMALL))
    inner = content
    for key in path:
        inner = inner[key]
    inner[last] = value
    return content


def compared(criteria, **settings):
    return changed("measure", {"jaccard": {"criteria": criteria, **settings}})


@pytest.mark.parametrize("name", experiment_files())
def test_every_built_in_experiment_loads(name):
    assert load_experiment(name).name == name


def test_an_experiment_can_be_a_file_of_your_own(tmp_path):
    experiment = load_experiment(written(tmp_path, SMALL))
    assert experiment.name == "small"
    assert experiment.axes.densities == (0.1,)


def test_criteria_are_kept_in_canonical_form(tmp_path):
    content = changed("axes", "criteria", ["mest( lambda_ = 1 )", "mest(lambda_=2)"])
    criteria = load_experiment(written(tmp_path, content)).axes.criteria
    assert [str(spec) for spec in criteria] == ["mest", "mest(lambda_=2.0)"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (changed("traning", {}), ["'traning'", "did you mean 'training'?"]),
        (changed("training", "epoch", 3), ["training: unknown key 'epoch'", "did you mean 'epochs'?"]),
        (changed("axes", "densities", [0]), ["axes.densities.0", "expected a number above 0"]),
        (changed("axes", "densities", [1.5]), ["axes.densities.0", "expected at most 1"]),
        (changed("axes", "densities", [0.1, 0.1]), ["densities has a value twice"]),
        (changed("axes", "densities", [float("nan")]), ["axes.densities.0"]),
        (changed("axes", "criteria", ["magnitud"]), ["'magnitud'", "did you mean 'magnitude'?"]),
        (changed("axes", "criteria", ["mest(lamda=1)"]), ["no parameter 'lamda'", "lambda_"]),
        (changed("axes", "growths", ["gradiant"]), ["did you mean 'gradient'?"]),
        (changed("axes", "seeds", [-1]), ["axes.seeds.0"]),
        (changed("data", "digit"), ["did you mean 'digits'?"]),
        (changed("model", "name", "mpl"), ["did you mean 'mlp'?"]),
        (changed("topology", "update_period", 0), ["topology.update_period"]),
        (changed("topology", "prune_fraction", {"start": 2}), ["topology.prune_fraction", "between 0 and 1"]),
        (compared(["magnitude"]), ["measure.jaccard.criteria", "at least 2"]),
        (compared(["magnitude", "magnitude( )"]), ["measure.jaccard", "criteria has a value twice"]),
        (compared(["magnitude", "snop"]), ["measure.jaccard.criteria", "did you mean 'snip'?"]),
        (compared(["magnitude", "running_snip"]), ["measure.jaccard.criteria", "running_snip follows the training"]),
        (compared(["magnitude", "snip"], every=0), ["measure.jaccard.every", "expected at least 1"]),
        (compared(["magnitude", "snip"], fractions=[]), ["measure.jaccard.fractions", "at least 1"]),
        (compared(["magnitude", "snip"], fractions=[0]), ["measure.jaccard.fractions.0", "expected a number above 0"]),
        (compared(["magnitude", "snip"], fractions=[0.5, 0.5]), ["fractions has a value twice"]),
        (changed("measure", {"jacard": {}}), ["measure: unknown key 'jacard'", "did you mean 'jaccard'?"]),
        (changed("topology", "resurrection", "maybe"), ["topology.resurrection", "'forbid', 'allow' or 'restart'"]),
        ("title: [", ["line ", "not valid YAML"]),
        ("title: one\ntitle: two\n", ["line 2", "'title' given twice"]),
        ("just a text", ["expected a mapping"]),
        ("a: !!python/object/apply:os.getcwd []", ["not valid YAML"]),
    ],
)
def test_a_mistake_is_one_line_that_names_the_file_and_the_place(tmp_path, content, said):
    path = written(tmp_path, content)
    with pytest.raises(InputError) as error:
        load_experiment(path)
    message = str(error.value)
    assert "\n" not in message
    for part in [path, *said]:
        assert part in message


def test_only_what_is_measured_on_request_makes_another_run_of_a_training_with_updates(tmp_path):
    def ids(content):
        return {run.cell.criterion: run.id for run in expand(load_experiment(written(tmp_path, content)))}

    plain = ids(SMALL)
    assert plain.keys() == {"static", "dense", "magnitude"}
    assert ids(changed("measure", {})) == ids(changed("measure", {"jaccard": None})) == plain
    asked = [compared(["snip", "random"]), compared(["snip", "random"], every=10), compared(["snip", "mest"])]
    moving = [plain["magnitude"]]
    for content in asked:
        found = ids(content)
        assert (found["static"], found["dense"]) == (plain["static"], plain["dense"])
        moving.append(found["magnitude"])
    assert len(set(moving)) == 4


def test_settings_can_be_changed_from_outside(tmp_path):
    path = written(tmp_path, SMALL)
    experiment = load_experiment(path, ["training.epochs=7", "topology.prune_fraction.start=0.3"])
    ((_, setup),) = experiment.setups
    assert setup.training.epochs == 7
    assert setup.topology.prune_fraction.start == 0.3


@pytest.mark.parametrize("override", ["training.epochs", "=3", "title.x=1", "training.epochz=1", "training.epochs=[1"])
def test_a_setting_that_does_not_exist_is_one_line(tmp_path, override):
    with pytest.raises(InputError) as error:
        load_experiment(written(tmp_path, SMALL), [override])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("width", [2**40, 2**62, 10**90])
def test_a_model_that_no_memory_has_room_for_is_one_line(width):
    with pytest.raises(InputError, match="model 'mlp' cannot be built with") as error:
        build_model("mlp", inputs=(64,), classes=10, widths=[width])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "..", "", "a\0b", "a\nb", "x" * 101])
def test_a_name_that_is_no_plain_folder_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="name: results are kept in a folder of this name"):
        load_experiment(written(tmp_path, changed("name", name)))


@pytest.mark.parametrize("key", ["title", "figure"])
@pytest.mark.parametrize("text", ["\x1b[2J", "two\nlines", "a\rb"])
def test_a_heading_that_would_reach_the_terminal_as_more_than_text_is_refused(tmp_path, key, text):
    with pytest.raises(InputError, match=f"{key}: it stands above tables"):
        load_experiment(written(tmp_path, changed(key, text)))


def test_a_few_lines_that_stand_for_gigabytes_are_refused(tmp_path):
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    with pytest.raises(InputError, match="line 2: not valid YAML: references"):
        load_experiment(written(tmp_path, "\n".join(lines)))
