"""An SSH server of one's own on loopback, for a repository of agent.Repository, and a key that it takes."""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

from agent import wait_for

SSHD = "/usr/sbin/sshd"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class SshServer:
    """Serves until stop(). `key` and `known_hosts` are files for a client; url(repository) is the way to it."""

    def __init__(self, base=None):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="bedplate-ssh-", dir=base))
        self.key, self.known_hosts = self.base / "deploy", self.base / "known_hosts"
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.port = free_port()
        for name in ("host", "deploy"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(self.base / name)],
                           check=True)
        shutil.copy(self.base / "deploy.pub", self.base / "authorized_keys")
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} " + (self.base / "host.pub").read_text())
        (self.base / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nPidFile none\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
            f"AuthorizedKeysFile {self.base}/authorized_keys\nHostKey {self.base}/host\n")
        if os.geteuid() == 0:  # its folder for privilege separation
            os.makedirs("/run/sshd", exist_ok=True)
        self.log = self.base / "sshd.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(self.base / "sshd_config")],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for("sshd", lambda: b"Server listening on" in self.log.read_bytes())

    def url(self, repository):
        return f"ssh://{self.user}@127.0.0.1:{self.port}{repository.remote}"

    def command(self):
        """For GIT_SSH_COMMAND."""
        return (f"ssh -F none -i {self.key} -o IdentitiesOnly=yes -o UserKnownHostsFile={self.known_hosts} "
                "-o StrictHostKeyChecking=yes -o BatchMode=yes")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.base, ignore_errors=True)
