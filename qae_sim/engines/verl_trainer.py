r"""verl's synchronous trainer with a memory: HA-DW's anchor, schedules of K, and tokens for KTAE.

It is launched instead of verl's own::

    VERL_USE_EXTERNAL_MODULES=qae_sim.engines.verl_trainer python -m verl.trainer.main_ppo \
        trainer.v1.trainer_mode=qae_sim algorithm.adv_estimator=ha_dw ...

On several machines the variable must reach verl's driver:
``+ray_kwargs.ray_init.runtime_env.env_vars.VERL_USE_EXTERNAL_MODULES=qae_sim.engines.verl_trainer``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import transfer_queue as tq
from verl.trainer.ppo.v1 import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from qae_sim.engines.batches import load_state, save_state
from qae_sim.engines.verl import Memory, lending, rule_of

#: Name of the file with rule and state, in the folder of a checkpoint.
STATE = "qae_sim_advantage.json"


@register_trainer("qae_sim")
class AdvantageTrainer(PPOTrainerSync):  # type: ignore[misc]
    """verl's synchronous PPO trainer, whose estimators also get the step, their state and the tokens.

    Rule and state live in this object, in verl's driver process. The state moves on once per batch, is saved in the
    folders of verl's own checkpoints before they count as complete, and is restored with them. A run that is resumed
    with another rule is refused. Metrics are logged as ``advantage/...``.

    Args:
        config: verl's configuration.

    Attributes:
        rule: How rewards become advantages.
        advantage_state: The rule's state, which moves on with every batch: the anchor, an automatic K.

    Raises:
        ValueError: The configuration contradicts itself; this is checked before any model is loaded.
    """

    def __init__(self, config: Any) -> None:
        self.rule = rule_of(config.algorithm)
        self.advantage_state = self.rule.start()
        # In all other respects this is the trainer that verl calls sync, and verl checks for that name.
        config.trainer.v1.trainer_mode = "sync"
        super().__init__(config)

    def _compute_advantage(self, batch: Any, metrics: dict[str, Any]) -> Any:
        """Call verl's method, with a memory for the estimator."""
        memory = Memory(self.rule, self.advantage_state, self.global_steps - 1, self._tokens(batch))
        with lending(memory):
            batch = super()._compute_advantage(batch, metrics)
        self.advantage_state = memory.state
        metrics.update({f"advantage/{name}": value for name, value in memory.metrics.items()})
        return batch

    def _tokens(self, batch: Any) -> np.ndarray | None:
        """Return the tokens of the responses, ``(N, T)``, if the estimator needs them."""
        if "token_ids" not in self.rule.inputs:
            return None
        data = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=["responses"])
        return np.asarray(data.to_padded_tensor()["responses"].cpu().numpy())

    # --- checkpoints ---

    def _save_checkpoint(self) -> None:
        """Save rule and state, then verl's checkpoint: a complete checkpoint always has them."""
        folder = Path(self.config.trainer.default_local_dir) / f"global_step_{self.global_steps}"
        folder.mkdir(parents=True, exist_ok=True)
        save_state(folder / STATE, self.rule, self.advantage_state)
        super()._save_checkpoint()

    def _load_checkpoint(self) -> None:
        """Load verl's checkpoint, and the state from its folder."""
        super()._load_checkpoint()
        if self.global_steps == 0:
            return
        trainer = self.config.trainer
        last = Path(trainer.default_local_dir) / f"global_step_{self.global_steps}"
        path = (Path(trainer.resume_from_path) if trainer.resume_mode == "resume_path" else last) / STATE
        try:
            self.advantage_state = load_state(path, self.rule)
        except FileNotFoundError:
            raise ValueError(f"{path} is missing: this checkpoint was not written by trainer_mode=qae_sim") from None
