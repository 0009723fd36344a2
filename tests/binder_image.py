"""What Binder makes of this repository, made and started here: repo2docker's own steps, without Docker.

The image's root folder is an ordinary folder with an environment of Python 3.11 in it. What conda would bring comes
from PyPI at the versions of repo2docker's lock file; `binder/postBuild`, `binder/start` and repo2docker's entry point
run as they are, with no variable of the caller's but its search path.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of one of its dependencies
    import repo2docker.app
    import repo2docker.buildpacks

ROOT = Path(__file__).parents[1]
_PACKS = Path(repo2docker.buildpacks.__file__).parent
#: Of the packages in repo2docker's environment, those that it names (environment.yml) and that PyPI has.
_NAMED = ("jupyterhub-base", "jupyterlab", "notebook", "jupyter-resource-usage", "jupyter-offlinenotebook")


def build_pack() -> Any:
    """The build pack that repo2docker chooses for this repository."""
    app = repo2docker.app.Repo2Docker()
    here = Path.cwd()
    os.chdir(ROOT)
    try:
        for kind in app.buildpacks:
            pack = kind(app.base_image)
            pack.platform = "linux/amd64"
            if pack.detect():
                pack.render({})
                return pack
    finally:
        os.chdir(here)
    raise RuntimeError("repo2docker finds no build pack")


@dataclass(frozen=True)
class Image:
    """An image: its folder, and how long its steps took, in seconds."""

    folder: Path
    seconds: dict[str, float]

    @property
    def sources(self) -> Path:
        """Where the repository is."""
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        """All variables that a process in the image sees."""
        path = os.pathsep.join([str(self.folder / "env" / "bin"), os.defpath])
        return {"HOME": str(self.sources), "REPO_DIR": str(self.sources), "PATH": path, "LANG": "C.UTF-8"}

    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())


def build(folder: Path) -> Image:
    """Build the image, with the steps in repo2docker's order."""
    image, pack = Image(folder, {}), build_pack()

    def step(name: str, *command: str) -> None:
        start = time.monotonic()
        subprocess.run(command, cwd=image.sources, env=image.environment, check=True, stdout=subprocess.DEVNULL)
        image.seconds[name] = time.monotonic() - start

    image.sources.mkdir(parents=True)
    lock = (_PACKS / "conda" / "environment.py-3.11-linux-64.lock").read_text()
    pins = []
    for name in _NAMED:
        (version,) = re.findall(rf"/{name}-([\d.]+)-", lock)
        pins.append(f"{name.removesuffix('-base')}=={version}")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "env")], check=True)
    step("repo2docker's own packages", "python", "-m", "pip", "install", "-q", *pins)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).exists():
            (image.sources / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, image.sources / name)
    for script in pack.get_post_build_scripts():
        step(script, f"./{script}")
    return image


@dataclass(frozen=True)
class Server:
    """A running server: its process, its address and its token."""

    process: subprocess.Popen[bytes]
    address: str
    token: str

    def lesson(self, name: str) -> str:
        """The address of a lesson."""
        return f"{self.address}/lab/tree/notebooks/{name}.ipynb?token={self.token}&reset"


def start(image: Image) -> Server:
    """Start a session as Binder does, and wait until it answers."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    token = secrets.token_hex(16)
    entrypoint = _PACKS / "repo2docker-entrypoint"
    options = ["--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={token}", "--no-browser", "--allow-root"]
    begin = build_pack().get_start_script().replace("${REPO_DIR}", str(image.sources))
    process = subprocess.Popen(
        ["python", str(entrypoint), "jupyter", "lab", *options],
        cwd=image.sources,
        env=image.environment | {"R2D_ENTRYPOINT": begin, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Server(process, f"http://127.0.0.1:{port}", token)
    while True:
        try:
            with urlopen(f"{server.address}/api?token={token}"):
                return server
        except URLError:
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with {process.returncode}") from None
            time.sleep(0.05)
