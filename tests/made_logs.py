"""Made-up runs: what each response was, how trainers write it, and the right numbers in plain Python."""

from __future__ import annotations

import gzip
import json
import random
import statistics
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

Row = dict[str, Any]

#: The values of K that are compared.
KS = (0.1, 0.4, 0.8)


def made_run(seed: int = 0, steps: int = 6, groups: int = 4, size: int = 4) -> list[Row]:
    """Rows of a run, in order: easy and hard prompts, some always right or always wrong; GRPO's advantages."""
    rng = random.Random(seed)
    rows = []
    for step in range(1, steps + 1):
        for group in range(groups):
            chance = rng.choice((0.0, 0.3, 0.5, 0.8, 1.0))
            rewards = [float(rng.random() < chance) for _ in range(size)]
            mean, spread = statistics.mean(rewards), statistics.pstdev(rewards)
            for i, reward in enumerate(rewards):
                rows.append(
                    {
                        "step": step,
                        "group": f"g{step}-{group}",
                        "prompt": f"Problem {step}-{group}: what is {rng.random():.0f} + {group}?",
                        "completion": f"answer {rng.randrange(10**6)} by {i}",
                        "reward": reward,
                        "advantage": (reward - mean) / (spread + 1e-4),
                    }
                )
        for row in rows[-groups * size :]:  # one text for all responses of a group
            row["prompt"] = f"Problem {row['group']}: what is it?"
    return rows


def truth(rows: list[Row]) -> dict[str, Any]:
    """The right numbers, from the groups as they were made."""
    by_group: dict[tuple[int, str], list[float]] = {}
    for row in rows:
        by_group.setdefault((row["step"], row["group"]), []).append(row["reward"])
    size = len(next(iter(by_group.values())))
    assert all(len(rewards) == size for rewards in by_group.values())
    found: dict[str, Any] = {
        "G": size,
        "groups": len(by_group),
        "steps": str(sorted({step for step, _ in by_group})),
        "reward": statistics.fmean(row["reward"] for row in rows),
        "equal": statistics.fmean(len(set(rewards)) == 1 for rewards in by_group.values()),
    }
    for k in KS:
        silent = 0
        for rewards in by_group.values():
            right = sum(rewards)
            if right in (0, size):
                silent += size
            else:  # hard prompts: only successes are heard; easy ones: only failures
                silent += int(size - right) if Fraction(right) / size <= 1 - Fraction(str(k)) else int(right)
        found[f"zero@{k}"] = silent / len(rows)
    return found


def seen(digest: Any) -> dict[str, Any]:
    """The same numbers from a digest."""
    from qae_sim.logs.digest import KS as ALL

    share = digest.responses / digest.responses.sum()
    return {
        "G": digest.group_size,
        "groups": int(digest.histogram.sum()),
        "steps": str(digest.steps.tolist()),
        "reward": float((digest.reward * share).sum()),
        "equal": float((digest.degenerate * share).sum()),
    } | {f"zero@{k}": float(digest.silenced_by_k[ALL.index(k)]) for k in KS}


def by_step(rows: list[Row]) -> dict[int, list[Row]]:
    """Rows of each step."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["step"], []).append(row)
    return found


def lines(path: Path, rows: list[Any]) -> Path:
    """Write JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def plain(rows: list[Row], *names: str) -> list[Row]:
    """Keep some entries of each row."""
    return [{name: row[name] for name in names} for row in rows]


# --- as trainers write it ---


def trl(folder: Path, rows: list[Row], reward: str = "accuracy_reward") -> Path:
    """TRL: Parquet, a file a step."""
    import pyarrow as arrow
    import pyarrow.parquet

    (folder / "completions").mkdir(parents=True, exist_ok=True)
    for step, part in by_step(rows).items():
        table = [
            {name: row[name] for name in ("step", "prompt", "completion")}
            | {reward: row["reward"], "advantage": row["advantage"]}
            for row in part
        ]
        pyarrow.parquet.write_table(
            arrow.Table.from_pylist(table), folder / "completions" / f"completions_{step:05d}.parquet"
        )
    return folder


