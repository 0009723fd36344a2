"""What the trial was asked: each question with what a paper or a theorem predicts, and where its answer stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qae_sim.lm.protocols import ArmComparison

#: What a verdict says about a difference to the mean baseline.
VERDICTS = {
    "yes": "higher",
    "no": "lower",
    "equivalent": "equivalent",
    "undecided": "undecided",
}
#: The parts of a run over which a metric is averaged, in words.
PARTS = {"run": "over the run", "end": "at its end"}


@dataclass(frozen=True)
class Question:
    """A question to the trial ``main``.

    Attributes:
        name: Its name, for links.
        title: The question.
        setting: The setting in which it is asked.
        arms: The arms that are compared with the mean baseline.
        metric: The metric that answers it, as in the protocol's margins.
        predicted: What was predicted, and by whom.
        paper: What the paper shows at its own scale.
        claims: Claims that belong to it.
    """

    name: str
    title: str
    setting: str
    arms: tuple[str, ...]
    metric: str
    predicted: str
    paper: str
    claims: tuple[str, ...] = ()


_QAE_AT_8B = (
    "Qwen3-8B-Base with Clip-Higher, AIME'24: pass@1 39.69 with the mean and 48.23 with QAE at K = .4 (QAE, "
    "Table 2); one run each, no interval given."
)
_HA_DW_AT_8B = (
    "Qwen3-4B, Qwen3-8B and LLaMA-3.2-3B on five benchmarks: HA-DW is reported above GRPO, GSPO and DAPO (HA-DW's "
    "main results)."
)

QUESTIONS: tuple[Question, ...] = (
    Question(
        "lengths",
        "With GRPO's own loss, does the quantile lengthen responses?",
        "lengths",
        ("QAE, K = .8", "QAE, K = .2"),
        "length",
        "Longer at K = .8 and shorter at K = .2, by a theorem: where each response is weighted by 1/|o|, advantages "
        "that do not sum to zero press on the length. At K = .8 only wrong responses count on most prompts, and they "
        "cost less per token where they are longer; at K = .2 it is the correct ones that count, and they gain more "
        "per token where they are shorter.",
        "At K = .8 response lengths diverge, at K = .2 they stay compact (QAE, App. D.3, Fig. 9). That was under the "
        "token mean of a batch, where this pressure is hundreds of times smaller: it is not the cause there.",
        ("qae.length-pressure-by-k", "estimators.length-pressure-size", "qae.lengths"),
    ),
    Question(
        "lengths-token-mean",
        "And with the token mean of a batch?",
        "learned",
        ("QAE, K = .8", "QAE, K = .2"),
        "length",
        "No difference that could be seen here: over a batch of 64 prompts the pressure is hundreds of times smaller.",
        "As above.",
        ("estimators.length-pressure-size",),
    ),
    Question(
        "qae-addition",
        "Does QAE raise pass@1 on addition?",
        "addition",
        ("QAE, K = .4", "QAE, K = .2"),
        "pass_1",
        "Higher, by the paper. By the theory of these pages only the speed differs from prompt to prompt: at G = 16 "
        "and K = .4 it is between .83 and 1.07 times the mean's.",
        _QAE_AT_8B,
    ),
    Question(
        "qae-learned",
        "Does QAE raise pass@1 on the learned rule?",
        "learned",
        ("QAE, K = .4", "QAE, K = .2", "QAE, K = .8"),
        "pass_1",
        "Higher, by the paper, at K = .4 and not at .8. All recipes solve the task: what differs is how soon.",
        _QAE_AT_8B,
    ),
    Question(
        "ha-dw-addition",
        "Does HA-DW raise pass@1 on addition?",
        "addition",
        ("HA-DW, window 10", "HA-DW, running mean"),
        "pass_1",
        "Higher, by the paper: hard prompts count more. The anchor of window 10 moves by its own rule; the running "
        "mean is what a window that the run never fills amounts to.",
        _HA_DW_AT_8B,
    ),
    Question(
        "ha-dw-learned",
        "Does HA-DW raise pass@1 on the learned rule?",
        "learned",
        ("HA-DW, window 10",),
        "pass_1",
        "Higher, by the paper.",
        _HA_DW_AT_8B,
    ),
    Question(
        "entropy-addition",
        "Does QAE keep the policy's entropy on addition?",
        "addition",
        ("QAE, K = .4", "QAE, K = .2"),
        "entropy",
        "Between collapse and explosion at K = .4, lower at K = .2 (Proposition 4.2 and App. D.3). The proposition "
        "speaks of one exact first-order step of a bandit.",
        "With the mean an explosion at about step 100, with QAE at K = .4 none (QAE, Fig. 1 and App. D.4).",
        ("qae.prop4.2-low", "qae.prop4.2-high"),
    ),
    Question(
        "entropy-learned",
        "Does QAE keep the policy's entropy on the learned rule?",
        "learned",
        ("QAE, K = .4", "QAE, K = .2", "QAE, K = .8"),
        "entropy",
        "As on addition: higher with a higher K.",
        "Larger K, more entropy (QAE, Fig. 9).",
        ("qae.higher-k", "qae.higher-k-sampled"),
    ),
)

#: Questions to the trial ``tasks``. They were put into words when its runs were there.
TASK_QUESTIONS: tuple[Question, ...] = (
    Question(
        "countdown",
        "Do QAE and HA-DW raise pass@1 on countdown?",
        "countdown",
        ("QAE, K = .4", "QAE, K = .2", "HA-DW, window 10"),
        "pass_1",
        "Higher, by both papers.",
        f"{_QAE_AT_8B} {_HA_DW_AT_8B}",
    ),
    Question(
        "few-prompts",
        "And QAE on the learned rule, where a gradient step sees two prompts?",
        "stress",
        ("QAE, K = .4",),
        "pass_1",
        "Higher, by the paper, whose own steps see 32 prompts.",
        _QAE_AT_8B,
    ),
)


def answers(question: Question, comparisons: Sequence[ArmComparison]) -> dict[str, dict[str, ArmComparison]]:
    """Find what answers a question.

    Args:
        question: The question.
        comparisons: What the runs of the trial say, see :func:`~qae_sim.lm.protocols.judge`.

    Returns:
        Comparisons by arm, and by part of the run (:data:`PARTS`).
    """
    found = {(c.arm, c.quantity): c for c in comparisons if c.setting == question.setting}
    return {arm: {part: found[arm, f"{question.metric}, {part}"] for part in PARTS} for arm in question.arms}


def said(comparison: ArmComparison) -> str:
    """Write a difference with its interval, and what it means.

    Args:
        comparison: The comparison.

    Returns:
        Plain text.

    Example:
        >>> said(ArmComparison("addition", "QAE, K = .2", "pass_1, run", 0.006, 0.002, 0.01, 0.01, "yes", 0.005, 16))
        '+0.006 [+0.002, +0.010], higher'
    """
    within = f"[{signed(comparison.low)}, {signed(comparison.high)}]"
    return f"{signed(comparison.mean)} {within}, {VERDICTS[comparison.verdict]}"


def signed(value: float) -> str:
    """Write a number with its sign, and three digits after the point.

    Args:
        value: The number.

    Returns:
        Its text.
    """
    return f"{value:+.3f}".replace("-", "−")
