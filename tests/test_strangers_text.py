"""Words that commands did not write cannot steer a terminal: prompts, columns, paths, arguments, messages."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from qae_sim.cli import main
from qae_sim.cli.text import printable, shown

#: Clear the screen, set its title, a colour in one byte, delete, reversed writing, a line of its own, markup, an emoji.
HOSTILE = (
    *("\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\x7f", "\u202eevil", "\u2066", "a\rb", "\x08\x08", "\u2028", "\x85"),
    *("[bold]", "[/bold]", "[link=http://localhost]", ":smile:", "\ud800", "\U000e0041"),
)
ALL = "".join(HOSTILE)
#: A name of a file, and an argument, can hold no half of a character.
NAME = "".join(piece for piece in HOSTILE if "/" not in piece).replace("\ud800", "")


def steers(output: str) -> list[str]:
    """Characters that a terminal would obey."""
    bad = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return [c for c in output if c != "\n" and unicodedata.category(c) in bad]


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@given(st.text(st.characters()) | st.lists(st.sampled_from(HOSTILE)).map("".join))
def test_printable_obeys_nothing_and_keeps_words(text: str) -> None:
    told = printable(text)
    assert all(c in "\u200c\u200d" for c in steers(told))
    assert "\n" not in told
    told.encode()
    if not steers(text) and "\n" not in text:
        assert len(told) >= len(text)
    console = Console(width=100_000, color_system=None)
    with console.capture() as captured:
        console.print(shown(text))
    assert captured.get() == told + "\n"


def test_languages_stay_as_they_are() -> None:
    for text in ("Größe", "問題\u3000解", "می\u200cخواهم", "12\xa0%", "👩\u200d🏫", "∑ x²"):
        assert printable(text) == text
    assert printable("\x1b\u202e\n\ud800") == r"\x1b\u202e\n\ud800"


def write_log(path: Path) -> Path:
    """A log whose prompts, answers and columns are hostile."""
    rows = [
        {
            "step": step,
            "prompt": f"{ALL} {step % 3}",
            "completion": f"{ALL} word{i} {HOSTILE[i]}",
            "reward": float((i + step) % 4 == 0),
            ALL: 1,
        }
        for step in range(12)
        for i in range(8)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"\x1b": broken\n')
    return path


def test_inspect(tmp_path: Path) -> None:
    log = write_log(tmp_path / f"{NAME}.jsonl")
    code, output = run("inspect", log)
    assert code == 0, output
    assert steers(output) == []
    assert "\\x1b[2J" in output.replace("\n", "")
    code, output = run("inspect", log, "--html", tmp_path / f"{NAME}.html")
    assert code == 0, output
    assert steers(output) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda row: {name: value for name, value in row.items() if name != "reward"},
        lambda row: {name: value for name, value in row.items() if name != "prompt"},
        lambda row: row | {"reward": ALL},
        lambda row: row | {"step": ALL},
        lambda row: row | {"prompt": {ALL: ALL}},
        lambda row: {ALL: ALL},
    ],
)
def test_inspect_of_logs_that_cannot_be_read(tmp_path: Path, change: object) -> None:
    log = write_log(tmp_path / f"{NAME}.jsonl")
    rows = [change(json.loads(line)) for line in log.read_text().splitlines()[:-1]]  # type: ignore[operator]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert steers(run("inspect", log)[1]) == []
    assert steers(run("inspect", log, "--reward", NAME)[1]) == []


def test_arguments_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.execve", lambda *call: None)
    file = tmp_path / f"{NAME}.json"
    file.write_text(json.dumps({ALL: ALL}))
    blocked, free = file / NAME, tmp_path / f"out{NAME}"
    sweep = ("sweep", "--arms=4", "--correct=2", "--steps=2", "--runs=2", "--eta=0.1")
    cases: list[tuple[object, ...]] = [
        (NAME,),
        (f"--{NAME}",),
        ("inspect", tmp_path / NAME),
        ("inspect", file),
        (*sweep, f"--folder={free}"),
        (*sweep, f"--folder={blocked}"),
        (*sweep, f"--estimator={NAME}", f"--folder={free}"),
        (*sweep, f"--seed={NAME}"),
        (*sweep, f"--record={NAME}"),
        ("sweep", f"--study={file}"),
        ("sweep", f"--study={blocked}"),
        ("train", f"--folder={blocked}", "--device=cpu"),
        ("train", f"--config={file}"),
        ("train", f"--set={NAME}=1"),
        ("train", f"--set=task={NAME}"),
        ("train", f"--estimator={NAME}"),
        ("train", f"--seeds={NAME}"),
        ("reproduce", NAME),
        ("reproduce", "ktae", f"--folder={blocked}", "--device=cpu"),
        ("verify", f"--claim={NAME}"),
        ("site", blocked),
        ("lab", f"--folder={blocked}"),
        ("lab", f"--folder={free}"),
    ]
    for arguments in cases:
        code, output = run(*arguments)
        assert steers(output) == [], arguments
        assert code == 0 or "Error" in output, arguments


def test_a_table_of_a_sweep_shows_axes_as_they_are(tmp_path: Path) -> None:
    code, output = run(
        "sweep", "--arms=4", "--correct=2", "--steps=2", "--runs=2", "--clip=none,0.2", f"--folder={tmp_path}"
    )
    assert code == 0
    assert "Clip(low=0.2," in output.replace("\n", "")
