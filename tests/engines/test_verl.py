"""verl with our estimators: its own registry, its own configuration, its own trainer and queue.

These tests need verl, which does not go together with TRL in one environment: a stage of .ci/run of its own runs them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
import torch
import transfer_queue as tq
from hydra import compose, initialize_config_module
from made_logs import by_step, made_run, seen, truth
from tensordict import TensorDict
from tensordict.tensorclass import NonTensorStack
from verl import DataProto
from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY, get_adv_estimator_fn
from verl.trainer.ppo.ray_trainer import RayPPOTrainer, compute_advantage
from verl.trainer.ppo.utils import need_critic, need_reference_policy
from verl.trainer.ppo.v1 import get_trainer_cls
from verl.trainer.ppo.v1.trainer_base import PPOTrainer
from verl.utils.config import validate_config

import qae_sim
from qae_sim.advantages import (
    ESTIMATORS,
    HardAnchor,
    LinearK,
    SoftAnchor,
    capo,
    dr_grpo,
    gdpo,
    gpg,
    grpo,
    grpo_n,
    grpo_passk,
    ha_dw,
    ktae,
    mapo,
    maxrl,
    neg_mask,
    opo,
    pos_mask,
    qae,
)
from qae_sim.engines import verl_trainer
from qae_sim.engines.verl import NAMES, Memory, lending, rule_of
from qae_sim.engines.verl_trainer import STATE, AdvantageTrainer
from qae_sim.logs.digest import digest

SCRIPT = Path(verl_trainer.__file__).parent / "dapo_math_17k.sh"

#: Two prompts with four responses each, in any order, as verl's balancing leaves them.
PROMPT = np.array(["b", "a", "a", "b", "a", "b", "b", "a"], dtype=object)
REWARDS = np.array([1.0, 0, 1, 1, 0, 1, 0, 0])
LENGTHS = (3, 2, 4, 1, 2, 2, 3, 4)
LIKE_GRPO = {"ddof": 1, "eps": 1e-6}


def configuration(*overrides: str) -> Any:
    """verl's configuration, composed as its command line does."""
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", overrides=list(overrides))


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    """Rewards at the last word of each response, and where words are."""
    mask = torch.tensor([[float(t < n) for t in range(4)] for n in LENGTHS])
    rewards = torch.zeros(8, 4)
    for row, (reward, length) in enumerate(zip(REWARDS, LENGTHS, strict=True)):
        rewards[row, length - 1] = float(reward)
    return rewards, mask


def by_prompt(function: Any, **parameters: Any) -> np.ndarray:
    """An estimator of ours on each prompt's responses, back in the batch's order."""
    result = np.zeros(8)
    for prompt in "ab":
        rows = prompt == PROMPT
        result[rows] = function(REWARDS[rows], **parameters)
    return result


# --- the registry ---


