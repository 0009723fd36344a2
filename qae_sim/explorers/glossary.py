"""The words of the lessons: what each means, its symbol, where it is introduced, and what it is never called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from qae_sim.arrays import invalid

#: The notebook that lists all terms, each under a heading of its own.
PAGE = "glossary.ipynb"


@dataclass(frozen=True)
class GlossaryTerm:
    """A word with one meaning.

    Attributes:
        name: The word.
        symbol: Its symbol in formulas, in LaTeX; empty if it has none.
        says: What it means, in one or two sentences of Markdown.
        lesson: The lesson that introduces it, by the name of its notebook.
        forms: Regular expressions of what stands for it in a text, besides its name and the plural of its name.
        never: Regular expressions of words that would be a second name for it.
    """

    name: str
    symbol: str
    says: str
    lesson: str
    forms: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """Its place on the glossary's page, as JupyterLab names the places of headings."""
        return self.name.replace(" ", "-")

    @property
    def pattern(self) -> re.Pattern[str]:
        """What stands for it in a text."""
        either = "|".join((f"{re.escape(self.name)}s?", *self.forms)).replace("\\ ", r"\s+")
        return re.compile(rf"(?<![\w-])(?:{either})(?![\w-])", 0 if self.name[:1].isupper() else re.IGNORECASE)

    def __repr__(self) -> str:
        symbol = f" ({self.symbol})" if self.symbol else ""
        return f"{self.name}{symbol}: {self.says}"

    def _repr_markdown_(self) -> str:
        symbol = f" (${self.symbol}$)" if self.symbol else ""
        return f"**{self.name}**{symbol}: {self.says}"


def look_up(name: str) -> GlossaryTerm:
    """Look a word up.

    Args:
        name: The word, as the glossary writes it.

    Returns:
        What it means.

    Raises:
        ValueError: The glossary does not have it.

    Example:
        >>> look_up("silent")
        silent: Said of a response whose advantage is exactly 0: it pushes nothing.
    """
    if name not in GLOSSARY:
        raise invalid("name", name, f"one of {', '.join(GLOSSARY)}")
    return GLOSSARY[name]


def _one_in_ten() -> Iterator[GlossaryTerm]:
    here = "01_one_in_ten"
    yield GlossaryTerm("prompt", "", "What the model is asked.", here, never=("quer(?:y|ies)", "questions?"))
    yield GlossaryTerm(
        "response",
        "o",
        "What the model writes to a prompt. Its length $|o|$ is its number of tokens.",
        here,
        never=("answer(?:s|ed)?", "completions?", "rollouts?", "solutions?"),
    )
    yield GlossaryTerm("group", "", "The responses to one prompt that are judged together.", here)
    yield GlossaryTerm("group size", "G", "The number of responses in a group.", here)
    yield GlossaryTerm("verifier", "", "A program that looks at a response and gives it its reward. It can err.", here)
    yield GlossaryTerm(
        "correct",
        "",
        "Said of a response whose result is what the prompt asks for; all other responses are *wrong*.",
        here,
        never=("right", "incorrect"),
    )
    yield GlossaryTerm(
        "reward",
        "r",
        "The number that the verifier gives to a response: 1 if it takes it for correct, else 0. Where rewards have "
        "more "
        "values than these two, the lesson says so.",
        here,
    )
    yield GlossaryTerm(
        "success rate",
        "p",
        "In a group the share of responses with reward 1, also written $\\hat p$; of a policy on a prompt the "
        "probability that a response is correct.",
        here,
        never=("p-values?", "accurac(?:y|ies)", "solve rates?", "pass rates?"),
    )
    yield GlossaryTerm("baseline", "b", "The number that is subtracted from the rewards of a group.", here)
    yield GlossaryTerm(
        "GRPO",
        "",
        "Group relative policy optimization: the baseline is the mean of the group's rewards, and what remains is "
        "divided "
        "by their standard deviation. Pictures call it *the mean*.",
        here,
    )
    yield GlossaryTerm(
        "standard deviation",
        "\\sigma",
        "How far numbers typically lie from their mean: the root of the mean of their squared distances from it. For "
        "rewards 1 and 0 it is $\\sqrt{p(1-p)}$.",
        here,
    )
    yield GlossaryTerm(
        "advantage",
        "A",
        "What an estimator gives to a response: training pushes the response up where it is positive, down where it is "
        "negative.",
        here,
    )
    yield GlossaryTerm(
        "winner",
        "",
        "A response with reward 1.",
        here,
        never=("successes", "(?:a|one|lone|second|every|each|mean) success(?! rates?)"),
    )
    yield GlossaryTerm("loser", "", "A response with reward 0.", here, never=("failures?",))
    yield GlossaryTerm(
        "quantile",
        "K",
        "The K-quantile of a group is the smallest of its rewards that at least a share $K$ of the rewards does not "
        "exceed.",
        here,
        forms=("(?:K|0\\.4)-quantile",),
    )
    yield GlossaryTerm(
        "QAE",
        "",
        "Quantile advantage estimation: the baseline is the K-quantile of the group's rewards, and what remains is "
        "divided by their standard deviation.",
        here,
    )
    yield GlossaryTerm("silent", "", "Said of a response whose advantage is exactly 0: it pushes nothing.", here)
    yield GlossaryTerm("TRL", "", "A library of trainers for language models by Hugging Face; *verl* is another.", here)
    yield GlossaryTerm("false positive", "", "A wrong response that the verifier takes for correct.", here)
    yield GlossaryTerm("false negative", "", "A correct response that the verifier takes for wrong.", here)


