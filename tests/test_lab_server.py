"""What the server behind ``qae-sim lab`` answers: to the right Host and the right token, and to nobody else."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("jupyterlab")

LESSON = (
    '{"cells": [{"cell_type": "markdown", "metadata": {}, "source": "# My lesson", "id": "a"}], "metadata": '
    '{"kernelspec": {"name": "python3", "display_name": "Python"}}, "nbformat": 4, "nbformat_minor": 5}'
)


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple[int, str]]:
    """A server: its port and the token that it has printed, if any."""
    folder.mkdir()
    (folder / "00_mine.ipynb").write_text(LESSON)
    (folder / "picture.png").write_bytes(b"a picture")
    log = folder.parent / f"{folder.name}.log"
    command = [sys.executable, "-c", "from qae_sim.cli import main; main()", "lab", f"--folder={folder}"]
    environment = {name: value for name, value in os.environ.items() if name != "JUPYTER_TOKEN"}
    with log.open("w") as out:
        server = subprocess.Popen([*command, *arguments], stdout=out, stderr=subprocess.STDOUT, env=environment)
    try:
        deadline = time.monotonic() + 120
        while not (found := re.search(r"http://(?:localhost|127\.0\.0\.1):(\d+)/\S*", log.read_text())):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        token = re.search(r"token=(\w+)", found.group())
        yield int(found[1]), token[1] if token else ""
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def ask(port: int, path: str, host: str, token: str = "") -> tuple[int, str]:
    """Status and text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", host)
        if token:
            connection.putheader("Authorization", f"token {token}")
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


@pytest.mark.slow
def test_jupyterlab_needs_host_and_token(tmp_path: Path) -> None:
    with serving(tmp_path / "lessons", "--no-browser", "--host=lessons.example") as (port, token):
        for path in ("/lab", "/api/contents", "/files/picture.png", "/api/kernels"):
            assert ask(port, path, "evil.example", token)[0] == 403, path
            assert ask(port, path, f"localhost:{port}")[0] in (302, 403), path
            for host in ("localhost", "127.0.0.1", "lessons.example"):
                assert ask(port, path, host, token)[0] == 200, (path, host)
