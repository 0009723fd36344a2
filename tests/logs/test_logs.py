"""Training logs: formats, groups, what QAE would have silenced, anchors, and damaged files."""

from __future__ import annotations

import html
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

arrow = pytest.importorskip("pyarrow")

import pyarrow.csv  # noqa: E402
import pyarrow.parquet  # noqa: E402

from qae_sim.advantages import ESTIMATORS, AdvantageRule, Estimator, SoftAnchor, qae, registered  # noqa: E402
from qae_sim.logs.digest import (  # noqa: E402
    KS,
    Digest,
    digest,
    first_and_last_part,
    training_parts,
)
from qae_sim.logs.key_words import key_words  # noqa: E402
from qae_sim.logs.shares import advantage_shares, advantage_shares_by_quarter, compared  # noqa: E402
from qae_sim.logs.sources import Trouble  # noqa: E402

STEPS, GROUPS, G = 5, 6, 8


def rewards_of(seed: int = 0) -> np.ndarray:
    """Rewards ``(STEPS, GROUPS, G)``, some groups all right or all wrong."""
    rng = np.random.default_rng(seed)
    return (rng.random((STEPS, GROUPS, G)) < rng.random((STEPS, GROUPS, 1)) ** 2 * 1.2).astype(float)


def table_of(rewards: np.ndarray, *, shuffled: bool = False) -> dict[str, list[Any]]:
    rows = [
        (step, f"prompt {step}-{group}", float(rewards[step, group, i]), 10 + i, f"answer {i}")
        for step, group, i in np.ndindex(rewards.shape)
    ]
    if shuffled:
        order = np.random.default_rng(1).permutation(len(rows))
        rows = sorted((rows[i] for i in order), key=lambda row: row[0])  # steps in order, groups torn apart
    names = ("step", "prompt", "reward", "length", "completion")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def check(found: Digest, rewards: np.ndarray, *, named: bool = True) -> None:
    """Everything from the rewards themselves, and the prompts where they are named as in :func:`table_of`."""
    assert found.group_size == G
    np.testing.assert_array_equal(found.steps, np.arange(len(rewards)))
    np.testing.assert_allclose(found.reward, rewards.mean(axis=(1, 2)))
    successes = rewards.sum(axis=2).astype(int)
    np.testing.assert_array_equal(found.histogram, [np.bincount(row, minlength=G + 1) for row in successes])
    np.testing.assert_allclose(found.degenerate, np.isin(successes, (0, G)).mean(axis=1))
    for j, k in enumerate(KS):
        zero = (np.asarray(qae(rewards, k=k)) == 0).mean(axis=(1, 2))
        np.testing.assert_allclose(found.silenced[:, j], zero)
    anchor, prompts = SoftAnchor(), []
    for step, batch in enumerate(rewards):
        assert found.anchor[step] == anchor.belief
        mixed = ~np.isin(batch.sum(axis=1), (0, G))
        assert found.lifted[step] == pytest.approx((batch[mixed].mean(axis=1) < anchor.belief).mean())
        below = np.flatnonzero(mixed & (batch.mean(axis=1) < anchor.belief))
        prompts += [(-1, batch[group].mean(), f"prompt {step}-{group}") for group in below]
        anchor = anchor.update(batch)
    if named:
        assert [(-p.times, p.success, p.text) for p in found.prompts] == sorted(prompts)[:20]
    assert found.prompts
    assert found.binary


@pytest.mark.parametrize("shuffled", [False, True])
def test_parquet_with_steps(tmp_path: Path, shuffled: bool) -> None:
    rewards = rewards_of()
    pyarrow.parquet.write_table(arrow.table(table_of(rewards, shuffled=shuffled)), tmp_path / "run.parquet")
    found = digest(tmp_path / "run.parquet")
    check(found, rewards)
    assert found.trouble.counts == {}
    np.testing.assert_allclose(found.length, 10 + (G - 1) / 2)


