"""Commands that are killed at random moments end as others do; what checks that sees when they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from click.testing import CliRunner

from qae_sim.dev import kill as module
from qae_sim.dev.kill import VICTIMS, Victim, kill, main


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("sweep", 2), ("train", 1), ("reproduce", 1), ("site", 2), ("lessons", 2)])
def test_killed_commands_end_as_others(kind: str, count: int, tmp_path: Path, cases_seed: str) -> None:
    found = kill(kind, count, cases_seed, tmp_path)
    assert found.failures == [], f"drawn by seed {cases_seed}"
    assert found.kills.total() == count
    assert found.rounds >= 1


#: Writes a file in two halves; when it finds one, it leaves it as it is.
HALVES = """
import sys, time
from pathlib import Path
path = Path({0!r}) / "file"
if not path.exists():
    path.write_text("half")
    time.sleep(3)
    path.write_text("both halves")
"""
#: Is not to be stopped, and leaves somebody behind.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(2, signal.SIG_IGN); time.sleep(4)"])
time.sleep(3)
"""


@pytest.mark.parametrize(
    ("code", "failures"),
    [
        (HALVES, {"half a file: file", "file differs"}),
        (STUBBORN, {"it still runs after 0.5 s", "1 processes are left behind"}),
    ],
)
def test_it_sees_what_goes_wrong(
    code: str, failures: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    monkeypatch.setattr(module, "WAYS", {"Ctrl-C": module.WAYS["Ctrl-C"]})
    half = module._half_site
    monkeypatch.setitem(VICTIMS, "fake", Victim(lambda folder: ["-c", code.format(str(folder))], half=half))
    found = kill("fake", 2, "0", tmp_path)
    for failure in failures:
        assert any(failure in said for said in found.failures), found.failures


def test_the_command_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import time; time.sleep(0.5)"
    for kind in VICTIMS:
        monkeypatch.setitem(VICTIMS, kind, Victim(lambda folder: ["-c", code]))
    done = CliRunner().invoke(main, ["--count=7"])
    assert done.exit_code == 0, done.output
    assert [int(line.split()[1]) for line in done.stdout.splitlines()[-5:]] == [1, 1, 2, 1, 2]
    monkeypatch.setitem(VICTIMS, "site", Victim(lambda folder: ["-c", "raise SystemExit('broken')"]))
    done = CliRunner().invoke(main, ["--count=1", "--kind=site"])
    assert done.exit_code == 1
    assert "site: it does not go on: broken" in done.output
