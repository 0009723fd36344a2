"""Every number that the page computes itself, in every state that it can show, against the package."""

from __future__ import annotations

import json
import shutil
import subprocess
from math import factorial, prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qae_sim.advantages import dr_grpo, grpo, ha_dw, qae, rloo

WEB = Path(__file__).parents[2] / "qae_sim" / "page" / "web"
POLICY = np.array([0.3, 0.45, 0.25])
PROMPTS, ARMS, GROUP, STEPS, ETA, SEED = 24, 6, 8, 60, 0.3, 3


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the page's own functions give, and the bytes of its trainings."""
    if shutil.which("node") is None or not (WEB / "node_modules").is_dir():
        pytest.skip("needs Node, and `npm ci` in qae_sim/page/web")
    folder = tmp_path_factory.mktemp("answers")
    bundle, numbers = folder / "answers.cjs", folder / "numbers"
    bundler = [str(WEB / "node_modules" / ".bin" / "esbuild"), "src/answers.ts", "--bundle", "--platform=node"]
    subprocess.run([*bundler, f"--outfile={bundle}", "--log-level=error"], cwd=WEB, check=True)
    script = (
        f"const a = require({json.dumps(str(bundle))});"
        f"process.stdout.write(JSON.stringify({{...a.groups(), ...a.trainings({json.dumps(str(numbers))})}}))"
    )
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout) | {"numbers": np.fromfile(numbers)}


def of(name: str, rewards: Any, k: float) -> NDArray[np.float64]:
    """The package's advantages."""
    if name == "qae":
        return np.asarray(qae(rewards, k=k, eps=0))
    return np.asarray({"grpo": lambda r: grpo(r, eps=0), "rloo": rloo, "dr_grpo": dr_grpo}[name](rewards))


def test_advantages_of_every_group(answers: Any) -> None:
    assert len(answers["pairs"]) == 19 * 4 * 11
    for row in answers["pairs"]:
        right = of(row["name"], row["rewards"], row["k"])
        np.testing.assert_allclose(row["advantages"], right, rtol=1e-13, atol=1e-15, err_msg=str(row))
        # Silence is an exact zero, not a small number.
        assert [a == 0 for a in row["advantages"]] == (right == 0).tolist()
        if row["correct"] is not None:
            np.testing.assert_allclose(row["correct"], right[-1], rtol=1e-13, atol=1e-15)
        if row["wrong"] is not None:
            np.testing.assert_allclose(row["wrong"], right[0], rtol=1e-13, atol=1e-15)


def test_the_standard_deviation_of_a_sample(answers: Any) -> None:
    assert len(answers["sample"]) == 11
    for row in answers["sample"]:
        np.testing.assert_allclose(row["advantages"], grpo(row["rewards"], ddof=1, eps=0), rtol=1e-13, atol=1e-15)


def test_nearly_equal_rewards(answers: Any) -> None:
    for row in answers["near"]:
        # The difference itself is a rounded number: 1 + 1e-6 has it to ten digits.
        np.testing.assert_allclose(row["advantages"], grpo(row["rewards"], eps=0), rtol=1e-9)


def outcomes(rule: Any) -> list[tuple[int, float, float]]:
    """Arm, reward and chance of what a response can be: one arm is correct, and the verifier may err."""
    if rule["half"]:
        return list(zip(range(3), [1.0, 0.5, 0.0], POLICY, strict=True))
    false_positive, false_negative = {0: (0, 0), 1: (0.1, 0), 2: (0, 0.1), 3: (0, 0)}[rule["verifier"]]
    found = []
    for arm, correct in enumerate([1.0, 0.0, 0.0]):
        passes = 1 - false_negative if correct else false_positive
        passes = 1.0 if rule["verifier"] == 3 and arm == 1 else passes
        found += [(arm, reward, POLICY[arm] * (passes if reward else 1 - passes)) for reward in (correct, 1 - correct)]
    return [outcome for outcome in found if outcome[2] > 0]


