"""Takes from a submission the files that the assignment names, and nothing else.

A submission is a folder or an archive (zip, or tar, as it is or compressed by gzip, bzip2 or xz). A file is taken where it is a
regular file of a limited size, under its own path or below one folder at the top of the submission. An archive is read member
by member; nothing is ever extracted.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

FILE_LIMIT = 256 * 1024
ARCHIVE_LIMIT = 64 * 1024 * 1024  # of the archive, and of a tar archive when it is unpacked
MEMBER_LIMIT = 10_000
DEPTH_LIMIT = 50  # folders in folders
ARCHIVE = re.compile(r"\.(zip|tar|tar\.(gz|bz2|xz)|tgz|tbz2?|txz)$", re.IGNORECASE)


class Refused(Exception):
    """Says what the file is, and why it is not taken."""


@dataclass
class Submission:
    student: str
    files: dict[str, bytes] = field(default_factory=dict)  # by the path that the assignment has for them
    refused: dict[str, str] = field(default_factory=dict)  # the reason
    flags: list[str] = field(default_factory=list)  # for a human


@dataclass(frozen=True)
class Member:
    name: str
    regular: bool
    size: int
    what: str = "a regular file"


def student_of(path: Path) -> str:
    """Whose submission it is, by the name of the file or folder as the course systems write it.

    Moodle     Ada Lovelace_1234_assignsubmission_file     -> Ada_Lovelace
    Canvas     lovelaceada_1234_5678_work.zip, lovelaceada_LATE_1234_5678_work.zip  -> lovelaceada
    otherwise  ada.zip, ada/                               -> ada
    """
    name = ARCHIVE.sub("", path.resolve().name)
    if found := re.match(r"(.+)_\d+_assignsubmission_", name) or re.match(r"([^_]+)_(?:LATE_)?\d+_\d+_", name):
        name = found[1]
    return re.sub(r"[^\w.@+-]", "_", name).lstrip(".-") or "_"


def collect(path: Path, wanted: Iterable[str]) -> Submission:
    """Reads a submission. Raises Refused where nothing can be read at all."""
    try:
        return _collect(path, list(wanted))
    except RecursionError:  # tarfile calls itself
        raise Refused(f"{path.name} has long names of long names, without end") from None


def _collect(path: Path, names: list[str]) -> Submission:
    submission = Submission(student_of(path))
    if path.is_dir():
        inner = _only_archive_in(path)
        _take(_Folder(path) if not inner else _archive(inner), names, submission)
    elif path.is_file():
        _take(_archive(path), names, submission)
    else:
        raise Refused(f"{path} is neither a folder nor a file")
    return submission


def _only_archive_in(folder: Path) -> Path | None:
    """Moodle puts what a student has uploaded into a folder of the student's."""
    entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    if len(entries) == 1 and ARCHIVE.search(entries[0].name) and entries[0].is_file(follow_symlinks=False):
        return Path(entries[0].path)
    return None


def _take(source: _Folder | _Zip | _Tar, names: list[str], submission: Submission) -> None:
    places: dict[str, list[Member]] = {name: [] for name in names}
    strange: set[str] = set()
    for member in source.members():
        parts = member.name.split("/")
        if member.name.startswith("/") or ".." in parts:
            strange.add("a path that leaves the submission")
        elif not member.regular:
            strange.add(member.what)
        elif parts[-1] in ("CMakeLists.txt", "CMakePresets.json", "Makefile", "build.ninja") or parts[-1].endswith(".cmake"):
            strange.add("build files, which are not used")
        for name in names:
            if member.name == name or (member.name.endswith("/" + name) and member.name.count("/") == name.count("/") + 1
                                       and parts[0] not in ("", ".", "..")):
                places[name].append(member)
    for name, found in places.items():
        try:
            if len(found) > 1:
                raise Refused(f"{name} is there {len(found)} times")
            if found:
                submission.files[name] = source.read(found[0])
        except Refused as reason:
            submission.refused[name] = str(reason)
    submission.flags += sorted(f"the submission has {what}" for what in strange)