def test_trl_writes_a_file_for_each_logging_step(tmp_path: Path) -> None:
    rewards = rewards_of()
    folder = tmp_path / "run" / "completions"
    folder.mkdir(parents=True)
    for step in range(STEPS):
        table = table_of(rewards)
        part = {
            name: [v for v, s in zip(values, table["step"], strict=True) if s == step] for name, values in table.items()
        }
        part = {"step": part["step"], "prompt": part["prompt"], "completion": part["completion"], "odd": part["reward"]}
        part["advantage"] = [0.0] * len(part["step"])
        pyarrow.parquet.write_table(arrow.table(part), folder / f"completions_{step:05d}.parquet")
    part["step"] = [STEPS] * len(part["step"])  # the same generation, logged again
    pyarrow.parquet.write_table(arrow.table(part), folder / f"completions_{STEPS:05d}.parquet")
    found = digest(tmp_path / "run")
    check(found, rewards)
    assert found.trouble.counts == {"batches that repeat the one before": 1}
    assert np.isnan(found.length).all()


def test_trl_conversations_and_several_rewards(tmp_path: Path) -> None:
    rewards = rewards_of()
    table = table_of(rewards)
    table["prompt"] = [[{"role": "user", "content": text}] for text in table["prompt"]]
    table["accuracy"] = table.pop("reward")
    table["format"] = [0.0] * len(table["step"])
    pyarrow.parquet.write_table(arrow.table(table), tmp_path / "a.parquet")
    check(digest(tmp_path / "a.parquet"), rewards, named=False)  # nothing is learnt from a constant
    table["format"] = [float(i % 3 == 0) for i in range(len(table["step"]))]
    pyarrow.parquet.write_table(arrow.table(table), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="has no column reward or score; several could be it: accuracy, format"):
        digest(tmp_path / "a.parquet")
    check(digest(tmp_path / "a.parquet", reward="accuracy"), rewards, named=False)
    both = digest(tmp_path / "a.parquet", reward="accuracy + 0.5*format")
    summed = np.array(table["accuracy"]) + 0.5 * np.array(table["format"])
    np.testing.assert_allclose(both.reward, summed.reshape(STEPS, -1).mean(axis=1))
    with pytest.raises(ValueError, match="reward must be made of columns of the log"):
        digest(tmp_path / "a.parquet", reward="acc")


def test_verl_dumps_a_file_of_lines_for_each_step(tmp_path: Path) -> None:
    rewards = rewards_of()
    table = table_of(rewards, shuffled=True)
    for step in range(STEPS):
        with (tmp_path / f"{step}.jsonl").open("w") as file:
            for s, prompt, score in zip(table["step"], table["prompt"], table["reward"], strict=True):
                if s == step:
                    entry = {"input": prompt, "output": "text", "gts": "7", "score": score, "step": step, "acc": score}
                    file.write(json.dumps(entry) + "\n")
    (tmp_path / "10.jsonl").write_text((tmp_path / "4.jsonl").read_text().replace('"step": 4', '"step": 5'))
    found = digest(tmp_path)  # 10 comes after 4, not after 1
    np.testing.assert_array_equal(found.steps, [0, 1, 2, 3, 4, 5])
    check_part = Digest(**{**found.__dict__, **{n: getattr(found, n)[:5] for n in _arrays()}})
    check(check_part, rewards, named=False)


def _arrays() -> tuple[str, ...]:
    return (
        *("steps", "responses", "reward", "length", "histogram", "degenerate"),
        *("silenced", "anchor", "lifted"),
    )


def test_plain_csv_without_steps(tmp_path: Path) -> None:
    rewards = rewards_of()
    table = table_of(rewards)
    plain = {"prompt": table["prompt"], "reward": table["reward"]}
    pyarrow.csv.write_csv(arrow.table(plain), tmp_path / "a.csv")
    check(digest(tmp_path / "a.csv", batch=GROUPS), rewards)
    found = digest(tmp_path / "a.csv", batch=GROUPS * 2)
    assert len(found.steps) == 3
    assert found.histogram.sum() == STEPS * GROUPS


def test_k_of_the_paper(tmp_path: Path) -> None:
    hard = np.zeros((1, 10, 10))
    hard[:, :, :2] = 1  # two of ten right: K up to .8 silences the eight failures
    pyarrow.parquet.write_table(arrow.table(table_of(hard)), tmp_path / "a.parquet")
    found = digest(tmp_path / "a.parquet")
    np.testing.assert_allclose(found.silenced_by_k[[KS.index(0.4), KS.index(0.8), KS.index(0.85)]], [0.8, 0.8, 0.2])
    assert found.k_of_the_paper == 0.4


