import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small wait longer for other threads than those save them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
