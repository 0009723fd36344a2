"""Certificates of the claims about anchors."""

from __future__ import annotations

from qae_sim.advantages import steady_state_gain
from qae_sim.theory.certificates import Enumeration, Identity, Part, Tie

#: Errors of the soft anchor of window 2 over all accuracies: the beliefs b and c are the last two.
_SOFT = {
    "chance(k)": "binomial(B, k)*p**k*(1 - p)**(B - k)",
    "moved(b, c, y)": "c + abs(c - b)/2*(y - c)",
    "last(b, c)": "sum(chance(k)*(moved(b, c, k/B) - p)**2 for k in range(B + 1))",
    "third(b, c)": "sum(chance(k)*last(c, moved(b, c, k/B)) for k in range(B + 1))",
    "error": "sum(chance(k)*third(1/2, k/B) for k in range(B + 1))",
}

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "anchor.gain-error": (
        Identity(
            "with q = P²/(P+R): the steady state, and its excess over P",
            "1 - (1 - g)**2 == g*(2 - g) and q + g**2*R - P*g*(2 - g) == (P + R)*(g - P/(P + R))**2 "
            "and q*(P + R) == P**2",
            where={"q": "P**2/(P + R)"},
            variables=("g", "P", "R"),
            ties=(
                Tie(
                    "2*sqrt(s)/(sqrt(s) + sqrt(s + 4*t))",
                    lambda s, t: steady_state_gain(s, t),
                    {"s": ("1/10", "2"), "t": ("1/10", "2")},
                ),
            ),
        ),
    ),
    "anchor.window-error": (
        Identity(
            "1² + ... + h² = h(h+1)(2h+1)/6, by induction",
            "(h + 1)*(h + 2)*(2*h + 3)/6 - h*(h + 1)*(2*h + 1)/6 == (h + 1)**2",
            variables=("h",),
        ),
        Enumeration(
            "the squares of the weights",
            "sum(((h - j + 1)/h)**2 for j in range(1, h + 1)) == (h + 1)*(2*h + 1)/(6*h)",
            cases={"h": "range(1, 61)"},
            count=60,
        ),
    ),
    "anchor.window-loss": (
        Identity(
            "with P = q(1+s)/2, R = q(s²-1)/4: the excess, and the ratio at h = s",
            "q*(h + 1)*(2*h + 1)/(6*h) + q*(s**2 - 1)/4/h - q*(1 + s)/2 "
            "== q*((s - h)**2/(4*h) + (h**2 - 1)/(12*h)) and 1 + (h**2 - 1)/(12*h)*2/(1 + h) == (7*h - 1)/(6*h)",
            variables=("q", "s", "h"),
        ),
    ),
    "anchor.bernoulli-noise": (
        Identity(
            "the variance of a response; the error after a batch and its least value",
            "c*(1 - c)**2 + (1 - c)*c**2 == c*(1 - c) and (P + R)*((1 - g)**2*P + g**2*R) == P*R + (g*(P + R) - P)**2",
            variables=("c", "g", "P", "R"),
        ),
    ),
    "anchor.constant-capability": (
        Identity(
            "the formula solves the recursion, a = (1-g)^(2t)",
            "after == (1 - g)**2*(a*d + g*(1 - a)/(2 - g)*R) + g**2*R",
            where={"after": "(1 - g)**2*a*d + g*(1 - (1 - g)**2*a)/(2 - g)*R"},
            variables=("a", "d", "g", "R"),
        ),
    ),
    "anchor.soft-keeps-its-error": (
        Identity(
            "halving steps by induction; and (1 - x)² at 2x² = 1",
            "2*d*(1 - w) + d*w == 2*d*(1 - w/2) and 2*(1 - x)**2 == 3 - 4*x + (2*x**2 - 1)",
            variables=("d", "w", "x"),
        ),
        Enumeration(
            "the exact error after three batches is at least (3/2 - √2)·p(1-p)/B",
            "error >= (3/2 - sqrt(2))*p*(1 - p)/B",
            where=_SOFT,
            cases={"B": "[1, 2, 4]", "p": "[i/10 for i in range(1, 10)]"},
            count=27,
        ),
    ),
}