def test_rewards_that_are_not_binary(tmp_path: Path) -> None:
    rewards = rewards_of() * 2 - 1
    pyarrow.parquet.write_table(arrow.table(table_of(rewards)), tmp_path / "a.parquet")
    found = digest(tmp_path / "a.parquet")
    assert not found.binary
    assert np.isnan(found.anchor).all()
    np.testing.assert_array_equal(
        found.histogram.sum(axis=0), np.bincount((rewards > 0).sum(axis=2).ravel(), minlength=G + 1)
    )


# --- damage ---


def test_trouble_is_counted_with_its_first_place(tmp_path: Path) -> None:
    rewards = rewards_of()
    table = table_of(rewards)
    lines = [json.dumps(dict(zip(table, row, strict=True))) for row in zip(*table.values(), strict=True)]
    lines[3] = "{broken"  # group 0 of step 0 has 7 left
    lines[60] = lines[60].replace(f'"reward": {table["reward"][60]}', '"reward": null')  # group 1 of step 1
    del lines[-2:]  # group 5 of step 4 has 6
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines) + "\n")
    found = digest(path)
    counts = found.trouble.counts
    assert counts == {
        "broken lines": 1,
        "responses without a reward": 1,
        "groups of another size than 8": 2,
        "groups with a response without a reward": 1,
    }
    assert found.trouble.first["broken lines"] == "a.jsonl, line 4"
    assert found.trouble.first["responses without a reward"] == "a.jsonl, line 61"
    assert found.histogram.sum() == STEPS * GROUPS - 3
    kept = np.ones((STEPS, GROUPS), dtype=bool)
    kept[0, 0] = kept[1, 1] = kept[4, 5] = False
    np.testing.assert_allclose(found.reward, [rewards[s][kept[s]].mean() for s in range(STEPS)])


def test_prompts_that_would_have_been_lifted(tmp_path: Path) -> None:
    # Step 1 moves the anchor to 3/4; "often" lies below it twice, "easy" never, "all wrong" says nothing.
    groups = {"often": (1, 0, 0, 0), "easy": (1, 1, 1, 1), "all wrong": (0, 0, 0, 0)}
    rows = [{"step": 1, "prompt": f"first {i // 4}", "reward": int(i % 4 > 0)} for i in range(8)]
    for step in (2, 3):
        for prompt, rewards in groups.items():
            rows += [{"step": step, "prompt": prompt * 50, "reward": reward} for reward in rewards]
    rows += [{"step": 3, "prompt": "[once]", "reward": reward} for reward in (1, 1, 0, 0)]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = digest(path, group_size=4).prompts
    assert [(p.text, p.times, p.success) for p in found] == [(("often" * 50)[:200], 2, 0.25), ("[once]", 1, 0.5)]
    code, output = call(path, "--group-size", "4")
    assert code == 0
    assert "Prompts that HA-DW would have lifted most often" in output
    assert "[once]" in output
    graded = [row | {"reward": 2 * row["reward"]} for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in graded))
    assert digest(path).prompts == ()


def test_a_prompt_drawn_twice_is_two_groups(tmp_path: Path) -> None:
    table = table_of(rewards_of())
    table["prompt"] = [text.replace("0-1", "0-0") for text in table["prompt"]]
    pyarrow.parquet.write_table(arrow.table(table), tmp_path / "a.parquet")
    check(digest(tmp_path / "a.parquet", group_size=G), rewards_of())