def test_verl_loads_the_estimators_by_itself() -> None:
    code = (
        "import sys, verl; from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY as r;"
        "print(*[f for f in r if r[f].__module__.startswith('qae_sim')], 'qae_sim.engines.verl_trainer' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [*NAMES, "False"]
    without = os.environ | {"VERL_USE_EXTERNAL_PLUGINS": "none"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=without)
    assert done.stdout.split() == ["False"]


def test_none_of_verls_own_names_is_taken() -> None:
    own = {name for name, function in ADV_ESTIMATOR_REGISTRY.items() if function.__module__.startswith("verl")}
    assert {"grpo", "rloo", "reinforce_plus_plus"} <= own
    assert not own & set(NAMES)
    assert {"gpg", "opo", "gdpo", "grpo_passk"} <= own
    ours = {"qae", "pos_mask", "neg_mask", "ha_dw", "ktae", "mapo", "maxrl", "grpo_n", "capo", "dr_grpo"}
    ours |= {"sign_advantage", "dgpo", "mc_grpo", "rloo_std", "krpo"}
    assert set(NAMES) == ours
    of_one_group = {name for name, row in ESTIMATORS.items() if row.tabulated}
    assert of_one_group <= own | set(NAMES)
    guide = (Path(qae_sim.__file__).parent / "site" / "pages" / "guides" / "verl.md").read_text(encoding="utf-8")
    listed = guide.partition("## With verl's own trainer")[2].partition("need nothing else")[0]
    assert {*re.findall(r"`(\w+)`", listed), "ha_dw", "ktae"} == ours


# --- advantages ---


def test_ours_are_verls_own_where_both_have_them() -> None:
    rewards, mask = tensors()
    order = np.argsort(PROMPT, kind="stable")  # prompt by prompt
    r, lengths = REWARDS[order].reshape(2, 4), np.array(LENGTHS)[order].reshape(2, 4)
    wanted = {
        "gpg": gpg(r, count="nonzero"),
        "opo": opo(r, lengths),
        "grpo_passk": grpo_passk(r, **LIKE_GRPO),
    }
    for name, ours in wanted.items():
        found, _ = get_adv_estimator_fn(name)(
            token_level_rewards=rewards.clone(), response_mask=mask, index=PROMPT, config=configuration().algorithm
        )
        np.testing.assert_allclose(found[:, 0].numpy()[order].reshape(2, 4), ours, rtol=1e-5, atol=1e-6)
    # verl's GDPO whitens over tokens: of responses of one token each that is over responses.
    second = np.array([0.0, 1, 1, 0, 0, 1, 1, 1])
    one = torch.ones(8, 1)
    scores = {"first": REWARDS.astype(object), "second": second.astype(object)}
    keys = "+algorithm.gdpo_reward_keys=[first,second]"
    found, _ = get_adv_estimator_fn("gdpo")(
        token_level_rewards=torch.zeros(8, 1),
        response_mask=one,
        index=PROMPT,
        config=configuration(keys).algorithm,
        non_tensor_batch=scores,
        batch={"prompts": torch.zeros(8, 1), "attention_mask": torch.ones(8, 2, dtype=torch.long)},
    )
    ours = gdpo(r, [second[order].reshape(2, 4)], **LIKE_GRPO)
    np.testing.assert_allclose(found[:, 0].numpy()[order].reshape(2, 4), ours, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "overrides", "wanted"),
    [
        ("qae", (), by_prompt(qae, k=0.4, **LIKE_GRPO)),
        ("qae", ("+algorithm.quantile_k=0.6",), by_prompt(qae, k=0.6, **LIKE_GRPO)),
        (
            "qae",
            ("+algorithm.quantile_k=0.6", "+algorithm.quantile=linear"),
            by_prompt(qae, k=0.6, quantile="linear", **LIKE_GRPO),
        ),
        ("pos_mask", ("+algorithm.quantile_k=0.6",), by_prompt(pos_mask, k=0.6, **LIKE_GRPO)),
        ("neg_mask", ("+algorithm.quantile_k=0.3",), by_prompt(neg_mask, k=0.3, **LIKE_GRPO)),
        ("mapo", (), by_prompt(mapo, **LIKE_GRPO)),
        ("maxrl", (), by_prompt(maxrl)),
        ("dr_grpo", (), by_prompt(dr_grpo)),
        ("dr_grpo", ("algorithm.norm_adv_by_std_in_grpo=false",), by_prompt(dr_grpo)),
        ("grpo_n", (), by_prompt(grpo_n, **LIKE_GRPO)),
        ("capo", (), by_prompt(capo, **LIKE_GRPO)),
        ("capo", ("+algorithm.negatives=0.5",), by_prompt(capo, negatives=0.5, **LIKE_GRPO)),
    ],
)
def test_advantages_through_verls_own_function(name: str, overrides: tuple[str, ...], wanted: np.ndarray) -> None:
    config = configuration(f"algorithm.adv_estimator={name}", *overrides)
    rewards, mask = tensors()
    data = DataProto.from_dict(
        tensors={"token_level_rewards": rewards, "response_mask": mask}, non_tensors={"uid": PROMPT}
    )
    given = compute_advantage(data, config.algorithm.adv_estimator, config=config.algorithm)
    np.testing.assert_allclose(given.batch["advantages"], wanted[:, None] * mask.numpy(), rtol=1e-6)
    assert torch.equal(given.batch["advantages"], given.batch["returns"])


