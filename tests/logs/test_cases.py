"""Logs that once gave wrong numbers without a word: the right numbers, a count of what is left out, or a refusal."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

arrow = pytest.importorskip("pyarrow")

import made_logs as runs  # noqa: E402
import pyarrow.parquet  # noqa: E402

from qae_sim.logs.digest import Digest, digest  # noqa: E402
from qae_sim.logs.shares import advantage_shares_by_quarter  # noqa: E402

ROWS = runs.made_run(5)


def right(found: Digest, rows: list[runs.Row]) -> None:
    assert runs.seen(found) == pytest.approx(runs.truth(rows))


def table(path: Path, rows: list[runs.Row], *names: str) -> Path:
    return runs.lines(path / "log.jsonl", runs.plain(rows, *(names or runs.TABLE)))


def call(*arguments: object) -> tuple[int, str]:
    from click.testing import CliRunner

    from qae_sim.cli import main

    done = CliRunner().invoke(main, ["inspect", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, " ".join(done.output.split())


# --- groups ---


def test_one_prompt_in_all_groups(tmp_path: Path) -> None:
    rows = [row | {"prompt": "the one prompt"} for row in ROWS]
    found = digest(runs.trl(tmp_path, rows))
    right(found, rows)
    assert found.reading is not None
    assert found.reading.groups == "by prompt and place; the logged advantages agree"
    assert "subtracted the mean of its group and divided by the standard deviation" in found.reading.trainer


def test_a_saturated_step_is_no_repetition(tmp_path: Path) -> None:
    rows = [
        row | {"prompt": "the one prompt", "reward": 1.0, "advantage": 0.0} if row["step"] > 3 else row for row in ROWS
    ]
    right(digest(runs.trl(tmp_path, rows)), rows)


def test_every_prompt_twice_in_a_step(tmp_path: Path) -> None:
    rows = [row | {"prompt": row["prompt"].replace("-1:", "-0:").replace("-3:", "-2:")} for row in ROWS]
    right(digest(runs.trl(tmp_path, rows)), rows)
    # In any order, advantages cannot say which response belongs to which of two groups of one prompt.
    mixed = [row for part in runs.by_step(rows).values() for row in part[::2] + part[1::2]]
    with pytest.raises(ValueError, match="the logged advantages fit none of the ways to group"):
        digest(runs.trl(tmp_path / "mixed", mixed))


def test_a_first_step_of_smaller_groups_is_counted_apart(tmp_path: Path) -> None:
    small = [row | {"step": 0} for row in runs.made_run(9, steps=1, groups=3, size=2)]
    found = digest(table(tmp_path, small + ROWS))
    right(found, ROWS)
    assert found.trouble.counts == {"groups of another size than 4": 3}


def test_sizes_that_are_multiples_are_refused(tmp_path: Path) -> None:
    path = runs.verl(tmp_path, [row | {"prompt": row["prompt"].replace("-1:", "-0:")} for row in ROWS])
    with pytest.raises(ValueError, match=r"groups 12 of 4, 6 of 8: .*Name a column of groups \(--group COLUMN\)"):
        digest(path)
    found = digest(path, force=True)
    right(found, [row for row in ROWS if row["group"][-2:] not in ("-0", "-1")])
    assert found.trouble.counts["groups of another size than 4"] == 6
    # In order, the size settles it.
    ordered = table(tmp_path / "ordered", [row | {"prompt": row["prompt"].replace("-1:", "-0:")} for row in ROWS])
    right(digest(ordered, group_size=4), ROWS)
    with pytest.raises(ValueError, match="group_size is 3, but .* gives by prompt: groups"):
        digest(ordered, group_size=3)


def test_answers_tell_problems_of_the_same_text_apart(tmp_path: Path) -> None:
    rows = [row | {"prompt": "Find x in the picture.", "gts": row["group"]} for row in ROWS]
    mixed = sorted(rows[::2] + rows[1::2], key=lambda row: row["step"])
    found = digest(table(tmp_path, mixed, *runs.TABLE, "gts"))
    right(found, rows)
    assert found.reading is not None
    assert found.reading.groups == "by prompt and answer"


def test_variable_sizes_are_not_cut(tmp_path: Path) -> None:
    made = [
        row | {"group": f"s{size}{row['group']}", "prompt": f"{size} {row['prompt']}"}
        for size, groups in ((4, 3), (8, 2))
        for row in runs.made_run(size, size=size, groups=groups)
    ]
    path = table(tmp_path, sorted(made, key=lambda row: row["step"]))
    found = digest(path)
    right(found, [row for row in made if row["group"].startswith("s8")])
    assert found.trouble.counts == {"groups of another size than 8": 18}


def test_a_column_wins_over_prompts_that_say_less(tmp_path: Path) -> None:
    rows = [row | {"prompt": "same", "uid": row["group"]} for row in ROWS]
    right(digest(table(tmp_path, rows[::-1], *runs.TABLE, "uid")), rows)


def test_two_sources_that_differ_are_refused_with_both(tmp_path: Path) -> None:
    rows = [row | {"uid": f"{row['group'][:-1]}{int(row['group'][-1]) // 2}"} for row in ROWS]
    path = table(tmp_path, rows, *runs.TABLE, "uid")
    with pytest.raises(ValueError, match="can be grouped in two ways") as told:
        digest(path)
    assert "by column uid: groups 12 of 8; by prompt: groups 24 of 4" in str(told.value)
    assert "--group uid, or --group prompt" in str(told.value)
    right(digest(path, group="prompt"), rows)
    right(digest(path, group="uid"), [row | {"group": row["uid"]} for row in rows])
    # Logged advantages decide.
    right(digest(table(tmp_path / "b", rows, *runs.TABLE, "uid", "advantage")), rows)


def test_a_size_may_not_contradict_the_advantages(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="group_size is 2, but the logged advantages fit groups of 4"):
        digest(runs.trl(tmp_path, ROWS), group_size=2)


def test_nothing_tells_groups(tmp_path: Path) -> None:
    for step, part in runs.by_step(ROWS).items():
        found = [{"content": [row["completion"]], "rewards": [row["reward"]], "idx": i} for i, row in enumerate(part)]
        runs.lines(tmp_path / f"train_data_step{step}.jsonl", found)
    with pytest.raises(ValueError, match="does not say which responses belong to one prompt: .*--group-size G"):
        digest(tmp_path)
    right(digest(tmp_path, group_size=4), ROWS)
    with pytest.raises(ValueError, match="no multiple of group_size 5"):
        digest(tmp_path, group_size=5)


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (lambda r: (r - r.mean()) / (r.std(ddof=1) + 1e-4), "the standard deviation of its group (over G - 1)"),
        (lambda r: (r - r.mean()) / (r.std() + 1e-6), "the standard deviation of its group (over G)"),
        (lambda r: r - r.mean(), "nothing"),
        (lambda r: (r - r.mean()) / 0.3, "one number"),
        (lambda r: (r - r.mean()) / (r.mean() + 1e-9), "something else"),
    ],
)
def test_what_the_trainer_did(tmp_path: Path, scale: Any, words: str) -> None:
    rows = []
    for start in range(0, len(ROWS), 4):
        group = ROWS[start : start + 4]
        advantages = scale(np.array([row["reward"] for row in group]))
        rows += [row | {"advantage": float(a), "prompt": "one"} for row, a in zip(group, advantages, strict=True)]
    found = digest(runs.trl(tmp_path, rows))
    right(found, rows)
    assert found.reading is not None
    assert found.reading.trainer.endswith(f"subtracted the mean of its group and divided by {words}")


def test_responses_without_a_prompt_are_never_one_group(tmp_path: Path) -> None:
    rows = [row | {"prompt": None if row["step"] == 6 else row["prompt"]} for row in ROWS]
    found = digest(table(tmp_path, rows, "step", "prompt", "reward"))
    right(found, [row for row in ROWS if row["step"] < 6])
    assert found.trouble.counts == {"responses without a prompt or group": 16}
    rows = [row | {"prompt": None if row["step"] > 2 else row["prompt"]} for row in ROWS]
    with pytest.raises(ValueError, match="only 32 of 96 rows of .* can be used"):
        digest(table(tmp_path, rows, "step", "prompt", "reward"))


def test_padding_is_no_group(tmp_path: Path) -> None:
    rows = []
    for step, part in runs.by_step(ROWS).items():
        rows += part + [{"step": step, "prompt": "", "completion": "", "reward": 0.0}] * 8
    found = digest(table(tmp_path, rows))
    right(found, ROWS)
    assert found.trouble.counts == {"padding rows": 48}


# --- steps ---


@pytest.mark.parametrize("name", ["global_step", "training_step", "iteration", "gen_step"])
def test_names_of_steps(tmp_path: Path, name: str) -> None:
    rows = [row | {name: row["step"]} for row in ROWS[::-1]]
    right(digest(table(tmp_path, rows, name, "prompt", "reward")), ROWS)


def test_steps_in_words_and_in_names_of_folders(tmp_path: Path) -> None:
    rows = [row | {"step": f"step_{row['step']}"} for row in ROWS]
    right(digest(table(tmp_path, rows)), ROWS)
    for step, part in runs.by_step(ROWS).items():
        runs.lines(tmp_path / "in folders" / f"step-{step}" / "data.jsonl", runs.plain(part, "prompt", "reward"))
    right(digest(tmp_path / "in folders"), ROWS)


def test_rows_without_a_step_are_counted(tmp_path: Path) -> None:
    rows = [row | {"step": None if row["step"] == 2 else row["step"]} for row in ROWS]
    found = digest(table(tmp_path, rows))
    right(found, [row for row in ROWS if row["step"] != 2])
    assert found.trouble.counts == {"rows without a step": 16}


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    for seed in (1, 2):
        runs.verl(tmp_path / f"seed{seed}", runs.made_run(seed))
    with pytest.raises(
        ValueError, match=r"step 1 stands in seed1/1.jsonl and in seed2/1.jsonl: two runs in one folder"
    ):
        digest(tmp_path)
    right(digest(tmp_path / "seed1"), runs.made_run(1))
    for seed in (1, 2):
        runs.lines(tmp_path / "files" / f"log_{seed}.jsonl", runs.plain(runs.made_run(seed), *runs.TABLE))
    with pytest.raises(ValueError, match="every step comes several times, and begins anew at log_2.jsonl, line 1:"):
        digest(tmp_path / "files")


def test_steps_that_an_evaluation_has_overwritten(tmp_path: Path) -> None:
    runs.trl(tmp_path, ROWS)
    found = digest(tmp_path)
    assert found.reading is not None
    assert "no trainer_state.json says whether there was one up to step 6" in found.reading.steps
    history = [{"step": step, "loss": 0.1} for step in range(1, 7)] + [{"step": 4, "eval_loss": 0.2}]
    (tmp_path / "checkpoint-6").mkdir()
    (tmp_path / "checkpoint-6" / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    for source in (tmp_path, tmp_path / "completions"):
        found = digest(source)
        right(found, [row for row in ROWS if row["step"] != 4])
        assert found.trouble.counts["rows of steps whose file an evaluation has overwritten"] == 16
        assert found.reading is not None
        assert found.reading.steps == "column step"


# --- rewards ---


def graded() -> list[runs.Row]:
    """Right is 1, well formed .1."""
    return [row | {"reward": row["reward"] or (0.1 if i % 3 else 0.0)} for i, row in enumerate(ROWS)]


def test_rewards_of_any_kind_get_true_advantages(tmp_path: Path) -> None:
    rows = graded()
    found = digest(table(tmp_path, rows))
    assert found.reading is not None
    assert found.reading.success == "reward = 1, the largest (--success THRESHOLD)"
    mass = [0.0] * 4
    for start in range(0, len(rows), 4):
        rewards = [row["reward"] for row in rows[start : start + 4]]
        spread = statistics.pstdev(rewards)
        quarter = max(math.ceil(sum(reward == 1 for reward in rewards)) - 1, 0)
        mass[quarter] += sum(abs(r - statistics.mean(rewards)) for r in rewards) / (spread or 1)
    assert advantage_shares_by_quarter(found, "grpo") == pytest.approx(np.array(mass) / sum(mass), abs=1e-4)
    positive = digest(table(tmp_path, rows), success=0.1)
    assert positive.reading is not None
    assert positive.reading.success == "reward >= 0.1"
    assert positive.histogram.sum(axis=0)[-1] > found.histogram.sum(axis=0)[-1]


def test_continuous_rewards(tmp_path: Path) -> None:
    rows = [row | {"reward": 1 + row["reward"] + i / 1000} for i, row in enumerate(ROWS)]
    found = digest(table(tmp_path, rows))
    assert found.reading is not None
    assert "the middle of their range" in found.reading.success
    assert found.silenced_by_k[9] > 0
    code, said = call(tmp_path / "log.jsonl")
    assert code == 0
    assert "Success: reward >= 1.5" in said


def test_a_sum_of_rewards(tmp_path: Path) -> None:
    rows = [row | {"ok": {"acc": row["reward"], "fmt": float(i % 2)}} for i, row in enumerate(ROWS)]
    path = table(tmp_path, rows, "step", "prompt", "ok")
    want = [row | {"reward": row["reward"] - 0.5 * (i % 2)} for i, row in enumerate(ROWS)]
    found = digest(path, reward="ok.acc - .5*ok.fmt")
    assert runs.seen(found)["reward"] == pytest.approx(runs.truth(want)["reward"])
    assert found.reading is not None
    assert found.reading.reward == "ok.acc - 0.5*ok.fmt"
    for text in ("ok.acc ok.fmt", "acc +", "2*", ""):
        with pytest.raises(ValueError, match="reward"):
            digest(path, reward=text)


def test_accuracy_beside_the_wrong_row(tmp_path: Path) -> None:
    rows = []
    for part in runs.by_step(ROWS).values():
        moved = part[5:] + part[:5]
        rows += [row | {"score": row["reward"], "acc": other["reward"]} for row, other in zip(part, moved, strict=True)]
    path = table(tmp_path, rows, "step", "prompt", "score", "acc")
    found = digest(path)
    right(found, ROWS)
    differ = sum(row["score"] != row["acc"] for row in rows)
    assert found.trouble.counts == {
        "rows in which acc and score differ, though their sums in each step are the same": differ
    }
    with pytest.raises(ValueError, match=f"differ in {differ} rows .* Use --reward score"):
        digest(path, reward="acc")


# --- strange values ---


def test_a_csv_whose_rewards_change_their_kind_late(tmp_path: Path) -> None:
    rows = [row | {"reward": int(row["reward"])} for _ in range(30) for row in runs.made_run(_, steps=40)]
    rows = [row | {"step": i // 16} for i, row in enumerate(rows)]
    text = ["step,prompt,reward"] + [f"{row['step']},2026-01-{row['group'][-1]}0,{row['reward']}" for row in rows]
    text[-1] = text[-1][:-1] + "None"
    text[-5] = text[-5][:-1] + "0.5"
    (tmp_path / "log.csv").write_text("\n".join(text) + "\n")
    found = digest(tmp_path / "log.csv")
    assert found.histogram.sum() == len(rows) // 4 - 1
    assert found.trouble.counts == {
        "responses without a reward": 1,
        "groups with a response without a reward": 1,
    }
    assert not found.binary


def test_prompts_of_bytes(tmp_path: Path) -> None:
    rows = [{"step": row["step"], "prompt": row["prompt"].encode(), "reward": row["reward"]} for row in ROWS]
    pyarrow.parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "log.parquet")
    right(digest(tmp_path / "log.parquet"), ROWS)


@pytest.mark.parametrize(
    ("make", "option"), [(lambda r: [r, 1.0], "reward.0"), (lambda r: {"acc": r, "fmt": 1.0}, "reward.acc")]
)
def test_rewards_that_are_lists_or_structures(tmp_path: Path, make: Any, option: str) -> None:
    rows = [{"step": row["step"], "prompt": row["prompt"], "reward": make(row["reward"])} for row in ROWS]
    pyarrow.parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "log.parquet")
    for path in (tmp_path / "log.parquet", runs.lines(tmp_path / "log.jsonl", rows)):
        with pytest.raises(ValueError, match=rf"reward holds .*--reward {option}"):
            digest(path)
        right(digest(path, reward=option), ROWS)


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("prompt,reward,reward\na,1,0\na,0,1\n")
    column = arrow.array([1.0, 0.0])
    pyarrow.parquet.write_table(
        arrow.Table.from_arrays([arrow.array(["a", "a"]), column, column], ["prompt", "reward", "reward"]),
        tmp_path / "log.parquet",
    )
    for name in ("log.csv", "log.parquet"):
        with pytest.raises(ValueError, match="has several columns reward"):
            digest(tmp_path / name)


def test_strange_lines_are_counted_with_their_place(tmp_path: Path) -> None:
    rows = runs.plain([row | {"prompt": "\ud800 " + row["prompt"], "tokens": [[1], [2]]} for row in ROWS], *runs.TABLE)
    path = table(tmp_path, rows)
    text = path.read_text().splitlines()
    text[5] = text[5].replace('"reward": ', '"reward": 1' + "0" * 400)
    deep = '{"step":2,"prompt":' + "[" * 100_000 + "]" * 100_000 + "}"
    path.write_bytes("\n".join([*text[:40], deep, "[1]", "", *text[40:]]).encode() + b'\n{"\xff": 1\n')
    found = digest(path)
    right(found, [row for row in ROWS if row["group"] != ROWS[5]["group"]])
    assert found.trouble.counts == {
        "broken lines": 3,
        "responses without a reward": 1,
        "groups with a response without a reward": 1,
    }
    assert found.trouble.first["broken lines"] == "log.jsonl, line 41"
    assert found.trouble.first["responses without a reward"] == "log.jsonl, line 6"
    code, said = call(path, "--html", tmp_path / "report.html")
    assert code == 0
    assert r"\ud800" in said


def test_tokens_in_lists_of_lists(tmp_path: Path) -> None:
    rows = [row | {"tokens": [[1, 2], [3, i]]} for i, row in enumerate(ROWS)]
    right(digest(table(tmp_path, rows, "step", "prompt", "reward", "tokens")), ROWS)


def test_groups_of_1024(tmp_path: Path) -> None:
    rows = runs.made_run(1, steps=1, groups=2, size=1024)
    path = table(tmp_path, rows)
    right(digest(path), rows)
    code, said = call(path)
    assert code == 0
    assert "groups of 1024" in said


def test_endless_lines_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from qae_sim.logs import containers

    path = table(tmp_path, ROWS)
    text = path.read_text().splitlines()
    path.write_text("\n".join([*text[:20], "x" * 100_000, *text[20:]]) + "\n")
    monkeypatch.setattr(containers, "BLOCK", 1 << 12)
    monkeypatch.setattr(containers, "LONGEST", 1 << 14)
    found = digest(path)
    right(found, ROWS)
    assert list(found.trouble.counts.values()) == [1]


def test_a_bomb_of_parquet_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from qae_sim.logs import containers

    monkeypatch.setattr(containers, "_BOMB", 1 << 20)
    rows = [{"step": 1, "prompt": "x" * 10_000, "reward": 1.0, "completion": "y"}] * 4000
    pyarrow.parquet.write_table(
        arrow.Table.from_pylist(rows), tmp_path / "log.parquet", compression="zstd", use_dictionary=False
    )
    with pytest.raises(ValueError, match="column prompt unpacks from .*: this is no log"):
        digest(tmp_path / "log.parquet")


# --- with and without PyArrow ---


@pytest.mark.parametrize("name", ["verl", "verl-v1", "roll", "csv", "BOM", "UTF-16", "gz", "array", "restarted"])
def test_plain_python_gives_the_same_digest(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from qae_sim.logs import containers

    path = runs.WRITERS[name](tmp_path / "run", ROWS)
    fast = digest(path)

    def missing() -> Any:
        raise ModuleNotFoundError("pyarrow")

    monkeypatch.setattr(containers, "arrow", missing)
    slow = digest(path)
    for field in ("steps", "responses", "reward", "histogram", "silenced", "anchor", "lifted", "rewards"):
        np.testing.assert_array_equal(getattr(fast, field), getattr(slow, field))
    assert (fast.reading, fast.trouble, fast.prompts, fast.words) == (
        *(slow.reading, slow.trouble, slow.prompts, slow.words),
    )


# --- the command ---


def test_a_report_never_takes_the_place_of_the_log(tmp_path: Path) -> None:
    path = table(tmp_path, ROWS)
    before = path.read_bytes()
    assert call(path, "--html", path)[0] == 1
    runs.trl(tmp_path / "run", ROWS)
    file = tmp_path / "run" / "completions" / "completions_00001.parquet"
    assert call(tmp_path / "run", "--html", file)[0] == 1
    assert path.read_bytes() == before
    code, said = call(path, "--html", tmp_path / "nowhere" / "report.html")
    assert code == 1
    assert "there is no folder" in said
    assert "Over training" not in said


def test_a_report_that_fails_hides_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from qae_sim.pictures import log_report

    def broken(*found: object) -> str:
        raise ValueError("mathtext")

    monkeypatch.setattr(log_report, "report", broken)
    code, said = call(table(tmp_path, ROWS), "--html", tmp_path / "report.html")
    assert code == 1
    assert "Over training" in said
    assert "the report could not be made: mathtext" in said


def test_the_first_lines_say_how_the_log_was_read(tmp_path: Path) -> None:
    path = table(tmp_path, [*ROWS, ROWS[0] | {"prompt": "alone"}])
    code, said = call(path)
    assert code == 0
    first = said[: said.index("Over training")]
    for part in (
        "6 steps, 96 responses in groups of 4",
        "Rows used: 96 of 97 (99.0%)",
        "Reward: reward",
        "Success: reward = 1",
        "Steps: column step",
        "Groups: by prompt",
        "1 groups of another size than 4, first: log.jsonl, line 97",
    ):
        assert part in first
    code, said = call(path, "--html", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Rows used: 96 of 97" in page
    assert str(tmp_path) not in page