def _the_gate() -> Iterator[GlossaryTerm]:
    here = "02_the_gate"
    yield GlossaryTerm(
        "hard prompt",
        "",
        "For QAE a prompt with $p \\le 1 - K$, so that its baseline is 0. For HA-DW one with $p < 1/2$ in its "
        "theorem, and "
        "with $\\hat p < C$ in its method.",
        here,
    )
    yield GlossaryTerm(
        "easy prompt", "", "A prompt that is not hard; for QAE one with $p > 1 - K$, so that $b = 1$.", here
    )
    yield GlossaryTerm(
        "HA-DW",
        "",
        "A method that weighs each response by how hard its prompt is for the model at present, which it tells by an "
        "anchor.",
        here,
    )
    yield GlossaryTerm(
        "Beta distribution",
        "",
        "A law for a random number between 0 and 1. Under Beta(a, a) all are equally likely at $a = 1$, and for "
        "smaller "
        "$a$ more of them are near 0 and near 1.",
        here,
        forms=("Beta\\(a, a\\)",),
    )
    yield GlossaryTerm(
        "claim",
        "",
        "A sentence of a paper, or about one, that the package checks by computing; it has a name such as `qae.eq4`.",
        here,
    )


def _the_baseline_cancels() -> Iterator[GlossaryTerm]:
    here = "03_the_baseline_cancels"
    yield GlossaryTerm(
        "policy",
        "\\pi",
        "The probabilities with which a model gives its responses to a prompt.",
        here,
        forms=("policies",),
    )
    yield GlossaryTerm("arm", "a", "One of the few responses that a bandit can give.", here)
    yield GlossaryTerm("bandit", "", "A model whose responses are a handful of arms.", here)
    yield GlossaryTerm(
        "logit",
        "z",
        "A number for each arm, from which the policy is computed: $\\pi_a = e^{z_a} / \\sum_b e^{z_b}$.",
        here,
    )
    yield GlossaryTerm(
        "score",
        "\\nabla \\log \\pi",
        "The direction in the logits that raises the probability of a response fastest: 1 at its own arm and 0 "
        "elsewhere, "
        "minus $\\pi$.",
        here,
    )
    yield GlossaryTerm(
        "policy gradient",
        "",
        "The mean over responses of advantage times score. A step along it makes responses with positive advantages "
        "likelier.",
        here,
    )
    yield GlossaryTerm(
        "estimator",
        "",
        "A rule that makes advantages from rewards. GRPO, QAE, RLOO and Dr. GRPO are four of them.",
        here,
    )
    yield GlossaryTerm(
        "RLOO",
        "",
        "An estimator whose baseline for a response is the mean of the group's *other* rewards, without a division by "
        "$\\sigma$.",
        here,
    )
    yield GlossaryTerm("Dr. GRPO", "", "GRPO without the division by $\\sigma$.", here)
    yield GlossaryTerm(
        "exact average",
        "",
        "The mean of an update over all groups that could be drawn, each as often as it is drawn. It is computed, not "
        "sampled.",
        here,
    )
    yield GlossaryTerm(
        "speed",
        "c",
        "The factor by which an estimator stretches the average update on a prompt; it depends on $p$, on $G$ and "
        "on the "
        "estimator.",
        here,
    )
    yield GlossaryTerm("noise", "", "How the updates of single groups scatter around the exact average.", here)


