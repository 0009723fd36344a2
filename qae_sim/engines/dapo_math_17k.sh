#!/usr/bin/env bash
# QAE on DAPO-Math-17K with verl, on the GPUs of one or more machines.
#
#   MODEL=Qwen/Qwen3-8B-Base TRAIN=dapo-math-17k.parquet TEST=aime-2024.parquet GPUS=8 NODES=1 bash dapo_math_17k.sh
#
# Further arguments are passed on to verl and override those below: a smaller run, or another estimator, such as
#   algorithm.adv_estimator=grpo '~algorithm.quantile_k'
# HA-DW needs the trainer with a memory:
#   export VERL_USE_EXTERNAL_MODULES=qae_sim.engines.verl_trainer
#   ... trainer.v1.trainer_mode=qae_sim algorithm.adv_estimator=ha_dw '~algorithm.quantile_k' +algorithm.correct_above=0
#
# Numbers are those of the QAE paper (arXiv:2509.22611, Appendix: DAPO's recipe) as far as it states them: 16 updates of
# 32 prompts per batch of 512, learning rate 1e-6 without warm-up, clip 0.2 / 0.28, responses of up to 20,480 tokens of
# which the last 4,096 are punished, no KL, no entropy bonus, groups with equal rewards drawn again, K = 0.4. It states no
# G: 16 is our choice. This project has never run it at this size; a test composes its configuration.
set -euo pipefail

: "${MODEL:=Qwen/Qwen3-8B-Base}" "${TRAIN:=dapo-math-17k.parquet}" "${TEST:=aime-2024.parquet}"
: "${GPUS:=8}" "${NODES:=1}" "${K:=0.4}" "${G:=16}" "${OUT:=qae-dapo-math-17k}"
: "${VERL:=python3 -m verl.trainer.main_ppo}"

prompt=2048
response=20480

exec ${VERL} \
    algorithm.adv_estimator=qae \
    +algorithm.quantile_k="${K}" \
    algorithm.use_kl_in_reward=false \
    algorithm.filter_groups.enable=true \
    algorithm.filter_groups.metric=acc \
    data.train_files="${TRAIN}" \
    data.val_files="${TEST}" \
    data.prompt_key=prompt \
    data.max_prompt_length=${prompt} \
    data.max_response_length=${response} \
    data.truncation=left \
    data.train_batch_size=512 \
    actor_rollout_ref.model.path="${MODEL}" \
    actor_rollout_ref.model.enable_gradient_checkpointing=true \
    actor_rollout_ref.model.use_remove_padding=true \
    actor_rollout_ref.actor.ppo_mini_batch_size=32 \
    actor_rollout_ref.actor.use_dynamic_bsz=true \
    actor_rollout_ref.actor.ppo_max_token_len_per_gpu=$((prompt + response)) \
    actor_rollout_ref.actor.optim.lr=1e-6 \
    actor_rollout_ref.actor.optim.lr_warmup_steps=0 \
    actor_rollout_ref.actor.clip_ratio_low=0.2 \
    actor_rollout_ref.actor.clip_ratio_high=0.28 \
    actor_rollout_ref.actor.loss_agg_mode=token-mean \
    actor_rollout_ref.actor.use_kl_loss=false \
    actor_rollout_ref.actor.entropy_coeff=0 \
    actor_rollout_ref.rollout.name=vllm \
    actor_rollout_ref.rollout.n="${G}" \
    actor_rollout_ref.rollout.temperature=1.0 \
    actor_rollout_ref.rollout.gpu_memory_utilization=0.7 \
    actor_rollout_ref.rollout.log_prob_use_dynamic_bsz=true \
    actor_rollout_ref.rollout.log_prob_max_token_len_per_gpu=$((prompt + response)) \
    actor_rollout_ref.rollout.val_kwargs.n=32 \
    actor_rollout_ref.rollout.val_kwargs.do_sample=true \
    actor_rollout_ref.rollout.val_kwargs.temperature=0.7 \
    reward.reward_manager.name=dapo \
    +reward.reward_kwargs.overlong_buffer_cfg.enable=true \
    +reward.reward_kwargs.overlong_buffer_cfg.len=4096 \
    +reward.reward_kwargs.overlong_buffer_cfg.penalty_factor=1.0 \
    +reward.reward_kwargs.overlong_buffer_cfg.log=false \
    +reward.reward_kwargs.max_resp_len=${response} \
    trainer.project_name=qae_sim \
    trainer.experiment_name="qae-k${K}" \
    trainer.logger='["console"]' \
    trainer.n_gpus_per_node="${GPUS}" \
    trainer.nnodes="${NODES}" \
    trainer.save_freq=20 \
    trainer.test_freq=10 \
    trainer.rollout_data_dir="${OUT}/rollouts" \
    trainer.default_local_dir="${OUT}/checkpoints" \
    "$@"
