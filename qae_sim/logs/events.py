"""Events of TensorBoard: records with checksums, each a message of protocol buffers, read without its libraries."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from functools import cache

from qae_sim.logs.sources import Trouble

#: Types of values in a message, as protocol buffers number them.
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
#: Fields of an event: its step and its summary. A summary is a list of values (field 1), each with these fields.
_STEP, _SUMMARY, _TAG, _SIMPLE, _TENSOR = 2, 5, 1, 2, 8
#: Fields of a tensor: what its numbers are, all of them as bytes, or as a list of floats or doubles.
_DTYPE, _CONTENT, _FLOATS, _DOUBLES = 1, 4, 5, 6
_FORMATS = {1: "<f", 2: "<d"}


def rows_of_events(content: bytes, file: str, tags: Collection[str], trouble: Trouble) -> list[dict[str, float]]:
    """Read the numbers that a file of events has under these tags.

    A record has its length (8 bytes), the length's checksum (4), the message, and its checksum (4). Both checksums are
    tested for every record that is read. A file that ends within a record is one whose run was stopped, or goes on.

    Args:
        content: The file.
        file: Its name.
        tags: Names of metrics.
        trouble: Where damaged records are counted, with the byte at which they begin; what follows a length that is
            damaged cannot be found.

    Returns:
        A row for each record with such a number: ``step``, and the number by its tag.

    Source:
        TensorFlow, the formats TFRecord and Event.

    Example:
        >>> rows_of_events(b"", "events.out.tfevents.1", ["entropy"], Trouble())
        []
    """
    wanted = {tag.encode(): tag for tag in tags}
    rows: list[dict[str, float]] = []
    at = 0
    while at + 12 <= len(content):
        length, of_length = struct.unpack_from("<QI", content, at)
        if masked_crc(content[at : at + 8]) != of_length:
            trouble.note("files of events whose rest is lost, since a length is damaged", f"{file}, byte {at}")
            break
        start, end = at + 12, at + 12 + length
        if end + 4 > len(content):
            break
        message = content[start:end]
        if any(tag in message for tag in wanted):  # checksums of images would take long
            try:
                if masked_crc(message) != struct.unpack_from("<I", content, end)[0]:
                    raise ValueError("the checksum is another one")
                row = _row(message, wanted)
            except (ValueError, struct.error):
                trouble.note("records of events that are damaged", f"{file}, byte {at}")
            else:
                if len(row) > 1:
                    rows.append(row)
        at = end + 4
    return rows


def _row(message: bytes, wanted: dict[bytes, str]) -> dict[str, float]:
    """Read the step of an event and its numbers under the tags that are wanted."""
    row: dict[str, float] = {"step": 0}  # a step of 0 is not written
    for number, value in _fields(message):
        if number == _STEP and isinstance(value, int):
            row["step"] = value
        elif number == _SUMMARY and isinstance(value, bytes):
            for _, entry in _fields(value):
                if isinstance(entry, bytes):
                    fields = dict(_fields(entry))
                    tag, scalar = wanted.get(_as_bytes(fields.get(_TAG))), _scalar(fields)
                    if tag is not None and scalar is not None:
                        row[tag] = scalar
    return row


def _as_bytes(value: int | bytes | None) -> bytes:
    """Take a field that holds bytes; an absent one is empty."""
    return value if isinstance(value, bytes) else b""


def _scalar(fields: dict[int, int | bytes]) -> float | None:
    """Read the number of a value: a float, or a tensor of one float or double."""
    if _SIMPLE in fields:
        return float(struct.unpack("<f", _as_bytes(fields[_SIMPLE]))[0])
    tensor = dict(_fields(_as_bytes(fields.get(_TENSOR))))
    form = _FORMATS.get(tensor[_DTYPE]) if isinstance(tensor.get(_DTYPE), int) else None  # type: ignore[arg-type]
    data = next((_as_bytes(tensor[name]) for name in (_CONTENT, _FLOATS, _DOUBLES) if tensor.get(name)), b"")
    if form is None or len(data) != struct.calcsize(form):
        return None  # an image, a text, a histogram
    return float(struct.unpack(form, data)[0])


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Read the fields of a message: their numbers, and integers or bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            size = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field of type {kind}")
        if at + size > len(message):
            raise ValueError("a field that is longer than its message")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Read an integer of seven bits a byte; its place and that of what follows."""
    value = 0
    for place in range(10):
        if at + place >= len(message):
            break
        byte = message[at + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, at + place + 1
    raise ValueError("an integer without an end")


def masked_crc(data: bytes) -> int:
    """Compute the checksum of a record: CRC-32C, turned and shifted, so that records can hold checksums.

    Args:
        data: Bytes.

    Returns:
        The checksum, in [0, 2³²).

    Source:
        Castagnoli et al. (1993): Optimization of cyclic redundancy-check codes; the mask is TFRecord's.

    Example:
        >>> hex(masked_crc(b"123456789"))  # CRC-32C is 0xe3069283
        '0xc78ab0e5'
    """
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    """CRC-32C of each byte."""
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        found.append(byte)
    return tuple(found)