def _another_clock() -> Iterator[GlossaryTerm]:
    here = "04_another_clock"
    yield GlossaryTerm(
        "entropy",
        "H",
        "How spread out a policy is: $-\\sum_a \\pi_a \\log \\pi_a$, 0 where one arm is certain, largest where all "
        "are equally "
        "likely. For a language model it is the mean of this over the tokens of responses.",
        here,
        forms=("entropies",),
    )
    yield GlossaryTerm("nat", "", "The unit of an entropy that is computed with natural logarithms.", here)
    yield GlossaryTerm("collapse", "", "Entropy that falls so early that other responses are no longer tried.", here)
    yield GlossaryTerm("explosion", "", "Entropy that grows until what was learned is lost.", here)
    yield GlossaryTerm(
        "token", "", "A piece of text that a language model writes at once; a response is a row of them.", here
    )
    yield GlossaryTerm(
        "importance ratio",
        "\\pi/\\pi_\\text{old}",
        "The probability of a response, or of a token, under the policy as it is now, divided by that under the policy "
        "that drew it.",
        here,
    )
    yield GlossaryTerm(
        "clip",
        "\\varepsilon",
        "A limit to the importance ratio: where the ratio has left the range from $1 - \\varepsilon_\\text{low}$ to "
        "$1 + \\varepsilon_\\text{high}$ in the direction of the push, the push is dropped.",
        here,
        forms=("clipped", "clipping"),
    )
    yield GlossaryTerm("momentum", "", "Steps along a running mean of the last updates.", here)
    yield GlossaryTerm(
        "Adam",
        "",
        "An optimiser that takes a running mean of the updates and divides each coordinate by a running root mean "
        "square "
        "of its own.",
        here,
    )


def _entropy_and_covariance() -> Iterator[GlossaryTerm]:
    here = "05_entropy_and_covariance"
    yield GlossaryTerm("step size", "\\eta", "The factor before an update. Trainers call it the learning rate.", here)
    yield GlossaryTerm(
        "first order",
        "",
        "The part of a change that is proportional to the step size: what remains of it, relatively, when steps are "
        "made "
        "ever smaller.",
        here,
        forms=("first-order",),
    )
    yield GlossaryTerm(
        "covariance",
        "\\operatorname{Cov}_\\pi",
        "How far two numbers rise together from arm to arm: the mean of the product of their distances from their "
        "means, "
        "each arm weighted by its probability.",
        here,
    )
    yield GlossaryTerm(
        "two-sided bound",
        "",
        "Two values between which something always lies. Here: the entropy change to first order, between those "
        "with the "
        "baselines 0 and 1.",
        here,
    )


