"""Copies of networks as they were at their best."""

from typing import Any

import numpy as np

from benchmark.training.engines.sparse.networks import SparseNetworks


class Best:
    """For each network of a fleet, a copy of what an evaluation reads."""

    def __init__(self, networks: SparseNetworks) -> None:
        self._networks = networks
        self._copies = {name: array.copy() for name, array in networks.read_by_evaluations().items()}

    def keep(self, member: int) -> None:
        """Copy a network as it is now."""
        for name, array in self._networks.read_by_evaluations().items():
            part = self._part(name, member)
            self._copies[name][part] = array[part]

    def restore(self) -> None:
        """Make every network what its copy is."""
        for name, array in self._networks.read_by_evaluations().items():
            array[:] = self._copies[name]
        self._networks.index_all()

    def state_dict(self) -> dict[str, Any]:
        """The copies."""
        return dict(self._copies)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        for name, array in self._copies.items():
            array[:] = state[name]

    def _part(self, name: str, member: int) -> Any:
        """Where a network is in the array of that name."""
        if name in ("values", "positions"):
            starts = self._networks.state.starts
            return slice(int(starts[member]), int(starts[member + 1]))
        return np.s_[member]
