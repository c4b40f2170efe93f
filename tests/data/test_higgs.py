"""HIGGS is read from scikit-learn's copy of OpenML's files and split as in the paper's released code."""

import gzip
import io
import shutil

import numpy as np
import pytest
import torch
from pandas.errors import ParserError
from sklearn.model_selection import train_test_split

from benchmark.data import higgs, load_dataset
from benchmark.data.published import MissingDataError, without_downloads
from criteria import InputError
from tests.small_data import HIGGS_FEATURES, HIGGS_URL, higgs_copy

EXAMPLES = 400


class Answer(io.BytesIO):
    """What a web server answers: a packed file."""

    @staticmethod
    def info():
        return {"Content-Encoding": "gzip"}


@pytest.fixture
def examples():
    generator = np.random.default_rng(0)
    inputs = generator.normal(3, 20, (EXAMPLES, len(HIGGS_FEATURES))).astype(np.float32)
    inputs[:, 0] = np.arange(EXAMPLES)  # tells examples apart
    return inputs, (generator.random(EXAMPLES) < 0.4).astype(int)


@pytest.fixture
def copy(examples, tmp_path, monkeypatch):
    """Folder of OpenML's answers as scikit-learn keeps them."""
    monkeypatch.setattr(higgs, "TRAIN_EXAMPLES", 280)
    higgs_copy(*examples, tmp_path)
    return tmp_path


def test_examples_are_split_unscaled_and_keep_their_targets(copy, examples):
    dataset = load_dataset("higgs", copy)
    parts = (dataset.train, dataset.validation, dataset.test)
    assert [len(part.targets) for part in parts] == [280, 60, 60]
    assert dataset.classes == 2
    inputs, targets = examples
    order = torch.cat([part.inputs[:, 0] for part in parts]).long()
    assert sorted(order.tolist()) == list(range(EXAMPLES))
    assert torch.equal(torch.cat([part.inputs for part in parts]), torch.from_numpy(inputs)[order])
    assert torch.equal(torch.cat([part.targets for part in parts]), torch.from_numpy(targets)[order])


def test_the_splits_are_those_of_the_papers_released_code(copy, examples):
    """There scikit-learn splits with seed 42: first 70%, then the rest in two, the test set before validation."""
    dataset = load_dataset("higgs", copy)
    inputs, targets = examples
    train, rest, _, rest_targets = train_test_split(inputs, targets, test_size=0.3, random_state=42, stratify=targets)
    test, validation = train_test_split(rest, test_size=0.5, random_state=42, stratify=rest_targets)
    for part, expected in ((dataset.train, train), (dataset.validation, validation), (dataset.test, test)):
        assert torch.equal(part.inputs, torch.from_numpy(expected))


def test_each_split_has_the_same_share_of_both_classes(copy, examples):
    dataset = load_dataset("higgs", copy)
    share = examples[1].mean()
    for part in (dataset.train, dataset.validation, dataset.test):
        assert abs(float(part.targets.sum()) - share * len(part.targets)) <= 1


def test_no_files_and_no_network_are_one_line_with_the_place(tmp_path, one_line):
    with pytest.raises(InputError) as raised:
        load_dataset("higgs", tmp_path)
    message = one_line(raised)
    assert message.startswith(f"HIGGS is not in {tmp_path}/openml; downloading it failed (")


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("socket.getaddrinfo", refuse)


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def arff_of(folder):
    return folder / "openml" / "openml.org" / f"{HIGGS_URL.partition('openml.org/')[2]}.gz"


def with_other_examples(packed):
    return gzip.compress(gzip.decompress(packed).replace(b"1\n", b"0\n", 1))


@pytest.mark.parametrize("damage", [with_other_examples, lambda packed: packed[:-50], lambda packed: b"no gzip"])
def test_a_damaged_copy_is_not_used_and_is_named_and_stays_where_it_is(copy, no_network, damage, one_line):
    path = arff_of(copy)
    path.write_bytes(damage(path.read_bytes()))
    before = contents(copy)
    with pytest.raises(InputError) as raised:
        load_dataset("higgs", copy)
    message = one_line(raised)
    assert message.startswith(f"{path} cannot be read (")
    assert message.endswith("); remove it and get it again")
    assert contents(copy) == before


def test_a_damaged_answer_is_named_and_not_the_file_of_examples(copy, no_network, one_line):
    path = copy / "openml" / "openml.org" / "api/v1/json/data/features/44129.gz"
    path.write_bytes(gzip.compress(b"{"))
    before = contents(copy)
    with pytest.raises(InputError) as raised:
        load_dataset("higgs", copy)
    assert one_line(raised).startswith(f"{path} cannot be read (")
    assert contents(copy) == before


@pytest.mark.parametrize(
    "error", [MemoryError("Unable to allocate 180. MiB"), ParserError("Error tokenizing data. C error: out of memory")]
)
def test_too_little_memory_is_said_and_the_copy_stays(copy, no_network, monkeypatch, error, one_line):
    def read_csv(*_, **__):
        raise error

    before = contents(copy)
    with monkeypatch.context() as patch:
        patch.setattr("pandas.read_csv", read_csv)
        with pytest.raises(InputError) as raised:
            load_dataset("higgs", copy)
    assert one_line(raised) == "data set 'higgs': this machine has not enough memory for it"
    assert contents(copy) == before
    assert load_dataset("higgs", copy).classes == 2


@pytest.mark.parametrize("there", ["nothing", "an empty folder", "all but the examples", "all but an answer"])
def test_a_copy_that_is_not_whole_is_missing_where_downloads_are_forbidden(copy, monkeypatch, there):
    if there in ("nothing", "an empty folder"):
        shutil.rmtree(copy / "openml")
    if there == "an empty folder":
        (copy / "openml").mkdir()
    if there == "all but the examples":
        arff_of(copy).unlink()
    if there == "all but an answer":
        (copy / "openml" / "openml.org" / "api/v1/json/data/qualities/44129.gz").unlink()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("something was asked for"))
    with without_downloads(), pytest.raises(MissingDataError, match="nothing is downloaded to try things out"):
        load_dataset("higgs", copy)


def test_what_is_downloaded_is_kept_and_what_was_there_is_not_asked_for(copy, monkeypatch):
    whole = contents(copy)
    asked = []

    def answer(_, request, *__):
        asked.append(request.full_url)
        return Answer(whole[arff_of(copy)])

    arff_of(copy).unlink()
    monkeypatch.setattr("urllib.request.OpenerDirector.open", answer)
    for _ in range(2):
        assert len(load_dataset("higgs", copy).train.targets) == 280
    assert asked == [HIGGS_URL]
    assert contents(copy) == whole


def test_a_copy_in_a_folder_of_links_is_read(copy, tmp_path_factory):
    linked = tmp_path_factory.mktemp("linked")
    (linked / "openml").mkdir()
    (linked / "openml" / "openml.org").symlink_to(copy / "openml" / "openml.org")
    assert len(load_dataset("higgs", linked).train.targets) == 280
