"""Small networks and loops for tests of one's own loop."""

import io

import torch
import torch.nn.functional as F
from torch import nn

from criteria import SparseTraining

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-2),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-2),
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1e-3, momentum=0.5),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=1e-2),
}


def perceptron(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(12, 16), nn.ReLU(), nn.BatchNorm1d(16), nn.Linear(16, 10), nn.Tanh(), nn.Linear(10, 4)
    )


def convolutional(seed=0):
    """1-d, 2-d and 3-d convolutions, and a transposed one, of a batch of 4 × 4 images."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Unflatten(1, (1, 3, 4)),
        nn.Conv2d(1, 6, 2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(6, 4, 2),
        nn.Flatten(2),
        nn.Conv1d(4, 5, 3),
        nn.Flatten(),
        nn.LazyLinear(4),
    )


class Transformer(nn.Module):
    """One block of attention over three tokens of four numbers."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.embed = nn.Linear(4, 8)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, inputs):
        return self.head(self.block(self.embed(inputs.view(-1, 3, 4))).mean(1))


def batch(step, size=16):
    generator = torch.Generator().manual_seed(step)
    return torch.randn(size, 12, generator=generator), torch.randint(4, (size,), generator=generator)


def backward(model, step):
    inputs, targets = batch(step)
    loss = F.cross_entropy(model(inputs), targets)
    loss.backward()
    return loss


def train(model, optimizer, steps, first=0):
    for step in range(first, first + steps):
        optimizer.zero_grad()
        backward(model, step)
        optimizer.step()


def attached(model=None, optimizer="momentum", **settings):
    """A model, its optimizer and a sparse training of it that updates every third step."""
    model = perceptron() if model is None else model
    made = OPTIMIZERS[optimizer](model.parameters())
    settings = {"density": 0.3, "update_period": 3, "total_steps": 60, **settings}
    return model, made, SparseTraining(model, made, **settings)


def inactive_are_zero(model, sparse):
    weights = dict(model.named_parameters())
    return all(not weights[name].detach()[~mask].any() for name, mask in sparse.masks.items())


def file_of_parts(*parts):
    """The states of some parts, as they come back from a file that may hold nothing but data."""
    file = io.BytesIO()
    torch.save([part.state_dict() for part in parts], file)
    file.seek(0)
    return torch.load(file, weights_only=True)