def test_broken_rows_of_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = ["prompt,reward", "a,1", "a,0", "b,1,7,8", "b,0", "b,nonsense", "c,1", "c,0"]
    path.write_text("\n".join(rows) + "\n")
    found = digest(path, group_size=2)
    assert found.trouble.counts["broken lines"] == 1
    assert found.trouble.counts["responses without a reward"] == 1
    assert found.histogram.tolist() == [[0, 2, 0]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.parquet", b"nonsense", "a.parquet cannot be read"),
        ("a.csv", b"question,answer\n1,2\n", "has no column reward or score; several could be it|Name it"),
        ("a.csv", b"text,reward\na,1\n", "has no column prompt or input .* there are text, reward"),
        ("a.jsonl", b'{"a": 1}\n', "has no column prompt or input"),
        ("a.jsonl", b"broken\n", "no line of it can be read"),
        ("a.csv", b"prompt,reward\na,1\nb,1\n", "does not say which responses belong to one prompt"),
        ("a.doc", b"", "source must be a .parquet, .csv, .tsv, .jsonl or .json file"),
        ("a.pt", b"", "a PyTorch file, which runs code when it is opened: export it as JSON Lines"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        digest(tmp_path / name)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no"):
        digest(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="holds no logs of responses"):
        digest(tmp_path)


def test_lengths_are_nan_where_unknown(tmp_path: Path) -> None:
    table = table_of(rewards_of())
    del table["length"]
    pyarrow.parquet.write_table(arrow.table(table), tmp_path / "a.parquet")
    assert all(math.isnan(value) for value in digest(tmp_path / "a.parquet").length)


# --- the command ---


def call(*arguments: object) -> tuple[int, str]:
    from click.testing import CliRunner

    from qae_sim.cli import main

    done = CliRunner().invoke(main, ["inspect", *map(str, arguments)])
    return done.exit_code, " ".join(done.output.split())


def test_the_command_shows_what_there_is(tmp_path: Path) -> None:
    table = table_of(rewards_of())
    lines = [json.dumps(dict(zip(table, row, strict=True))) for row in zip(*table.values(), strict=True)]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, "{broken"]) + "\n")
    code, output = call(tmp_path / "a.jsonl")
    assert code == 0, output
    assert "5 steps, 240 responses in groups of 8" in output
    found = digest(tmp_path / "a.jsonl")
    assert f"nearest at K = {found.k_of_the_paper:g}" in output
    assert f"{found.silenced_by_k[KS.index(0.4)]:.1%}" in output
    assert "1 broken lines, first:" in output
    assert "neg_mask" in output


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    code, output = call(tmp_path / "nothing")
    assert code == 1
    assert "there is no" in output
    (tmp_path / "a.csv").write_text("prompt,a,b\nx,1,2\n")
    code, output = call(tmp_path / "a.csv")
    assert code == 1
    assert "several could be it: a, b" in output


def test_shares_of_advantage_are_those_of_the_estimators(tmp_path: Path) -> None:
    from qae_sim.advantages import grpo
    from qae_sim.cli.inspect import _weights

    rewards = rewards_of()
    pyarrow.parquet.write_table(arrow.table(table_of(rewards)), tmp_path / "a.parquet")
    table = _weights(digest(tmp_path / "a.parquet"))
    mass = np.abs(np.asarray(grpo(rewards))).sum(axis=2)
    p = rewards.mean(axis=2)
    shares = [mass[(p > low) & (p <= low + 0.25)].sum() / mass.sum() for low in (0, 0.25, 0.5, 0.75)]
    assert [column._cells[0] for column in table.columns][1:] == [f"{share:.1%}" for share in shares]


def made(histogram: list[list[int]], **more: Any) -> Digest:
    """A digest of groups of four, by hand."""
    steps = len(histogram)
    nothing = np.full(steps, np.nan)
    fields: dict[str, Any] = {
        "steps": 10 * np.arange(1, steps + 1),
        "responses": 4 * np.sum(histogram, axis=1),
        "reward": np.linspace(0, 1, steps),
        "degenerate": np.linspace(1, 0, steps),
        "silenced": np.zeros((steps, len(KS))),
        "length": nothing,
        "anchor": nothing,
        "lifted": nothing,
    }
    fields |= {"source": "by hand", "group_size": 4, "histogram": np.array(histogram), "binary": True}
    return Digest(**(fields | {"trouble": Trouble()} | more))


def test_shares_of_advantages_by_hand() -> None:
    """Dr. GRPO: a group with n of 4 successes has Σ|A| = 2n(4 - n)/4, so 1.5, 2, 1.5."""
    found = made([[5, 2, 0, 0, 0], [0, 0, 3, 1, 7]])
    assert advantage_shares(found, "dr_grpo") == pytest.approx(np.array([0, 3, 6, 1.5, 0]) / 10.5)
    assert advantage_shares_by_quarter(found, "dr_grpo") == pytest.approx(np.array([3, 6, 1.5, 0]) / 10.5)
    assert not advantage_shares(made([[5, 0, 0, 0, 9]]), "dr_grpo").any()
    with pytest.raises(ValueError, match="nothing"):
        advantage_shares(found, "nothing")
    with pytest.raises(ValueError, match="rule must be one that looks at the rewards of a group alone"):
        advantage_shares(found, "opo")
    # At K = .2 three of four is a hard prompt, too: its successes have (1 - 0)/σ each, and its failure nothing.
    sums = np.array([2 * 1 / np.sqrt(3 / 16), 3 * 2 / 0.5, 1 * 3 / np.sqrt(3 / 16)])
    shares = advantage_shares(found, AdvantageRule("qae", {"k": 0.2}))
    assert shares[1:-1] == pytest.approx(sums / sums.sum(), rel=1e-5)
    assert advantage_shares(found, lambda r: np.asarray(qae(r, k=0.2))) == pytest.approx(shares)


