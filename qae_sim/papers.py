"""The papers that the project speaks of: each one's authors, title and arXiv number stand here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from qae_sim.frozen import dataclass


@dataclass(frozen=True)
class Paper:
    """A paper, a page, or a family of methods that no single paper stands for.

    Attributes:
        key: Its key in :data:`PAPERS`.
        name: Its name in a sentence, mostly that of its method.
        authors: First author and "et al."; empty where they are not known.
        title: Its title, which may be shortened.
        arxiv: Its identifier on arXiv; empty if it is not on arXiv.

    Example:
        >>> PAPERS["qae"].cite
        'QAE (Wu et al., arXiv:2509.22611)'
        >>> PAPERS["qae"].url
        'https://arxiv.org/abs/2509.22611'
    """

    key: str
    name: str
    authors: str
    title: str
    arxiv: str = ""

    @property
    def number(self) -> str:
        """``arXiv:`` and the identifier; the title where it has none."""
        return f"arXiv:{self.arxiv}" if self.arxiv else self.title

    @property
    def cite(self) -> str:
        """Name, authors and number, as a sentence quotes them; the name alone where it is the title."""
        where = ", ".join(part for part in (self.authors, self.number) if part)
        return self.name if where == self.name else f"{self.name} ({where})"

    @property
    def reference(self) -> str:
        """Authors and title, as a list of sources has them."""
        return f"{self.authors}, {self.title}" if self.authors else self.title

    @property
    def url(self) -> str:
        """Where to read it; empty where it is not on arXiv."""
        return f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else ""


#: All papers by key.
PAPERS: Mapping[str, Paper] = MappingProxyType(
    {
        paper.key: paper
        for paper in (
            Paper("grpo", "GRPO", "Shao et al.", "DeepSeekMath", "2402.03300"),
            Paper("dr_grpo", "Dr. GRPO", "Liu et al.", "Understanding R1-Zero-like training", "2503.20783"),
            Paper("rloo", "RLOO", "Ahmadian et al.", "Back to basics", "2402.14740"),
            Paper("reinforce_plus_plus", "REINFORCE++", "Hu et al.", "REINFORCE++", "2501.03262"),
            Paper("dapo", "DAPO", "Yu et al.", "DAPO", "2503.14476"),
            Paper("ppo", "PPO", "Schulman et al.", "Proximal policy optimization algorithms", "1707.06347"),
            Paper("gspo", "GSPO", "Zheng et al.", "Group sequence policy optimization", "2507.18071"),
            Paper(
                "pass_at_k", "pass@k", "Chen et al.", "Evaluating large language models trained on code", "2107.03374"
            ),
            Paper("qae", "QAE", "Wu et al.", "Quantile Advantage Estimation", "2509.22611"),
            Paper("ha_dw", "HA-DW", "Yang et al.", "Your group-relative advantage is biased", "2601.08521"),
            Paper("ktae", "KTAE", "Sun et al.", "KTAE", "2505.16826"),
            Paper(
                "entropy", "Entropy mechanism", "Cui et al.", "The entropy mechanism of RL for reasoning", "2505.22617"
            ),
            Paper("estimators", "Group estimators", "", "GRPO, Dr. GRPO, RLOO"),
            Paper("mapo", "MAPO", "", "MAPO", "2509.18849"),
            Paper("maxrl", "MaxRL", "Tajwar et al.", "Maximum likelihood reinforcement learning", "2602.02710"),
            Paper("grpo_n", "Two-stage view", "", "The debate on RLVR reasoning capability boundary", "2510.04028"),
            Paper("grpo_passk", "pass@k advantages", "", "verl's grpo_passk", "2503.19595"),
            Paper("capo", "CAPO", "Yang et al.", "From imitation to discrimination", "2512.02580"),
            Paper("gpg", "GPG", "Chu et al.", "GPG", "2504.02546"),
            Paper("opo", "OPO", "Hao et al.", "On-policy RL with optimal reward baseline", "2505.23585"),
            Paper("canon", "CANON", "", "CANON, conditional advantage estimation", "2509.23962"),
            Paper("aapo", "AAPO", "Xiong et al.", "AAPO", "2505.14264"),
            Paper("rlev", "RLEV", "Yu et al.", "RLEV", "2510.20187"),
            Paper("gdpo", "GDPO", "", "GDPO", "2601.05242"),
            Paper("fspo", "FSPO", "", "FSPO", "2505.24630"),
            Paper("match_tir", "MatchTIR", "", "MatchTIR", "2601.10712"),
            Paper("attn_rl", "AttnRL", "", "AttnRL", "2509.26628"),
            Paper("tree_opo", "Tree-OPO", "Huang et al.", "Tree-OPO", "2509.09284"),
            Paper("verl_rank", "VERL", "", "VERL, beyond the exploration-exploitation trade-off", "2509.23808"),
            Paper("reg_grpo", "DeepVideo-R1, Reg-GRPO", "", "DeepVideo-R1, Reg-GRPO", "2506.07464"),
            Paper("sign", "Sign advantage", "Nie et al.", "Gradient starvation in binary-reward GRPO", "2605.07689"),
            Paper("dgpo", "DGPO", "Dai et al.", "Harder is better", "2601.20614"),
            Paper("mc_grpo", "MC-GRPO", "Kim", "Median-centered group relative policy optimization", "2601.22582"),
            Paper("krpo", "KRPO", "Wang et al.", "Kalman filter enhanced GRPO", "2505.07527"),
            Paper("lite_ppo", "Lite PPO", "", "Tricks or traps? A deep dive into RL for LLM reasoning", "2508.08221"),
            Paper("james_stein", "Shrinkage baselines", "Zeng et al.", "Shrinking the variance", "2511.03710"),
            Paper("bnpo", "BNPO", "Xiao et al.", "Beta normalization policy optimization", "2506.02864"),
            Paper("a_grae", "A-GRAE", "Yu et al.", "Unveiling implicit advantage symmetry", "2602.05548"),
            Paper("rl_zvp", "RL-ZVP", "Le et al.", "No prompt left behind", "2509.21880"),
            Paper("gtpo", "GTPO", "Tan et al.", "GTPO and GRPO-S", "2508.04349"),
            Paper("otb", "Optimal token baseline", "", "The optimal token baseline", "2602.07078"),
            Paper("gae", "GAE", "", "High-dimensional continuous control using GAE", "1506.02438"),
            Paper("vc_ppo", "VC-PPO", "", "What's behind PPO's collapse in long-CoT?", "2503.01491"),
            Paper("vapo", "VAPO", "Yue et al.", "VAPO", "2504.05118"),
            Paper("spo", "SPO", "Xu and Ding", "Single-stream policy optimization", "2509.13232"),
            Paper("rae", "RAE", "", "SPIRAL", "2506.24119"),
            Paper("digest", "A popular digest of the QAE paper", "", "A popular digest of the QAE paper"),
        )
    }
)
