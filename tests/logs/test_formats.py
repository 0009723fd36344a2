"""One run, written as every trainer and container writes it: the same right numbers from all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

pytest.importorskip("pyarrow")

import made_logs as runs

from qae_sim.logs.digest import digest
from qae_sim.logs.formats import FORMATS

#: Trainers' names that the writers of this module stand for.
NAMED = {"trl", "wandb", "verl", "verl-v1", "nemo-rl", "roll", "ms-swift", "areal", "prime-rl", "open-instruct"} | {
    *("tinker", "rllm", "tunix", "easyr1", "skyrl")
}


def right(found: Any, rows: list[runs.Row]) -> None:
    assert runs.seen(found) == pytest.approx(runs.truth(rows))


@pytest.mark.parametrize("name", runs.WRITERS)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_numbers_from_every_format(tmp_path: Path, name: str, seed: int) -> None:
    rows = runs.made_run(seed)
    found = digest(runs.WRITERS[name](tmp_path / "run", rows))
    right(found, rows)
    assert found.reading is not None
    titles = {one.name: one.title for one in FORMATS}
    if name in titles:
        assert found.reading.format == titles[name]
    assert found.reading.rows >= len(rows) == found.reading.used


@given(
    seed=st.integers(0, 10**6),
    steps=st.sampled_from([2, 4, 6]),
    groups=st.integers(2, 6),
    half=st.integers(1, 5),
    name=st.sampled_from(sorted(runs.WRITERS)),
)
@example(seed=0, steps=2, groups=2, half=1, name="interleaved")
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_any_run_gives_the_right_numbers_or_is_refused(
    seed: int, steps: int, groups: int, half: int, name: str
) -> None:
    """A refusal that names what settles it is right, too; other numbers never are."""
    rows = runs.made_run(seed, steps, groups, 2 * half)
    with TemporaryDirectory() as folder:
        path = runs.WRITERS[name](Path(folder) / "run", rows)
        try:
            found = digest(path)
        except ValueError as error:
            event(f"refused: {name}")
            found, said = None, str(error)
    if found is None:
        assert re.search(r"--(group|group-size|reward|force)|files rank_0, rank_1", said)
    else:
        right(found, rows)


def test_rows_without_steps_are_cut_into_batches(tmp_path: Path) -> None:
    rows = runs.made_run(2)
    found = digest(runs.skyrl(tmp_path, rows), batch=4)
    right(found, [row | {"step": row["step"] - 1} for row in rows])
    assert "none in the log" in found.reading.steps


def test_formats_are_listed() -> None:
    from click.testing import CliRunner

    from qae_sim.cli import main

    said = CliRunner().invoke(main, ["inspect", "--formats"])
    assert said.exit_code == 0
    for one in FORMATS:
        assert one.name in said.output
    assert CliRunner().invoke(main, ["inspect"]).exit_code == 2


def test_every_format_is_tried() -> None:
    untried = {one.name for one in FORMATS} - NAMED - {"table"}
    assert untried == {"prime-rl-tokens", "verifiers", "openrlhf"}, "write a run in this format, too"


def test_token_exports_have_no_groups_and_say_so(tmp_path: Path) -> None:
    rows = runs.made_run()
    for step, part in runs.by_step(rows).items():
        found = [
            {"step": step, "rank": 0, "token_ids": [1, 2], "loss_mask": [False, True], "rewards": [0.0, row["reward"]]}
            | {"advantages": [0.0, row["advantage"]]}
            for row in part
        ]
        runs.lines(tmp_path / "token_exports" / f"step_{step}" / "rank_0.jsonl", found)
    found = digest(tmp_path, reward="rewards.1")
    right(found, rows)
    assert found.reading.groups == "by place; the logged advantages agree"


def test_another_row_of_verifiers(tmp_path: Path) -> None:
    rows = runs.made_run(steps=1)
    found = [
        {"example_id": row["group"], "prompt": [{"role": "user", "content": row["prompt"]}], "reward": row["reward"]}
        for row in rows
    ]
    runs.lines(tmp_path / "results.jsonl", found)
    right(digest(tmp_path), [row | {"step": 0} for row in rows])


def test_pickles_are_named_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "rollout_0.pt").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"rollout_0.pt is a PyTorch file, .* export it as JSON Lines"):
        digest(tmp_path)


def test_foreign_files_beside_are_named(tmp_path: Path) -> None:
    rows = runs.made_run()
    runs.verl(tmp_path, rows)
    (tmp_path / "0.parquet").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "config.json").write_text(json.dumps({"lr": 1}))
    runs.lines(tmp_path / "metrics.jsonl", [{"loss": 0.1, "step": 1}])
    found = digest(tmp_path)
    right(found, rows)
    assert found.trouble.counts == {"files that are no logs of responses": 4}
    assert found.trouble.first["files that are no logs of responses"] == "0.parquet"
