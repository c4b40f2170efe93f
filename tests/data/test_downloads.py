"""A download is there whole or not at all, is made once, and is tried again where it fails."""

import gc
import hashlib
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from filelock import FileLock

from benchmark.data import load_dataset, published
from benchmark.data.published import MissingDataError, Remote, download, without_downloads
from criteria import InputError

CONTENT = bytes(range(256)) * 4096
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Site:
    """A web server of this machine that answers each request as the next of ``answers`` says, and then well."""

    def __init__(self):
        self.requests = []
        self.answers = []
        self.closed = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.requests.append(self.path)
                answer = site.answers.pop(0) if site.answers else "whole"
                if answer == "refuse":
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                if answer == "whole":
                    self.wfile.write(CONTENT)
                elif answer == "other":
                    self.wfile.write(CONTENT[::-1])
                else:  # half of it, and then nothing for a while, or the end
                    self.wfile.write(CONTENT[: len(CONTENT) // 2])
                    self.wfile.flush()
                    if answer == "stall":
                        site.closed.wait()

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """Say nothing, perhaps during a later test, about a client that was killed."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/file.bin"


# pooch leaves a connection that broke off to the garbage collector; ``web`` calls it, so that no later test is warned
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def web(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    site = Site()
    threading.Thread(target=site.server.serve_forever, daemon=True).start()
    yield site
    site.closed.set()
    site.server.shutdown()
    site.server.server_close()
    gc.collect()


def fetch(web, folder, digest=DIGEST):
    path = folder / "file.bin"
    download("A data set", [path], [Remote(web.url, path, digest)])
    return path


def left_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".download.lock")


def test_a_file_is_downloaded_once_and_the_user_is_told(web, tmp_path, capsys):
    for _ in range(2):
        assert fetch(web, tmp_path).read_bytes() == CONTENT
    assert len(web.requests) == 1
    assert left_in(tmp_path) == ["file.bin"]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"downloading A data set: {web.url} into {tmp_path}\n"


@pytest.mark.parametrize("answer", ["refuse", "other", "half"])
def test_what_does_not_come_whole_is_not_there(web, tmp_path, answer, one_line):
    web.answers = [answer]
    with pytest.raises(InputError) as raised:
        fetch(web, tmp_path)
    message = one_line(raised)
    assert message.startswith(f"A data set is not in {tmp_path / 'file.bin'}; downloading it failed (")
    assert not (tmp_path / "file.bin").exists()
    assert fetch(web, tmp_path).read_bytes() == CONTENT
    assert left_in(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("answer", ["refuse", "half"])
def test_a_download_that_fails_is_tried_again(web, tmp_path, answer, monkeypatch):
    monkeypatch.setattr(published, "RETRIES", 1)
    web.answers = [answer]
    assert fetch(web, tmp_path).read_bytes() == CONTENT
    assert len(web.requests) == 2


def test_after_a_kill_in_the_middle_the_same_command_gets_the_file_and_leaves_no_rest(web, tmp_path):
    web.answers = ["stall"]
    code = (
        "from pathlib import Path; from benchmark.data.published import Remote, download;"
        f"path = Path({str(tmp_path / 'file.bin')!r}); download('A', [path], [Remote({web.url!r}, path, {DIGEST!r})])"
    )
    running = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    unfinished = tmp_path / ".download"
    deadline = time.monotonic() + 600
    while not (unfinished.is_dir() and any(path.stat().st_size for path in unfinished.iterdir())):
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert left_in(tmp_path) == [".download"]
    assert fetch(web, tmp_path).read_bytes() == CONTENT
    assert left_in(tmp_path) == ["file.bin"]


def test_a_file_that_another_process_brings_meanwhile_is_not_downloaded_again(web, tmp_path, monkeypatch):
    asked = threading.Event()

    class Lock(FileLock):
        def acquire(self, *arguments, **options):
            asked.set()
            return super().acquire(*arguments, **options)

    monkeypatch.setattr(published, "FileLock", Lock)
    with FileLock(tmp_path / ".download.lock"):
        waiting = threading.Thread(target=fetch, args=(web, tmp_path))
        waiting.start()
        assert asked.wait(60)
        (tmp_path / "file.bin").write_bytes(CONTENT)
    waiting.join()
    assert web.requests == []


def test_a_folder_that_cannot_be_made_is_one_line(web, tmp_path, one_line):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as raised:
        fetch(web, tmp_path / "file" / "below")
    assert "downloading it failed" in one_line(raised)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "fashion_mnist", "higgs"])
def test_where_downloads_are_forbidden_a_data_set_is_missing_and_nothing_is_asked_for(
    name, tmp_path, monkeypatch, one_line
):
    monkeypatch.setattr("benchmark.data.fashion_mnist.DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("something was asked for"))
    with without_downloads(), pytest.raises(MissingDataError) as raised:
        load_dataset(name, tmp_path)
    assert one_line(raised).endswith("; nothing is downloaded to try things out")
