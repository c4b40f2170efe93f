"""HIGGS: did a collision of particles produce a Higgs boson? (Baldi et al., 2014; OpenML task 361069)."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.data.published import not_downloaded, require_downloads
from benchmark.data.source import DataSource, Look
from criteria.errors import InputError

if TYPE_CHECKING:
    from benchmark.data.dataset import Dataset

OPENML_DATASET = 44129
"""The data set of OpenML's task 361069."""

FEATURES = 24

SPLIT_SEED = 42


@dataclass(frozen=True)
class HIGGS(DataSource):
    """HIGGS: did a collision of particles produce a Higgs boson? (Baldi et al., 2014; OpenML task 361069)."""

    @property
    def look(self) -> Look:
        return Look((FEATURES,), 2, 658_112, -3.0, 10.0)

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
    from sklearn.datasets import fetch_openml

    for path in (root / "openml").rglob("*"):
        if not path.is_dir() and not path.is_file():  # scikit-learn would wait for a pipe
            raise InputError(f"{path} is not a regular file; remove it to get it again")
    if not (root / "openml").is_dir():
        require_downloads("HIGGS", [root / "openml"])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what scikit-learn warns of is in the error, if it comes to one
            features, target = fetch_openml(
                data_id=OPENML_DATASET,
                data_home=str(root),
                return_X_y=True,
                n_retries=1,
                read_csv_kwargs={"dtype": "float64"},  # as categories, targets of 0 and 1 fail with pandas 3
            )
    except Exception as error:  # scikit-learn meets a damaged copy in many ways: a KeyError maybe
        raise not_downloaded("HIGGS", [root / "openml"], error) from error
    inputs, targets = features.to_numpy(np.float32), target.to_numpy(np.float64)
    if inputs.shape[1:] != (FEATURES,) or not np.isfinite(inputs).all() or set(np.unique(targets)) != {0, 1}:
        raise InputError(
            f"{root / 'openml'} has not the data of HIGGS: {FEATURES} columns of finite numbers and targets 0 and 1; "
            "remove it to get them again"
        )
    return inputs, targets.astype(np.int64)
