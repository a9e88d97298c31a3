"""In which encoding a text file is written."""

from __future__ import annotations

import codecs
import re
import string

from pynomaly_auto.dataset.files._source import Source
from pynomaly_auto.errors import AmbiguousReadingWarning, SettingError, StorageError, warn

_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"),
)  # fmt: skip
_BLOCK = 1 << 22
_MOSTLY = 0.4  # share of the even or odd bytes that are zero where two bytes make a letter
_HARDLY = 0.05
_GUESSED = 1 << 16
# What is a letter in an eastern encoding and a sign in the western one, within a word or, as Ł, before one.
_SIGN_IN_WORD = re.compile(rb"[A-Za-z\xc0-\xff][\xa3\xa5\xa9\xab\xae\xaf\xb3\xb9\xbe\xbf][a-z\xe0-\xff]|\xa3[a-z]")
_FOREIGN = 0.3  # share of letters outside ASCII from which on a western encoding is improbable


def encoding_of(source: Source, told: str | None) -> tuple[str, str]:
    """The encoding of a text file, and what is to be said of it; empty: nothing.

    Args:
        source: The file.
        told: What the user says; None: nothing.

    Raises:
        StorageError: It is a binary file, or not in the encoding told.
        SettingError: Nobody knows the encoding told.
    """
    if told is not None:
        return _checked(source, told), ""
    for mark, encoding in _MARKS:
        if source.head.startswith(mark):
            return encoding, ""
    if b"\0" in source.head:
        return _two_bytes(source), "read as UTF-16, without a byte-order mark"
    if _decodes(source, "utf-8"):
        return "utf-8", ""
    western = "cp1252" if _decodes(source, "cp1252") else "latin-1"
    if western == "cp1252" and not _foreign(source):
        return western, f"read as {western}, as it is not UTF-8"
    encoding = _guess(source) or western
    other = western if encoding != western else "any other"
    warn(
        f"{source.name!r} is not UTF-8 and is read as {encoding}, not as {other}, by the letters in it. "
        "Say which is right by encoding= of read_table.",
        AmbiguousReadingWarning,
    )
    return encoding, f"read as {encoding}, by the letters in it"


def _guess(source: Source) -> str | None:
    """The encoding in which the letters make most sense; None: nobody knows, or some of the file is no text in it."""
    from charset_normalizer import from_bytes

    with source.opener() as stream:
        best = from_bytes(stream.read(_GUESSED)).best()
    return best.encoding if best is not None and _decodes(source, best.encoding) else None


def _decodes(source: Source, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with source.opener() as stream:
            while block := stream.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _foreign(source: Source) -> bool:
    """Whether western letters make no sense: more of them accented than in any language, or signs within words."""
    with source.opener() as stream:
        block = stream.read(_BLOCK)
    plain = len(block) - len(block.translate(None, string.ascii_letters.encode()))
    accented = len(block) - len(block.translate(None, bytes(range(0xC0, 0x100))))
    return accented > _FOREIGN * (plain + accented) or _SIGN_IN_WORD.search(block) is not None


def _checked(source: Source, told: str) -> str:
    try:
        codec = codecs.lookup(told).name
    except (LookupError, TypeError, ValueError):
        raise SettingError(f"encoding is {told!r}.", fix="Give one that Python knows, such as 'cp1252'.") from None
    if not _decodes(source, codec):
        raise StorageError(f"{source.name} is not written in {told}.", where=source.where, fix="Give another encoding.")
    return told


def _two_bytes(source: Source) -> str:
    """UTF-16 without a mark: nearly every second byte is zero, and nearly none of the others."""
    zeros = [sum(byte == 0 for byte in source.head[i::2]) / max(len(source.head[i::2]), 1) for i in (0, 1)]
    for here, there, encoding in ((1, 0, "utf-16-le"), (0, 1, "utf-16-be")):
        if zeros[here] > _MOSTLY and zeros[there] < _HARDLY:
            return _checked(source, encoding)
    raise StorageError(
        f"{source.name} is a binary file, not text.", where=source.where, fix="Give it the extension of what it holds."
    )