def _proposition_4_2() -> Iterator[GlossaryTerm]:
    here = "06_proposition_4_2"
    yield GlossaryTerm(
        "entropy safety",
        "",
        "What QAE's paper promises: the smallest entropy change of all baselines on hard prompts, the largest on easy "
        "ones.",
        here,
    )
    yield GlossaryTerm(
        "exact policy gradient",
        "",
        "The gradient of the expected reward by the logits, computed without drawing: arm $a$ gets "
        "$\\pi_a (r_a - \\sum_b \\pi_b r_b)$.",
        here,
    )
    yield GlossaryTerm(
        "natural gradient",
        "",
        "A gradient for which the size of a step is measured between policies and not between logits: arm $a$ gets "
        "$r_a - b$.",
        here,
    )
    yield GlossaryTerm(
        "bias", "", "The mean error of an estimate: what is left of its error on average.", here, ("biased",)
    )


def _kalman_anchor() -> Iterator[GlossaryTerm]:
    here = "07_kalman_anchor"
    yield GlossaryTerm(
        "capability", "", "The success rate of the model over all prompts, which changes as it learns.", here
    )
    yield GlossaryTerm(
        "anchor",
        "C",
        "A running estimate of the capability. HA-DW calls a prompt hard where the group's success rate lies below it.",
        here,
    )
    yield GlossaryTerm("batch", "", "The groups of one training step.", here, ("batches",))
    yield GlossaryTerm("gain", "", "The weight that an anchor gives to the newest batch, between 0 and 1.", here)
    yield GlossaryTerm(
        "soft anchor", "", "HA-DW's anchor, whose gain is $\\eta$ times the spread of its own last beliefs.", here
    )
    yield GlossaryTerm("hard anchor", "", "The mean of the last $h$ batches.", here)
    yield GlossaryTerm(
        "Kalman filter",
        "",
        "An anchor that is told how much the capability drifts and how noisy a batch is, and computes its gain from "
        "both.",
        here,
    )
    yield GlossaryTerm(
        "own reward", "", "The reward of the response that is judged; it is part of its group's mean.", here
    )
    yield GlossaryTerm("mixed group", "", "A group with a correct and a wrong response.", here)


def _what_is_left() -> Iterator[GlossaryTerm]:
    here = "08_what_is_left"
    yield GlossaryTerm("net push", "", "The mean of a group's advantages. Under the mean baseline it is 0.", here)
    yield GlossaryTerm(
        "loss",
        "",
        "What a trainer makes small. Its divisor decides how much each token of a response counts.",
        here,
        forms=("losses",),
    )
    yield GlossaryTerm(
        "token mean",
        "",
        "A loss that divides the sum over all tokens of the batch by their number, so that each token counts the same.",
        here,
        forms=("mean over the tokens of the batch", "mean over tokens"),
    )
    yield GlossaryTerm(
        "credit", "", "What a response, or a part of one, counts in the loss: its advantage times its weight.", here
    )
    yield GlossaryTerm(
        "pass@1",
        "",
        "The success rate of one response a prompt, averaged over prompts, mostly *held-out* ones that are kept out of "
        "training.",
        here,
    )
    yield GlossaryTerm("seed", "", "The number from which all random numbers of a run are made.", here)