def _checked(member: Member) -> None:
    if not member.regular:
        raise Refused(f"{member.name} is {member.what}, and must be a regular file")
    if member.size > FILE_LIMIT:
        raise Refused(f"{member.name} has {member.size} bytes, and at most {FILE_LIMIT} are taken")


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISLNK, "a symbolic link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"),
             (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"), (stat.S_ISSOCK, "a socket"))
    return next((words for test, words in kinds if test(mode)), "a regular file")


class _Folder:
    """A folder on disk. No link is followed, not even to a folder on the way (open(2), O_NOFOLLOW)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def members(self) -> Iterator[Member]:
        count = 0
        for folder, folders, files in os.walk(self.path):
            folders[:] = [name for name in folders if name not in (".git", "build")]
            count += len(files) + len(folders)
            if count > MEMBER_LIMIT:
                raise Refused(f"{self.path.name} has more than {MEMBER_LIMIT} files and folders")
            if folder.count("/", len(str(self.path))) > DEPTH_LIMIT:
                raise Refused(f"{self.path.name} has folders in folders, more than {DEPTH_LIMIT} deep")
            for name in files + [one for one in folders if os.path.islink(os.path.join(folder, one))]:
                full = os.path.join(folder, name)
                state = os.lstat(full)
                regular = stat.S_ISREG(state.st_mode) and state.st_nlink == 1
                what = "a hard link" if stat.S_ISREG(state.st_mode) and not regular else _kind(state.st_mode)
                yield Member(os.path.relpath(full, self.path), regular, state.st_size, what)

    def read(self, member: Member) -> bytes:
        _checked(member)
        at = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            *folders, name = member.name.split("/")
            for folder in folders:
                inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
                os.close(at)
                at = inner
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
            with os.fdopen(file, "rb") as stream:
                if not stat.S_ISREG(os.fstat(file).st_mode):
                    raise Refused(f"{member.name} must be a regular file")
                return _limited(stream, member)
        except OSError as error:
            raise Refused(f"{member.name} cannot be read: {error.strerror}") from None
        finally:
            os.close(at)


def _limited(stream: IO[bytes], member: Member) -> bytes:
    data = stream.read(FILE_LIMIT + 1)
    if len(data) > FILE_LIMIT:
        raise Refused(f"{member.name} has more than the {FILE_LIMIT} bytes that are taken")
    return data


class _Zip:
    def __init__(self, path: Path) -> None:
        self.archive = zipfile.ZipFile(path)
        self.infos: dict[Member, zipfile.ZipInfo] = {}

    def members(self) -> Iterator[Member]:
        for info in self.archive.infolist():
            if info.is_dir():
                continue
            mode = info.external_attr >> 16
            member = Member(info.filename, stat.S_IFMT(mode) in (0, stat.S_IFREG), info.file_size, _kind(mode))
            self.infos[member] = info
            yield member

    def read(self, member: Member) -> bytes:
        _checked(member)
        info = self.infos[member]
        if info.flag_bits & 1:
            raise Refused(f"{member.name} is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
            raise Refused(f"{member.name} is compressed in a way that is not read here: use zip's usual one")
        try:
            with self.archive.open(info) as stream:
                return _limited(stream, member)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise Refused(f"{member.name} cannot be read: {error}") from None


class _Tar:
    def __init__(self, data: bytes) -> None:
        self.archive = tarfile.open(fileobj=io.BytesIO(data), mode="r:")
        self.infos: dict[Member, tarfile.TarInfo] = {}

    def members(self) -> Iterator[Member]:
        count = 0
        while info := self.archive.next():
            count += 1
            if count > MEMBER_LIMIT:
                raise Refused(f"the archive has more than {MEMBER_LIMIT} members")
            if info.isdir():
                continue
            what = ("a symbolic link" if info.issym() else "a hard link" if info.islnk() else "a device" if info.isdev()
                    else "a sparse file" if info.issparse() else "a regular file")
            name = info.name[2:] if info.name.startswith("./") else info.name
            member = Member(name, info.isreg() and not info.issparse(), info.size, what)
            self.infos[member] = info
            yield member

    def read(self, member: Member) -> bytes:
        _checked(member)
        stream = self.archive.extractfile(self.infos[member])
        if not stream:
            raise Refused(f"{member.name} must be a regular file")
        return _limited(stream, member)


def _archive(path: Path) -> _Zip | _Tar:
    if not path.is_file():
        raise Refused(f"{path.name} is no regular file")
    if path.stat().st_size > ARCHIVE_LIMIT:
        raise Refused(f"{path.name} has more than {ARCHIVE_LIMIT} bytes")
    try:
        if zipfile.is_zipfile(path):
            # A ZipFile reads its whole directory before it can be asked for its size. Each entry begins with these bytes.
            if path.read_bytes().count(b"PK\1\2") > MEMBER_LIMIT:
                raise Refused(f"{path.name} has more than {MEMBER_LIMIT} members")
            return _Zip(path)
        return _Tar(_unpacked(path))
    except (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError) as error:
        raise Refused(f"{path.name} is no archive that can be read (zip, tar, tar.gz, tar.bz2, tar.xz): {error}") from None


def _unpacked(path: Path) -> bytes:
    """A tar archive's bytes, with a limit on them and on the memory that it takes to get them."""
    packed = path.read_bytes()
    if packed.startswith(b"\x1f\x8b"):
        data = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(ARCHIVE_LIMIT + 1)
    elif packed.startswith(b"BZh"):
        data = bz2.BZ2File(io.BytesIO(packed)).read(ARCHIVE_LIMIT + 1)
    elif packed.startswith(b"\xfd7zXZ\x00"):
        data = lzma.LZMADecompressor(memlimit=2 * ARCHIVE_LIMIT).decompress(packed, ARCHIVE_LIMIT + 1)
    else:
        data = packed
    if len(data) > ARCHIVE_LIMIT:
        raise Refused(f"{path.name} has more than {ARCHIVE_LIMIT} bytes when it is unpacked")
    return data
