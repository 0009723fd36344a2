"""A control notices a check that computes something else than it says."""

from __future__ import annotations

from qae_sim.theory import Evidence, Method, Verdict
from qae_sim.theory.claim import conclude

FALSE = Evidence("n² = n", "n = 0..9", Method.CASES, False, counterexample={"n": 2})
RIGHT = Evidence("2² = 4, by hand", "n = 2", Method.CASES, True)
WRONG = Evidence("2² = 4, by hand", "n = 2", Method.CASES, False)
UNSURE = Evidence("2² = 4, by hand", "n = 2", Method.CASES, None)


def test_a_refutation_stands_if_its_control_holds() -> None:
    found = conclude(FALSE, controls=[RIGHT])
    assert found.verdict is Verdict.REFUTED
    assert found.counterexample == {"n": 2}
    assert found.evidence[-1].confirms


def test_a_control_that_fails_says_nothing_about_the_paper() -> None:
    assert conclude(FALSE, controls=[WRONG]).verdict is Verdict.DIFFERS
    assert conclude(FALSE, controls=[UNSURE]).verdict is Verdict.UNDECIDED
    assert conclude(RIGHT, controls=[WRONG]).verdict is Verdict.DIFFERS