def wandb(folder: Path, rows: list[Row]) -> Path:
    """Tables of Weights & Biases."""
    names = ["step", "prompt", "completion", "reward"]
    folder.mkdir(parents=True, exist_ok=True)
    for step, part in by_step(rows).items():
        data = [[str(row["step"]), row["prompt"], row["completion"], row["reward"]] for row in part]
        (folder / f"completions_{step}_abc.table.json").write_text(json.dumps({"columns": names, "data": data}))
    return folder


def verl(folder: Path, rows: list[Row]) -> Path:
    """verl: JSON Lines, a file a step, rows in any order."""
    for step, part in by_step(rows).items():
        found = [
            {"input": row["prompt"], "output": row["completion"], "gts": "4", "score": row["reward"], "step": step}
            for row in part
        ]
        lines(folder / f"{step}.jsonl", random.Random(step).sample(found, len(found)))
    return folder


def verl_v1(folder: Path, rows: list[Row]) -> Path:
    """verl's trainer v1: sorted by uid, and some sessions have two outputs."""
    for step, part in by_step(rows).items():
        found, count = [], {}
        for row in part:
            session = count.get(row["group"], 0)
            count[row["group"]] = session + 1
            for output in range(1 + session % 2):
                entry = {"input": row["prompt"], "output": row["completion"], "gts": None, "score": row["reward"]}
                found.append(entry | {"step": step, "uid": f"{row['group']}_{session}_{output}"})
        lines(folder / f"{step}.jsonl", sorted(found, key=lambda entry: entry["uid"]))
    return folder


def nemo(folder: Path, rows: list[Row]) -> Path:
    """NeMo-RL: lists of one, no prompt, an advantage for each token."""
    for step, part in by_step(rows).items():
        found = [
            {"content": [row["prompt"] + row["completion"]], "rewards": [row["reward"]], "token_ids": [[1, 2, 3]]}
            | {"advantages": [[0.0, row["advantage"], row["advantage"]]], "idx": i}
            for i, row in enumerate(part)
        ]
        lines(folder / f"train_data_step{step}.jsonl", found)
    lines(folder / "val_data_step3.jsonl", [{"content": [["?"]], "rewards": [1.0], "idx": 0}])
    return folder


def _columns(part: list[Row], names: dict[str, str]) -> Row:
    return {new: [row[old] for row in part] for new, old in names.items()}


def roll(folder: Path, rows: list[Row]) -> Path:
    """ROLL: one line a step, a list for each column."""
    for step, part in by_step(rows).items():
        names = {"global_step": "step", "prompt": "prompt", "responses": "completion", "scores": "reward"}
        entry = _columns(part, names) | {"id": [str(i) for i in range(len(part))]}
        lines(folder / f"rollout_dump_data.step_{step}.jsonl", [entry])
    return folder


def swift(folder: Path, rows: list[Row]) -> Path:
    """ms-swift: one file, one line a step; a format reward that is always 1."""
    names = {"prompt": "prompt", "completion": "completion", "MathAccuracy": "reward", "advantages": "advantage"}
    found = [
        _columns(part, names) | {"step": [str(step)] * len(part), "Format": [1.0] * len(part)}
        for step, part in by_step(rows).items()
    ]
    lines(folder / "logging.jsonl", [{"loss": 0.1, "step": 1}])
    return lines(folder / "completions.jsonl", found).parent


def areal(folder: Path, rows: list[Row]) -> Path:
    """AReaL: a file a prompt, in a folder a version."""
    numbers = {group: i for i, group in enumerate(dict.fromkeys(row["group"] for row in rows))}
    files: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        part = files.setdefault((row["step"], numbers[row["group"]]), [])
        part.append(
            {"task_id": numbers[row["group"]], "sample_idx": len(part), "seqlen": 9, "prompt_len": 4}
            | {"head_version": row["step"], "tail_version": row["step"], "reward": row["reward"]}
            | {"prompt": row["prompt"], "completion": row["completion"]}
        )
    for (step, number), part in files.items():
        lines(folder / "rollout" / str(step) / f"{number}.jsonl", part)
        lines(folder / "eval-rollout" / str(step) / f"{number}.jsonl", part[:1])
    return folder


