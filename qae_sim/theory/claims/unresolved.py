"""Claims that no calculation here can settle: listed with the reason, so that nobody takes silence for agreement."""

from __future__ import annotations

from qae_sim.papers import ENTROPY, HA_DW, KTAE, QAE
from qae_sim.theory.claim import Finding, Verdict, unchecked
from qae_sim.theory.claims.informed import AAPO, CANON, GDPO, OPO, RLEV
from qae_sim.theory.claims.neighbours import CAPO, GPG, MAPO, MAXRL, TWO_STAGE
from qae_sim.theory.claims.parts import ATTN_RL, FSPO, MATCH_TIR, REG_GRPO, TREE_OPO, VERL
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

for _name, _paper, _statement, _formula in (
    ("mapo", MAPO, "MAPO trains better than GRPO and than other advantages of its kind.", r"\text{MAPO} > \text{GRPO}"),
    ("maxrl", MAXRL, "MaxRL trains better than plain RL, pass@k included.", r"\text{MaxRL} > \text{RL}"),
    (
        "two-stage",
        TWO_STAGE,
        "After a stage of exploitation comes one of exploration, in which answers win that were never likely.",
        r"\pi(\text{best}) \uparrow \text{ late}",
    ),
    (
        "capo",
        CAPO,
        "Positive advantages first and all of them later trains better than GRPO.",
        r"\text{CAPO} > \text{GRPO}",
    ),
    ("gpg", GPG, "GPG trains better than GRPO.", r"\text{GPG} > \text{GRPO}"),
    ("opo", OPO, "OPO shifts the policy less and keeps more entropy.", r"H_{\mathrm{OPO}} > H_{\mathrm{GRPO}}"),
    (
        "canon",
        CANON,
        "CANON on entropy trains better than shaped advantages; on length it saves tokens.",
        r"\text{CANON} > \text{GRPO}",
    ),
    ("aapo", AAPO, "AAPO trains better than GRPO.", r"\text{AAPO} > \text{GRPO}"),
    ("rlev", RLEV, "RLEV's policies are short on prompts of low value and thorough on others.", r"|o| \uparrow v"),
    ("gdpo", GDPO, "GDPO trains better than GRPO on several rewards.", r"\text{GDPO} > \text{GRPO}"),
    ("fspo", FSPO, "FSPO makes fewer things up and reasons better.", r"\text{FSPO} > \text{GRPO}"),
    ("match-tir", MATCH_TIR, "MatchTIR's small models surpass larger ones with tools.", r"4\text{B} > 8\text{B}"),
    ("attn-rl", ATTN_RL, "AttnRL trains better and with fewer samples.", r"\text{AttnRL} > \text{GRPO}"),
    ("tree-opo", TREE_OPO, "Staged advantages train better than GRPO.", r"\text{Tree-OPO} > \text{GRPO}"),
    ("verl-rank", VERL, "VERL trains better than what it shapes.", r"\text{VERL} > \text{GRPO}"),
    ("reg-grpo", REG_GRPO, "Reg-GRPO trains better than GRPO on video.", r"\text{Reg-GRPO} > \text{GRPO}"),
):
    _listed(f"{_name}.training", _paper, "main results", _statement, _formula, _TRAINING)
