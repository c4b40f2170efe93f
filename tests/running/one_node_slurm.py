"""A Slurm cluster of one node in a temporary folder, for as long as a test needs it."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "srun")
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/node
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
JobRequeue=1
KillWait=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class NoSlurm(Exception):  # noqa: N818
    """Why there can be no cluster here."""


@contextmanager
def one_node_slurm():
    """Starts munge and Slurm's two daemons; gives the environment that its commands need, and ends all in the end."""
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    lacking = [program for program in PROGRAMS if shutil.which(program, path=search) is None]
    if lacking:
        raise NoSlurm(f"not installed: {', '.join(lacking)}")
    if os.geteuid() != 0:
        raise NoSlurm("its daemons need root")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        for name in ("controller", "node"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        configuration = folder / "slurm.conf"
        configuration.write_text(
            CONFIGURATION.format(host=socket.gethostname().partition(".")[0], folder=folder, ports=_free_ports(2))
        )
        environment = {**os.environ, "PATH": search, "SLURM_CONF": str(configuration)}
        munge = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={key}"]
        munge += [f"--{name}-file={folder}/munged.{name}" for name in ("pid", "log", "seed")]
        for command in (munge, ["slurmctld", "-D"], ["slurmd", "-D"]):
            log = stack.enter_context((folder / f"{command[0]}.out").open("wb"))
            daemon = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
            stack.callback(_end, daemon)
        stack.callback(_cancel_all, environment)
        _wait_for_the_node(folder, environment)
        yield environment


def _wait_for_the_node(folder, environment):
    for _ in range(60):
        state = subprocess.run(
            ["sinfo", "--noheader", "--format=%t"], env=environment, check=False, capture_output=True, text=True
        )
        if state.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    said = "; ".join((folder / f"{name}.out").read_text(errors="replace")[-300:] for name in ("munged", "slurmd"))
    raise NoSlurm(f"its node is not there after 30 seconds: {state.stdout}{state.stderr} {said}")


def _cancel_all(environment):
    """No task outlives the cluster."""
    for command in (["scancel", "--me"], ["squeue", "--noheader"]) * 30:
        found = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        if command[0] == "squeue" and not found.stdout.strip():
            return
        time.sleep(0.5)


def _end(daemon):
    daemon.terminate()
    try:
        daemon.wait(20)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