def test_an_estimator_that_is_registered_on_the_fly_is_reported(tmp_path: Path) -> None:
    row = Estimator("first_only", lambda r: r * (r.sum(axis=-1, keepdims=True) == 1), "", "", "ours", "response", "")
    pyarrow.parquet.write_table(arrow.table(table_of(rewards_of())), tmp_path / "a.parquet")
    listed = {name for name, known in ESTIMATORS.items() if known.tabulated}
    assert {rule.name for rule in compared()} == listed >= {"grpo", "qae", "maxrl"}
    with registered(row):
        code, output = call(tmp_path / "a.parquet")
        assert code == 0, output
        assert "first_only │ 100.0% │ 0.0%" in output
        call(tmp_path / "a.parquet", "--html", tmp_path / "report.html")
    assert "<td>first_only</td><td>100.0%</td><td>0.0%</td>" in (tmp_path / "report.html").read_text()


def test_parts_of_training_by_hand() -> None:
    found = made([[step, 0, 0, 0, 1] for step in range(7)], lifted=np.array([np.nan, 0.5, 1, 0, 0, np.nan, np.nan]))
    parts = training_parts(found, 3)  # of 3, 2 and 2 steps
    assert [(part.first, part.last) for part in parts] == [(10, 30), (40, 50), (60, 70)]
    assert [part.histogram.tolist() for part in parts] == [[3, 0, 0, 0, 3], [7, 0, 0, 0, 2], [11, 0, 0, 0, 2]]
    assert [part.reward for part in parts] == pytest.approx([1 / 6, 7 / 12, 11 / 12])
    assert [part.lifted for part in parts] == pytest.approx([0.75, 0, np.nan], nan_ok=True)
    assert parts[0].success_shares.tolist() == [0.5, 0, 0, 0, 0.5]
    assert len(training_parts(found, 20)) == 7
    first, last = first_and_last_part(found, 3)
    assert (first.first, first.last, last.first, last.last) == (10, 20, 60, 70)
    assert first_and_last_part(found, 20)[1].first == 70


# --- pictures ---


