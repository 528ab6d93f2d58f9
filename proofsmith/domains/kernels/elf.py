"""Read what a shared object for x86-64 or AArch64 asks for and keeps: symbols, static data, start-up code."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from proofsmith.types import digest

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_WRITE, _ALLOC, _EXECUTE, _TLS = 1, 2, 4, 0x400
_RELOCATION = struct.Struct("<QQq")
_SYMTAB, _RELA, _NOBITS, _DYNSYM = 2, 4, 8, 11
_STARTUP = {14, 15, 16}
_IFUNC, _OBJECT, _FUNCTION, _THREAD = 10, 1, 2, 6
_LINKER_MADE = (
    ".got",
    ".dynamic",
    ".data.rel.ro",
    ".init_array",
    ".fini_array",
    ".eh_frame",
    ".jcr",
)


@dataclass(frozen=True, slots=True)
class Section:
    """One section; `kind` and `flags` as in the file."""

    name: str
    kind: int
    flags: int
    size: int
    data: bytes
    link: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """One symbol; `section` is 0 for undefined ones."""

    name: str
    kind: int
    binding: int
    section: int
    size: int


@dataclass(frozen=True, slots=True)
class Image:
    """The parts of a shared object that the gates look at."""

    undefined: frozenset[str]
    functions: frozenset[str]
    """Names of global functions that it defines."""
    kept: frozenset[tuple[str, int]]
    """(name, bytes) of writable static objects, thread-local ones too."""
    kept_bytes: int
    """Bytes in writable sections that the linker did not make for itself."""
    startup: tuple[str, ...]
    """Sections and symbols whose code runs on loading or unloading."""
    writable_code: tuple[str, ...]
    code: bytes
    """Contents of executable sections, one after the other."""
    constants: bytes
    """Contents of read-only data."""


def parse(data: bytes) -> Image:
    """Read a 64-bit little-endian shared object; raises ValueError for anything else."""
    try:
        sections = tuple(_sections(data))
        symbols = [(s, kind) for kind in (_SYMTAB, _DYNSYM) for s in _symbols(sections, kind)]
        stacks = [f for t, f in _segments(data) if t == 0x6474E551]
    except (struct.error, IndexError) as error:
        raise ValueError("not a shared object") from error
    writable = {
        i: s
        for i, s in enumerate(sections)
        if s.flags & _WRITE and s.flags & _ALLOC and not s.name.startswith(_LINKER_MADE)
    }
    startup = [s.name for s in sections if s.kind in _STARTUP and s.size]
    startup += [s.name for s in sections if s.name in (".init", ".fini", ".ctors", ".dtors")]
    startup += [s.name for s, _ in symbols if s.kind == _IFUNC]
    startup += [s.name for s, _ in symbols if s.name in ("_init", "_fini") and s.section]
    odd = [s.name for s in sections if s.flags & _EXECUTE and s.flags & _WRITE]
    return Image(
        undefined=frozenset(
            s.name for s, k in symbols if k == _DYNSYM and not s.section and s.name
        ),
        functions=frozenset(
            s.name for s, _ in symbols if s.section and s.binding and s.kind == _FUNCTION
        ),
        kept=frozenset(
            (s.name, s.size)
            for s, _ in symbols
            if s.section in writable and s.kind in (_OBJECT, _THREAD)
        ),
        kept_bytes=sum(s.size for s in writable.values()),
        startup=tuple(sorted(set(startup))),
        writable_code=tuple(odd + ["stack"] * any(f & 1 for f in stacks)),
        code=b"".join(s.data for s in sections if s.flags & _EXECUTE and s.name != ".plt"),
        constants=b"".join(s.data for s in sections if s.name.startswith(".rodata")),
    )


def text_digest(data: bytes) -> str:
    """Hash instructions, constants and the names that are called: equal ones compute the same at the same speed.

    Raises:
        ValueError: as `parse`.
    """
    try:
        sections = tuple(_sections(data))
        parts = [
            s.data
            for s in sections
            if s.flags & _EXECUTE or s.name.startswith((".rodata", ".data"))
        ]
        parts += [place for s in sections if s.kind == _RELA for place in _relocations(sections, s)]
    except (struct.error, IndexError, ValueError) as error:
        raise ValueError("not a shared object") from error
    return digest(*parts)[:16]


def _relocations(sections: tuple[Section, ...], section: Section) -> Iterator[bytes]:
    """Yield where the linker puts which symbol: calls of `sin` and of `cos` differ in nothing else."""
    table = sections[section.link]
    names = sections[table.link].data if table.kind == _DYNSYM else b""
    for place, info, added in _RELOCATION.iter_unpack(section.data):
        at = (info >> 32) * _SYMBOL.size
        name = _text(names, _SYMBOL.unpack_from(table.data, at)[0]) if names and at else ""
        yield f"{place} {info & 0xFFFFFFFF} {name} {added}".encode()


def _sections(data: bytes) -> Iterator[Section]:
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not a 64-bit little-endian object")
    fields = _HEADER.unpack_from(data)
    offset, size, count, names_at = fields[6], fields[11], fields[12], fields[13]
    raw = [_SECTION.unpack_from(data, offset + i * size) for i in range(count)]
    names = data[raw[names_at][4] : raw[names_at][4] + raw[names_at][5]]
    for name, kind, flags, _, place, length, link, *_ in raw:
        body = b"" if kind == _NOBITS else data[place : place + length]
        yield Section(_text(names, name), kind, flags, length, body, link)


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    fields = _HEADER.unpack_from(data)
    for i in range(fields[10]):
        kind, flags, *_ = _SEGMENT.unpack_from(data, fields[5] + i * fields[9])
        yield kind, flags


def _symbols(sections: tuple[Section, ...], kind: int) -> Iterator[Symbol]:
    for section in sections:
        if section.kind != kind:
            continue
        names = sections[section.link].data
        for name, info, _, index, _, size in _SYMBOL.iter_unpack(section.data):
            yield Symbol(_text(names, name), info & 15, info >> 4, index, size)


def _text(table: bytes, at: int) -> str:
    return table[at : table.index(b"\0", at)].decode(errors="replace")
