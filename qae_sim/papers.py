"""The sources of the claims."""

QAE = "QAE (Wu et al., arXiv:2509.22611)"
HA_DW = "HA-DW (Yang et al., arXiv:2601.08521)"
KTAE = "KTAE (Sun et al., arXiv:2505.16826)"
ENTROPY = "Entropy mechanism (Cui et al., arXiv:2505.22617)"
GROUP = "Group estimators (GRPO, Dr. GRPO, RLOO)"
DIGEST = "A popular digest of the QAE paper"
