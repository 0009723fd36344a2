"""Certificates of the QAE paper's claims about gradients and first-order entropy."""

from __future__ import annotations

from math import log

from qae_sim.advantages import expected_advantages
from qae_sim.softmax import covariance, entropy
from qae_sim.theory.certificates import Box, Counterexample, Enumeration, Identity, Part, Sign, Tie

#: Three arms of probabilities a, b and 1 - a - b; l0, l1 and l2 stand for their logarithms and may be any numbers.
_ARMS = {
    "pi": "[a, b, 1 - a - b]",
    "logs": "[l0, l1, l2]",
    "mean(x)": "sum(pi[i]*x[i] for i in range(3))",
    "cov(x, y)": "mean([x[i]*y[i] for i in range(3)]) - mean(x)*mean(y)",
    "spread": "cov(logs, pi)",
}
_ARM_NAMES = ("a", "b", "l0", "l1", "l2")
#: The same at given probabilities.
_POLICY = {
    "arms": "range(len(pi))",
    "logs": "[log(x) for x in pi]",
    "mean(x)": "sum(pi[i]*x[i] for i in arms)",
    "cov(x, y)": "mean([x[i]*y[i] for i in arms]) - mean(x)*mean(y)",
    "H": "-mean(logs)",
}
#: Expected speeds over p(1-p): the Bernstein coefficients are a success's advantage among m + 1, less a failure's of m.
_SPEEDS = {
    "sigma(n)": "sqrt(n*(G - n))/G",
    "hard(n)": "1 if n/G <= 1 - K else 0",
    "grpo(m)": "((1 - (m + 1)/G)/sigma(m + 1) if m + 1 < G else 0) + (m/G/sigma(m) if m > 0 else 0)",
    "qae(m)": "(hard(m + 1)/sigma(m + 1) if m + 1 < G else 0) + ((1 - hard(m))/sigma(m) if m > 0 else 0)",
    "mix(m)": "binomial(G - 1, m) * p**m * (1 - p)**(G - 1 - m)",
}
#: Two arms, q that of the correct one; x(b) is the difference of the logits after the step, and h(x) the entropy there.
_STEP = {"x(b)": "-L + eta*(q + b*(1 - 2*q))"}
_OVERSHOOT = _STEP | {"L": "log((1 - q)/q)", "h(x)": "log(1 + exp(x)) - x*exp(x)/(1 + exp(x))"}
_AT_49 = {"q": "49/100", "eta": "1/10"}
#: Coefficients of the correct arm's logit given n successes, two arms: GRPO's, and QAE's where it is hard up to N.
_COEFFICIENTS = {
    "grpo(n)": "sqrt(n*(G - n))/G",
    "qae(n)": "(1 - p)*sqrt(n/(G - n)) if n <= N else p*sqrt((G - n)/n)",
    "chance(n)": "binomial(G, n) * p**n * (1 - p)**(G - n)",
}


def _covariance(*pi: float) -> float:
    """Cov(log π, π) by this package."""
    logs = [log(x) for x in pi]
    return float(covariance(logs, logs, list(pi)))


def _clip() -> dict[str, str]:
    """A ratio x kept between two bounds."""
    return {"low": "1 - down", "high": "1 + up", "y": "min(max(x, low), high)"}


