import pytest


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Whatever these tests would download is refused at once, wherever they run."""
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.setattr("benchmark.data.published.RETRIES", 0)
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")


@pytest.fixture
def one_line():
    """The message of an error for users, which has to be one line."""

    def message(raised):
        text = str(raised.value)
        assert "\n" not in text
        return text

    return message
