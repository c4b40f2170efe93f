"""An experiment of eight runs that trains in a moment."""

TINY = {
    "title": "tiny",
    "data": "digits",
    "model": {"name": "mlp", "widths": [16]},
    "training": {"epochs": 12, "batch_size": 128, "learning_rate": 0.1},
    "topology": {"update_period": 5},
    "axes": {"criteria": ["magnitude", "running_snip"], "growths": ["random"], "densities": [0.2], "seeds": [1, 2]},
}
