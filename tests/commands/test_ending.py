"""How commands end: 0 only where the work was done, and one line with a status of its own for everything else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.commands import ending, plain_letters
from benchmark.commands.cli import COMMANDS, build_parser, main
from criteria.errors import InputError, PluginError

STATUSES = (
    (InputError("bad"), 2),
    (PluginError("failed"), 3),
    (OSError(28, "No space left on device"), 2),
    (SystemExit(0), 4),  # of a plugin, which does not say that our work is done
    (SystemExit("bye"), 4),
    (RuntimeError("odd"), 4),
    (MemoryError(), 2),
    (ImportError("libtorch_cpu.so: failed to map segment from shared object"), 2),
    (RuntimeError("can't start new thread"), 2),
    (ImportError("no module that a plugin needs"), 4),
    (RecursionError("deep"), 4),
    (GeneratorExit(), 4),
    (KeyboardInterrupt(), 130),
)


@pytest.fixture(autouse=True)
def logs(tmp_path, monkeypatch):
    """The folder where tracebacks are kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "state" / "dst-bench" / "log"


def failing(error):
    def main(_arguments):
        raise error

    return main


@pytest.mark.parametrize(("error", "status"), STATUSES, ids=lambda value: repr(value))
def test_every_error_has_its_status_and_one_line(error, status, monkeypatch, capsys):
    monkeypatch.setattr("benchmark.commands.info.main", failing(error))
    assert main(["info"]) == status
    said = capsys.readouterr().err
    assert said.startswith("dst-bench: ")
    assert said.count("\n") == 1
    assert "Traceback" not in said


def test_a_plugin_that_ends_the_process_does_not_end_the_command_as_done(tmp_path):
    code = "import os, benchmark.commands.info as info; info.main = lambda _: os._exit(0)"
    script = f"{code}; from benchmark.commands.cli import main; raise SystemExit(main(['info']))"
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, env=environment)
    assert done.returncode == 4
    assert b"SystemExit: 0" in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_a_command_forks_ends_as_it_asks(monkeypatch):
    def fork_and_end(_arguments):
        if (child := os.fork()) == 0:
            os._exit(7)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    monkeypatch.setattr("benchmark.commands.info.main", fork_and_end)
    assert main(["info"]) == 7


def test_the_traceback_of_something_unexpected_is_kept_where_the_line_says(logs, monkeypatch, capsys):
    monkeypatch.setattr("benchmark.commands.info.main", failing(ZeroDivisionError("what?")))
    assert main(["info"]) == 4
    (kept,) = logs.iterdir()
    said = capsys.readouterr().err
    assert "ZeroDivisionError: what?" in said
    assert str(kept) in said
    text = kept.read_text()
    assert text.startswith("dst-bench info\n")
    assert "in main\n" in text or "in failing" in text


def test_where_no_traceback_can_be_kept_the_line_says_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "state").write_text("a file, in which there is no folder")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "state"))
    monkeypatch.setattr("benchmark.commands.info.main", failing(ZeroDivisionError()))
    assert main(["info"]) == 4
    assert "could not be kept anywhere" in capsys.readouterr().err


def test_what_a_terminal_would_obey_is_shown_as_escapes(monkeypatch, capsys):
    monkeypatch.setattr("benchmark.commands.info.main", failing(PluginError("\x1b[2J red \x07 \r\x9b1m")))
    assert main(["info"]) == 3
    said = capsys.readouterr().err
    assert said == "dst-bench: \\x1b[2J red \\x07 \\r\\x9b1m\n"


def test_arguments_with_escape_characters_are_shown_as_escapes(capsys):
    assert main(["status", "tiny.yaml", "--checkpoint", "\x1b[2J"]) == 2
    said = capsys.readouterr().err
    assert "\\x1b[2J" in said
    assert "\x1b" not in said
    assert said.count("\n") == 1


def run(arguments, **options):
    command = [sys.executable, "-m", "benchmark", *arguments]
    environment = {**os.environ, **options.pop("env", {})}
    return subprocess.run(command, capture_output=True, check=False, env=environment, **options)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX pipes")
@pytest.mark.parametrize(
    ("command", "errors"),
    [(each, subprocess.PIPE) for each in ("list growth", "--help", "status smoke")]
    + [("list growth", subprocess.STDOUT)],
)
def test_output_that_nobody_reads_is_not_called_done(command, errors, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as unread:
        process = [sys.executable, "-m", "benchmark", *command.split()]
        done = subprocess.run(process, cwd=tmp_path, stdout=unread, stderr=errors, check=False)
    assert done.returncode == ending.CLOSED_OUTPUT
    assert not done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_output_that_is_closed_from_the_start_goes_nowhere(closed, tmp_path):
    script = f"{sys.executable} -m benchmark list growth {closed}"
    assert subprocess.run(["sh", "-c", script], cwd=tmp_path, check=False, stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_every_encoding_of_the_output_is_served(encoding, tmp_path):
    found = run(["list", "criteria"], env={"PYTHONIOENCODING": encoding}, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "grasp" in found.stdout.decode(encoding)


def test_without_greek_letters_formulas_say_what_they_said(tmp_path):
    found = run(["list", "criteria"], env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}, cwd=tmp_path)
    said = found.stdout.decode("ascii")
    for formula in ("|theta*g|", "(theta*g)^2", "-theta*(Hg)", "|theta - gamma g|", "(|g| + epsilon)", "|theta|*||x||"):
        assert formula in said
    assert "|theta|/sum |theta|" in said
    assert "?" not in said


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("snip · random · 0.05", "snip * random * 0.05"),
        ("95.3 ± 0.2¹ – …", "95.3 +/- 0.2^1 - ..."),
        ("10⁻⁵ β₁ ½θ²h λ|g| Δ", "10^-5 beta_1 1/2theta^2h lambda|g| Delta"),
        ("−θ·∂R/∂θ ≤ √(6/n)", "-theta*dR/dtheta <= sqrt (6/n)"),
        ("Demšar 雪", "Demsar ?"),
    ],
)
def test_characters_that_an_encoding_lacks_are_spelled_in_ascii(text, written):
    plain_letters.register()
    assert text.encode("ascii", plain_letters.NAME).decode() == written


def test_without_a_home_there_is_no_traceback(tmp_path):
    unsaid = dict.fromkeys(("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"), "")
    found = run(["info"], env={"HOME": "/nonexistent", **unsaid}, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert b"Traceback" not in found.stderr


def test_help_tells_statuses_and_defaults_and_each_command_owns_its_arguments(capsys):
    for command in COMMANDS:
        assert main([command, "--help"]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "exit status: 0 all was done, 1 a result deviates" in said
        assert "4 something unexpected happened" in said
    assert main(["run", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    folders = "(default: DST_BENCH_RESULTS, else ./results if it holds results, else a folder of the user)"
    for default in ("(default: 60.0)", folders, "(default: auto)", "(default: 1)", "(default: local)"):
        assert default in said
    assert "(default: None)" not in said
    assert "(default: [])" not in said


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dst-bench 0.")


def test_a_tilde_is_the_home_also_where_a_shell_leaves_it_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    args = build_parser().parse_args(["run", "smoke", "--results=~/here", "--data-dir=~/there"])
    assert (args.results, args.data_dir) == (Path(tmp_path / "here"), Path(tmp_path / "there"))


def test_an_unknown_engine_is_one_line_that_names_those_that_there_are(capsys):
    assert main(["run", "smoke", "--engine", "desne"]) == 2
    said = capsys.readouterr().err
    assert "did you mean 'dense'?" in said
    assert said.count("\n") == 1
