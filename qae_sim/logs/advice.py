"""What to change first, and why: rules from findings to advice, in the order of their weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from qae_sim.logs.findings import RunFinding

#: Findings by name.
Found = Mapping[str, RunFinding]


@dataclass(frozen=True)
class Rule:
    """A rule of advice.

    Attributes:
        name: Short name.
        condition: When it speaks, in words.
        holds: The same as a function of the findings.
        findings: Names of the findings that it looks at.
        advice: What to change.
        reason: Why.
        cannot_tell: What a log cannot tell about it.
    """

    name: str
    condition: str
    holds: Callable[[Found], bool]
    findings: tuple[str, ...]
    advice: str
    reason: str
    cannot_tell: str


def _is(name: str, *states: str) -> Callable[[Found], bool]:
    """Ask whether a finding has one of these states."""
    return lambda found: found[name].state in states


#: The rules; earlier ones come first, because later findings mean nothing while they hold.
RULES: tuple[Rule, ...] = (
    Rule(
        "grouping",
        "equal rewards of a group got different advantages, or larger rewards smaller ones",
        _is("trainer", "other groups", "reversed"),
        ("trainer",),
        "Check how the trainer groups responses before it computes advantages.",
        "A response is compared with responses to other prompts, so its advantage says which prompt it answers.",
        "whether rewards were shaped, or advantages changed, after they were computed in the right groups",
    ),
    Rule(
        "verifier errs",
        "one text of a response gets different rewards with a chance above 1 % (lower end of the interval)",
        _is("verifier", "errs"),
        ("verifier",),
        "Make the verifier give the same answer the same reward.",
        "Where a group's answers are alike, the noise of the verifier is all that its advantages hold.",
        "which of the two rewards is right, and errors that are the same each time",
    ),
    Rule(
        "reward gamed",
        "the reward rises while another logged score falls (both by more than chance)",
        _is("verifier", "gamed"),
        ("verifier", "learning"),
        "Read responses with a high reward and a low other score, before training on.",
        "The run learns something that the other score does not count.",
        "which of the two scores is the better one",
    ),
    Rule(
        "divisor",
        "the logged advantages fit no known baseline or divisor",
        _is("trainer", "unknown rule"),
        ("trainer",),
        "Compare the trainer's advantages of one group with its formula.",
        "The weight of hard against easy prompts is another one than in any documented estimator.",
        "whether this was meant",
    ),
    Rule(
        "step size",
        "prompts that once succeeded are lost, or the reward falls, or the entropy explodes, or it falls to less than "
        "half within the first fifth of the steps",
        lambda found: (
            found["lost prompts"].alarm
            or found["learning"].state == "falls"
            or found["entropy"].state in ("explodes", "collapses early")
        ),
        ("lost prompts", "learning", "entropy", "repetition"),
        "Lower the step size first; if that is not enough, raise K or clip the upper side more widely.",
        "The policy moves faster than it can learn from what it draws: it leaves responses before it has tried them.",
        "the step size itself, and whether the prompts of the last steps were harder",
    ),
    Rule(
        "clip",
        "more than a tenth is clipped on average",
        _is("clipping", "much"),
        ("clipping",),
        "Widen the clip, or take fewer steps on each batch.",
        "Clipped tokens have no gradient, so a large part of the batch is thrown away.",
        "which side is clipped, unless the trainer logs both",
    ),
    Rule(
        "dead prompts",
        "more than a fifth of the responses went to prompts that are always wrong or always right",
        _is("dead prompts", "many"),
        ("dead prompts", "dynamic sampling", "another G"),
        "Leave these prompts out, or draw others in their place (dynamic sampling).",
        "Groups of equal rewards have no advantage, and cost as much as others.",
        "whether a prompt that is always wrong would be solved later, or with a larger G",
    ),
    Rule(
        "length",
        "compared with successes of their groups, failures grow by more than chance and a tenth of the mean length",
        _is("lengths", "failures grow"),
        ("lengths", "length pressure"),
        "Divide the loss by a constant instead of each response's length.",
        "Divided by its length, a long failure is punished less for each token than a short one.",
        "by what the trainer divides, and whether prompts of the last steps need longer answers",
    ),
    Rule(
        "collapse",
        "the entropy falls to less than half, or most pairs of responses are the same text by the end",
        lambda found: found["entropy"].state == "collapses" or found["repetition"].state == "collapses",
        ("entropy", "repetition"),
        "Raise K, or clip the upper side more widely, if exploration should go on.",
        "Groups whose responses are alike have equal rewards, and nothing more is learnt from them.",
        "whether the run is simply finished: look at the reward",
    ),
)


@dataclass(frozen=True)
class Advice:
    """What a rule says about a run.

    Attributes:
        rule: Name of the rule.
        advice: What to change.
        reason: Why.
        because: Verdicts of the findings that made it speak.
        cannot_tell: What a log cannot tell about it.
    """

    rule: str
    advice: str
    reason: str
    because: tuple[str, ...]
    cannot_tell: str


def advice_from(findings: Sequence[RunFinding]) -> tuple[Advice, ...]:
    """Apply all rules.

    Args:
        findings: The findings of a run.

    Returns:
        What to change, most important first; nothing if no rule speaks.

    Example:
        >>> from qae_sim.engines.demo.trl_runs import recorded_log
        >>> from qae_sim.logs.diagnosis import diagnose
        >>> from qae_sim.logs.digest import digest
        >>> [one.rule for one in advice_from(diagnose(digest(recorded_log())).findings)]
        []
    """
    found = {one.name: one for one in findings}
    return tuple(
        Advice(
            rule.name, rule.advice, rule.reason, tuple(found[name].verdict for name in rule.findings), rule.cannot_tell
        )
        for rule in RULES
        if rule.holds(found)
    )