def test_with_the_mean_in_the_place_of_the_quantile_it_is_verls_grpo() -> None:
    rewards, mask = tensors()
    theirs = get_adv_estimator_fn("grpo")(token_level_rewards=rewards, response_mask=mask, index=PROMPT)[0]
    np.testing.assert_allclose(theirs, by_prompt(grpo, **LIKE_GRPO)[:, None] * mask.numpy(), rtol=1e-5)
    rule = rule_of({"adv_estimator": "ha_dw", "lambda_scale": 1.0, "anchor": HardAnchor(start=0.5)})
    memory = Memory(rule, rule.start(), 0)
    balanced = rewards * torch.tensor([1.0, 1, 1, 0, 1, 1, 1, 1])[:, None]  # one of two right in b: at the anchor
    with lending(memory):
        ours = get_adv_estimator_fn("ha_dw")(token_level_rewards=balanced, response_mask=mask, index=PROMPT)[0]
    theirs = get_adv_estimator_fn("grpo")(token_level_rewards=balanced, response_mask=mask, index=PROMPT)[0]
    rows = PROMPT == "b"
    np.testing.assert_allclose(ours[rows], theirs[rows], rtol=1e-5)
    assert (ours[~rows] != theirs[~rows]).any()


def test_groups_of_several_sizes_and_single_responses() -> None:
    rewards, mask = tensors()
    index = np.array(["b", "a", "a", "b", "a", "b", "alone", "a"], dtype=object)
    got = get_adv_estimator_fn("qae")(token_level_rewards=rewards, response_mask=mask, index=index)[0][:, 0].numpy()
    for prompt in ("a", "b"):
        rows = index == prompt
        np.testing.assert_allclose(got[rows], qae(REWARDS[rows], k=0.4, **LIKE_GRPO), rtol=1e-6)
    assert got[6] == 0
    rule = rule_of({"adv_estimator": "qae"})
    memory = Memory(rule, rule.start(), 0)
    with lending(memory):
        get_adv_estimator_fn("qae")(token_level_rewards=rewards, response_mask=mask, index=index)
    compared = np.delete(got, 6)
    assert memory.metrics["zero_share"] == pytest.approx((compared == 0).mean())
    assert memory.metrics["k"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("algorithm.adv_estimator=ha_dw",), "follows the model's capability over batches"),
        (("algorithm.adv_estimator=ktae",), "values tokens, which verl does not hand"),
        (
            (
                "algorithm.adv_estimator=qae",
                "+algorithm.quantile_k={kind: LinearK, start: 0.6, end: 0.4, steps: 10}",
            ),
            "needs the step, which verl does not tell",
        ),
        (("algorithm.adv_estimator=qae", "algorithm.norm_adv_by_std_in_grpo=false"), "norm_adv_by_std_in_grpo must be"),
        (("algorithm.adv_estimator=qae", "+algorithm.quantile_kk=0.4"), "must be without it, or of qae's own"),
        (
            ("algorithm.adv_estimator=qae", "+algorithm.quantilek=0.4"),
            "must be without it, or of qae's own: quantile_k",
        ),
        (("algorithm.adv_estimator=qae", "+algorithm.lambda_scale=1.0"), "must be without it, or of qae's own"),
        (("algorithm.adv_estimator=qae", "+algorithm.negatives=1.0"), "of qae's own: quantile_k, quantile; got"),
        (("algorithm.adv_estimator=qae", "+algorithm.h1=1.0"), "of qae's own: quantile_k, quantile; got 'h1'"),
        (("algorithm.adv_estimator=qae", "+algorithm.quantile_k=1.4"), "k must be"),
        (("algorithm.adv_estimator=ha_dw", "+algorithm.anchor={kind: Anchor}"), "kind of algorithm.anchor must be"),
    ],
)
def test_what_cannot_be_right_is_refused(overrides: tuple[str, ...], message: str) -> None:
    config = configuration(*overrides)
    rewards, mask = tensors()
    with pytest.raises(ValueError, match=message):
        get_adv_estimator_fn(config.algorithm.adv_estimator)(
            token_level_rewards=rewards, response_mask=mask, index=PROMPT, config=config.algorithm
        )


