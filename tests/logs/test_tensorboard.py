"""TensorBoard's events: files that its own writer made, and files of a writer made here, whole and damaged."""

from __future__ import annotations

import base64
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qae_sim.logs.events import rows_of_events
from qae_sim.logs.metrics import metrics_of
from qae_sim.logs.sources import Trouble

TAGS = ("train/entropy", "train/kl")
#: Made by ``torch.utils.tensorboard.SummaryWriter`` (PyTorch 2.13.0, TensorBoard 2.21.0): ``add_text("args",
#: '{"a": 1}')``, then ``add_scalar`` of train/entropy, train/kl and train/loss at steps 1 to 3, as floats and, with
#: ``new_style=True``, as tensors.
FLOATS = base64.b64decode(
    "SAAAAAAAAAD+kkidCWY04F95wtpBGg1icmFpbi5FdmVudDoyUi4KLHRlbnNvcmJvYXJkLnN1bW1hcnkud3JpdGVyLmV2ZW50X2ZpbGVfd3JpdGVy"
    "a86NDD4AAAAAAAAA2dJA5wk9PeBfecLaQSozCjEKEWFyZ3MvdGV4dF9zdW1tYXJ5QhIIBxIEEgIIAUIIeyJhIjogMX1KCAoGCgR0ZXh0+wPhUyMA"
    "AAAAAAAAsJ93Qwk3PuBfecLaQRABKhYKFAoNdHJhaW4vZW50cm9weRUAACBAa1BwJR4AAAAAAAAA2dwSMglfPuBfecLaQRABKhEKDwoIdHJhaW4v"
    "a2wVAACAPqjSalwgAAAAAAAAACntqVAJgT7gX3nC2kEQASoTChEKCnRyYWluL2xvc3MVAAAAAKEQJUAjAAAAAAAAALCfd0MJnD7gX3nC2kEQAioW"
    "ChQKDXRyYWluL2VudHJvcHkVAADgP4+YfgkeAAAAAAAAANncEjIJsj7gX3nC2kEQAioRCg8KCHRyYWluL2tsFQAAAD+ghTiOIAAAAAAAAAAp7alQ"
    "Cco+4F95wtpBEAIqEwoRCgp0cmFpbi9sb3NzFQAAAAAqy8K+IwAAAAAAAACwn3dDCfo+4F95wtpBEAMqFgoUCg10cmFpbi9lbnRyb3B5FQAAwD9m"
    "Xo4LHgAAAAAAAADZ3BIyCSs/4F95wtpBEAMqEQoPCgh0cmFpbi9rbBUAAAA+66vCUiAAAAAAAAAAKe2pUAlEP+BfecLaQRADKhMKEQoKdHJhaW4v"
    "bG9zcxUAAAAAEcR4xA=="
)
TENSORS = base64.b64decode(
    "SAAAAAAAAAD+kkidCUCf4F95wtpBGg1icmFpbi5FdmVudDoyUi4KLHRlbnNvcmJvYXJkLnN1bW1hcnkud3JpdGVyLmV2ZW50X2ZpbGVfd3JpdGVy"
    "VP3zRT4AAAAAAAAA2dJA5wkHpuBfecLaQSozCjEKEWFyZ3MvdGV4dF9zdW1tYXJ5QhIIBxIEEgIIAUIIeyJhIjogMX1KCAoGCgR0ZXh0seV/cTUA"
    "AAAAAAAA1sVd5gmTpuBfecLaQRABKigKJgoNdHJhaW4vZW50cm9weUIICAEqBAAAIEBKCwoJCgdzY2FsYXJz9s3DNDAAAAAAAAAAlfXQXwm7puBf"
    "ecLaQRABKiMKIQoIdHJhaW4va2xCCAgBKgQAAIA+SgsKCQoHc2NhbGFyc1AUe48yAAAAAAAAACQZVuwJ4abgX3nC2kEQASolCiMKCnRyYWluL2xv"
    "c3NCCAgBKgQAAAAASgsKCQoHc2NhbGFyc+OMEP01AAAAAAAAANbFXeYJAKfgX3nC2kEQAiooCiYKDXRyYWluL2VudHJvcHlCCAgBKgQAAOA/SgsK"
    "CQoHc2NhbGFyc5q8CVMwAAAAAAAAAJX10F8JHafgX3nC2kEQAiojCiEKCHRyYWluL2tsQggIASoEAAAAP0oLCgkKB3NjYWxhcnOeL8SQMgAAAAAA"
    "AAAkGVbsCTmn4F95wtpBEAIqJQojCgp0cmFpbi9sb3NzQggIASoEAAAAAEoLCgkKB3NjYWxhcnPOeTKXNQAAAAAAAADWxV3mCVWn4F95wtpBEAMq"
    "KAomCg10cmFpbi9lbnRyb3B5QggIASoEAADAP0oLCgkKB3NjYWxhcnN8sR5FMAAAAAAAAACV9dBfCXGn4F95wtpBEAMqIwohCgh0cmFpbi9rbEII"
    "CAEqBAAAAD5KCwoJCgdzY2FsYXJzXDgCETIAAAAAAAAAJBlW7AmLp+BfecLaQRADKiUKIwoKdHJhaW4vbG9zc0IICAEqBAAAAABKCwoJCgdzY2Fs"
    "YXJz4KkBog=="
)
ENTROPY, KL = [2.5, 1.75, 1.5], [0.25, 0.5, 0.125]