def prime(folder: Path, rows: list[Row]) -> Path:
    """prime-rl: nested prompts, evaluations beside."""
    numbers = {group: i for i, group in enumerate(dict.fromkeys(row["group"] for row in rows))}
    for step, part in by_step(rows).items():
        found = [
            {
                "example_id": numbers[row["group"]],
                "prompt": [{"role": "user", "content": row["prompt"]}],
                "completion": [{"role": "assistant", "content": row["completion"]}],
                "reward": row["reward"],
                "metrics": {"correct": row["reward"]},
            }
            for row in part
        ]
        lines(folder / "rollouts" / f"step_{step}" / "train_rollouts.jsonl", found)
        lines(folder / "rollouts" / f"step_{step}" / "eval_rollouts.jsonl", found[:3])
    return folder


def open_instruct(folder: Path, rows: list[Row]) -> Path:
    """open-instruct: tokens instead of texts, parts of a fixed number of lines."""
    first: dict[int, list[str]] = {}
    found = []
    for i, row in enumerate(rows):
        groups = first.setdefault(row["step"], [])
        if row["group"] not in groups:
            groups.append(row["group"])
        entry = {"step": row["step"], "sample_idx": i, "prompt_idx": groups.index(row["group"])}
        entry |= {"prompt_tokens": [*map(ord, row["prompt"])], "response_tokens": [5, 6], "reward": row["reward"]}
        found.append(entry | {"advantage": row["advantage"], "finish_reason": "stop"})
    for i in range(0, len(found), 50):
        lines(folder / f"run7_rollouts_{i // 50:06d}.jsonl", found[i : i + 50])
    lines(folder / "run7_metadata.jsonl", [{"run_name": "run7"}])
    return folder


def tinker(folder: Path, rows: list[Row]) -> Path:
    """The Tinker cookbook: a folder an iteration, evaluations beside."""
    for step, part in by_step(rows).items():
        groups = list(dict.fromkeys(row["group"] for row in part))
        found = [
            {"schema_version": 1, "split": "train", "iteration": step, "group_idx": groups.index(row["group"])}
            | {"traj_idx": i, "total_reward": row["reward"], "steps": []}
            for i, row in enumerate(part)
        ]
        place = folder / f"iteration_{step:06d}"
        lines(place / "train_rollout_summaries.jsonl", found)
        lines(place / "eval_test_rollout_summaries.jsonl", found[:5])
    return folder


def skyrl(folder: Path, rows: list[Row]) -> Path:
    """SkyRL: rows without steps."""
    found = [
        {"input_prompt": row["prompt"], "output_response": row["completion"], "score": row["reward"]} for row in rows
    ]
    return lines(folder / "gsm8k.jsonl", found).parent


def rllm(folder: Path, rows: list[Row]) -> Path:
    """RLLM: a file an episode."""
    for i, row in enumerate(rows):
        place = folder / "episodes" / f"train_step_{row['step']}_epoch_0"
        place.mkdir(parents=True, exist_ok=True)
        entry = {"id": f"{row['group']}:{i}", "task": {"question": row["prompt"]}, "is_correct": bool(row["reward"])}
        (place / f"{hash(row['completion']) % 16**6:06x}_{i}.json").write_text(
            json.dumps({"episode_data": None} | entry | {"trajectories": [{"reward": row["reward"], "steps": []}]})
        )
    return folder


