"""What the printed tables say: percentages, counts, and how much of a difference the evaluation's noise can make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import for_all

#: Problems of each benchmark, and completions of each problem (Sec. 5).
PROBLEMS = {"AIME25": 30, "AIME24": 30, "AMC23": 40}
COMPLETIONS = 32

#: Table 2: pass@1 and pass@16 in percent, benchmark by benchmark, without and with QAE, and the printed changes.
TABLE_2 = {
    "Clip-Higher": (
        ("32.71 56.66 39.69 71.23 92.11 97.50", "34.90 57.92 48.23 71.63 92.97 97.50"),
        "+6.7 +2.2 +21.5 +0.6 +0.9 +0.0",
    ),
    "Clip-Cov": (
        ("33.02 52.27 42.40 68.58 87.42 96.25", "37.40 56.29 46.04 73.16 90.23 96.25"),
        "+13.3 +7.7 +8.6 +6.7 +3.2 +0.0",
    ),
    "KL-Cov": (
        ("33.33 45.86 44.90 73.00 86.02 95.00", "33.44 51.62 44.69 77.08 87.97 96.25"),
        "+0.3 +12.6 -0.5 +5.6 +2.3 +1.3",
    ),
    "GSPO": (
        ("31.15 46.59 43.75 67.91 90.00 99.39", "32.50 48.01 47.50 71.72 89.38 97.21"),
        "+4.3 +3.0 +8.6 +5.6 -0.7 -2.2",
    ),
}
#: Table 1: pass@1 of AIME24 by ε_high, and the printed changes against ε_high = .28.
TABLE_1 = {".20": "32.29", ".22": "34.90", ".24": "34.17", ".26": "40.63", ".28": "39.69"}
CHANGES_1 = {".20": "-18.6", ".22": "-12.1", ".24": "-13.9", ".26": "+2.4"}


@dataclass(frozen=True)
class Row:
    """A comparison of Table 2, in percent.

    Attributes:
        method: What QAE is added to.
        benchmark: The benchmark.
        before: pass@1 and pass@16 without QAE.
        after: The same with QAE.
        changes: The two printed changes.
    """

    method: str
    benchmark: str
    before: tuple[Fraction, Fraction]
    after: tuple[Fraction, Fraction]
    changes: tuple[Fraction, Fraction]

    @property
    def name(self) -> str:
        """Method and benchmark."""
        return f"{self.method}, {self.benchmark}"


def rows() -> Iterator[Row]:
    """All comparisons of Table 2."""
    for method, (scores, changes) in TABLE_2.items():
        before, after = ([Fraction(x) for x in line.split()] for line in scores)
        printed = [Fraction(x) for x in changes.split()]
        for i, benchmark in enumerate(PROBLEMS):
            first, second = 2 * i, 2 * i + 1
            yield Row(
                method,
                benchmark,
                (before[first], before[second]),
                (after[first], after[second]),
                (printed[first], printed[second]),
            )


def change(before: Fraction, after: Fraction) -> Fraction:
    """Relative change in percent."""
    return 100 * (after / before - 1)


def printed_as(exact: Fraction, text: Fraction) -> bool:
    """Whether a number is printed with one decimal as this."""
    return abs(exact - text) <= Fraction(1, 20)


@claim(
    "qae.table1-marginal",
    paper=PAPER,
    equation="Observation 4, Table 1",
    statement="Varying ε_high from .20 to .28 has only marginal effects on AIME24: smaller ones than QAE has there on "
    "the same baseline.",
    latex=r"\frac{40.63}{32.29} - 1 = 25.8\,\% < \frac{48.23}{39.69} - 1 = 21.5\,\%",
    assumptions=("the printed numbers", "marginal: less than the gain that the paper puts forward"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="only ε_high = .26 and .28 are compared (2.4 %)",
    breaks=(Break("only .26 and .28", {"values": (".26", ".28")}, Verdict.CERTIFIED),),
)
def table1_marginal(quick: bool, *, values: tuple[str, ...] = tuple(TABLE_1)) -> CheckOutcome:
    """The largest pass@1 of Table 1 over the smallest, against QAE's gain over DAPO in the same column."""
    scores = [Fraction(TABLE_1[value]) for value in values]
    effect = change(min(scores), max(scores))
    (gain,) = (change(r.before[0], r.after[0]) for r in rows() if (r.method, r.benchmark) == ("Clip-Higher", "AIME24"))
    reference = Fraction(TABLE_1[".28"])
    printed = all(printed_as(change(reference, Fraction(TABLE_1[k])), Fraction(v)) for k, v in CHANGES_1.items())
    return conclude(
        Evidence(
            "the largest effect of ε_high is below QAE's gain",
            f"ε_high = {', '.join(values)}",
            Method.CASES,
            effect < gain,
            counterexample={"effect of eps_high, %": round(float(effect), 2), "QAE's gain, %": round(float(gain), 2)}
            if effect >= gain
            else {},
        ),
        controls=[
            Evidence("the printed changes against ε_high = .28 come out", "Table 1", Method.CASES, printed),
            Evidence("QAE's gain is printed as +21.5 %", "Table 2", Method.CASES, printed_as(gain, Fraction("21.5"))),
        ],
    )


