"""What only the training of large models can show: listed, so that nobody takes silence for agreement."""

from __future__ import annotations

from qae_sim.theory.claim import NEEDS_TRAINING, CheckOutcome, Origin, Verdict, unchecked
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.registry import claim


@claim(
    "qae.accuracy",
    paper=PAPER,
    equation="Table 2",
    statement="Replacing the mean by the K-quantile raises pass@1 and keeps pass@16.",
    latex=r"\text{pass@1}_{\mathrm{QAE}} > \text{pass@1}_{\mathrm{DAPO}}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def accuracy(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models, several times."""
    return unchecked(
        "the paper reports one run of each method; how much of its table the evaluation's own noise can explain: "
        "qae.table2-noise; what small models say: qae-sim reproduce --recorded"
    )


@claim(
    "qae.best-k",
    paper=PAPER,
    equation="App. D.3, Fig. 9",
    statement="K = .2 leads to collapse, K = .8 to explosion, and K = .4 to neither.",
    latex=r"K = 0.4",
    expected=Verdict.OPEN,
    origin=Origin.QUOTED,
)
def best_k(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)


@claim(
    "qae.negatives-drive-entropy",
    paper=PAPER,
    equation="Observation 3, Figs. 4 and 5",
    statement="Growth of the entropy is dominated by negative-advantage samples.",
    latex=r"\Delta H^- \gg \Delta H^+",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def negatives_drive_entropy(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models; in a softmax bandit it is decided."""
    return unchecked(
        "a statement about large models; in a softmax bandit the share of negative advantages is exactly p: "
        "estimators.negatives-share; what small models say: qae-sim reproduce --recorded"
    )


@claim(
    "qae.mask-order",
    paper=PAPER,
    equation="Fig. 6",
    statement="With a weak upper clip NEG-MASK comes close to QAE, with a strong one POS-MASK does.",
    latex=r"\epsilon_{\mathrm{high}} \in \{0.20, 0.28\}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def mask_order(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)


@claim(
    "qae.lengths",
    paper=PAPER,
    equation="App. D.3, Fig. 9 (right)",
    statement="K = .8 makes responses grow without bounds, and K = .2 keeps them compact.",
    latex=r"|o|_{K = .2} < |o|_{K = .4} < |o|_{K = .8}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def lengths(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models; the loss's own part in it is known."""
    return unchecked(
        "a statement about large models; the token-level loss itself adds pressure in this direction "
        "(qae.length-pressure-by-k), small in batches of many queries"
    )
