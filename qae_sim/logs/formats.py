"""What trainers write: one declaration a trainer, which says where its files are and what their columns mean.

To add a trainer, add a :class:`Format` to :data:`FORMATS`; nothing else knows of trainers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

#: Names of columns by meaning, in the order in which they are looked for. A dot goes into a nested value.
COMMON: Mapping[str, tuple[str, ...]] = {
    "step": (
        *("step", "global_step", "training_step", "train_step", "iteration", "gen_step"),
        *("policy_version", "weight_version", "trainer_step"),
    ),
    "prompt": ("prompt", "input", "question", "query", "problem"),
    "reward": ("reward", "score", "rewards", "scores", "total_reward", "trajectory_reward"),
    "completion": ("completion", "output", "response", "responses", "completions"),
    "length": ("length", "response_length", "completion_length"),
    "tokens": ("tokens", "token_ids", "completion_ids", "response_tokens"),
    "advantage": ("advantage", "advantages"),
    "group": (
        *("uid", "group_id", "group_idx", "group_index", "group", "prompt_idx", "prompt_index", "prompt_id"),
        *("example_id", "problem_id", "question_id", "task_id", "id"),
    ),
    "data_source": ("data_source", "dataset", "dataset_name", "env_name", "task"),
    # Two problems may share their text: these tell them apart.
    "apart": ("gts", "ground_truth", "answer", "solution", "images", "image"),
}
#: Columns that trainers write to number groups; two of them may have one prompt, which was drawn twice.
GROUP_NUMBERS = COMMON["group"][:8]
#: Columns that hold whether the answer is right; they must not contradict each other.
VERDICTS = ("acc", "accuracy", "correct", "is_correct")


@dataclass(frozen=True)
class Format:
    """How one trainer writes its logs.

    Attributes:
        name: Short name.
        title: The trainer, and the setting that makes it write the log.
        files: Regular expression for paths inside the run's folder; its groups ``step`` and ``rank`` are read.
        needs: Columns by which a file is recognised; ``a|b`` is either.
        columns: Names by meaning, before :data:`COMMON`; no names: the log does not have it.
        layout: ``"rows"``, a response in a row; ``"columns"``, lists of responses by column in a row; ``"files"``, a
            response in a file.
        evaluation: Regular expression for paths of evaluations, which are left out.
        training: Column and value of training rows; other rows are left out.
        group_of: Regular expression for a group's name: ``group`` is the group, ``response`` (if any) the response, of
            which several rows count as one.
    """

    name: str
    title: str
    files: str = r".*"
    needs: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    layout: str = "rows"
    evaluation: str = r"$^"
    training: tuple[str, str] | None = None
    group_of: str = ""

    def names(self, meaning: str) -> tuple[str, ...]:
        """List the names that a column of this meaning may have."""
        return self.columns.get(meaning, COMMON[meaning])

    def fits(self, path: str, columns: Collection[str]) -> bool:
        """Tell whether a file may be of this format.

        Args:
            path: Its path inside the run's folder, with slashes.
            columns: Its columns.

        Returns:
            Whether name and columns are those of this format.
        """
        return bool(re.search(rf"(^|/){self.files}$", path)) and all(
            any(name in columns for name in need.split("|")) for need in self.needs
        )


_PACKED = r"(\.gz|\.zst)?"

FORMATS: tuple[Format, ...] = (
    Format(
        "trl",
        "TRL, Unsloth: log_completions=True",
        r"completions_(?P<step>\d+)\.parquet",
        ("step", "prompt", "completion"),
        {"group": ()},
    ),
    Format(
        "wandb",
        "tables of Weights & Biases, as TRL writes them: report_to='wandb'",
        rf"completions_(?P<step>\d+)_\w+\.table\.json{_PACKED}",
        ("prompt", "completion"),
        {"group": ()},
    ),
    Format(
        "verl-v1",
        "verl with trainer v1: trainer.rollout_data_dir=FOLDER",
        rf"(?P<step>\d+)\.jsonl{_PACKED}",
        ("input", "output", "score", "uid"),
        group_of=r"(?P<group>.+?)(_(?P<response>\d+)_\d+)?$",
        evaluation=r"(^|/)val\w*/",
    ),
    Format(
        "verl",
        "verl: trainer.rollout_data_dir=FOLDER",
        rf"(?P<step>\d+)\.jsonl{_PACKED}",
        ("input", "output", "score"),
        evaluation=r"(^|/)val\w*/",
    ),
    Format(
        "nemo-rl",
        "NeMo-RL: the logger's folder",
        rf"train_data_step(?P<step>\d+)\.jsonl{_PACKED}",
        ("content", "rewards"),
        {"prompt": (), "group": (), "completion": ("content",), "length": (), "tokens": ()},
        layout="columns",
        evaluation=r"val_data_step\d+\.jsonl",
    ),
    Format(
        "roll",
        "ROLL: rollout_dump_dir=FOLDER",
        rf"rollout_dump_data\.step_(?P<step>\d+)\.jsonl{_PACKED}",
        ("scores", "responses|prompt"),
        {"group": ()},
        layout="columns",
    ),
    Format(
        "ms-swift",
        "ms-swift: log_completions=True",
        rf"completions\.jsonl{_PACKED}",
        ("prompt", "completion"),
        {"group": ("request_id", "prompt_id")},
        layout="columns",
    ),
    Format(
        "areal",
        "AReaL: rollout.dump_to_file=True",
        rf"rollout/(?P<step>\d+)/\d+\.jsonl{_PACKED}",
        ("task_id", "sample_idx", "reward"),
        {"group": ("task_id",), "step": ("tail_version",)},
        evaluation=r"(^|/)eval-rollout/",
    ),
    Format(
        "prime-rl",
        "prime-rl: the episodes of the file monitor",
        rf"rollouts/step_(?P<step>\d+)/(train/all/traces|train_rollouts)\.jsonl{_PACKED}",
        ("reward|traces.0.reward|rewards",),
        {
            "reward": ("reward", "traces.0.reward", "rewards"),
            "group": ("group_id", "traces.0.group_id", "example_id"),
            "prompt": ("prompt", "traces.0.prompt", "task.prompt", "task.data.prompt"),
            "completion": ("completion", "traces.0.completion", "traces.0.nodes"),
        },
        evaluation=r"rollouts/step_\d+/(eval/|eval_rollouts)",
    ),
    Format(
        "prime-rl-tokens",
        "prime-rl: enable_token_export=True",
        rf"token_exports/step_(?P<step>\d+)/rank_(?P<rank>\d+)\.jsonl{_PACKED}",
        ("token_ids", "loss_mask", "advantages", "rewards|reward"),
        {"reward": ("reward", "rewards.0"), "group": (), "prompt": ()},
    ),
    Format(
        "open-instruct",
        "open-instruct: save_traces=True",
        rf".*rollouts_\d+\.jsonl{_PACKED}",
        ("prompt_idx", "reward", "step"),
        {"group": ("prompt_idx",), "prompt": ("prompt", "prompt_tokens")},
    ),
    Format(
        "tinker",
        "Tinker cookbook: the log folder's rollout summaries",
        rf"((iteration_(?P<step>\d+)/train_)|train_iteration_\d+_)rollout_summaries\.jsonl{_PACKED}",
        ("group_idx", "total_reward"),
        {"reward": ("total_reward",), "group": ("group_idx",), "step": ("iteration",)},
        training=("split", "train"),
        evaluation=r"(^|/)eval_.*rollout_summaries\.jsonl",
    ),
    Format(
        "skyrl",
        "SkyRL: trainer.dump_data_batch, and evaluation dumps",
        rf".*\.jsonl{_PACKED}",
        ("input_prompt", "output_response", "score"),
        {"prompt": ("input_prompt",), "completion": ("output_response",), "reward": ("score",)},
    ),
    Format(
        "rllm",
        "rLLM: trainer.episode_log_dir, a file an episode",
        r".*\.json",
        ("trajectories", "id", "is_correct"),
        {
            "reward": ("trajectories.0.reward", "is_correct"),
            "prompt": ("task.question", "task"),
            "group": ("id",),
            "step": ("step", "training_step"),
        },
        layout="files",
        group_of=r"(?P<group>.+?)(:[\d:]+)?$",
        evaluation=r"(^|/)val\w*[_/]",
    ),
    Format(
        "verifiers",
        "verifiers: saved results of an environment",
        rf"results\.jsonl{_PACKED}",
        ("example_id", "reward", "prompt"),
        {"group": ("example_id",)},
    ),
    Format(
        "tunix",
        "tunix: the trajectory log",
        rf".*\.csv{_PACKED}",
        ("trajectory_reward", "policy_version"),
        {"step": ("global_step", "policy_version"), "reward": ("trajectory_reward",)},
    ),
    Format(
        "easyr1",
        "EasyR1: the text of its file logger",
        r".*\.(log|txt)",
        ("prompt", "output", "score"),
        {"group": ()},
    ),
    Format(
        "openrlhf",
        "OpenRLHF: saved rollouts",
        rf".*\.jsonl{_PACKED}",
        ("input", "output", "reward"),
    ),
    Format(
        "table",
        "any CSV, TSV, JSON Lines, JSON or Parquet with a column reward and a column prompt or of groups",
    ),
)
#: Files that hold Python objects and run code when they are opened, or that no reader of tables knows.
UNREADABLE: Mapping[str, str] = {
    ".pt": "a PyTorch file, which runs code when it is opened: export it as JSON Lines",
    ".pth": "a PyTorch file, which runs code when it is opened: export it as JSON Lines",
    ".pkl": "a pickle, which runs code when it is opened: export it as JSON Lines",
    ".pickle": "a pickle, which runs code when it is opened: export it as JSON Lines",
    ".npz": "an archive of arrays: export it as Parquet or CSV",
    ".npy": "an array: export it as Parquet or CSV",
    ".arrow": "an Arrow file: export it with Dataset.to_parquet",
    ".xlsx": "a spreadsheet: export it as CSV",
}