def test_rule_is_read_from_the_command_line() -> None:
    config = configuration(
        "algorithm.adv_estimator=ha_dw",
        "+algorithm.anchor={kind: HardAnchor, window: 5}",
        "+algorithm.lambda_scale=1.1",
        "+algorithm.correct_above=0",
    )
    rule = rule_of(config.algorithm)
    assert rule.anchor == HardAnchor(window=5)
    assert (rule.lambda_scale, rule.correct_above) == (1.1, 0)
    assert rule_of({"adv_estimator": "ha_dw"}).anchor == SoftAnchor()
    with pytest.raises(ValueError, match=r"algorithm.adv_estimator must be one of dr_grpo, qae, .*; got 'grpo'"):
        rule_of({"adv_estimator": "grpo"})


# --- the trainer ---


@pytest.fixture(scope="module")
def queue() -> Iterator[None]:
    """verl's queue of samples, on a cluster of this machine."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    config = configuration().transfer_queue
    config.enable = True
    config.backend.SimpleStorage.num_data_storage_units = 1
    try:
        tq.init(config)
        yield
    finally:
        tq.close()
        ray.shutdown()


class Workers:
    """Stands for the workers on GPUs, which this machine has not."""

    def save_checkpoint(self, path: str, *others: Any, **more: Any) -> None:
        Path(path).mkdir(parents=True)

    def load_checkpoint(self, *others: Any, **more: Any) -> None:
        pass


class Loader:
    """Stands for the loader of prompts."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


def trainer_of(folder: Path, *overrides: str) -> AdvantageTrainer:
    """The trainer without models: everything that concerns advantages and checkpoints is verl's own."""
    config = configuration(
        f"trainer.default_local_dir={folder}",
        "trainer.v1.trainer_mode=qae_sim",
        "actor_rollout_ref.rollout.n=4",
        "algorithm.rollout_correction=null",
        *overrides,
    )
    trainer = get_trainer_cls("qae_sim")(config)
    trainer.actor_rollout_wg, trainer.train_dataloader = Workers(), Loader()
    trainer._load_checkpoint()
    return trainer


def sampled(tokens: list[list[int]], name: str) -> Any:
    """A sampled batch in verl's queue."""

    def nested(rows: list[torch.Tensor]) -> torch.Tensor:
        return torch.nested.as_nested_tensor(rows, layout=torch.jagged)

    rewards, _ = tensors()
    fields = TensorDict(
        {
            "responses": nested([torch.tensor(row) for row in tokens]),
            "response_mask": nested([torch.ones(n, dtype=torch.long) for n in LENGTHS]),
            "rm_scores": nested([row[:n] for row, n in zip(rewards, LENGTHS, strict=True)]),
        },
        batch_size=8,
    )
    fields["uid"] = NonTensorStack(*PROMPT.tolist())
    keys = [f"{name}{prompt}_{row}_0" for row, prompt in enumerate(PROMPT)]
    return tq.kv_batch_put(keys=keys, partition_id="train", fields=fields)


def stored(batch: Any) -> np.ndarray:
    """Advantages as the actor will find them."""
    data = tq.kv_batch_get(keys=batch.keys, partition_id="train", select_fields=["advantages"])
    return np.asarray(data.to_padded_tensor()["advantages"])