def _electives() -> Iterator[GlossaryTerm]:
    here = "09_key_tokens"
    yield GlossaryTerm(
        "KTAE",
        "",
        "Key-token advantage estimation: it adds to a response's advantage, token by token, how far the token's "
        "presence "
        "goes with correct responses of the same group.",
        here,
    )
    yield GlossaryTerm(
        "key-token value",
        "",
        "What KTAE adds to a token's advantage: positive for tokens that go with correct responses, negative for those "
        "that go with wrong ones.",
        here,
    )
    yield GlossaryTerm(
        "contingency table",
        "",
        "Four counts: correct and wrong responses, with the token and without it.",
        here,
    )
    yield GlossaryTerm(
        "Fisher test",
        "",
        "A test of a contingency table: how probable is a table at least as uneven if the token has nothing to do with "
        "the reward? This probability is its *p-value*.",
        here,
        forms=("Fisher's exact test",),
    )
    here = "10_all_estimators"
    yield GlossaryTerm("mask", "", "An estimator that sets the advantages of one side of a group to 0.", here)
    yield GlossaryTerm(
        "reference model",
        "",
        "A copy of the model that is not trained, with whose responses others are compared.",
        here,
    )
    yield GlossaryTerm(
        "critic", "", "A second network that predicts the reward of a response from its beginning.", here
    )
    yield GlossaryTerm(
        "dynamic sampling",
        "",
        "Groups whose rewards are all equal are thrown away, and other prompts are drawn until the batch is full of "
        "mixed "
        "groups.",
        here,
    )
    yield GlossaryTerm(
        "pass@k",
        "",
        "The share of prompts on which at least one of $k$ responses is correct.",
        here,
        forms=(r"pass@(?:\d\d|[2-9])",),
    )
    here = "11_verify_the_theorems"
    yield GlossaryTerm(
        "verdict",
        "",
        "What a check says of a claim: certified, conditional (it needs one more condition), refuted (there is a "
        "counterexample), statistical, undecided, or open (not checked).",
        here,
    )
    yield GlossaryTerm(
        "certified", "", "Said of a claim that exact or rigorous arithmetic has confirmed as it stands.", here
    )
    yield GlossaryTerm(
        "interval arithmetic",
        "",
        "Arithmetic with intervals that are certain to contain the true number, so that rounding cannot deceive.",
        here,
    )
    here = "12_language_model"
    yield GlossaryTerm(
        "RLVR",
        "",
        "Reinforcement learning with verifiable rewards: a program, and no person, gives the rewards.",
        here,
    )
    yield GlossaryTerm("base model", "", "The model with which a training by rewards begins.", here)
    yield GlossaryTerm(
        "recipe", "", "All that distinguishes one training from another: estimator, loss, clip, step size.", here
    )
    yield GlossaryTerm(
        "protocol",
        "",
        "The rules of a trial, written before its runs: tasks, recipes, what is measured, seeds, margins, and how "
        "it is "
        "judged.",
        here,
    )
    yield GlossaryTerm(
        "margin", "", "The largest difference that is too small to matter; it is fixed in the protocol.", here
    )
    yield GlossaryTerm(
        "confidence interval",
        "",
        "A range computed from runs so that it contains the true difference in a fixed share of all such trials.",
        here,
    )
    yield GlossaryTerm(
        "equivalent",
        "",
        "Said of two recipes if the whole confidence interval of their difference lies within the margin.",
        here,
    )
    yield GlossaryTerm(
        "undecided",
        "",
        "Said where the runs show neither a difference nor that it lies within the margin.",
        here,
    )
    here = "13_real_trainer"
    yield GlossaryTerm(
        "warm start",
        "",
        "Training on written examples before the training by rewards, so that some responses are correct.",
        here,
    )
    yield GlossaryTerm(
        "DAPO",
        "",
        "A recipe around GRPO: token mean, Clip-Higher and dynamic sampling.",
        here,
    )
    yield GlossaryTerm("warm-up", "", "A learning rate that rises from 0 to its full size over the first steps.", here)
    here = "17_questions"
    yield GlossaryTerm(
        "Clip-Higher",
        "",
        "A clip whose upper limit lies further from 1 than its lower one: $\\varepsilon_\\text{high} > "
        "\\varepsilon_\\text{low}$.",
        here,
    )


#: All terms by name, in the order in which the lessons introduce them.
GLOSSARY: Mapping[str, GlossaryTerm] = MappingProxyType(
    {
        term.name: term
        for terms in (
            *(_one_in_ten(), _the_gate(), _the_baseline_cancels(), _another_clock()),
            *(_entropy_and_covariance(), _proposition_4_2(), _kalman_anchor(), _what_is_left(), _electives()),
        )
        for term in terms
    }
)
