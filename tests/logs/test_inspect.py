"""The command's diagnosis: in words, as JSON, as a report, and of two runs."""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("pyarrow")

from qae_sim.cli import main
from qae_sim.logs.comparison import compare
from qae_sim.logs.digest import digest

STRANGE = "<script>alert(1)</script>"


def run(folder: Path, name: str, rate: float, seed: int = 0) -> Path:
    """A run of 20 steps in which one of ten prompts is dead."""
    draw = np.random.default_rng(seed).random((20, 10, 4))
    rows = [
        {"step": s, "prompt": f"{STRANGE} {p}", "reward": float(draw[s, p, i] < rate * (p > 2)), "length": 5 + p}
        for s, p, i in np.ndindex(draw.shape)
    ]
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / name


def said(*arguments: object) -> str:
    done = CliRunner().invoke(main, ["inspect", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_verdict_comes_first(tmp_path: Path) -> None:
    output = " ".join(said(run(tmp_path, "a.jsonl", 0.5)).split())
    assert output.startswith("What to change first: Leave these prompts out")
    assert output.index("3 are always wrong") < output.index("Format:") < output.index("Over training")


def test_json_has_its_schema_and_no_path(tmp_path: Path) -> None:
    output = said(run(tmp_path, "a.jsonl", 0.5), "--json")
    found = json.loads(output)
    assert set(found) == {
        "schema",
        "run",
        "reading",
        "trouble",
        "group_size",
        "diagnosis",
        "over_training",
        "data_sources",
    }
    assert (found["schema"], found["run"]) == (1, "a.jsonl")
    assert str(tmp_path) not in output
    assert len(found["over_training"]["reward"]) == 20
    for finding in found["diagnosis"]["findings"]:
        assert set(finding) == {"name", "title", "state", "verdict", "alarm", "numbers", "lacks", "prompts"}
        for number in finding["numbers"]:
            assert set(number) == {"name", "value", "unit", "low", "high", "how"}
    assert found["diagnosis"]["advice"][0]["rule"] == "dead prompts"


def test_the_report_says_the_same_and_runs_nothing_of_strangers(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    page = tmp_path / "page.html"
    output = said(run(tmp_path, "a.jsonl", 0.5), "--html", page, "--json")
    report = page.read_text()
    for finding in json.loads(output)["diagnosis"]["findings"]:
        assert html.escape(finding["verdict"]) in report
    assert STRANGE not in report
    assert html.escape(STRANGE) in report
    assert str(tmp_path) not in report


def test_two_runs_side_by_side(tmp_path: Path) -> None:
    a, b = run(tmp_path, "a.jsonl", 0.3), run(tmp_path, "b.jsonl", 0.6, seed=1)
    rows = compare(digest(a), digest(b))
    first = rows[0]
    assert (first.first, first.last) == (0, 4)
    assert 0 < first.difference.low < first.difference.value < first.difference.high
    assert first.difference.value == pytest.approx(first.b.value - first.a.value)
    assert rows[-1].a.name == "mean length"
    assert (rows[-1].difference.low, rows[-1].difference.high) == (0, 0)  # the same prompts have the same lengths
    assert "B less A" in said(a, b)
    found = json.loads(said(a, b, "--json"))
    assert (found["schema"], found["runs"], len(found["rows"])) == (1, ["a.jsonl", "b.jsonl"], len(rows))


def test_runs_that_cannot_be_compared(tmp_path: Path) -> None:
    a = run(tmp_path, "a.jsonl", 0.3)
    (tmp_path / "late").mkdir()
    late = tmp_path / "late" / "b.jsonl"
    late.write_text(a.read_text().replace('"step": ', '"step": 9'))
    refused = CliRunner().invoke(main, ["inspect", str(a), str(late)])
    assert refused.exit_code == 1
    assert "steps" in refused.output
    assert CliRunner().invoke(main, ["inspect", "a", "b", "c"]).exit_code == 2
    assert CliRunner().invoke(main, ["inspect", "a", "b", "--html", "c"]).exit_code == 2
