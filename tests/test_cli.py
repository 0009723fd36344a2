"""The command line: help texts, the table of estimators, and lessons that never lose what a learner wrote."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import qae_sim
from qae_sim.advantages import ESTIMATORS, LEFT_OUT
from qae_sim.cli import lab as lab_module
from qae_sim.cli import main
from qae_sim.cli.lab import config_path, jupyterlab_command
from qae_sim.cli.lessons import RECORD, find_lessons, fingerprint, hand_out


def notebook(source: str, outputs: list[str] | None = None) -> bytes:
    cell = {"cell_type": "code", "source": source, "outputs": outputs or [], "execution_count": None, "metadata": {}}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "00_a.ipynb").write_bytes(notebook("1 + 1"))
    (folder / "01_b.ipynb").write_bytes(notebook("2 + 2"))
    return folder


class TestHelp:
    def test_it_names_all_commands(self) -> None:
        result = CliRunner().invoke(main, ["--help"])
        assert result.exit_code == 0
        for command in ("lab", "site", "estimators", "sweep", "train", "reproduce", "inspect", "verify"):
            assert command in result.output
            assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0

    def test_version(self) -> None:
        assert CliRunner().invoke(main, ["--version"]).output.split()[-1] == qae_sim.__version__

    def test_unknown_command(self) -> None:
        result = CliRunner().invoke(main, ["estimator"])
        assert result.exit_code == 2
        assert "estimator" in result.output


class TestEstimators:
    @pytest.mark.parametrize("columns", [60, 80, 120])
    def test_no_name_is_cut(self, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        output = CliRunner().invoke(main, ["estimators"]).output
        assert max(map(len, output.splitlines())) <= columns
        for name in ESTIMATORS:
            assert name in output
        assert all(word in output for reason in LEFT_OUT.values() for word in reason.split())
        told = " ".join(output.replace("│", " ").split())
        assert "goes into: explorer, lm, trl not into bandits: it needs" in told

    def test_json(self) -> None:
        entries = json.loads(CliRunner().invoke(main, ["estimators", "--json"]).output)
        assert [entry["name"] for entry in entries] == list(ESTIMATORS)
        by_name = {entry["name"]: entry for entry in entries}
        assert by_name["qae"]["parameters"]["k"] == {"default": 0.4}
        assert by_name["ha_dw"]["parameters"]["anchor"] == {"required": True}
        assert by_name["opo"]["needs"] == ["lengths"]
        assert by_name["opo"]["places"]["lm"] == "yes"
        assert by_name["gdpo"]["places"]["bandits"] == "it needs further rewards, which are not there"


class TestLessons:
    def test_first_time(self, source: Path, tmp_path: Path) -> None:
        done = hand_out(source, tmp_path / "mine")
        assert done.new == done.all == ("00_a.ipynb", "01_b.ipynb")
        assert (tmp_path / "mine" / "00_a.ipynb").read_bytes() == notebook("1 + 1")

    def test_an_edited_lesson_stays(self, source: Path, tmp_path: Path) -> None:
        folder = tmp_path / "mine"
        hand_out(source, folder)
        (folder / "00_a.ipynb").write_bytes(notebook("my own"))
        (source / "00_a.ipynb").write_bytes(notebook("better"))
        done = hand_out(source, folder)
        assert (done.kept, done.unchanged) == (("00_a.ipynb",), ("01_b.ipynb",))
        assert (folder / "00_a.ipynb").read_bytes() == notebook("my own")
        assert hand_out(source, folder).kept == ("00_a.ipynb",)  # and the time after that

    def test_a_lesson_that_was_only_run_is_updated(self, source: Path, tmp_path: Path) -> None:
        folder = tmp_path / "mine"
        hand_out(source, folder)
        (folder / "00_a.ipynb").write_bytes(notebook("1 + 1", outputs=["2"]))
        assert hand_out(source, folder).unchanged == ("00_a.ipynb", "01_b.ipynb")
        assert (folder / "00_a.ipynb").read_bytes() == notebook("1 + 1", outputs=["2"])
        (source / "00_a.ipynb").write_bytes(notebook("better"))
        assert hand_out(source, folder).updated == ("00_a.ipynb",)
        assert (folder / "00_a.ipynb").read_bytes() == notebook("better")

    def test_a_deleted_lesson_comes_back(self, source: Path, tmp_path: Path) -> None:
        folder = tmp_path / "mine"
        hand_out(source, folder)
        (folder / "00_a.ipynb").unlink()
        assert hand_out(source, folder).new == ("00_a.ipynb",)

    @pytest.mark.parametrize("record", [b"", b"{", b"[1]", b"\xff"])
    def test_a_damaged_record_loses_nothing(self, source: Path, tmp_path: Path, record: bytes) -> None:
        folder = tmp_path / "mine"
        hand_out(source, folder)
        (folder / "00_a.ipynb").write_bytes(notebook("my own"))
        (folder / RECORD).write_bytes(record)
        assert hand_out(source, folder).kept == ("00_a.ipynb",)

    def test_nothing_is_left_over(self, source: Path, tmp_path: Path) -> None:
        hand_out(source, tmp_path / "mine")
        assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == [RECORD, "00_a.ipynb", "01_b.ipynb"]

    def test_fingerprint_sees_edits_and_nothing_else(self) -> None:
        assert fingerprint(notebook("a", ["1"])) == fingerprint(notebook("a"))
        assert fingerprint(notebook("a")) != fingerprint(notebook("b"))
        assert fingerprint(b"no notebook") != fingerprint(b"another")

    def test_the_package_has_lessons(self) -> None:
        assert sorted(find_lessons().glob("*.ipynb"))


class TestLab:
    def test_it_starts_jupyterlab_on_the_copies(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        started: list[tuple[str, list[str], dict[str, str]]] = []
        monkeypatch.setattr("os.execve", lambda *call: started.append(call))
        result = CliRunner().invoke(main, ["lab", "--folder", str(tmp_path / "mine"), "--no-browser"])
        assert result.exit_code == 0, result.output
        (program, command, environment) = started[0]
        assert program == command[0] == sys.executable
        assert "--no-browser" in command
        assert f"--ServerApp.root_dir={tmp_path / 'mine'}" in command
        first = sorted((tmp_path / "mine").glob("*.ipynb"))[0].name
        assert f"--LabApp.default_url=/lab/tree/{first}" in command
        page = tmp_path / "mine" / "one_group_one_number.html"
        assert result.output.startswith(f"Begin here, in any browser: {page}\n")
        assert "<title>One group, one number</title>" in page.read_text(encoding="utf-8")
        assert environment["JUPYTER_CONFIG_PATH"] == config_path()

    def test_small_messages_are_not_delayed(self) -> None:
        """The server's settings are found and do what they say."""
        from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

        settings = Path(config_path().split(":")[0]) / "jupyter_server_config.py"
        before = KernelWebsocketHandler.open
        try:
            exec(compile(settings.read_text(), str(settings), "exec"), {"__name__": "settings"})
            assert KernelWebsocketHandler.open is not before
            assert "set_nodelay" in KernelWebsocketHandler.open.__code__.co_names
        finally:
            KernelWebsocketHandler.open = before

    def test_settings_come_on_top_of_the_users(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/theirs")
        ours, theirs = config_path().split(":")
        assert theirs == "/theirs"
        assert (Path(ours) / "labconfig" / "default_setting_overrides.json").exists()

    def test_the_browser_opens_unless_told_otherwise(self) -> None:
        assert "--no-browser" not in jupyterlab_command(Path("x"), "00.ipynb", no_browser=False)

    def test_missing_jupyterlab(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys.modules[lab_module.callback.__module__], "NEEDED", ("no_such_package",))
        result = CliRunner().invoke(main, ["lab"])
        assert result.exit_code == 1
        assert "no_such_package" in result.output
        assert "pip install 'qae_sim[lab]'" in result.output

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        blocker = tmp_path / "file"
        blocker.write_text("")
        result = CliRunner().invoke(main, ["lab", "--folder", str(blocker / "mine")])
        assert result.exit_code == 1
        assert "qae-sim lab --folder DIR" in result.output