_RATIOS = {"x": "[i/8 for i in range(0, 25)]", "down": "[1/5, 1/2]", "up": "[1/5, 7/25, 3/2]"}
#: Which groups have rewards 0 and 1, and at which K.
_ALL_GROUPS = {"G": "range(2, 21)", "n": "range(1, G)", "K": "[j/10 for j in range(1, 10)]"}

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    # --- the clipped surrogate ---
    "qae.eq10": (
        Enumeration(
            "min(x·c, y·c) is c·min(x, y) for c > 0 and -|c|·max(x, y) for c < 0, y the clipped ratio",
            "min(x*c, y*c) == (c*min(x, y) if c > 0 else -abs(c)*max(x, y))",
            where=_clip(),
            cases=_RATIOS | {"c": "[-3, -1/2, 1/3, 1, 5/2]"},
            count=750,
        ),
    ),
    "qae.eqs16-17": (
        Enumeration(
            "min(x, y) = min(x, 1+ε) and max(x, y) = max(x, 1-ε), y the clipped ratio, for Clip-Higher's bounds, too",
            "min(x, y) == min(x, high) and max(x, y) == max(x, low)",
            where=_clip(),
            cases=_RATIOS,
            count=150,
        ),
    ),
    # --- steps of finite size ---
    "qae.finite-step-monotone": (
        Counterexample(
            "the entropy after the step rises with the baseline from b = 0 to b = 1",
            "h(x(0)) <= h(x(1))",
            where=_OVERSHOOT,
            at=_AT_49,
            ties=(
                Tie(
                    "h(x)",
                    lambda x: float(entropy([x, 0.0])),
                    {"x": ("-3", "3")},
                ),
            ),
        ),
        Identity(
            "x(b) = x(1) - η(1-b)(1-2q): for q < 1/2 no x(b) is above 0 if x(1) = -L + η(1-q) is not",
            "x(b) == x(1) - eta*(1 - b)*(1 - 2*q) and x(1) == -L + eta*(1 - q)",
            where=_STEP,
            variables=("q", "eta", "L", "b"),
        ),
    ),
    "qae.finite-step-low": (
        Counterexample(
            "the entropy after the step is smallest at b = 0",
            "h(x(0)) <= h(x(1))",
            where=_OVERSHOOT,
            at=_AT_49,
        ),
        Identity(
            "x(0)² - x(b)² = ηb(1-2q)·[2L - η + η(1-b)(1-2q)]",
            "x(0)**2 - x(b)**2 == eta*b*(1 - 2*q)*(2*L - eta + eta*(1 - b)*(1 - 2*q))",
            where=_STEP,
            variables=("q", "eta", "L", "b"),
        ),
    ),
    "qae.finite-step-high": (
        Counterexample(
            "the entropy after the step is largest at b = 1",
            "h(x(1)) >= h(x(0))",
            where=_OVERSHOOT,
            at=_AT_49,
        ),
        Identity(
            "x(b)² - x(1)² = η(1-b)(1-2q)·[2(L - η(1-q)) + η(1-b)(1-2q)]",
            "x(b)**2 - x(1)**2 == eta*(1 - b)*(1 - 2*q)*(2*(L - eta*(1 - q)) + eta*(1 - b)*(1 - 2*q))",
            where=_STEP,
            variables=("q", "eta", "L", "b"),
        ),
    ),
    "qae.finite-step-arms": (
        Counterexample(
            "the slope of the exact entropy, Cov(log π', π) at the policy π' after the step, is not negative",
            "sum(after[i]*logs[i]*pi[i] for i in range(3))/total - mean(logs)*mean(pi) >= 0",
            where={
                "logs": "[log(pi[i]) + pi[i]*(r[i] - b)/10 for i in range(3)]",
                "after": "[exp(x) for x in logs]",
                "total": "sum(after)",
                "mean(x)": "sum(after[i]*x[i] for i in range(3))/total",
            },
            at={"pi": "[34/100, 33/100, 33/100]", "r": "[0, 1, 1]", "b": "0"},
        ),
        Identity(
            "a covariance is a sum over pairs of arms (three arms)",
            "cov(logs, x) == sum(sum(pair(i, j) for j in range(i)) for i in range(3))",
            where=_ARMS | {"x": "[x0, x1, x2]", "pair(i, j)": "pi[i]*pi[j]*(logs[i] - logs[j])*(x[i] - x[j])"},
            variables=(*_ARM_NAMES, "x0", "x1", "x2"),
        ),
        Identity(
            "what rewards (0, 1) and (0, 0) take from log(x/y) leaves it above 0 under the two conditions on η",
            "D - e*(b*x + (1 - b)*y) - (D - e*x) == e*(1 - b)*(x - y) "
            "and D - e*b*(x - y) == (D - (x - y)) + (1 - e*b)*(x - y)",
            variables=("D", "e", "b", "x", "y"),
        ),
    ),
    # --- the first order ---
    "qae.linear-knob": (
        Identity(
            "-Cov(log π, π(r-b)) = -Cov(log π, πr) + b·Cov(log π, π) (three arms, any numbers for log π)",
            "-cov(logs, [pi[i]*(r[i] - k) for i in range(3)]) == -cov(logs, [pi[i]*r[i] for i in range(3)]) + k*spread",
            where=_ARMS | {"r": "[r0, r1, r2]"},
            variables=(*_ARM_NAMES, "r0", "r1", "r2", "k"),
        ),
    ),
    "qae.strictly-increasing": (
        Identity(
            "ΔH(b') - ΔH(b) = (b' - b)·C, C a sum over pairs of π_a π_c (log π_a - log π_c)(π_a - π_c) (three arms)",
            "change(high) - change(low) == (high - low)*pairs",
            where=_ARMS
            | {
                "r": "[r0, r1, r2]",
                "change(k)": "-cov(logs, [pi[i]*(r[i] - k) for i in range(3)])",
                "pairs": "sum(sum(pair(i, j) for j in range(i)) for i in range(3))",
                "pair(i, j)": "pi[i]*pi[j]*(logs[i] - logs[j])*(pi[i] - pi[j])",
            },
            variables=(*_ARM_NAMES, "r0", "r1", "r2", "low", "high"),
        ),
        Box(
            "a pair adds something above 0: (log u)(u - 1) > 0 for u = π_a/π_c, here from 101/100 to 100",
            "log(u)*(u - 1) > 0",
            over={"u": ("101/100", "100")},
        ),
    ),
    "qae.prop4.2-low": (
        Identity(
            "ΔH(b) - ΔH(0) = b·C (three arms)",
            "change(k) - change(0) == k*spread",
            where=_ARMS | {"r": "[r0, r1, r2]", "change(k)": "-cov(logs, [pi[i]*(r[i] - k) for i in range(3)])"},
            variables=(*_ARM_NAMES, "r0", "r1", "r2", "k"),
        ),
        Box(
            "C >= 0 is a sum of pairs with (log u)(u - 1) >= 0, u the ratio of two probabilities: above 1, here",
            "log(u)*(u - 1) > 0",
            over={"u": ("101/100", "100")},
        ),
    ),
    "qae.prop4.2-high": (
        Identity(
            "ΔH(b) - ΔH(1) = (b - 1)·C (three arms)",
            "change(k) - change(1) == (k - 1)*spread",
            where=_ARMS | {"r": "[r0, r1, r2]", "change(k)": "-cov(logs, [pi[i]*(r[i] - k) for i in range(3)])"},
            variables=(*_ARM_NAMES, "r0", "r1", "r2", "k"),
        ),
        Box(
            "C >= 0 is a sum of pairs with (log u)(u - 1) >= 0, u the ratio of two probabilities: below 1, here",
            "log(u)*(u - 1) > 0",
            over={"u": ("1/100", "99/100")},
        ),
    ),
    "qae.higher-k": (
        Enumeration(
            "from K to a higher K' the baseline of a group goes from 0 to 1 exactly if 1-K' < p <= 1-K, and never back",
            "(1 if n/G > 1 - k else 0) - (1 if n/G > 1 - K else 0) == (1 if 1 - k < n/G <= 1 - K else 0)",
            cases=_ALL_GROUPS | {"k": "[j/10 for j in range(1, 10) if j/10 > K]"},
            count=6840,
        ),
        Identity(
            "ΔH(b') - ΔH(b) = (b' - b)·C (three arms)",
            "change(high) - change(low) == (high - low)*spread",
            where=_ARMS | {"r": "[r0, r1, r2]", "change(k)": "-cov(logs, [pi[i]*(r[i] - k) for i in range(3)])"},
            variables=(*_ARM_NAMES, "r0", "r1", "r2", "low", "high"),
        ),
    ),
    "qae.eq18": (
        Counterexample(
            "the gradient's step π(A - E A), A = r - b, changes the entropy by -Cov(log π, πA)",
            "cov(logs, [pi[i]*(A[i] - mean(A)) for i in arms]) == cov(logs, [pi[i]*A[i] for i in arms])",
            where=_POLICY | {"A": "[1 - b, 0 - b]"},
            at={"pi": "[9/10, 1/10]", "b": "0"},
        ),
        Identity(
            "the difference is (E[r] - b)·Cov(log π, π) (three arms)",
            "cov(logs, step) == cov(logs, [pi[i]*A[i] for i in range(3)]) - (mean(r) - k)*spread",
            where=_ARMS
            | {
                "r": "[r0, r1, r2]",
                "A": "[x - k for x in r]",
                "step": "[pi[i]*(A[i] - mean(A)) for i in range(3)]",
            },
            variables=(*_ARM_NAMES, "r0", "r1", "r2", "k"),
        ),
    ),
    # --- noise and speed at finite G ---
    "qae.coefficient-moments": (
        Identity(
            "mean and variance of p̂(1-p̂), and the mean square of √(p̂(1-p̂)), as polynomials in p",
            "E1 == (G - 1)/G*p*(1 - p) and E2 - E1**2 == (G - 1)/G**3*p*(1 - p)*(G - 1 - (4*G - 6)*p*(1 - p))",
            where={
                "chance(n)": "binomial(G, n) * p**n * (1 - p)**(G - n)",
                "E1": "sum(chance(n)*(n*(G - n)/G**2) for n in range(G + 1))",
                "E2": "sum(chance(n)*(n*(G - n)/G**2)**2 for n in range(G + 1))",
            },
            cases={"G": "range(2, 17)"},
            count=15,
            variables=("p",),
            ties=(
                Tie(
                    "E1",
                    lambda p, G: float(expected_advantages("dr_grpo", p, G).c),  # noqa: N803
                    {"p": ("0", "1"), "G": (2, 9)},
                ),
            ),
        ),
    ),
    "qae.least-second-moment": (
        Identity(
            "nm(e² - h²) = (pm - qn)(pm + qn) and pm - qn = Gp - n, h² = q²n/m hard, e² = p²m/n easy",
            "n*m*(p**2*m/n - q**2*n/m) == (p*m - q*n)*(p*m + q*n) and p*m - q*n == (n + m)*p - n",
            where={"q": "1 - p"},
            variables=("p", "n", "m"),
        ),
    ),
    "qae.group-direction": (
        Identity(
            "a correct arm's entry is a number times its share x of π₊, a wrong one's minus that times y, of π₋",
            "s1*x - (s1 + s0)*p*x == ((1 - p)*s1 - p*s0)*x and s0*y - (s1 + s0)*(1 - p)*y == -((1 - p)*s1 - p*s0)*y",
            variables=("p", "s1", "s0", "x", "y"),
        ),
    ),
    "qae.speed-ratio": (
        Sign(
            "c_QAE > .83·c_GRPO and 1.07·c_GRPO > c_QAE, over p(1-p), for every p in (0, 1), G = 16, K = 2/5",
            "sum(mix(m)*(qae(m) - 83/100*grpo(m)) for m in range(G)) > 0 "
            "and sum(mix(m)*(107/100*grpo(m) - qae(m)) for m in range(G)) > 0",
            where=_SPEEDS | {"G": "16", "K": "2/5"},
            over={"p": ("0", "1")},
            ties=(
                Tie(
                    "p*(1 - p)*sum(mix(m)*qae(m) for m in range(G))",
                    lambda p: float(expected_advantages("qae", p, 16, k=0.4, eps=0.0).c),
                    {"p": ("0", "1")},
                ),
                Tie(
                    "p*(1 - p)*sum(mix(m)*grpo(m) for m in range(G))",
                    lambda p: float(expected_advantages("grpo", p, 16, eps=0.0).c),
                    {"p": ("0", "1")},
                ),
            ),
        ),
    ),
    "qae.speed-ratio-large-groups": (
        Sign(
            "c_QAE > .93·c_GRPO and 1.01·c_GRPO > c_QAE, over p(1-p), for every p in (0, 1), G = 128, K = 2/5",
            "sum(mix(m)*(qae(m) - 93/100*grpo(m)) for m in range(G)) > 0 "
            "and sum(mix(m)*(101/100*grpo(m) - qae(m)) for m in range(G)) > 0",
            where=_SPEEDS | {"G": "128", "K": "2/5"},
            over={"p": ("0", "1")},
        ),
    ),
    "qae.gradient-variance": (
        Counterexample(
            "E[c²]/E[c]² of QAE's coefficient is at most GRPO's: G = 16, K = 2/5 (hard up to 9), p = 1/2",
            "square(1)*mean(0)**2 <= square(0)*mean(1)**2",
            where=_COEFFICIENTS
            | {
                "c(n, ours)": "qae(n) if ours == 1 else grpo(n)",
                "mean(ours)": "sum(chance(n)*c(n, ours) for n in range(1, G))",
                "square(ours)": "sum(chance(n)*c(n, ours)**2 for n in range(1, G))",
            },
            at={"G": "16", "N": "9", "p": "1/2"},
        ),
    ),
    # --- Eqs. 5 and 6 ---
    "qae.one-gradient-criterion": (
        Identity(
            "times √(p(1-p)): Eq. 5 less Eq. 6 is -p·(pu + (1-p)v) on hard and (1-p)·(pu + (1-p)v) on easy queries",
            "p*(1 - p)*(u - v) - p*u == -p*V and p*(1 - p)*(u - v) - (0 - (1 - p)*v) == (1 - p)*V",
            where={"V": "p*u + (1 - p)*v"},
            variables=("p", "u", "v"),
        ),
    ),
    "qae.on-policy-gradients-differ": (
        Identity(
            "on-policy ∇s⁺ = (1-p)d and ∇s⁻ = -pd: with w = √(p(1-p)), w² in its place, all three gradients are w·d",
            "p*plus + (1 - p)*minus == 0 and p*(1 - p)*(plus - minus) == p*plus == -(1 - p)*minus",
            where={"plus": "(1 - p)*d", "minus": "-p*d"},
            variables=("p", "d"),
        ),
        Counterexample(
            "Eq. 5's and Eq. 6's gradients differ: two arms, p = 1/5, scores' means 4/5 and -1/5",
            "2/5*(4/5 - -1/5) != 1/2*(4/5)",
        ),
    ),
    "qae.off-policy-gradients-equal": (
        Identity(
            "p·s⁺ + (1-p)·s⁻, means of π/π_old over the old policy's correct (a, b) and wrong (c, d) responses, is Σπ",
            "p*((a*x/a + b*y/b)/p) + (1 - p)*((c*z/c + d*(1 - x - y - z)/d)/(1 - p)) == 1",
            where={"p": "a + b", "d": "1 - a - b - c"},
            variables=("a", "b", "c", "x", "y", "z"),
        ),
    ),
    "qae.clipped-gradients": (
        Counterexample(
            "V is 0 where the correct response's ratio is kept and the wrong one's is clipped: p from .5 to .63",
            "(dP if kept(63/50) else 0) - (dP if kept(37/50) else 0) == 0",
            where={"kept(ratio)": "4/5 <= ratio <= 32/25"},
            at={"dP": "1"},
        ),
        Enumeration(
            "V = ∇P·(1 or 0) - ∇P·(1 or 0) vanishes for both sides clipped and for none, and for no other case",
            "(correct - wrong == 0) == (correct == wrong)",
            cases={"correct": "[0, 1]", "wrong": "[0, 1]"},
            count=4,
        ),
    ),
    "qae.length-normalised-gradients": (
        Counterexample(
            "√(p(1-p))(∇s⁺ - ∇s⁻) = √(p/(1-p))∇s⁺ at p = 1/2: one correct response of one token, two wrong ones of two",
            "1/2*(up - down) == up",
            where={
                "up": "(1 - pi[0])/length[0]",
                "down": "sum(pi[i]*(0 - pi[0])/length[i] for i in [1, 2])/(1 - pi[0])",
            },
            at={"pi": "[1/2, 1/4, 1/4]", "length": "[1, 2, 2]"},
        ),
        Identity(
            "∂E[1/|o|]/∂z_o = π(o)(1/|o| - E[1/|o|]) for three responses, which is 0 for equal lengths",
            "sum(pi[i]*(same[i] - sum(pi[j]*same[j] for j in range(3))) for i in range(3)) == 0 "
            "and pi[0]*(u - sum(pi[j]*u for j in range(3))) == 0",
            where={"pi": "[a, b, 1 - a - b]", "same": "[u, v, w]"},
            variables=("a", "b", "u", "v", "w"),
        ),
    ),
    "qae.masks-speed": (
        Identity(
            "times √(p(1-p)): the terms of Eqs. 6 to 8, p·∇s⁺ and -(1-p)·∇s⁻, are the same on-policy",
            "p*((1 - p)*d) == -(1 - p)*(-p*d)",
            variables=("p", "d"),
        ),
    ),
    # --- the covariance ---
    "qae.covariance-positive": (
        Identity(
            "Cov(log π, π) is the sum over pairs of π_a π_c (log π_a - log π_c)(π_a - π_c) (three arms)",
            "spread == sum(sum(pi[i]*pi[j]*(logs[i] - logs[j])*(pi[i] - pi[j]) for j in range(i)) for i in range(3))",
            where=_ARMS,
            variables=_ARM_NAMES,
        ),
        Box(
            "log u > 1 - 1/u, so that a pair adds at least π_c (π_a - π_c)²: here for u from 101/100 to 100",
            "log(u) > 1 - 1/u",
            over={"u": ("101/100", "100")},
        ),
        Enumeration(
            "the covariance of a policy that is not uniform is positive",
            "cov(logs, pi) > 0",
            where=_POLICY | {"pi": "[i/20, j/20, (20 - i - j)/20]"},
            cases={"i": "range(1, 19)", "j": "range(1, 20 - i)"},
            count=171,
            ties=(
                Tie(
                    "cov(logs, pi)",
                    lambda i, j: _covariance(i / 20, j / 20, (20 - i - j) / 20),
                    {"i": (1, 9), "j": (1, 9)},
                ),
            ),
        ),
    ),
    # --- Proposition 4.2 beyond its update ---
    "qae.prop4.2-policy-gradient": (
        Identity(
            "the gradient π_a((r_a - b) - E[r - b]) does not contain b, so that the slope of ΔH is 0 (three arms)",
            "pi[0]*((r[0] - k) - mean([x - k for x in r])) == pi[0]*(r[0] - mean(r))",
            where=_ARMS | {"r": "[r0, r1, r2]"},
            variables=("a", "b", "r0", "r1", "r2", "k"),
        ),
        Counterexample(
            "the slope of ΔH in b is not 0: Cov(log π, step(b = 1) - step(b = 0)) at π = (9/10, 1/10)",
            "pi[0]*(1 - 1 - (mean(r) - 1)) != pi[0]*(1 - mean(r))",
            where=_POLICY | {"r": "[1, 0]"},
            at={"pi": "[9/10, 1/10]"},
        ),
    ),
    "qae.prop4.2-natural-gradient": (
        Identity(
            "Cov(log π, r - b) = Cov(log π, r) (three arms)",
            "cov(logs, [x - k for x in r]) == cov(logs, r)",
            where=_ARMS | {"r": "[r0, r1, r2]"},
            variables=(*_ARM_NAMES, "r0", "r1", "r2", "k"),
        ),
        Counterexample(
            "Cov of any numbers with r - 1 and with r differ at π = (9/10, 1/10), the logarithms being 5 and 2",
            "pi[0]*5*0 + pi[1]*2*(0 - 1) - (pi[0]*5 + pi[1]*2)*(0 - pi[1]) != pi[0]*5 - (pi[0]*5 + pi[1]*2)*pi[0]",
            at={"pi": "[9/10, 1/10]"},
        ),
    ),
    "qae.prop4.2-finite-groups": (
        Counterexample(
            "G = 2, p = 1/10: E[ΔH] = -c·2p(1-p) log(p/(1-p)), c = p(1-p)(α-β), is not larger for QAE (α-β = 2(1-p)) "
            "than for GRPO (α-β = 1)",
            "-2*(1 - p)*step <= -1*step",
            where={"step": "p*(1 - p)*2*p*(1 - p)*log(p/(1 - p))"},
            at={"p": "1/10"},
        ),
    ),
    "qae.higher-k-sampled": (
        Counterexample(
            "G = 2, from K = 2/5 to 3/5: passing the gate at n/G = 1/2 does not lower E[ΔH], p = 1/10",
            "-(p - 1/2)*2*p*(1 - p)*log(p/(1 - p)) >= 0",
            at={"p": "1/10"},
        ),
        Identity(
            "passing the gate changes G times the speed by [p(G-n) - (1-p)n]/σ = (Gp - n)/σ",
            "((1 - p)*0 - p*(-(G - n)/s)) - ((1 - p)*n/s - p*0) == (G*p - n)/s",
            variables=("p", "n", "G", "s"),
        ),
    ),
    "qae.explosion-proof": (
        Counterexample(
            "QAE's step does not raise the entropy: ΔH = -Cov(log π, πr) at π = (1/20, 19/20), the rare arm correct",
            "-cov(logs, [pi[i]*r[i] for i in arms]) <= 0",
            where=_POLICY,
            at={"pi": "[1/20, 19/20]", "r": "[1, 0]"},
        ),
        Identity(
            "ΔH = -Σ π²(log π + H) over the correct arms (three arms, two of them correct)",
            "-cov(logs, [pi[0], pi[1], 0]) == -(pi[0]**2*(l0 - mean(logs)) + pi[1]**2*(l1 - mean(logs)))",
            where=_ARMS,
            variables=_ARM_NAMES,
        ),
    ),
    "qae.collapse-proof": (
        Counterexample(
            "QAE's step does not lower the entropy: ΔH = Cov(log π, π(1-r)), π = (13/20, 7/20), the likely arm correct",
            "cov(logs, [pi[i]*(1 - r[i]) for i in arms]) >= 0",
            where=_POLICY,
            at={"pi": "[13/20, 7/20]", "r": "[1, 0]"},
        ),
        Identity(
            "ΔH = Σ π²(log π + H) over the wrong arms (three arms, one of them wrong)",
            "cov(logs, [0, 0, pi[2]]) == pi[2]**2*(l2 - mean(logs))",
            where=_ARMS,
            variables=_ARM_NAMES,
        ),
    ),
    # --- controls by tokens ---
    "qae.token-level-controls": (
        Identity(
            "GRPO's advantages times 1/(1-p) and 0, or 0 and 1/p, are QAE's",
            "(1 - p)/s*(1/(1 - p)) == 1/s and -p/s*(1/p) == -1/s",
            variables=("p", "s"),
        ),
        Enumeration(
            "f₊ + f₋ must be at most 1/(1-p) at p = 3/10 and at least 1/(1-p) at p = 11/20: no constants are both",
            "1/(1 - 3/10) < 1/(1 - 11/20)",
        ),
    ),
    "qae.prop4.2-clipping": (
        Counterexample(
            "QAE's ΔH is at most 0, that of a step in which the only correct arm is clipped: π = (2/5, 3/5)",
            "-cov(logs, [pi[i]*r[i] for i in arms]) <= 0",
            where=_POLICY,
            at={"pi": "[2/5, 3/5]", "r": "[1, 0]"},
        ),
    ),
    "qae.prop4.2-kl": (
        Counterexample(
            "the penalty adds βκ >= 0, κ = Cov(log π, π(log(π/ref) - KL)): π = (3/10, 7/10), ref = (1/10, 9/10)",
            "cov(logs, [pi[i]*(ratio[i] - mean(ratio)) for i in arms]) >= 0",
            where=_POLICY | {"ratio": "[log(pi[i]/ref[i]) for i in arms]"},
            at={"pi": "[3/10, 7/10]", "ref": "[1/10, 9/10]"},
        ),
        Identity(
            "for a uniform reference κ = Σ π²(log π + H)² (three arms)",
            "cov(logs, [pi[i]*(logs[i] - mean(logs)) for i in range(3)]) "
            "== sum(pi[i]**2*(logs[i] - mean(logs))**2 for i in range(3))",
            where=_ARMS,
            variables=_ARM_NAMES,
        ),
    ),
    "qae.clip-higher": (
        Counterexample(
            "freeing the likely arm of π = (7/10, 3/10) raises the entropy: -(π_a(log π_a + H) - Cov(log π, π)) >= 0",
            "-(pi[0]*(logs[0] + H) - cov(logs, pi)) >= 0",
            where=_POLICY,
            at={"pi": "[7/10, 3/10]"},
        ),
        Identity(
            "with two arms and L = log(π/(1-π)) it is -2π(1-π)²L, up to the factor π: above 0 exactly for π < 1/2",
            "-(p*(x - (p*x + (1 - p)*y)) - ((p**2*x + (1 - p)**2*y) - (p*x + (1 - p)*y)*(p**2 + (1 - p)**2))) "
            "== -2*p*(1 - p)**2*(x - y)",
            variables=("p", "x", "y"),
        ),
    ),
    # --- entropies per token ---
    "qae.prop4.2-length-normalised": (
        Counterexample(
            "the slope Cov((log π + 1)/|y|, π) is not negative: π = (3/5, 2/5), lengths 10 and 1",
            "cov([(logs[i] + 1)/length[i] for i in arms], pi) >= 0",
            where=_POLICY,
            at={"pi": "[3/5, 2/5]", "length": "[10, 1]"},
        ),
    ),
    "qae.prop4.2-tokens": (
        Counterexample(
            "the slope, Σ over prefixes of chance·Cov(log π - V, π), is not negative: first tokens (3/5, 2/5), then "
            "(1/2, 1/2) or (999/1000, 1/1000), V the entropy of the second token",
            "root + p*slope([1/2, 1/2], [0, 0]) + (1 - p)*slope([q, 1 - q], [0, 0]) >= 0",
            where={
                "q": "999/1000",
                "entropy(pi)": "-(pi[0]*log(pi[0]) + pi[1]*log(pi[1]))",
                "slope(pi, V)": "pi[0]*pi[1]*(pi[0] - pi[1])*(log(pi[0]) - log(pi[1]) - (V[0] - V[1]))",
                "root": "slope([p, 1 - p], [entropy([1/2, 1/2]), entropy([q, 1 - q])])",
            },
            at={"p": "3/5"},
        ),
    ),
}