@claim(
    "qae.table2-percentages",
    paper=PAPER,
    equation="Table 2",
    statement="All 24 percentages of Table 2 are the relative changes of its scores.",
    latex=r"100\,\Big(\frac{\text{with QAE}}{\text{without}} - 1\Big)",
    assumptions=("one decimal, as printed",),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.QUOTED,
    breaks=(Break("changes in points instead of per cent", {"relative": False}, Verdict.REFUTED),),
)
def table2_percentages(quick: bool, *, relative: bool = True) -> CheckOutcome:
    """Compute each of them."""
    cases = [(r, i) for r in rows() for i in (0, 1)]

    def right(case: tuple[Row, int]) -> bool:
        r, i = case
        exact = change(r.before[i], r.after[i]) if relative else r.after[i] - r.before[i]
        return printed_as(exact, r.changes[i])

    found = for_all(cases, right)
    return conclude(
        Evidence(
            "the printed percentage is the relative change, rounded",
            f"{len(cases)} percentages",
            Method.CASES,
            found.holds,
            counterexample={"row": found.case[0].name, "printed": float(found.case[0].changes[found.case[1]])}
            if found.case
            else {},
        )
    )


def correct_of(score: Fraction, benchmark: str) -> int:
    """The number of correct completions nearest to a pass@1 in percent."""
    return round(score * PROBLEMS[benchmark] * COMPLETIONS / 100)


@claim(
    "qae.table2-counts",
    paper=PAPER,
    equation="Tables 1 and 2, Sec. 5: 'we sample k=32 completions'",
    statement="Every pass@1 of Tables 1 and 2 is a whole number of correct completions out of 960 (AIME) or 1280 "
    "(AMC23).",
    latex=r"\text{pass@1} = \frac{m}{32 \cdot 30} \text{ or } \frac{m}{32 \cdot 40}",
    assumptions=("two decimals, as printed",),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.IMPLIED,
    breaks=(Break("31 completions", {"completions": 31}, Verdict.REFUTED),),
)
def table2_counts(quick: bool, *, completions: int = COMPLETIONS) -> CheckOutcome:
    """The nearest count gives the printed number again; by chance one in ten would."""
    scores = [(r.benchmark, x) for r in rows() for x in (r.before[0], r.after[0])]
    scores += [("AIME24", Fraction(x)) for x in TABLE_1.values()]

    def whole(case: tuple[str, Fraction]) -> bool:
        total = PROBLEMS[case[0]] * completions
        return abs(Fraction(100 * round(case[1] * total / 100), total) - case[1]) <= Fraction(1, 200)

    found = for_all(scores, whole)
    return conclude(
        Evidence(
            f"some count of {completions} completions per problem is printed as this pass@1",
            f"{len(scores)} scores",
            Method.CASES,
            found.holds,
            counterexample={"benchmark": found.case[0], "pass@1": float(found.case[1])} if found.case else {},
        )
    )