def tunix(folder: Path, rows: list[Row]) -> Path:
    """Tunix: CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    head = "policy_version,prompt,completion,trajectory_reward\n"
    body = "".join(f'{row["step"]},"{row["prompt"]}","{row["completion"]}",{row["reward"]}\n' for row in rows)
    (folder / "trajectory_log.csv").write_text(head + body)
    return folder


def easyr1(folder: Path, rows: list[Row]) -> Path:
    """EasyR1: plain text, a block a response."""
    folder.mkdir(parents=True, exist_ok=True)
    for step, part in by_step(rows).items():
        blocks = [
            f"[prompt] {row['prompt']}\n[output] {row['completion']}\n[ground_truth] 4\n[score] {row['reward']}\n"
            for row in part
        ]
        (folder / f"step_{step}.log").write_text("\n".join(blocks))
    return folder


TABLE = ("step", "prompt", "completion", "reward")


def csv_with(divider: str, name: str) -> Callable[[Path, list[Row]], Path]:
    """CSV with another divider."""

    def write(folder: Path, rows: list[Row]) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        found = [divider.join(TABLE)] + [divider.join(f'"{row[name]}"' for name in TABLE) for row in rows]
        (folder / name).write_text("\n".join(found) + "\n")
        return folder / name

    return write


def text_as(name: str, encoding: str, start: str = "") -> Callable[[Path, list[Row]], Path]:
    """JSON Lines in another encoding."""

    def write(folder: Path, rows: list[Row]) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        text = start + "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in plain(rows, *TABLE))
        content = text.encode(encoding)
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return folder / name

    return write


def array(folder: Path, rows: list[Row]) -> Path:
    """A JSON array."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.json").write_text(json.dumps(plain(rows, *TABLE), indent=1))
    return folder / "log.json"


def zst(folder: Path, rows: list[Row]) -> Path:
    """JSON Lines, packed by Zstandard."""
    import pyarrow as arrow

    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in plain(rows, *TABLE))
    with arrow.output_stream(str(folder / "log.jsonl.zst"), compression="zstd") as out:
        out.write(text.encode())
    return folder / "log.jsonl.zst"


def ranks(folder: Path, rows: list[Row]) -> Path:
    """Every group over two processes, a file a step and process."""
    for step, part in by_step(rows).items():
        for rank in range(2):
            lines(folder / f"step_{step}_rank_{rank}.jsonl", plain(part[rank::2], *TABLE))
    return folder


def workers(folder: Path, rows: list[Row]) -> Path:
    """Two processes, a file each, with half of each group."""
    for rank in range(2):
        lines(folder / f"worker_{rank}.jsonl", plain(rows[rank::2], *TABLE))
    return folder


def interleaved(folder: Path, rows: list[Row]) -> Path:
    """Two asynchronous workers: two rows of one step, two of the next."""
    steps = list(by_step(rows).values())
    found = []
    for one, other in zip(steps[::2], steps[1::2], strict=True):
        for i in range(0, len(one), 2):
            found += one[i : i + 2] + other[i : i + 2]
    return lines(folder / "log.jsonl", plain(found, *TABLE))


def restarted(folder: Path, rows: list[Row]) -> Path:
    """Steps 3 and 4 were done before, with other rewards, and the last of them broke off."""
    early = [row | {"reward": 1.0, "completion": "before"} for row in rows if row["step"] in (3, 4)][:-3]
    found = [row for row in rows if row["step"] < 3] + early + [row for row in rows if row["step"] >= 3]
    return lines(folder / "log.jsonl", plain(found, *TABLE))


def shuffled(folder: Path, rows: list[Row]) -> Path:
    """Rows of a step in any order."""
    found = [row for part in by_step(rows).values() for row in random.Random(3).sample(part, len(part))]
    return lines(folder / "log.ndjson", plain(found, *TABLE))


#: All writers of the same run; the digest must be the same.
WRITERS: dict[str, Callable[[Path, list[Row]], Path]] = {
    "trl": trl,
    "wandb": wandb,
    "verl": verl,
    "verl-v1": verl_v1,
    "nemo-rl": nemo,
    "roll": roll,
    "ms-swift": swift,
    "areal": areal,
    "prime-rl": prime,
    "open-instruct": open_instruct,
    "tinker": tinker,
    "rllm": rllm,
    "tunix": tunix,
    "easyr1": easyr1,
    "csv": csv_with(",", "log.csv"),
    "semicolons": csv_with(";", "log.csv"),
    "tabs": csv_with("\t", "log.tsv"),
    "BOM": text_as("log.jsonl", "utf-8", "\ufeff"),
    "UTF-16": text_as("log.jsonl", "utf-16"),
    "gz": text_as("log.jsonl.gz", "utf-8"),
    "zst": zst,
    "array": array,
    "ranks": ranks,
    "workers": workers,
    "interleaved": interleaved,
    "restarted": restarted,
    "shuffled": shuffled,
}
