"""Predictions of the electives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from qae_sim.explorers.predictions.kinds import AnyPrediction, Prediction

if TYPE_CHECKING:
    from qae_sim.logs.digest import Digest


def _tokens() -> Prediction:
    return Prediction(
        "A word is in every response of the group, correct or wrong. Its key-token value is ...",
        ("positive", "zero", "negative"),
        1,
        (
            "It does not tell correct from wrong.",
            "Its table is the only one possible: p = 1, and no information.",
            "It does not tell correct from wrong.",
        ),
    )


def _estimators() -> Prediction:
    return Prediction(
        "All eight responses are correct. Which estimator can still give advantages other than zero?",
        ("GRPO", "QAE", "REINFORCE++"),
        2,
        (
            "Its group mean is 1 like every reward.",
            "Its quantile is 1 like every reward.",
            "It subtracts the mean of the whole batch, in which other groups have other rewards.",
        ),
    )


def _verify() -> Prediction:
    return Prediction(
        "Of the claims checked here, how many hold exactly as stated?",
        ("nearly all", "about half", "hardly any"),
        1,
        (
            "Many need one more assumption.",
            "The others need a condition, have a counterexample, or are open.",
            "Most core theorems do hold.",
        ),
    )


def _winner() -> Prediction:
    return Prediction(
        "GRPO, one correct response among ten. Which advantage is the largest in size?",
        ("the winner's", "a loser's", "both are equal"),
        0,
        (
            "+3 against -1/3: the lone winner gets nine times as much.",
            "A loser gets -1/3.",
            "They add up to zero, ten of them.",
        ),
    )


def _trial() -> Prediction:
    """What the trial says of QAE and addition."""
    from qae_sim.explorers.trial import decided

    (found,) = (c for c in decided("addition") if (c.arm, c.quantity) == ("QAE, K = .4", "pass_1, run"))
    interval = f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
    return Prediction(
        f"QAE's paper reports a higher pass@1. Here addition is learned from {found.seeds} base models, from each "
        "with the mean and with QAE, K = .4. The margin is 0.02. Over the whole run, QAE's pass@1 is ...",
        ("higher", "lower", "equivalent", "undecided"),
        2,
        (
            f"QAE minus mean: {interval}. That is below 0.",
            f"It is a little lower, {interval}, but all of the interval lies within the margin.",
            f"QAE minus mean: {interval}, all of it within the margin.",
            f"QAE minus mean: {interval}. So many pairs of runs leave less doubt than the margin allows.",
        ),
    )


def _knob() -> Prediction:
    return Prediction(
        "The style task, and QAE with K = .2, .4, .6 and .8, all else alike. Which K ends with the most entropy?",
        ("K = .2", "K = .4", "K = .8", "It makes no difference"),
        2,
        (
            "A small K praises: entropy falls.",
            "That lies in between.",
            "A large K mostly punishes, and what is punished spreads out: K is an entropy knob.",
            "In a bandit with exact gradients, yes. Here there are several clipped steps per batch, and Adam.",
        ),
    )


def _bias() -> Prediction:
    return Prediction(
        "p = 0.6, groups of 8 with both rewards. A correct response's advantage r - p̂ is, on average, ...",
        ("too small", "right", "too large"),
        0,
        (
            f"Its own 1 is part of the mean, and that pulls p̂ up until p = {8 ** (-1 / 7):.3f}.",
            f"Only at p = 8^(-1/7) = {8 ** (-1 / 7):.3f}.",
            "That is what Theorem 1 says of easy prompts, averaged over the own reward.",
        ),
    )


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


def _errors() -> Prediction:
    return Prediction(
        "A verifier takes one wrong response in ten for correct, whichever one that is. What does this do to GRPO's "
        "arrow, on average over all groups?",
        (
            "It turns to the wrong arms",
            "It gets shorter, and does not turn",
            "It gets longer, and does not turn",
            "Nothing: errors cancel",
        ),
        1,
        (
            "Each wrong arm is rewarded as often as the other. What is added to all arms alike cancels.",
            "A correct arm still gets a reward more often than a wrong one, by 0.9 instead of 1. The rest cancels.",
            "There are more rewards, but what counts is how much more often a correct arm gets one: less.",
            "What they add to all arms alike cancels. But they also bring correct and wrong arms nearer to each other.",
        ),
    )


#: By name.
PREDICTIONS: Mapping[str, Callable[..., AnyPrediction]] = MappingProxyType(
    {
        "tokens-1": _tokens,
        "estimators-1": _estimators,
        "verify-1": _verify,
        "winner-1": _winner,
        "trial-1": _trial,
        "knob-1": _knob,
        "bias-1": _bias,
        "errors-1": _errors,
        "trainer-1": _trainer,
        "silenced-1": _silenced,
    }
)
