"""A run split by data source: its numbers against plain Python, and which columns split it."""

from __future__ import annotations

import json
import random
import statistics
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("pyarrow")

from qae_sim.cli import main
from qae_sim.logs.data_sources import by_data_source
from qae_sim.logs.digest import digest

STEPS, PROMPTS, G = 10, 12, 4
#: A third of the prompts is mathematics, and learns; a name that a page must not run is the rest.
NAMES = ("<b>code</b>", "math")


def rows_of(seed: int = 0) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [
        {
            "step": s,
            "prompt": f"prompt {p}",
            "data_source": NAMES[p % 3 == 0],
            "reward": float(draw.random() < (0.1 * s if p % 3 == 0 else 0.3)),
            "length": 10 + p,
            "level": p % 2,
        }
        for s in range(STEPS)
        for p in range(PROMPTS)
        for _ in range(G)
    ]


def written(folder: Path, rows: list[dict[str, Any]], name: str = "run.jsonl") -> Path:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / name


def silenced(rewards: list[float], k: float) -> float:
    """Share of responses whose reward is the K-quantile: the least that a share of K or more does not exceed."""
    quantile = min(r for r in rewards if sum(x <= r for x in rewards) >= k * len(rewards))
    return sum(r == quantile for r in rewards) / len(rewards)


def mean_of(groups: list[list[float]]) -> float:
    return statistics.fmean(chain.from_iterable(groups))


@pytest.mark.parametrize("shuffled", [False, True])
def test_numbers_are_those_of_plain_python(tmp_path: Path, shuffled: bool) -> None:
    rows = rows_of()
    kept = list(rows)
    if shuffled:
        random.Random(1).shuffle(kept)
    parts = by_data_source(digest(written(tmp_path, kept)))
    assert [(part.name, part.groups) for part in parts] == [("<b>code</b>", 80), ("math", 40)]
    for part in parts:
        groups: dict[tuple[int, str], list[float]] = {}
        for row in rows:
            if row["data_source"] == part.name:
                groups.setdefault((row["step"], row["prompt"]), []).append(row["reward"])
        numbers = {one.name: one for one in part.numbers}
        assert numbers["mean reward"].value == pytest.approx(mean_of(list(groups.values())))
        equal = statistics.fmean(len(set(of)) == 1 for of in groups.values())
        assert numbers["groups of equal rewards"].value == pytest.approx(equal)
        silent = statistics.fmean(silenced(of, 0.4) for of in groups.values())
        assert numbers["without advantage at K = 0.4"].value == pytest.approx(silent)
        lengths = [row["length"] for row in rows if row["data_source"] == part.name]
        assert numbers["mean length"].value == pytest.approx(statistics.fmean(lengths))
        ends = [mean_of([of for (s, _), of in groups.items() if s in at]) for at in ((0, 1), (8, 9))]
        assert part.change.value == pytest.approx(ends[1] - ends[0])
        assert part.share == part.groups / 120
    code, math = parts
    assert code.change.low < code.change.value < code.change.high
    assert not math.change.how  # four prompts: no interval
    assert code.change.how == "bootstrap over prompts"


def test_which_columns_split(tmp_path: Path) -> None:
    rows = rows_of()
    assert by_data_source(digest(written(tmp_path, [row | {"data_source": "math"} for row in rows]))) == ()
    assert by_data_source(digest(written(tmp_path, [row | {"data_source": None} for row in rows]))) == ()
    half = [row | ({"data_source": None} if row["data_source"] == "math" else {}) for row in rows]
    assert [part.name for part in by_data_source(digest(written(tmp_path, half)))] == ["<b>code</b>", "(not said)"]
    run = written(tmp_path, rows)
    assert [part.name for part in by_data_source(digest(run, split="level"))] == ["0", "1"]
    with pytest.raises(ValueError, match="split must be a column of .*: step, prompt"):
        digest(run, split="colour")
    # As many values as groups: no data source, unless it is asked for.
    many = [row | {"data_source": f"{row['prompt']} of step {row['step']}"} for row in rows]
    found = digest(written(tmp_path, many))
    assert (by_data_source(found), found.trouble.counts) == ((), {})
    assert len(by_data_source(digest(tmp_path / "run.jsonl", split="data_source"))) == 120


def test_groups_of_several_data_sources_are_counted(tmp_path: Path) -> None:
    rows = rows_of()
    rows[1]["data_source"] = "other"
    found = digest(written(tmp_path, rows))
    kind = "groups of several data sources, counted as the first response's"
    assert (found.trouble.counts[kind], found.trouble.first[kind]) == (1, "run.jsonl, line 1")


def test_it_is_said_in_words_as_json_and_in_the_report(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    run, page = written(tmp_path, rows_of()), tmp_path / "page.html"
    runner = CliRunner()
    output = runner.invoke(main, ["inspect", str(run), "--html", str(page)], env={"COLUMNS": "200"}).output
    table = output.split("By data source (95 %)")[1].split("Responses without advantage")[0]
    assert "<b>code</b>" in table
    assert "&lt;b&gt;code&lt;/b&gt;" in page.read_text()
    assert "<b>code</b>" not in page.read_text()
    values = json.loads(runner.invoke(main, ["inspect", str(run), "--json"]).output)["data_sources"]
    assert [set(part) for part in values] == [{"name", "groups", "share", "numbers", "change"}] * 2
    assert values[1]["change"]["low"] is None
    level = runner.invoke(main, ["inspect", str(run), "--split", "level"]).output
    assert "By data source" in level
    refused = runner.invoke(main, ["inspect", str(run), "--split", "colour"])
    assert refused.exit_code == 1
    assert "split must be a column" in refused.output