@claim(
    "qae.table2-consistent",
    paper=PAPER,
    equation="Table 2: 'consistently improves pass@1 across different models and methods'",
    statement="QAE improves pass@1 in every comparison of Table 2.",
    latex=r"\text{pass@1}_{\mathrm{QAE}} > \text{pass@1}",
    assumptions=("the printed numbers",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    condition="the row is neither KL-Cov on AIME24 nor GSPO on AMC23 (10 of 12)",
    breaks=(Break("Clip-Higher and Clip-Cov alone", {"methods": ("Clip-Higher", "Clip-Cov")}, Verdict.CERTIFIED),),
)
def table2_consistent(quick: bool, *, methods: tuple[str, ...] = tuple(TABLE_2)) -> CheckOutcome:
    """Compare the scores of all rows."""
    chosen = [r for r in rows() if r.method in methods]
    found = for_all(chosen, lambda r: r.after[0] > r.before[0])
    rises = sum(r.after[0] > r.before[0] for r in rows())
    return conclude(
        Evidence(
            "pass@1 with QAE is higher",
            f"{len(chosen)} comparisons",
            Method.CASES,
            found.holds,
            counterexample={
                "row": found.case.name,
                "pass@1 without": float(found.case.before[0]),
                "with QAE": float(found.case.after[0]),
            }
            if found.case
            else {},
            figures={"higher in": f"{rises} of {len(list(rows()))}"},
        ),
        controls=[Evidence("pass@1 is higher in exactly ten rows", "Table 2", Method.CASES, rises == 10)],
    )


def noise(r: Row) -> tuple[Fraction, Fraction]:
    """Bounds of the variance of a difference of pass@1 that comes from sampling 32 completions alone.

    Given the chances p of the problems, N = 32·problems completions have the variance (mean of p(1-p))/N. That mean is
    at most m(1-m), with m the mean of p (Jensen); and at least (pass@16 - m)/15, because for q = 1-p
    q - q^16 = q(1-q)(1 + q + ... + q^14) <= 15 q(1-q). The table's own scores stand for m and pass@16.

    Returns:
        Lower and upper bound, for shares instead of percentages.
    """
    total = PROBLEMS[r.benchmark] * COMPLETIONS
    low = high = Fraction(0)
    for one, sixteen in (r.before, r.after):
        m, best = one / 100, sixteen / 100
        high += m * (1 - m) / total
        low += (best - m) / 15 / total
    return low, high


#: Squares of 1.96 and 2.87: two-sided levels of 5 % for one comparison, and for twelve.
SINGLE, TWELVE = Fraction(196, 100) ** 2, Fraction(287, 100) ** 2


@claim(
    "qae.table2-noise",
    paper=PAPER,
    equation="Table 2",
    statement="Every gain in pass@1 of Table 2 exceeds 1.96 standard errors of the evaluation itself, of 32 "
    "completions of each of 30 or 40 problems.",
    latex=r"(m' - m)^2 > 1.96^2\,(v' + v),\quad \frac{\text{pass@16} - m}{15 N} \le v \le \frac{m(1-m)}{N}",
    assumptions=("independent completions", "the table's scores in the place of the chances that they estimate"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="the row is Clip-Higher on AIME24, or Clip-Cov on AIME25 or AMC23 (certainly, 3 of 12); at 2.87 "
    "errors, for twelve rows at a time, only the first",
    breaks=(Break("only Clip-Higher on AIME24", {"only": "Clip-Higher, AIME24"}, Verdict.CERTIFIED),),
)
def table2_noise(quick: bool, *, only: str = "") -> CheckOutcome:
    """A gain certainly exceeds the noise if it does so for the upper bound, and certainly not if not for the lower."""
    chosen = [r for r in rows() if r.after[0] > r.before[0] and only in ("", r.name)]

    def squared(r: Row) -> Fraction:
        return ((r.after[0] - r.before[0]) / 100) ** 2

    beyond = [r.name for r in rows() if squared(r) > SINGLE * noise(r)[1] and r.after[0] > r.before[0]]
    family = [r.name for r in rows() if squared(r) > TWELVE * noise(r)[1]]
    within = [r.name for r in chosen if squared(r) <= SINGLE * noise(r)[0]]
    smallest = min(chosen, key=squared)
    samples = correct_of(smallest.after[0], smallest.benchmark) - correct_of(smallest.before[0], smallest.benchmark)
    return conclude(
        Evidence(
            "every gain exceeds 1.96 standard errors, even if they are as small as pass@16 allows",
            f"{len(chosen)} gains",
            Method.CASES,
            not within,
            counterexample={
                "row": smallest.name,
                "gain in points": float(smallest.after[0] - smallest.before[0]),
                "correct completions more": samples,
                "certainly within the noise": within,
            }
            if within
            else {},
            figures={"certainly beyond": beyond, "beyond, for twelve at a time": family},
        ),
        controls=[
            Evidence(
                "three gains are beyond even the largest noise, p(1-p)/N, one of them for twelve at a time",
                "Table 2",
                Method.CASES,
                beyond == ["Clip-Higher, AIME24", "Clip-Cov, AIME25", "Clip-Cov, AMC23"]
                and family == ["Clip-Higher, AIME24"],
            ),
            Evidence("320 and 321 of 960 are 33.33 and 33.44 %", "KL-Cov on AIME25", Method.CASES, _by_hand()),
        ],
    )


def _by_hand() -> bool:
    """The smallest gain is one completion."""
    return (correct_of(Fraction("33.33"), "AIME25"), correct_of(Fraction("33.44"), "AIME25")) == (320, 321)


#: Where the text places DAPO's explosion on Qwen3-8B-Base, in training steps: first and last, None for no end.
EXPLOSION: dict[str, tuple[int, int | None]] = {
    "Sec. 1 and Fig. 1, 'an early entropy spike (steps 10 → 80)'": (10, 80),
    "Sec. 5.2, 'From ~step 100, DAPO exhibits an entropy surge'": (100, None),
    "App. D.4, 'a severe entropy explosion phase around step 100'": (100, 100),
}


@claim(
    "qae.explosion-step",
    paper=PAPER,
    equation="Sec. 1, Sec. 5.2 and App. D.4",
    statement="The paper places the entropy explosion of DAPO on Qwen3-8B-Base at one time of the training.",
    latex=r"[10, 80] \cap [100, \infty) \ne \emptyset",
    assumptions=("the steps as printed", "about step 100 is after step 80"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="Sec. 1 is left out",
    breaks=(Break("without Sec. 1", {"places": tuple(EXPLOSION)[1:]}, Verdict.CERTIFIED),),
)
def explosion_step(quick: bool, *, places: tuple[str, ...] = tuple(EXPLOSION)) -> CheckOutcome:
    """Whether the ranges have a step in common."""
    first, last = _shared(places)
    later = _shared(tuple(EXPLOSION)[1:])
    return conclude(
        Evidence(
            "the ranges of steps have one in common",
            f"{len(places)} places of the text",
            Method.CASES,
            first <= last,
            counterexample={"latest beginning": first, "earliest end": last} if first > last else {},
        ),
        controls=[
            Evidence("those of Sec. 5.2 and App. D.4 share step 100", "two places", Method.CASES, later == (100, 100))
        ],
    )


def _shared(places: tuple[str, ...]) -> tuple[int, int]:
    """The latest beginning and the earliest end."""
    ends = [end for place in places if (end := EXPLOSION[place][1]) is not None]
    return max(EXPLOSION[place][0] for place in places), min(ends)