def test_ha_dw_moves_its_anchor_and_keeps_it_over_a_resume(queue: None, tmp_path: Path) -> None:
    setting = ("algorithm.adv_estimator=ha_dw", "+algorithm.anchor={kind: HardAnchor, window: 3, start: 0.9}")
    words = [[5] * n for n in LENGTHS]
    trainer = trainer_of(tmp_path, *setting)
    assert trainer.trainer_mode == "sync"
    anchor = HardAnchor(window=3, start=0.9)
    for step in (1, 2):
        trainer.global_steps = step
        metrics: dict[str, Any] = {}
        batch = trainer._compute_advantage(sampled(words, f"anchor{step}"), metrics)
        wanted = by_prompt(ha_dw, anchor=anchor.belief, **LIKE_GRPO)
        np.testing.assert_allclose(stored(batch), wanted[:, None] * tensors()[1].numpy(), rtol=1e-5)
        assert metrics["advantage/anchor"] == pytest.approx(anchor.belief)
        anchor = anchor.update(REWARDS[None])
    assert anchor.belief != 0.9
    trainer._save_checkpoint()
    again = trainer_of(tmp_path, *setting)
    assert again.global_steps == 2
    assert again.rule == trainer.rule
    assert again.advantage_state == trainer.advantage_state
    assert again.advantage_state.anchor == anchor
    elsewhere = trainer_of(
        tmp_path / "new",
        *setting,
        "trainer.resume_mode=resume_path",
        f"trainer.resume_from_path={tmp_path}/global_step_2",
    )
    assert elsewhere.advantage_state == trainer.advantage_state
    with pytest.raises(ValueError, match=r"was left by ha_dw\(.*window=3.*; this run has qae\(.*go on with the first"):
        trainer_of(tmp_path, "algorithm.adv_estimator=qae")
    state = tmp_path / "global_step_2" / STATE
    # As it was written before a rule was stored with its state.
    older = {"anchor": {"kind": "HardAnchor", "window": 3, "start": 0.9, "recent": [0.5, 0.5]}, "k": None}
    state.write_text(json.dumps(older))
    assert trainer_of(tmp_path, *setting).advantage_state.anchor == anchor
    state.write_text(json.dumps({"anchor": {"kind": "SoftAnchor"}}))
    with pytest.raises(ValueError, match="does not fit this trainer: anchor must be of the kind"):
        trainer_of(tmp_path, *setting)
    state.write_text("{")
    with pytest.raises(ValueError, match="does not fit this trainer"):
        trainer_of(tmp_path, *setting)
    state.unlink()
    with pytest.raises(ValueError, match="was not written by trainer_mode=qae_sim"):
        trainer_of(tmp_path, *setting)


def test_ktae_gets_the_tokens(queue: None, tmp_path: Path) -> None:
    words = [[int(7 + (row * t) % 3) for t in range(n)] for row, n in enumerate(LENGTHS)]
    trainer = trainer_of(tmp_path, "algorithm.adv_estimator=ktae")
    trainer.global_steps = 1
    got = stored(trainer._compute_advantage(sampled(words, "ktae"), {}))
    mask = tensors()[1].numpy().astype(bool)
    ids = np.array([row + [0] * (4 - len(row)) for row in words])
    for prompt in "ab":
        rows = prompt == PROMPT
        wanted = ktae(REWARDS[rows], ids[rows], mask[rows], **LIKE_GRPO).advantages
        np.testing.assert_allclose(got[rows], wanted, rtol=1e-5)
    assert len(np.unique(got[2][:4])) > 1


def test_schedule_follows_the_step(queue: None, tmp_path: Path) -> None:
    trainer = trainer_of(
        tmp_path,
        "algorithm.adv_estimator=qae",
        "+algorithm.quantile_k={kind: LinearK, start: 0.2, end: 0.8, steps: 10}",
    )
    for step in (1, 6, 50):
        trainer.global_steps = step
        metrics: dict[str, Any] = {}
        k = LinearK(0.2, 0.8, steps=10)(step - 1)
        got = stored(trainer._compute_advantage(sampled([[5] * n for n in LENGTHS], f"k{step}"), metrics))
        np.testing.assert_allclose(got[:, 0], by_prompt(qae, k=k, **LIKE_GRPO), rtol=1e-5)
        assert metrics["advantage/k"] == pytest.approx(k)


