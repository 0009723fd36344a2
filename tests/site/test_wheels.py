"""Wheels for Python in a browser: what is in them, that they are the same each time, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

from qae_sim.site import wheels
from qae_sim.site.lite import PACKAGES
from qae_sim.site.wheels import pure_wheel

ROOT = Path(__file__).parents[2]


def files_of(wheel: wheels.Wheel) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        assert archive.testzip() is None
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wheel_is_pure_the_same_each_time_and_records_all_its_files(package: str) -> None:
    pytest.importorskip("anywidget")
    wheel = pure_wheel(package)
    assert wheel.name == f"{package.replace('-', '_')}-{distribution(package).version}-py3-none-any.whl"
    assert pure_wheel(package) == wheel
    files = files_of(wheel)
    assert not any(name.endswith((".so", ".pyd", ".pyc")) for name in files)
    (record,) = (name for name in files if name.endswith(".dist-info/RECORD"))
    rows = dict(row.split(",", 1) for row in files[record].decode().splitlines())
    assert rows.keys() == files.keys()
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        assert rows[name] == ("," if name == record else f"sha256={digest},{len(content)}")


def test_our_own_wheel_has_every_module_but_the_tools_of_the_repository() -> None:
    found = {name for name in files_of(pure_wheel("qae_sim")) if name.endswith(".py")}
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "qae_sim").rglob("*.py")}
    assert found == {name for name in ours if not name.startswith(("qae_sim/dev/", "qae_sim/page/web/"))}


class _Installed(Distribution):
    """A package with one module, installed in a folder."""

    def __init__(self, folder: Path, module: str) -> None:
        self.folder = folder
        digest = base64.urlsafe_b64encode(hashlib.sha256(b"").digest()).decode().rstrip("=")
        self.texts = {
            "METADATA": "Metadata-Version: 2.1\nName: made\nVersion: 1\n",
            "RECORD": f"{module},sha256={digest},0\nmade-1.dist-info/METADATA,,\n../../bin/made,,\n",
        }
        (folder / module).touch()

    def read_text(self, filename: str) -> str | None:
        return self.texts.get(filename)

    def locate_file(self, path: object) -> Path:  # type: ignore[override]
        return self.folder / str(path)


def test_a_file_that_has_changed_since_it_was_installed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "distribution", lambda name: _Installed(tmp_path, "made.py"))
    assert files_of(pure_wheel("made")).keys() == {"made.py"} | {
        f"made-1.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")
    }
    monkeypatch.setattr(wheels, "distribution", lambda name: changed)
    changed = _Installed(tmp_path, "made.py")
    (tmp_path / "made.py").write_text("changed = True\n")
    with pytest.raises(ValueError, match=r"as it was installed, but made\.py of made has changed"):
        pure_wheel("made")


def test_a_compiled_module_without_a_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "distribution", lambda name: _Installed(tmp_path, "made.abi3.so"))
    with pytest.raises(ValueError, match=r"pure Python, but made\.abi3\.so has no source"):
        pure_wheel("made")


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(ValueError, match="must be installed, got 'no-such-package'"):
        pure_wheel("no-such-package")