def crc(data: bytes) -> int:
    """CRC-32C bit by bit, as the remainder of a division of polynomials, masked."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x82F63B78 if remainder & 1 else 0)
    found = remainder ^ 0xFFFFFFFF
    return (((found >> 15) | (found << 17) & 0xFFFFFFFF) + 0xA282EAD8) % 2**32


def varint(value: int) -> bytes:
    return bytes([value & 127 | 128]) + varint(value >> 7) if value > 127 else bytes([value])


def part(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def record(message: bytes) -> bytes:
    length = struct.pack("<Q", len(message))
    return length + struct.pack("<I", crc(length)) + message + struct.pack("<I", crc(message))


def event(step: int, **values: float) -> bytes:
    """An event with numbers, those of the names' metrics under ``train/``."""
    entries = (
        part(1, part(1, f"train/{name}".encode()) + b"\x15" + struct.pack("<f", value))
        for name, value in values.items()
    )
    time = b"\x09" + struct.pack("<d", 1.75e9)
    return record(time + (b"\x10" + varint(step) if step else b"") + part(5, b"".join(entries)))


def written(folder: Path, second: int, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"events.out.tfevents.{second}.host.7.0").write_bytes(content)


@pytest.mark.parametrize("content", [FLOATS, TENSORS])
def test_files_of_its_own_writer(content: bytes, tmp_path: Path) -> None:
    written(tmp_path / "runs" / "May01_host", 17, content)
    trouble = Trouble()
    found = metrics_of(tmp_path, trouble)
    assert (found["entropy"].steps.tolist(), found["entropy"].values.tolist()) == ([1, 2, 3], ENTROPY)
    assert (found["kl"].column, found["kl"].values.tolist(), set(found)) == ("kl", KL, {"entropy", "kl"})
    assert not trouble.counts


@given(
    st.lists(
        st.tuples(st.integers(0, 2**40), st.floats(0, 1e6, width=32), st.floats(-1, 1, width=32)),
        min_size=1,
        max_size=8,
    )
)
def test_what_was_written_is_read(rows: list[tuple[int, float, float]]) -> None:
    content = b"".join(event(step, entropy=e, kl=k, loss=0.5) for step, e, k in rows)
    trouble = Trouble()
    found = rows_of_events(content, "events", TAGS, trouble)
    assert found == [{"step": step, "train/entropy": e, "train/kl": k} for step, e, k in rows]
    assert not trouble.counts


@given(st.sampled_from([FLOATS, TENSORS]), st.data())
def test_a_damaged_byte_gives_no_wrong_number(content: bytes, data: st.DataObject) -> None:
    place, value = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(1, 255))
    damaged = content[:place] + bytes([content[place] ^ value]) + content[place + 1 :]
    trouble = Trouble()
    true = rows_of_events(content, "events", TAGS, Trouble())
    found = rows_of_events(damaged, "events", TAGS, trouble)
    assert all(row in true for row in found)
    # Nothing is lost without a word, but a record whose metric's name is what was damaged.
    assert len(found) == len(true) or trouble.counts or len(found) == len(true) - 1


@given(st.sampled_from([FLOATS, TENSORS]), st.integers(0, 800))
def test_a_file_that_ends_early_gives_what_is_whole(content: bytes, length: int) -> None:
    trouble = Trouble()
    whole = rows_of_events(content, "events", TAGS, trouble)
    found = rows_of_events(content[:length], "events", TAGS, trouble)
    assert found == whole[: len(found)]
    assert not trouble.counts


@given(st.binary(max_size=60))
def test_messages_of_any_bytes_are_read_or_counted(message: bytes) -> None:
    trouble = Trouble()
    rows = rows_of_events(record(b"train/kl" + message), "events", TAGS, trouble)
    assert rows == [] or "train/kl" in rows[0]


def test_damage_is_named_with_its_place(tmp_path: Path) -> None:
    first, second = event(1, entropy=2.0), event(2, entropy=1.0)
    spoiled = bytearray(second)
    spoiled[-6] ^= 1
    written(tmp_path, 5, first + bytes(spoiled) + event(3, entropy=0.5) + b"\x01" * 20)
    trouble = Trouble()
    assert metrics_of(tmp_path, trouble)["entropy"].steps.tolist() == [1, 3]
    name = "events.out.tfevents.5.host.7.0"
    assert trouble.first == {
        "records of events that are damaged": f"{name}, byte {len(first)}",
        "files of events whose rest is lost, since a length is damaged": f"{name}, byte {3 * len(first)}",
    }


def test_a_run_that_goes_on_and_one_that_starts_again(tmp_path: Path) -> None:
    written(tmp_path / "runs" / "a", 9, event(1, kl=1.0) + event(2, kl=2.0) + event(3, kl=3.0))
    written(tmp_path / "runs" / "b", 10, event(3, kl=30.0) + event(4, kl=40.0))
    trouble = Trouble()
    found = metrics_of(tmp_path, trouble)["kl"]
    assert (found.steps.tolist(), found.values.tolist()) == ([1, 2, 3, 4], [1.0, 2.0, 30.0, 40.0])
    assert not trouble.counts
    written(tmp_path, 11, event(1, kl=7.0) + event(2, kl=float("nan")))
    found = metrics_of(tmp_path, trouble)["kl"]
    assert (found.steps.tolist(), found.values.tolist()) == ([1], [7.0])
    assert trouble.first == {
        "events of an earlier run in the same folder, which are left out": "events.out.tfevents.10.host.7.0",
        "values of metrics that are no finite numbers, or whose step is none": "events.out.tfevents.11.host.7.0, row 2",
    }
