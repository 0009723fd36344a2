"""Claims that no calculation here can settle: listed with the reason, so that nobody takes silence for agreement."""

from __future__ import annotations

from qae_sim.theory.claim import Finding, Verdict, unchecked
from qae_sim.theory.papers import ENTROPY, HA_DW, KTAE, QAE
from qae_sim.theory.registry import claim

_TRAINING = (
    "a statement about training large language models, which no calculation settles; "
    "what small models say to it: qae-sim reproduce --recorded"
)


def _listed(id: str, paper: str, equation: str, statement: str, latex: str, reason: str) -> None:
    """Register a claim without a check."""

    def listed(quick: bool) -> Finding:
        return unchecked(reason)

    claim(id, paper=paper, equation=equation, statement=statement, latex=latex, expected=Verdict.OPEN)(listed)


_listed(
    "qae.accuracy",
    QAE,
    "Table 2",
    "Replacing the mean by the K-quantile raises pass@1 and keeps pass@16.",
    r"\text{pass@1}_{\mathrm{QAE}} > \text{pass@1}_{\mathrm{DAPO}}",
    _TRAINING,
)
_listed(
    "qae.best-k",
    QAE,
    "App. D.3, Fig. 9",
    "K = .2 leads to collapse, K = .8 to explosion, and K = .4 to neither.",
    r"K = 0.4",
    _TRAINING,
)
_listed(
    "qae.negatives-drive-entropy",
    QAE,
    "Observation 3, Figs. 4 and 5",
    "Growth of the entropy is dominated by negative-advantage samples.",
    r"\Delta H^- \gg \Delta H^+",
    _TRAINING,
)
_listed(
    "qae.mask-order",
    QAE,
    "Fig. 6",
    "With a weak upper clip NEG-MASK comes close to QAE, with a strong one POS-MASK does.",
    r"\epsilon_{\mathrm{high}} \in \{0.20, 0.28\}",
    _TRAINING,
)
_listed(
    "ha-dw.accuracy",
    HA_DW,
    "Main results",
    "HA-DW improves GRPO, GSPO and DAPO on five benchmarks and three models.",
    r"\text{acc}_{\mathrm{HA\text{-}DW}} > \text{acc}",
    _TRAINING,
)
_listed(
    "ha-dw.best-scale",
    HA_DW,
    "Ablation of λ_scale",
    "A λ_scale of 1.3 to 1.5 trains best.",
    r"\lambda_{\mathrm{scale}} \in [1.3, 1.5]",
    _TRAINING,
)
_listed(
    "ktae.accuracy",
    KTAE,
    "Main results",
    "KTAE raises accuracy and shortens responses.",
    r"\text{acc}_{\mathrm{KTAE}} > \text{acc},\ |o|_{\mathrm{KTAE}} < |o|",
    _TRAINING,
)
_listed(
    "ktae.weights",
    KTAE,
    "h₁, h₂, h₃",
    "The weights of association, information gain and term frequency.",
    r"h_1, h_2, h_3",
    "the paper's values were not found; the released code uses 1, 1 and a switch, and its scripts set one that "
    "the code does not read",
)
_listed(
    "entropy.law",
    ENTROPY,
    "R = -a exp(H) + b",
    "Performance is an exponential function of the policy's entropy, "
    "with coefficients that do not depend on the algorithm.",
    r"R = -a\,e^{H} + b",
    "an empirical fit over training runs of large models",
)