def compositions(total: int, parts: int) -> list[tuple[int, ...]]:
    if parts == 1:
        return [(total,)]
    return [(n, *rest) for n in range(total + 1) for rest in compositions(total - n, parts - 1)]


def moved(counts: Any, rule: Any) -> NDArray[np.float64]:
    """Change of a policy's probabilities by a group, to first order."""
    kinds = outcomes(rule)
    rewards = np.repeat([reward for _, reward, _ in kinds], counts)
    each = rewards - rule["b"] if rule["kind"] == "constant" else of(rule["name"], rewards, rule["k"])
    one_hot = np.repeat(np.eye(3)[[arm for arm, _, _ in kinds]], counts, axis=0)
    z = ((one_hot - POLICY) * each[:, None]).mean(axis=0)
    return (np.diag(POLICY) - np.outer(POLICY, POLICY)) @ z


def turned(mean: NDArray[np.float64], half: int) -> float:
    """Angle in the triangle between an average and the gradient of the expected reward, in degrees."""
    corners = np.array([[0.5, np.sqrt(0.75)], [0.0, 0.0], [1.0, 0.0]])
    rewards = np.array([1.0, half / 2, 0.0])
    fisher = np.diag(POLICY) - np.outer(POLICY, POLICY)
    one, other = mean @ corners, fisher @ fisher @ rewards @ corners
    return float(np.degrees(np.abs(np.arctan2(one[0] * other[1] - one[1] * other[0], one @ other))))


