"""Certificates of the claims about the two-stage view."""

from __future__ import annotations

from qae_sim.theory.certificates import Counterexample, Enumeration, Identity, Part

#: Change of an answer's log-probability by a push on the logits of the known, the unsampled and the failing answer.
_CHANGE = {"change(x, k, u, f)": "x - (known*k + new*u + failed*f)"}
#: Probabilities, in the flow z' = π(r - v), of the best, the known and the failing answer.
_FLOW = {
    "f": "1 - b - k",
    "v": "b + r*k",
    "mean": "b*b*(1 - v) + k*k*(r - v) - f*f*v",
}
#: The chance that the best answer is the last one, of weights b, k, f; an answer below 1/20 is not sampled.
_CHAIN = {
    "kept(x, whole)": "x if x >= whole/20 else 0",
    "best(b, k, f)": "go(kept(b, b + k + f), kept(k, b + k + f), kept(f, b + k + f))",
    "go(b, k, f)": "0 if b == 0 else (1 if k == 0 and f == 0 else pairs(b, k, f)/(b*k + b*f + k*f))",
    "pairs(b, k, f)": "(b*k*best(2*b, k/2, f) if k > 0 else 0) + (b*f*best(2*b, k, f/2) if f > 0 else 0)"
    " + (k*f*best(b, 2*k, f/2) if k > 0 and f > 0 else 0)",
}

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "two-stage.unsampled": (
        Counterexample(
            "failures alone, Δz = π - e_failure, raise the unsampled answer's log-probability",
            "change(new, known, new, failed - 1) > 0",
            where=_CHANGE,
            at={"known": "9/10", "new": "1/50", "failed": "2/25"},
        ),
        Identity(
            "it changes by its own and the failures' probability less Σ π², others being further answers' squares",
            "new - (known*known + new*new + failed*(failed - 1) + others) == "
            "new + failed - (known**2 + new**2 + failed**2 + others)",
            variables=("known", "new", "failed", "others"),
        ),
    ),
    "two-stage.spared": (
        Identity(
            "with known = failed + ahead and all probabilities adding up to 1 the difference has no negative term",
            "(new + failed)*one - squares - (failed - known)*one == 2*known*new + new*failed + ahead*failed",
            where={
                "known": "failed + ahead",
                "one": "known + new + failed",
                "squares": "known**2 + new**2 + failed**2",
            },
            variables=("new", "failed", "ahead"),
        ),
    ),
    "two-stage.training": (
        Identity(
            "the value rises by Σ π²(r - v)²",
            "1*b*(b*(1 - v) - mean) + r*k*(k*(r - v) - mean) == b**2*(1 - v)**2 + k**2*(r - v)**2 + f**2*v**2",
            where=_FLOW,
            variables=("b", "k", "r"),
        ),
        Identity(
            "r - v = r·f - (1-r)·b; the best answer gains on the failing one by b(1-v) + f·v",
            "r - v == r*f - (1 - r)*b and b*(1 - v) - (0 - f*v) == b*(1 - v) + f*v",
            where=_FLOW,
            variables=("b", "k", "r"),
        ),
        Identity(
            "(log f)' + 2f + b has no negative part",
            "(0 - f*v - mean) + 2*f + b == f*(1 - v*(1 - f)) + b*(1 - b*(1 - v)) + f*(1 - r*k**2) + k**2*(1 - r)*b",
            where=_FLOW,
            variables=("b", "k", "r"),
        ),
    ),
    "two-stage.never-lost": (
        Counterexample("the best of three answers wins for sure", "best(1, 6, 3) == 1", where=_CHAIN, at={"G": "2"}),
        Enumeration("it wins with chance 13/21", "best(1, 6, 3) == 13/21", where=_CHAIN),
        Enumeration("with a wrong answer alone it wins for sure", "best(1, 0, 9) == 1", where=_CHAIN),
    ),
}
