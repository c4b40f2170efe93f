"""HIGGS: did a collision of particles produce a Higgs boson? (Baldi et al., 2014; OpenML task 361069)."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.data.openml import features_and_target
from benchmark.data.source import DataSource, Look
from criteria.errors import InputError

if TYPE_CHECKING:
    from benchmark.data.dataset import Dataset

OPENML_DATASET = 44129
"""The data set of OpenML's task 361069."""

FEATURES = 24

SPLIT_SEED = 42

TRAIN_EXAMPLES = 658_112


@dataclass(frozen=True)
class HIGGS(DataSource):
    """HIGGS: did a collision of particles produce a Higgs boson? (Baldi et al., 2014; OpenML task 361069)."""

    @property
    def look(self) -> Look:
        return Look((FEATURES,), 2, TRAIN_EXAMPLES, -3.0, 10.0)

    def load(self, root: Path) -> "Dataset":
        """Inputs [N, 24], unscaled, of two classes; stratified into 70% training, 15% validation and 15% test examples.

        scikit-learn downloads the data from OpenML, checks them, and keeps them in ``root/openml``. Raises
        :class:`InputError` where that fails and for data that are not those of HIGGS.
        """
        import numpy as np
        import torch

        from benchmark.data.dataset import Dataset, Split

        inputs, targets = _fetch(root)
        train, rest = _halves(np.arange(len(targets)), targets, 0.3)
        test, validation = _halves(rest, targets, 0.5)

        def split(chosen: Any) -> Split:
            return Split(torch.from_numpy(inputs[chosen]), torch.from_numpy(targets[chosen]))

        return Dataset("higgs", split(train), split(validation), split(test), classes=2)


def _halves(indices: Any, targets: Any, fraction: float) -> Any:
    from sklearn.model_selection import train_test_split

    return train_test_split(indices, test_size=fraction, random_state=SPLIT_SEED, stratify=targets[indices])


def _fetch(root: Path) -> tuple[Any, Any]:
    import numpy as np

    # as categories, targets of 0 and 1 fail with pandas 3
    features, target = features_and_target("HIGGS", OPENML_DATASET, root, read_csv_kwargs={"dtype": "float64"})
    inputs, targets = features.to_numpy(np.float32), target.to_numpy(np.float64)
    if inputs.shape[1:] != (FEATURES,) or not np.isfinite(inputs).all() or set(np.unique(targets)) != {0, 1}:
        raise InputError(
            f"{root / 'openml'} has not the data of HIGGS: {FEATURES} columns of finite numbers and targets 0 and 1; "
            "remove it to get them again"
        )
    return inputs, targets.astype(np.int64)
