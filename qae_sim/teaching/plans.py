"""Plans for teaching: which parts of which lessons, for how many minutes, and what to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from qae_sim.arrays import invalid

#: Lessons that must come before a lesson: it uses their words and results.
NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "01_one_in_ten": (),
        "02_the_gate": ("01_one_in_ten",),
        "03_the_baseline_cancels": ("01_one_in_ten", "02_the_gate"),
        "04_another_clock": ("03_the_baseline_cancels",),
        "05_entropy_and_covariance": ("03_the_baseline_cancels",),
        "06_proposition_4_2": ("05_entropy_and_covariance",),
        "07_kalman_anchor": ("03_the_baseline_cancels",),
        "08_what_is_left": ("03_the_baseline_cancels", "04_another_clock"),
        "11_verify_the_theorems": ("02_the_gate",),
        "12_language_model": ("08_what_is_left",),
        "14_training_logs": ("02_the_gate",),
    }
)


@dataclass(frozen=True)
class Stop:
    """Some minutes with parts of a lesson.

    Attributes:
        minutes: How many.
        lesson: Name of its file, without the ending.
        parts: How the headings begin of what is shown, in order; ``""`` is what stands above the first one.
        say: What the teacher says, and what comes from the room.
    """

    minutes: int
    lesson: str
    parts: tuple[str, ...]
    say: str


@dataclass(frozen=True)
class Session:
    """What is taught without leaving the room.

    Attributes:
        title: What it is about.
        stops: Its stops, in order.
        end: The question to end with, and where to stop if time is short.
    """

    title: str
    stops: tuple[Stop, ...]
    end: str

    @property
    def minutes(self) -> int:
        """How long it takes."""
        return sum(stop.minutes for stop in self.stops)


@dataclass(frozen=True)
class Plan:
    """One or more sessions.

    Attributes:
        name: Its name on the command line.
        title: What it is about.
        knows: What the class has to know before.
        sessions: Its sessions, in order.
    """

    name: str
    title: str
    knows: str
    sessions: tuple[Session, ...]


_SEE = ("", "Predict", "Look")
_PROVE = ("Predict", "Look", "Derive")
#: All parts of a core lesson.
ALL = ("", "Predict", "Look", "Derive", "Break it", "Exercise", "What is left")

_TEN = (
    "Ask before anything moves: one of ten is correct, who should be praised, and how much? Most say: the winner a "
    "little, the losers a lot, since there are nine of them. The advantages say the opposite. Somebody will ask why "
    "one divides by σ: because the trainers do; lesson 8 shows what it leaves behind."
)
_GATE = (
    "Let one student drag K while the class calls out where the baseline jumps. Expect the answer that K = 0.4 praises "
    "the best 40 %: it does not, it silences everyone who has exactly the baseline's reward."
)
_CANCEL = (
    "Let the class draw the curve on paper before you show it. Expect lines that fall: a larger baseline should mean "
    "less praise. It is level. Ask which word of the sentence does the work: average."
)
_CLOCK = (
    "Two curves that look like two methods are one path walked at two speeds. Somebody will ask about Adam: it is the "
    "part that breaks it, so show that after the exact case, never before."
)
_ENTROPY = (
    "The sign is what matters: praise for what is already likely narrows the policy, praise for what is rare widens "
    "it. Expect that any success lowers the entropy."
)
_PROPOSITION = (
    "Three steps: the theorem holds for its update; under the exact gradient its line is level; a large step breaks "
    "its order. Nobody refutes the paper here: the class finds out of which update it speaks."
)
_ANCHOR = (
    "Two questions that sound like one: is the group mean biased, and does the bias matter? The own reward sits in the "
    "mean, so yes; it shortens the step and does not turn it, so on average no."
)
_LEFT = (
    "Collect on the board what was switched off in lesson 3: σ, length, clip, Adam, small groups. Switch them on one "
    "by one, and have the class say before each whether the arrows part."
)

PLANS: Mapping[str, Plan] = MappingProxyType(
    {
        plan.name: plan
        for plan in (
            Plan(
                "45",
                "What is a baseline for?",
                "means, and that a gradient step makes some choices more likely; no reinforcement learning",
                (
                    Session(
                        "45 minutes: what is a baseline for?",
                        (
                            Stop(9, "01_one_in_ten", _SEE, _TEN),
                            Stop(10, "02_the_gate", _SEE, _GATE),
                            Stop(14, "03_the_baseline_cancels", ("", *_PROVE), _CANCEL),
                            Stop(8, "04_another_clock", _SEE, _CLOCK),
                            Stop(4, "08_what_is_left", ("What is left",), _LEFT),
                        ),
                        "What would you have to show to claim that a baseline helps? If time is short, stop after "
                        "lesson 3: the average is level, and that is the point.",
                    ),
                ),
            ),
            Plan(
                "90",
                "A theorem and its assumptions",
                "expectations, derivatives of a logarithm, and what a policy gradient is",
                (
                    Session(
                        "90 minutes: a theorem and its assumptions",
                        (
                            Stop(9, "01_one_in_ten", _SEE, _TEN),
                            Stop(12, "02_the_gate", (*_SEE, "Derive"), _GATE),
                            Stop(16, "03_the_baseline_cancels", ("", *_PROVE), _CANCEL),
                            Stop(8, "04_another_clock", _SEE, _CLOCK),
                            Stop(15, "05_entropy_and_covariance", ("", *_PROVE), _ENTROPY),
                            Stop(20, "06_proposition_4_2", ("", *_PROVE, "Break it"), _PROPOSITION),
                            Stop(10, "08_what_is_left", ("", "Predict", "Look", "What is left"), _LEFT),
                        ),
                        "Which assumption of the theorem does a trainer keep? If time is short, leave out lesson 4, "
                        "and end with the break of lesson 6.",
                    ),
                ),
            ),
            Plan(
                "week",
                "Advantage estimation in five days",
                "Python, expectations, and what a policy gradient is",
                (
                    Session(
                        "Day 1: one group",
                        (
                            Stop(20, "01_one_in_ten", ALL, _TEN),
                            Stop(25, "02_the_gate", ALL, _GATE),
                        ),
                        "Which responses of a batch carry any gradient at all? If time is short, give the second "
                        "exercise as homework.",
                    ),
                    Session(
                        "Day 2: on average",
                        (
                            Stop(25, "03_the_baseline_cancels", ALL, _CANCEL),
                            Stop(20, "04_another_clock", ALL, _CLOCK),
                        ),
                        "Name one thing that a baseline changes even though it cancels. If time is short, give lesson "
                        "4's exercise as homework.",
                    ),
                    Session(
                        "Day 3: entropy",
                        (
                            Stop(20, "05_entropy_and_covariance", ALL, _ENTROPY),
                            Stop(25, "06_proposition_4_2", ALL, _PROPOSITION),
                        ),
                        "Of which update does Proposition 4.2 speak? If time is short, give lesson 6's exercise as "
                        "homework.",
                    ),
                    Session(
                        "Day 4: what is left",
                        (
                            Stop(20, "07_kalman_anchor", ALL, _ANCHOR),
                            Stop(25, "08_what_is_left", ALL, _LEFT),
                        ),
                        "List what is left when a baseline has cancelled. If time is short, leave out lesson 7's "
                        "break.",
                    ),
                    Session(
                        "Day 5: models, proofs, logs",
                        (
                            Stop(
                                20,
                                "12_language_model",
                                ("",),
                                "Before a result is shown, have each student write which of the days' sentences it "
                                "should confirm. Undecided is a result.",
                            ),
                            Stop(
                                15,
                                "11_verify_the_theorems",
                                ("", "Predict", "Try"),
                                "Choose a claim that the class doubted this week and check it together.",
                            ),
                            Stop(
                                10,
                                "14_training_logs",
                                ("", "How hard"),
                                "Who has a run of their own drops it in. Collect the worksheets.",
                            ),
                        ),
                        "What would change your mind? If time is short, leave out the logs.",
                    ),
                ),
            ),
        )
    }
)


def plan(name: str) -> Plan:
    """Find a plan.

    Args:
        name: Its name.

    Returns:
        The plan.

    Raises:
        ValueError: There is no such plan.

    Example:
        >>> plan("45").sessions[0].minutes
        45
    """
    if name not in PLANS:
        raise invalid("name", name, f"one of {', '.join(PLANS)}")
    return PLANS[name]
