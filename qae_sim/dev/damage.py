"""Damage files of every kind in every way, and check that none is then read as something else.

    python -m qae_sim.dev.damage

Each damage is identified by a seed, the kind of the file and a number, so it can be repeated alone.
"""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click
import numpy as np
from torch import Tensor

from qae_sim.advantages import AdvantageRule, EntropyTargetK, SoftAnchor
from qae_sim.bandits import Bandit, Result, Study, simulate
from qae_sim.engines.batches import load_state, save_state
from qae_sim.lm import Config, Record, read_run
from qae_sim.lm.files import load_tensors
from qae_sim.lm.runs import CHECKPOINT, CONFIG, LINES, read_head
from qae_sim.lm.train import train
from qae_sim.lm.warmstart import warm_start

_SECTOR = 512


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        path: An undamaged file.
        read: Reads it as the package does, and describes its content.
    """

    path: Path
    read: Callable[[], str]

    @cached_property
    def whole(self) -> tuple[bytes, str]:
        """The bytes of the undamaged file, and the description of its content."""
        return self.path.read_bytes(), self.read()


@dataclass(frozen=True)
class Damage:
    """One damage, and how the package reacted.

    Attributes:
        kind: Kind of the file.
        number: Number of the damage.
        way: What was done to the file.
        verdict: ``"refused"`` with the file's name, ``"recovered"`` (it was read with the same content), or a failure:
            ``"silent"`` (it was read with other content), ``"unnamed"`` (refused, but not as a damaged file of that
            name).
        said: The error message of a refusal.
    """

    kind: str
    number: int
    way: str
    verdict: str
    said: str = ""

    @property
    def failed(self) -> bool:
        """Whether the damage would have misled somebody."""
        return self.verdict in ("silent", "unnamed")


# --- ways to damage ---


def _flip_bit(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :]


def _change_byte(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content))
    return content[:place] + draw.randbytes(1) + content[place + 1 :]


def _cut(content: bytes, draw: random.Random) -> bytes:
    # Half of the cuts are near the end, where the last line and the index of an archive are.
    return content[: -draw.randint(1, min(len(content), draw.choice((200, len(content)))))]


def _zero_sector(content: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(0, len(content), _SECTOR)
    return content[:start] + bytes(len(content[start : start + _SECTOR])) + content[start + _SECTOR :]


def _drop_line(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    del lines[draw.randrange(len(lines))]
    return b"".join(lines)


def _swap_lines(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def _double_line(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    place = draw.randrange(len(lines))
    return b"".join([*lines[: place + 1], *lines[place:]])


def _append(content: bytes, draw: random.Random) -> bytes:
    return content + draw.choice((draw.randbytes(draw.randint(1, 100)), b"\n", b"{}\n", b"\0" * _SECTOR))


#: Ways to damage a file; if one happens to change nothing, another is drawn.
WAYS: Mapping[str, Callable[[bytes, random.Random], bytes]] = {
    "a flipped bit": _flip_bit,
    "a changed byte": _change_byte,
    "a cut": _cut,
    "a zeroed sector": _zero_sector,
    "a dropped line": _drop_line,
    "two lines swapped": _swap_lines,
    "a doubled line": _double_line,
    "rubbish at the end": _append,
}


def damaged(content: bytes, draw: random.Random) -> tuple[str, bytes]:
    """Damage a file in one of :data:`WAYS`.

    Args:
        content: The bytes of the file.
        draw: Draws the way and the place.

    Returns:
        The way; the damaged bytes, which differ from the original.

    Example:
        >>> damaged(b"whole", random.Random(0))[1] != b"whole"
        True
    """
    while True:
        way = draw.choice(tuple(WAYS))
        result = WAYS[way](content, draw)
        if result != content:
            return way, result


# --- kinds of files ---


def make_kinds(folder: Path) -> dict[str, Kind]:
    """Make a file of each kind, from small runs.

    Args:
        folder: Folder for the files.

    Returns:
        Kinds by name.
    """
    config = Config(
        task="addition",
        task_options={"digits": 1},
        base_demonstrations=512,
        base_passes=1,
        rule=AdvantageRule("qae", {"k": EntropyTargetK(1.0)}),
        overlong=7,
        prompts=2,
        group_size=4,
        minibatches=1,
        batches=6,
        evaluate_every=2,
        held_out=4,
        pass_at=4,
    )
    whole, half, bases = (folder / name for name in ("whole", "half", "bases"))
    record = train(config, whole, device="cpu", bases=bases)
    _stopped(config, half, bases)
    record.save(folder / "record.npz")
    simulate(Study(Bandit.uniform(4, 2), steps=40, runs=3)).save(folder / "result.npz")
    rule = AdvantageRule("grpo", anchor=SoftAnchor())
    save_state(folder / "state.json", rule, rule.start())
    (base,) = bases.glob("base-*")
    return {
        "checkpoint": Kind(half / CHECKPOINT, lambda: _told(*load_tensors(half / CHECKPOINT))),
        "base model": Kind(base, lambda: _told(warm_start([config], "cpu", bases).state_dict())),
        "metrics of a finished run": Kind(whole / LINES, lambda: _told_record(read_run(whole))),
        "metrics of a stopped run": Kind(half / LINES, lambda: _told_record(read_run(half))),
        "configuration": Kind(half / CONFIG, lambda: repr(read_head(half))),
        "record": Kind(folder / "record.npz", lambda: _told_record(Record.load(folder / "record.npz"))),
        "sweep": Kind(folder / "result.npz", lambda: _told_result(Result.load(folder / "result.npz"))),
        "state": Kind(folder / "state.json", lambda: repr(load_state(folder / "state.json", rule))),
    }


class _StoppedError(Exception):
    """Raised to stop training on purpose."""


def _stopped(config: Config, folder: Path, bases: Path) -> None:
    """Train up to a checkpoint in the middle of the run."""

    def stop(what: str, share: float) -> None:
        if what == "training" and share >= 4 / 6:
            raise _StoppedError

    try:
        train(config, folder, device="cpu", bases=bases, progress=stop)
    except _StoppedError:
        return


def _told(tensors: Mapping[str, Tensor], about: object = None) -> str:
    return repr(({name: _bits(tensor.numpy()) for name, tensor in sorted(tensors.items())}, about))


def _told_record(record: Record) -> str:
    metrics = {name: _bits(values) for name, values in sorted(record.metrics.items())}
    return repr((record.configs, metrics, record.words, record.about))


def _told_result(result: Result) -> str:
    records = {name: _bits(values) for name, values in result.records.items()}
    return repr((result.study, result.runs, _bits(result.steps), records, _bits(result.parameters), result.version))


def _bits(values: np.ndarray) -> tuple[str, tuple[int, ...], str]:
    return str(values.dtype), values.shape, hashlib.sha256(values.tobytes()).hexdigest()


# --- judging ---


def judge(name: str, kind: Kind, seed: str, number: int) -> Damage:
    """Damage a file, read it, and restore it.

    Args:
        name: Name of the kind.
        kind: The kind.
        seed: Seed of all damages, any text.
        number: Number of the damage.

    Returns:
        The damage and its verdict.
    """
    content, before = kind.whole
    way, broken = damaged(content, random.Random(f"{seed} {name} {number}"))
    kind.path.write_bytes(broken)
    try:
        verdict, said = ("recovered" if kind.read() == before else "silent"), ""
    except ValueError as error:
        said = str(error)
        verdict = "refused" if kind.path.name in said else "unnamed"
    except Exception as error:
        verdict, said = "unnamed", repr(error)
    finally:
        kind.path.write_bytes(content)
    return Damage(name, number, way, verdict, said)


@click.command()
@click.option("--count", default=2000, show_default=True, help="Damages of each kind of file.")
@click.option("--seed", default="0", show_default=True, help="Seed of the damages.")
@click.option("--kind", "chosen", multiple=True, help="Only this kind of file; repeatable.")
@click.option("--number", type=int, help="Only the damage of this number, with its way and the error message.")
def main(count: int, seed: str, chosen: tuple[str, ...], number: int | None) -> None:
    """Damage files of every kind in every way; exits with 1 if one is then read as something else."""
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        kinds = make_kinds(Path(folder))
        if unknown := set(chosen) - set(kinds):
            raise click.ClickException(f"--kind must be one of {', '.join(kinds)}; got {', '.join(sorted(unknown))}")
        click.echo(f"{'kind of file':26}{'damages':>9}{'refused':>9}{'recovered':>11}{'silent':>8}{'unnamed':>9}")
        for name in chosen or kinds:
            numbers = range(count) if number is None else [number]
            found = [judge(name, kinds[name], seed, i) for i in numbers]
            of = Counter(damage.verdict for damage in found)
            click.echo(f"{name:26}{len(found):9}{of['refused']:9}{of['recovered']:11}{of['silent']:8}{of['unnamed']:9}")
            if number is not None:
                click.echo(f"{found[0].way}: {found[0].verdict} {found[0].said}")
            failures += [damage for damage in found if damage.failed]
    for damage in failures[:20]:
        again = f"--seed {seed} --kind {damage.kind!r} --number {damage.number}"
        click.echo(f"{damage.kind}, {damage.way}: {damage.verdict} {damage.said}; again: {again}", err=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
