"""Sparse training in one's own loop: :class:`SparseTraining` attaches to a model and an optimizer that exist."""

from criteria.training.adam import BiasCorrection
from criteria.training.export import csr_copy, load_masks, save_masks
from criteria.training.selecting import SPARSE_LAYERS
from criteria.training.sparse_training import SparseTraining
from criteria.training.updating import Update

__all__ = ["SPARSE_LAYERS", "BiasCorrection", "SparseTraining", "Update", "csr_copy", "load_masks", "save_masks"]