def test_trainer_refuses_before_any_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="algorithm.adv_estimator must be one of dr_grpo, qae"):
        trainer_of(tmp_path, "algorithm.adv_estimator=grpo")


# --- the launch script ---


def arguments(*more: str, **environment: str) -> list[str]:
    """What the script hands to verl."""
    done = subprocess.run(
        ["bash", str(SCRIPT), *more],
        env=os.environ | {"VERL": "printf %s\\n"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_launch_script_composes_to_the_papers_recipe() -> None:
    config = configuration(*arguments(MODEL="some/model", TRAIN="a.parquet", TEST="b.parquet", GPUS="4", NODES="2"))
    validate_config(config, need_reference_policy(config), need_critic(config))
    assert not need_critic(config)
    assert not need_reference_policy(config)
    rule = rule_of(config.algorithm)
    assert (rule.estimator, rule.parameters["k"]) == ("qae", 0.4)
    actor, data = config.actor_rollout_ref.actor, config.data
    assert data.train_batch_size // actor.ppo_mini_batch_size == 16
    assert (data.train_batch_size, actor.ppo_mini_batch_size, actor.optim.lr) == (512, 32, 1e-6)
    assert (actor.clip_ratio_low, actor.clip_ratio_high, actor.loss_agg_mode) == (0.2, 0.28, "token-mean")
    assert (actor.use_kl_loss, actor.entropy_coeff, actor.optim.lr_warmup_steps) == (False, 0, 0)
    assert config.algorithm.filter_groups.enable
    punished = config.reward.reward_kwargs
    assert (data.max_response_length, punished.max_resp_len, punished.overlong_buffer_cfg.len) == (20480, 20480, 4096)
    assert config.reward.reward_manager.name == "dapo"
    assert (config.trainer.n_gpus_per_node, config.trainer.nnodes) == (4, 2)
    assert (config.data.train_files, config.actor_rollout_ref.model.path) == ("a.parquet", "some/model")


def test_launch_script_takes_further_arguments() -> None:
    history = (
        "trainer.v1.trainer_mode=qae_sim",
        "algorithm.adv_estimator=ha_dw",
        "~algorithm.quantile_k",
        "+algorithm.correct_above=0",
    )
    rule = rule_of(configuration(*arguments(*history)).algorithm)
    assert rule.anchor == SoftAnchor()
    assert rule.correct_above == 0
    mean = configuration(*arguments("algorithm.adv_estimator=grpo", "~algorithm.quantile_k"))
    assert "quantile_k" not in mean.algorithm
    assert rule_of(configuration(*arguments(K="0.6")).algorithm).parameters["k"] == 0.6


@pytest.mark.parametrize("trainer", [RayPPOTrainer, PPOTrainer])
def test_inspect_reads_what_verl_writes(tmp_path: Path, trainer: Any) -> None:
    """By the function with which each of verl's trainers writes its rollouts."""
    rows = made_run(11)
    sessions: Counter[str] = Counter()
    for step, part in by_step(rows).items():
        extra: dict[str, Any] = {"acc": np.array([row["reward"] > 0 for row in part])}
        if trainer is PPOTrainer:
            extra = {"uid": []}
            for row in part:
                extra["uid"].append(f"{row['group']}_{sessions[row['group']]}_0")
                sessions[row["group"]] += 1
        trainer._write_generations(
            [row["prompt"] for row in part],
            [row["completion"] for row in part],
            [None] * len(part),
            [row["reward"] for row in part],
            extra,
            str(tmp_path),
            step,
        )
    found = digest(tmp_path)
    assert seen(found) == pytest.approx(truth(rows))
    assert found.reading is not None
    assert found.reading.format.startswith("verl with trainer v1" if trainer is PPOTrainer else "verl:")
