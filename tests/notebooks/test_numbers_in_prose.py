"""Every number in the prose of the lessons is computed here, generated, or a definition."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import comb
from pathlib import Path

import numpy as np
import pytest
from lessons import NOTEBOOKS

pytest.importorskip("anywidget")

from qae_sim.advantages import dr_grpo, expected_advantages, grpo, qae, quantile_baseline, rloo, rloo_std
from qae_sim.explorers import QuantileGate
from qae_sim.lm.studies import STUDIES, Make
from qae_sim.page.tables import _CLIP, turn
from qae_sim.theory import prove_positive, verify

LESSONS = [path for path in NOTEBOOKS if re.match(r"(?!00)\d\d_", path.name)]
PAGE = Path(__file__).parents[2] / "qae_sim" / "page" / "web" / "src"
TEN = [1.0] + [0.0] * 9

#: Numbers that nothing has to compute, each with the reason.
DEFINITIONS = {
    r"(?s)<!-- generated: [^>]*-->.*?<!-- end -->": "generated, and compared by qae_sim.dev.regenerate --check",
    r"`[^`]*`|(?m:^    .*$)": "code",
    r"\]\([^)]*\)|arXiv:\d+\.\d+": "addresses",
    r"\$(?:(?:p|K|G|a) = [\d.]+|[^$.]*)\$": "formulas: settings, and what the lessons derive, which is tested there",
    r"(?i)lessons?\s+\d+(?: to \d+)?|Equations?\s+\d(?:\s+to\s+\d)?|Section \d\.\d": "places in lessons and papers",
    r"App(?:endix|\.) [CD]\.\d|Theorem \d|Eq\. 4|Prop(?:osition|\.) 4\.2": "places in papers",
    r"pass@\d+|Qwen3-0\.6B|Qwen3|GSM8K": "names",
    r"\*80 % silent\*|mean, 200 steps|QAE, 200 steps": "a preset, and rows of a table that is to be filled in",
    r"(?m)^\d\. ": "numbers of a list",
    r'(?m)^## (?:"|80 |I subtract).*$|"[^"]*"|Do I save 80 %': "what people say",
    r"the 80 % of the paper|about 80 %|near(?:est)? to 80 %": "what the paper reports",
    r"(?:K|a|μ|λ|ε) = \.?\d(?:/\d|\d|\.\d)*|\b0\.4(?=-quantile)|p = 5/8 > 1 - K": "settings",
    r"Beta\(3/2, 3/2\)|seed 0|groups of 8:|grow by 10 %|after 100 steps is\s+above 1\.0": "settings",
    r"[Rr]ewards?(?: are| of)?\s+[01]\b(?:(?: and|,)\s+[01]\b)*|0 or 1\b|response [12],": "rewards, and places",
    r"1 if the result is \*\*correct\*\*, 0 if|advantage 0\b": "definitions of the reward and of who is silent",
    r"1 at its own arm and 0\s+elsewhere|counted from 0": "the score by its definition",
    r"0 (?:if one response has|when one arm is)|in a corner it is 0|from 0 to 1": "entropy and baselines at their ends",
    r"ratio\s+is 1\b|from 1 than|share of 0\b|threshold below 1|which is almost 0": "limits",
    r"the loss\s+is 0 whatever|its loss is not 0|divisor is 0|deviation is 0|sides is 0": "0, and nothing else",
    r"of GRPO and of QAE are 0|1\s+over (?:ε|\.)|gives 1 to every winner and -1": "estimators by their definitions",
}


def prose(path: Path) -> str:
    """The text of a lesson, without the links around its words."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.sub(r"\[([^\]]*)\]\(glossary\.ipynb#[^)]*\)", r"\1", text)


def fraction(value: float) -> str:
    """A number as a fraction with a small denominator."""
    found = Fraction(value).limit_denominator(100)
    assert abs(float(found) - value) < 1e-9
    return str(found).replace("-", "−")


@cache
def losers_and_winners() -> tuple[float, float, float]:
    """One of ten: the winner's and a loser's advantage under the mean, and the winner's under the 0.4-quantile."""
    under_mean, under_quantile = grpo(TEN, eps=0), qae(TEN, k=0.4, eps=0)
    assert (under_quantile[1:] == 0).all()
    assert sum(under_mean) == pytest.approx(0)
    return float(under_mean[0]), float(under_mean[1]), float(under_quantile[0])


def one_in_ten() -> list[str]:
    winner, loser, alone = losers_and_winners()
    more = {Fraction(1, 9): "a ninth more"}[Fraction(alone / winner - 1).limit_denominator(100)]
    each = f"{fraction(9 * loser)}"
    return [
        f"from their mean, here {np.std(TEN):.1f}.",
        f"gives the winner +{winner:.0f} and each loser {fraction(loser)}. Nine times {fraction(loser)} is {each}",
        f"**The quantile** is {quantile_baseline(TEN, 0.4):.0f}. The winner gets $1/\\sigma = {1 / np.std(TEN):.2f}$, "
        f"{more}, and each loser exactly 0",
        f"pushes the wrong response up by {winner:.0f}, and the correct one *down* by {fraction(-loser)}. The quantile "
        f"pushes the wrong one up by {alone:.2f}, {more}",
    ]


def the_gate() -> list[str]:
    six = [1.0] * 6 + [0.0] * 4
    linear = float(quantile_baseline(six, 0.4, quantile="linear"))
    assert linear == pytest.approx(np.mean(six))
    over = " ".join(item.over for item in verify(["qae.eq4"], quick=True).results[0].outcome.evidence)
    low, high = re.findall(r"G = (\d+)\.\.(\d+)", over)[0]
    return [f"the interpolated quantile is {linear:.1f}, which is the mean", f"for groups of {low} to {high} responses"]


def the_baseline_cancels() -> list[str]:
    assert turn("rloo") == pytest.approx(0, abs=1e-9)
    rewards = np.random.default_rng(0).normal(size=7)
    np.testing.assert_allclose(dr_grpo(rewards), 6 / 7 * rloo(rewards))
    return [f"which do not divide by $\\sigma$, it is {abs(turn('dr_grpo')):.0f}."]


def another_clock() -> list[str]:
    bandit = (PAGE / "bandit.ts").read_text(encoding="utf-8")
    (prompts,) = re.findall(r"PROMPTS = (\d+)", bandit)
    return [
        f"A whole training now: {prompts} prompts",
        f"has left the range {1 - _CLIP:.1f} to {1 + _CLIP:.1f} in the direction",
        "Here prompts have 3 arms, and groups 16 responses.",
    ]


def verify_the_theorems() -> list[str]:
    assert not prove_positive(lambda x: x * x - x + 0.25, (0, 1)).holds
    assert prove_positive(lambda x: x * x - x + 0.25 + 1 / 1000, (0, 1)).holds
    return ["It touches zero at 1/2", "lifted by 1/1000 it is proved", "to a width of 1/1000"]


def a_language_model() -> list[str]:
    steps = max(config.minibatches for study in STUDIES.values() for configs in [study.arms(Make("small"))]
                for config in configs.values())  # fmt: skip
    return [f"up to {steps} steps on a batch", "whole 95 % interval"]


def a_real_trainer() -> list[str]:
    from qae_sim.engines.demo.trl_runs import RECIPES, recorded

    warm, (_, cold) = recorded()["about"]["settings"], RECIPES["QAE, no warm-up"]
    assert cold["warmup_steps"] == 0
    rates = [f"{settings['learning_rate']:.0e}".replace("e-0", "e-") for settings in (warm, cold)]
    return [
        f"over the first {warm['warmup_steps']} steps the learning rate rose to {rates[0]}",
        f"a learning rate of {rates[1]} from the first step on",
    ]


def misconceptions() -> list[str]:
    rewards = [1.0] + [0.0] * 7
    more = qae(rewards, k=0.4, eps=0)[0] / grpo(rewards, eps=0)[0]
    return [f"by {fraction(more)} if one of eight is correct"]


def group_bias() -> list[str]:
    for g in (4, 8, 16):
        zero = g ** (-1 / (g - 1))
        for p, sign in ((zero - 0.01, -1), (zero, 0), (zero + 0.01, 1)):
            assert np.sign(round(own_reward_bias(g, p), 12)) == sign
    return ["the zero moves to $G^{-1/(G-1)}$"]


def own_reward_bias(g: int, p: float) -> float:
    """Mean of p - p̂ in mixed groups around a correct response: of the others up to g - 2 are correct."""
    correct = np.arange(g - 1)
    weight = np.array([comb(g - 1, c) * p**c * (1 - p) ** (g - 1 - c) for c in correct])
    return float(p - (weight * (1 + correct) / g).sum() / weight.sum())


def questions() -> list[str]:
    silent = [f"{100 * (0.18**g + 0.82**g):.0f} %" for g in (2, 8, 16)]
    nearly, clear = (np.asarray(grpo(r, eps=0)) for r in ([1, 1, 1, 1.00001], [0, 0, 0, 1]))
    np.testing.assert_allclose(nearly, clear, rtol=1e-5)
    six = [1.0] * 6 + [0.0] * 4
    assert (np.asarray(qae(six, k=0.4, quantile="linear")) != 0).all()
    assert np.asarray(rloo_std([1, 0, 0, 0]))[0] >= 1e5
    p = np.arange(1, 1000) / 1000
    speed = expected_advantages("qae", p, 16, k=0.4, eps=0.0).c / expected_advantages("grpo", p, 16, eps=0.0).c
    low, high = (f"{value:.2f}".lstrip("0") for value in (speed.min(), speed.max()))
    linear = f"{quantile_baseline(six, 0.4, quantile='linear'):.1f}".lstrip("0")
    added = {}
    for g in (4, 32):
        every, mixed = re.findall(r"(\d+\.\d) %", QuantileGate.from_state(f"view=sparsity&g={g}").words())[:2]
        added[g] = float(every) - float(mixed)
    assert 1 < added[32] < 2
    return [
        # test_questions.py looks at the pictures
        "the share is 0 with one step a batch, and not with 16",
        f"in the picture {added[4]:.0f} points with $G = 4$, and less than 2 with $G = 32$",
        "one reward is 1 and all others are .9: set those to 0",
        "one reward is .7 and all others are 0: raise all of them by .3",
        f"it is {silent[0]} with $G = 2$, {silent[1]} with $G = 8$ and {silent[2]} with $G = 16$",
        f"Rewards 1, 1, 1 and 1.00001 get the same advantages as 0, 0, 0 and 1: {clear[0]:.2f} three times, and "
        f"+{clear[3]:.2f}",
        f"and $K = .4$, it is {linear}, which is the group's mean",
        f"QAE's speed is between {low} and {high} times that of the mean (G = 16, K = .4)",
    ]


#: What computes the numbers of a lesson, as parts of its text.
RESULTS: dict[str, Callable[[], list[str]]] = {
    "01_one_in_ten": one_in_ten,
    "02_the_gate": the_gate,
    "03_the_baseline_cancels": the_baseline_cancels,
    "04_another_clock": another_clock,
    "11_verify_the_theorems": verify_the_theorems,
    "12_language_model": a_language_model,
    "13_real_trainer": a_real_trainer,
    "15_misconceptions": misconceptions,
    "16_group_bias": group_bias,
    "17_questions": questions,
}


def unknown_numbers(text: str, results: list[str]) -> list[str]:
    """Numbers of a text that are neither in its results nor definitions, each with what stands around it."""
    for result in results:
        assert " ".join(result.split()) in " ".join(text.split()), result
        text = re.sub(r"\s+".join(map(re.escape, result.split())), "", text)
    for definition in DEFINITIONS:
        text = re.sub(definition, "", text)
    text = " ".join(text.split())
    return [text[max(0, found.start() - 40) : found.end() + 30] for found in re.finditer(r"[−+-]?\d[\d.,]*", text)]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_number_is_known(path: Path) -> None:
    results = RESULTS.get(path.stem, list)()
    assert unknown_numbers(prose(path), results) == []


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_every_definition_is_needed(definition: str) -> None:
    assert any(re.search(definition, prose(path)) for path in LESSONS)


def test_a_wrong_number_is_found() -> None:
    assert unknown_numbers("It is 3.", ["It is 3."]) == []
    assert unknown_numbers("It is 3.", []) == ["It is 3."]
    assert unknown_numbers("With $K = 3$ in lesson 3.", []) == []
    with pytest.raises(AssertionError):
        unknown_numbers("It is 4.", ["It is 3."])
