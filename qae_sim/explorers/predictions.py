"""Predictions of the lessons by name, so that no notebook shows an answer above its question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from qae_sim.arrays import invalid

if TYPE_CHECKING:
    from qae_sim.logs.digest import Digest


@dataclass(frozen=True)
class Prediction:
    """A question that is answered before one looks.

    Attributes:
        question: The question.
        options: What can be answered.
        answer: Place of the right one, from 0.
        why: What is said to each answer once it is locked.

    Raises:
        ValueError: There are fewer than two options, not one explanation for each, or no such answer.

    Example:
        >>> Prediction("How many?", ("one", "two"), 1, ("There are more.", "One and one.")).answer
        1
    """

    question: str
    options: tuple[str, ...]
    answer: int
    why: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.options) < 2:
            raise invalid("options", self.options, "at least two")
        if len(self.why) != len(self.options):
            raise invalid("why", self.why, f"one explanation for each of {len(self.options)} options")
        if not 0 <= self.answer < len(self.options):
            raise invalid("answer", self.answer, f"from 0 to {len(self.options) - 1}")


_FIXED: dict[str, Prediction] = {
    "gate-1": Prediction(
        "Three of sixteen responses are correct, and K = 0.4. How many of the sixteen get exactly zero under QAE?",
        ("none", "three", "six", "thirteen"),
        3,
        (
            "That is GRPO: it moves every response.",
            "It is the other way round: the three correct ones count.",
            "The quantile sits at the seventh response, but what counts is its reward.",
            "The baseline is 0, so all wrong responses get exactly nothing.",
        ),
    ),
    "entropy-1": Prediction(
        "A rare arm is correct, and its logit is raised. What happens to the entropy?",
        ("It falls", "It rises", "It stays"),
        1,
        (
            "Only if the arm is already likelier than exp(-H).",
            "What is rare becomes less rare: the policy spreads.",
            "It would for an arm of probability exp(-H).",
        ),
    ),
    "proposition-1": Prediction(
        "Replace the paper's update by the exact gradient of the expected reward. "
        "What becomes of the two inequalities?",
        ("They get stricter", "They become equalities", "They turn round"),
        1,
        (
            "The baseline cancels in the gradient, so nothing can get stricter.",
            "The score pushes every logit by -π times the mean advantage, and the baseline cancels.",
            "There is nothing left to turn round: the baseline cancels.",
        ),
    ),
    "clock-1": Prediction(
        "Plain gradient steps, one per batch. How much does the entropy's path differ between mean and quantile?",
        ("A lot: QAE avoids a spike", "Hardly: the same path at another pace", "QAE explodes"),
        1,
        (
            "That takes another optimiser: try the preset 'The optimiser decides'.",
            "The expected update has the same direction for every baseline; only its speed differs, and little.",
            "K = .8 keeps more entropy, but through noise, and it does not explode.",
        ),
    ),
    "bias-1": Prediction(
        "p = 0.6, groups of 8 with both rewards. A correct response's advantage r - p̂ is, on average, ...",
        ("too small", "right", "too large"),
        0,
        (
            f"Its own 1 is part of the mean, and that pulls p̂ up until p = {8 ** (-1 / 7):.3f}.",
            f"Only at p = 8^(-1/7) = {8 ** (-1 / 7):.3f}.",
            "That is what Theorem 1 says of easy prompts, averaged over the own reward.",
        ),
    ),
    "anchor-1": Prediction(
        "The soft anchor's gain is η times the spread of its own last beliefs. What does it do after a long calm?",
        ("It jumps to the new level at once", "It hardly moves any more", "It oscillates"),
        1,
        (
            "For that its gain would have to be large, and the calm has made it small.",
            "A small gain makes for a small spread, and that for a smaller gain.",
            "Nothing pushes it: a weighted mean does not overshoot.",
        ),
    ),
    "tokens-1": Prediction(
        "A word is in every response of the group, correct or wrong. Its key-token value is ...",
        ("positive", "zero", "negative"),
        1,
        (
            "It does not tell correct from wrong.",
            "Its table is the only one possible: p = 1, and no information.",
            "It does not tell correct from wrong.",
        ),
    ),
    "estimators-1": Prediction(
        "All eight responses are correct. Which estimator can still give advantages other than zero?",
        ("GRPO", "QAE", "REINFORCE++"),
        2,
        (
            "Its group mean is 1 like every reward.",
            "Its quantile is 1 like every reward.",
            "It subtracts the mean of the whole batch, in which other groups have other rewards.",
        ),
    ),
    "verify-1": Prediction(
        "Of the claims checked here, how many hold exactly as stated?",
        ("nearly all", "about half", "hardly any"),
        1,
        (
            "Many need one more assumption.",
            "The others need a condition, have a counterexample, or are open.",
            "Most core theorems do hold.",
        ),
    ),
    "winner-1": Prediction(
        "GRPO, one correct response among ten. Which advantage is the largest in size?",
        ("the winner's", "a loser's", "both are equal"),
        0,
        (
            "+3 against -1/3: the lone winner gets nine times as much.",
            "A loser gets -1/3.",
            "They add up to zero, ten of them.",
        ),
    ),
    "knob-1": Prediction(
        "Which K ends with the most entropy?",
        ("K = .2", "K = .4", "K = .8", "It makes no difference"),
        2,
        (
            "A small K praises: entropy falls.",
            "That lies in between.",
            "A large K mostly punishes, and what is punished spreads out: K is an entropy knob.",
            "In a bandit with exact gradients, yes. Here there are several clipped steps per batch, and Adam.",
        ),
    ),
}


def _trainer() -> Prediction:
    """Which recipe wins among the recorded runs of TRL, with the differences between them."""
    from qae_sim.engines.demo.trl_runs import curve
    from qae_sim.lm.studies.evidence import interval

    ends = {name: curve(name, "pass_1")[1][:, -1] for name in ("mean", "QAE", "HA-DW")}
    gaps = [interval(f"{name} minus mean", ends[name] - ends["mean"]) for name in ("QAE", "HA-DW")]
    shares = {name: f"{end.mean():.2f}" for name, end in ends.items()}
    return Prediction(
        "Which recipe has the best pass@1 on held-out prompts after the last step?",
        ("The mean", "QAE, K = .4", "HA-DW", "So few seeds cannot tell them apart"),
        3,
        (
            f"Its average is {shares['mean']}, but the seeds differ by more than what lies between the recipes.",
            f"{shares['QAE']} against {shares['mean']} with the mean, and the seeds differ by more than that.",
            f"{shares['HA-DW']} against {shares['mean']} with the mean, and the seeds differ by more than that.",
            "; ".join(f"{g.setting}: {g.mean:+.3f} [{g.low:+.3f}, {g.high:+.3f}]" for g in gaps) + ".",
        ),
    )


def _silenced(digest: Digest) -> Prediction:
    """How many responses of a log QAE would have silenced."""
    from qae_sim.logs.digest import KS

    silenced = 100 * digest.silenced_by_k
    silent, most = silenced[KS.index(0.4)], silenced.max()
    near = 10 * round(silent / 10)
    others = [share for share in (80, 50, 20) if share != near][:2]
    said = {
        80: "The share is no property of QAE. It follows from the success rates, and these prompts are seldom extreme.",
        50: "That would be the case if half of the responses to each prompt were correct.",
        20: "Then the prompts would have to be far more middling than they are.",
        near: f"It is {silent:.0f} %: it follows from the success rates. Here no K silences more than {most:.0f} %.",
    }
    shares = sorted([*others, near], reverse=True)
    return Prediction(
        "What share of the responses would QAE at K = .4 have silenced in this run?",
        tuple(f"About {share} %" for share in shares),
        shares.index(near),
        tuple(said[share] for share in shares),
    )


#: Predictions by name; some are made from recorded runs, or from a log that is given.
PREDICTIONS: Mapping[str, Callable[..., Prediction]] = MappingProxyType(
    {name: (lambda found=found: found) for name, found in _FIXED.items()}
    | {"trainer-1": _trainer, "silenced-1": _silenced}
)


def prediction(name: str, *about: Any) -> Prediction:
    """Find a prediction.

    Args:
        name: Its name, see :data:`PREDICTIONS`.
        *about: What it is about, where it is about something: the digest of a log for ``"silenced-1"``.

    Returns:
        The prediction.

    Raises:
        ValueError: There is no such prediction.

    Example:
        >>> prediction("gate-1").options
        ('none', 'three', 'six', 'thirteen')
    """
    if name not in PREDICTIONS:
        raise invalid("name", name, f"one of {', '.join(PREDICTIONS)}")
    return PREDICTIONS[name](*about)