def test_report_and_explorer_show_the_digest(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("anywidget")
    from qae_sim.explorers import TrainingLog

    path = tmp_path / "<a>.parquet"
    pyarrow.parquet.write_table(arrow.table(table_of(rewards_of())), path)
    code, output = call(path, "--html", tmp_path / "report.html")
    assert code == 0, output
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "&lt;a&gt;.parquet" in page
    assert "<a>" not in page
    found = digest(path)
    explorer = TrainingLog(path)
    assert html.escape(explorer.words()) in page
    assert html.escape(found.prompts[-1].text) in page
    explorer.set(view="silenced")
    shares = {row["x"]: row["value"] for row in explorer.table() if row["series"] == "this run"}
    assert shares[0.4] == pytest.approx(found.silenced_by_k[KS.index(0.4)])
    assert f"K = {found.k_of_the_paper:g}" in explorer.words()
    explorer.set(view="rates")
    assert explorer.problem == ""
    first, last = explorer.picture().panels
    np.testing.assert_allclose(first.layers[0].height, found.histogram[0] / GROUPS)
    np.testing.assert_allclose(last.layers[0].height, found.histogram[-1] / GROUPS)
    weights = {
        row["x"]: row["value"] for row in TrainingLog.table(_view(explorer, "silenced")) if row["series"] == "grpo"
    }
    assert sum(weights.values()) == pytest.approx(1)


def _view(explorer: Any, view: str) -> Any:
    explorer.set(view=view)
    return explorer


# --- key words ---


def test_key_words_are_mantel_haenszels(tmp_path: Path) -> None:
    from scipy.stats import hypergeom

    rng = np.random.default_rng(5)
    words = np.array(["alpha", "beta", "gamma", "wait"])
    rows: list[dict[str, Any]] = []
    for step in range(1, 41):
        for prompt in range(3):
            correct = rng.random(8) < (0.2, 0.5, 0.8)[prompt]
            has = rng.random((8, 4)) < 0.5
            has[:, 1] |= correct & (rng.random(8) < 0.5)  # beta goes with success
            has[:, 3] &= ~correct | (rng.random(8) < 0.3)  # wait against it
            has[:, 2] = prompt == 2  # gamma stands in all answers to the easy prompt: it proves nothing
            for i in range(8):
                text = "then " + ", ".join(words[has[i]])
                rows.append({"step": step, "prompt": f"p{prompt}", "reward": float(correct[i]), "completion": text})
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found, looked_at = key_words(path)
    assert looked_at == 960
    assert found == digest(path).words
    by_word = {key.word: key for key in found}
    assert set(by_word) == {"alpha", "beta", "wait", ","}
    assert (found[0].word, found[-1].word) == ("beta", "wait")
    assert abs(by_word["alpha"].z) < 3 < min(by_word["beta"].z, -by_word["wait"].z)
    for word in ("alpha", "beta", "wait"):
        right = expected = variance = count = 0.0
        for start in range(0, 960, 8):
            group = rows[start : start + 8]
            with_word = [row["reward"] for row in group if word in row["completion"]]
            c, n = sum(row["reward"] for row in group), len(with_word)
            if 0 < c < 8 and 0 < n < 8:
                chance = hypergeom(8, int(c), n)
                right, expected = right + sum(with_word), expected + chance.mean()
                variance, count = variance + chance.var(), count + n
        key = by_word[word]
        assert key.z == pytest.approx((right - expected) / np.sqrt(variance))
        assert (key.responses, key.success, key.expected) == pytest.approx((count, right / count, expected / count))


def test_key_words_of_tokens_conversations_and_part_of_a_log(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"p{i // 4}", "reward": i % 2, "tokens": [7, 8] if i % 2 else [9, 8], "completion": "no"}
        for i in range(400)
    ]
    arrow_path = tmp_path / "log.parquet"
    pyarrow.parquet.write_table(arrow.Table.from_pylist(rows), arrow_path)
    found, looked_at = key_words(arrow_path)
    assert [(key.word, key.responses, key.success) for key in found] == [("7", 200, 1.0), ("9", 200, 0.0)]
    assert looked_at == 400
    assert key_words(arrow_path, most=100)[1] == 100
    assert key_words(arrow_path, most=100) == key_words(arrow_path, most=100)
    assert len(key_words(arrow_path, least=200)[0]) == 2
    assert key_words(arrow_path, least=201)[0] == ()
    unscored = [row | {"reward": None if i % 4 == 3 else row["reward"]} for i, row in enumerate(rows)]
    pyarrow.parquet.write_table(arrow.Table.from_pylist(unscored), arrow_path)
    with pytest.raises(ValueError, match="100 groups with a response without a reward"):
        key_words(arrow_path)
    talks = [
        {
            "step": 1,
            "prompt": f"p{i // 4}",
            "reward": i % 2,
            "completion": [{"role": "assistant", "content": f"x {i % 2}"}],
        }
        for i in range(400)
    ]
    pyarrow.parquet.write_table(arrow.Table.from_pylist(talks), arrow_path)
    assert [key.word for key in key_words(arrow_path)[0]] == ["1", "0"]
    silent = [{name: row[name] for name in ("prompt", "reward")} for row in rows]
    pyarrow.parquet.write_table(arrow.Table.from_pylist(silent), arrow_path)
    assert key_words(arrow_path) == ((), 0)
    assert digest(arrow_path).words == ()
    code, output = call(arrow_path)
    assert code == 0
    assert "No key words: the log has no column of completions or tokens." in output


def test_the_command_shows_key_words(tmp_path: Path) -> None:
    rows = [
        {
            "step": i // 40,
            "prompt": f"p{i // 8 % 5}",
            "reward": int(i % 3 == 0),
            "completion": "[good" if i % 3 == 0 else "bad",
        }
        for i in range(400)
    ]
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(arrow.Table.from_pylist(rows), path)
    code, output = call(path)
    assert code == 0, output
    assert "Key words, from 400 responses" in output
    assert "good" in output
    assert "100.0%" in output