def test_arrows_and_their_averages(answers: Any) -> None:
    for verifier, counted in enumerate(answers["counted"]):
        chances = [10 * chance for _, _, chance in outcomes({"half": 0, "verifier": verifier})]
        assert {sum(counts) for counts in counted} == {10}
        np.testing.assert_allclose(np.mean(counted, axis=0), chances, atol=4 * np.sqrt(10 * 0.25 / 1000))
    assert len(answers["arrows"]) == 5 * (3 + 19 + 21)
    for row in answers["arrows"]:
        kinds, counted = outcomes(row["rule"]), answers["counted"][row["rule"]["verifier"]]
        every = compositions(10, len(kinds))
        table = {counts: moved(counts, row["rule"]) for counts in every}
        right = np.zeros(3)
        for counts in every:
            chance = prod(p**n / factorial(n) for (_, _, p), n in zip(kinds, counts, strict=True))
            right += factorial(10) * chance * table[counts]
        np.testing.assert_allclose(row["expected"], right, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(row["turn"], turned(right, row["rule"]["half"]), atol=1e-6)
        for n, mean in zip((1, 10, 100, 1000), row["means"], strict=True):
            drawn = np.mean([table[tuple(counts)] for counts in counted[:n]], axis=0)
            np.testing.assert_allclose(mean, drawn, rtol=1e-11, atol=1e-15)


# --- trainings --------------------------------------------------------------------------------------------------------


def uniforms(seed: int = SEED) -> NDArray[np.float64]:
    """The page's random numbers, by prompt, step and response, in wrapping 32-bit arithmetic."""
    word = np.uint32
    prompt, step, response = np.ogrid[:PROMPTS, :STEPS, :GROUP]
    h = np.full((PROMPTS, STEPS, GROUP), (seed + 1) * 0x9E3779B1 % 2**32, dtype=word)
    for part in (prompt, step, response):
        h = (h ^ (part + 1).astype(word)) * word(0x85EBCA6B)
        h ^= h >> word(13)
        h *= word(0xC2B2AE35)
        h ^= h >> word(16)
    return (h + 0.5) / 2.0**32


CORRECT = np.where(np.arange(PROMPTS) % 3 == 2, 2, 1)
IS_CORRECT = np.arange(ARMS) < CORRECT[:, None]


def first_logits() -> NDArray[np.float64]:
    p = np.linspace(0.03, 0.9, PROMPTS)[:, None]
    ranks = np.arange(ARMS) - CORRECT[:, None]
    weights = np.where(IS_CORRECT, 0.0, 0.7 ** np.maximum(ranks, 0.0))
    shares = np.where(IS_CORRECT, p / CORRECT[:, None], (1 - p) * weights / weights.sum(axis=1, keepdims=True))
    return np.log(shares)


def trainings(named: list[Any], trainer: str) -> tuple[NDArray[np.float64], list[Any]]:
    """Several trainings at once: success and entropy of each prompt at each moment, and what each step saw."""
    u, z = uniforms(), np.repeat(first_logits()[None], len(named), axis=0)
    slips = uniforms(SEED + 1) < 0.1
    errs = np.array([row["errs"] for row in named])[:, None, None]
    recent: list[NDArray[np.float64]] = []
    found, seen = [], []
    for step in range(STEPS + 1):
        pi = np.exp(z - z.max(axis=-1, keepdims=True))
        pi /= pi.sum(axis=-1, keepdims=True)
        entropy = -(pi * np.log(pi)).sum(axis=-1).mean(axis=-1, keepdims=True)
        found.append(np.concatenate([(pi * IS_CORRECT).sum(axis=-1), entropy], axis=-1))
        if step == STEPS:
            break
        arms = (np.cumsum(pi, axis=-1)[:, :, None, :] <= u[None, :, step, :, None]).sum(axis=-1)
        correct = arms < CORRECT[None, :, None]
        wrongly = slips[None, :, step] & np.where(correct, errs == 2, errs == 1)
        rewards = (correct != wrongly).astype(float)
        if trainer == "qae":
            k = np.array([row["after"] if step >= row["turn"] else 0.4 for row in named])
            each = np.empty_like(rewards)
            for value in np.unique(k):
                each[k == value] = qae(rewards[k == value], k=float(value), eps=0)
        elif trainer == "grpo":
            each = np.asarray(grpo(rewards, eps=0))
        else:
            anchor = np.mean(recent[-10:], axis=0) if recent else np.full(len(named), 0.5)
            each = np.stack([
                np.asarray(ha_dw(r, float(c), lambda_scale=1.0, eps=0)) for r, c in zip(rewards, anchor, strict=True)
            ])  # fmt: skip
        recent.append(rewards.mean(axis=(1, 2)))
        seen.append((arms, rewards, each, pi))
        pulls = (np.eye(ARMS)[arms] * each[..., None]).sum(axis=2)
        z = z + ETA / GROUP * (pulls - pi * each.sum(axis=-1, keepdims=True))
    return np.stack(found, axis=1), seen


@pytest.mark.slow
def test_every_training_and_every_turn_of_k(answers: Any) -> None:
    named = answers["named"]
    assert len(named) == 3 * 3 + 19 * STEPS + 2 * 2 * 3
    shown = answers["numbers"].reshape(len(named), STEPS + 1, PROMPTS + 1)
    for trainer in ("grpo", "qae", "ha_dw"):
        places = [i for i, row in enumerate(named) if row["trainer"] == trainer]
        right, _ = trainings([named[i] for i in places], trainer)
        np.testing.assert_allclose(shown[places], right, rtol=1e-9, atol=1e-12)


def test_every_opened_step(answers: Any) -> None:
    cases = [(errs, trainer, shown) for errs, shown in enumerate(answers["opened"])
             for trainer, shown in zip(("grpo", "qae", "ha_dw"), shown, strict=True)]  # fmt: skip
    for errs, trainer, shown in cases:
        _, seen = trainings([{"turn": STEPS, "after": 0.4, "errs": errs}], trainer)
        for step, (arms, rewards, each, pi) in enumerate(seen):
            here = shown[step]
            assert [row["responses"] for row in here] == arms[0].tolist()
            assert [row["rewards"] for row in here] == rewards[0].tolist()
            np.testing.assert_allclose([row["advantages"] for row in here], each[0], rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose([row["pi"] for row in here], pi[0], rtol=1e-11)
            ordered = np.sort(rewards[0], axis=-1)
            baseline = ordered[:, 3] if trainer == "qae" else rewards[0].mean(axis=-1)  # ⌈.4·8⌉ = 4
            assert [row["baseline"] for row in here] == baseline.tolist()
