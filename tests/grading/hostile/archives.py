"""The hostile submissions that cannot lie in a repository as they are: archives, and folders with links and devices.

Each function below makes one in the directory that it is given; its docstring is the head that the other submissions have as
a comment. The model answer is in most of them, so that what is refused would be worth points if it were taken.
"""
import gzip
import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

FILE = "exercises/02_bind/any_free_port.cpp"
ROOT = Path(__file__).resolve().parents[3]
RIGHT = (ROOT / "solutions/02_bind/any_free_port.cpp").read_text()
NOTHING = "int main() {}\n"


def zip_of(place: Path, members: dict[str, str], method: int = zipfile.ZIP_DEFLATED) -> Path:
    archive = place.with_name(place.name + ".zip")
    with zipfile.ZipFile(archive, "w", method, compresslevel=1) as out:
        for name, text in members.items():
            out.writestr(name, text)
    return archive


def tar_of(place: Path, members: list[tuple[tarfile.TarInfo, str]]) -> Path:
    archive = place.with_name(place.name + ".tar.gz")
    with tarfile.open(archive, "w:gz", compresslevel=1) as out:
        for info, text in members:
            info.size = len(text.encode())
            out.addfile(info, io.BytesIO(text.encode()))
    return archive


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", **more: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, 0o644
    for key, value in more.items():
        setattr(info, key, value)
    return info


def folder(place: Path) -> Path:
    """The folder of an answer, without the file itself."""
    file = place / FILE
    file.parent.mkdir(parents=True)
    return file


# Archives whose names lead elsewhere.

def zip_with_absolute_names(place: Path) -> Path:
    """Names files from the root on: the repository's own judge, solution and answer.

    Attacks: an archive that is unpacked over the tree
    Expects: missing, 0 points
    """
    return zip_of(place, {f"{ROOT}/{FILE}": RIGHT, f"{ROOT}/portlab-forged": NOTHING, "/tmp/portlab-forged": NOTHING,
                          f"{ROOT}/tests/exercises/02_bind/any_free_port_test.cpp": NOTHING})


def zip_with_parent_names(place: Path) -> Path:
    """Climbs out of its directory, and comes back to the name that is asked for.

    Attacks: an archive that is unpacked, and a comparison of names that have been made plain
    Expects: missing, 0 points
    """
    up = "../" * 20
    return zip_of(place, {f"exercises/../{FILE}": RIGHT, f"{up}tmp/portlab-forged": NOTHING, f"../{FILE}": RIGHT,
                          f"{up}{ROOT}/portlab-forged": NOTHING, f"./../good/{FILE}": NOTHING})


def zip_with_backslashes(place: Path) -> Path:
    """Writes its names as Windows does, with a drive and a parent directory in them.

    Attacks: names that mean another thing to another unpacker
    Expects: missing, 0 points
    """
    return zip_of(place, {"..\\..\\portlab-forged": NOTHING, "C:\\" + FILE.replace("/", "\\"): RIGHT,
                          "..\\" + FILE.replace("/", "\\"): RIGHT})


def zip_with_a_link(place: Path) -> Path:
    """Has a symbolic link to the model answer under the name that is asked for.

    Attacks: an unpacker that follows links
    Expects: refused, 0 points
    """
    archive = place.with_name(place.name + ".zip")
    link = zipfile.ZipInfo(FILE)
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr(link, f"{ROOT}/solutions/02_bind/any_free_port.cpp")
    return archive


def tar_with_a_link(place: Path) -> Path:
    """Has a symbolic link to the model answer under the name that is asked for.

    Attacks: an unpacker that follows links
    Expects: refused, 0 points
    """
    return tar_of(place, [(member(FILE, tarfile.SYMTYPE, f"{ROOT}/solutions/02_bind/any_free_port.cpp"), "")])


def tar_with_a_hard_link(place: Path) -> Path:
    """Has a hard link to the model answer, and to a member of its own that leads there.

    Attacks: an unpacker that follows links
    Expects: refused, 0 points
    """
    solution = f"{ROOT}/solutions/02_bind/any_free_port.cpp"
    return tar_of(place, [(member("step", tarfile.SYMTYPE, solution), ""), (member(FILE, tarfile.LNKTYPE, "step"), "")])


def tar_through_a_link(place: Path) -> Path:
    """Makes its directory a link to the solutions first, and to /tmp, and then names files below.

    Attacks: an unpacker that looks at each member alone
    Expects: wrong, 0 points
    Seen: it ended with status 0 before that
    """
    return tar_of(place, [(member("exercises", tarfile.SYMTYPE, f"{ROOT}/solutions"), ""), (member(FILE), NOTHING),
                          (member("out", tarfile.SYMTYPE, "/tmp"), ""), (member("out/portlab-forged"), NOTHING)])


def tar_with_devices(place: Path) -> Path:
    """Has the device of endless zeros under the name that is asked for, and a pipe that nobody fills.

    Attacks: a reader that waits, or never ends
    Expects: refused, 0 points
    """
    return tar_of(place, [(member("pipe", tarfile.FIFOTYPE), ""),
                          (member(FILE, tarfile.CHRTYPE, devmajor=1, devminor=5), "")])


# Archives that grow.

def zip_bomb(place: Path) -> Path:
    """The file that is asked for, of 100 MB: 400 KB in the archive.

    Attacks: memory and disk
    Expects: refused, 0 points
    """
    archive = place.with_name(place.name + ".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out, out.open(FILE, "w") as file:
        for _ in range(100):
            file.write(b" " * 1_000_000)
    return archive


def zip_that_lies(place: Path) -> Path:
    """Says that its file has 100 bytes, in the directory and at the file itself; there are 20 MB.

    Attacks: a limit that believes what the archive says
    Expects: refused, 0 points
    """
    archive = zip_of(place, {FILE: NOTHING + " " * 20_000_000})
    data = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", data, data.index(signature) + offset, 100)
    archive.write_bytes(data)
    return archive


def zip_in_zip(place: Path) -> Path:
    """Archives in archives, six deep, and the answer in the innermost.

    Attacks: an unpacker that goes on for as long as there is something to unpack
    Expects: missing, 0 points
    """
    inner = zip_of(place, {FILE: RIGHT + " " * 1_000_000})
    for _ in range(6):
        data = inner.read_bytes()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as out:
            for number in range(4):
                out.writestr(f"{number}.zip", data)
    return inner


def zip_of_many(place: Path) -> Path:
    """Half a million members in the directory at its end, all of them the same one.

    Attacks: time and memory, for each member
    Expects: refused, 0 points
    """
    archive = zip_of(place, {FILE: RIGHT}, zipfile.ZIP_STORED)
    data = archive.read_bytes()
    start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    entry = data[start:end]
    directory = entry * (50_000_000 // len(entry))
    count = len(directory) // len(entry)
    # More than 65535 members take the longer form of the end; APPNOTE.TXT of PKWARE, 4.3.14 to 4.3.16.
    longer = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), start)
    where = struct.pack("<4sIQI", b"PK\6\7", 0, start + len(directory), 1)
    short = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0)
    archive.write_bytes(data[:start] + directory + longer + where + short)
    return archive


def zip_that_is_broken(place: Path) -> Path:
    """Ends in the middle.

    Attacks: a grader that stops at an error
    Expects: refused, 0 points
    """
    archive = zip_of(place, {FILE: RIGHT})
    archive.write_bytes(archive.read_bytes()[:-30])
    return archive


def zip_with_a_password(place: Path) -> Path:
    """Says that its file is encrypted.

    Attacks: a grader that stops at an error, or asks at the terminal
    Expects: refused, 0 points
    """
    archive = zip_of(place, {FILE: RIGHT})
    data = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + offset] |= 1
    archive.write_bytes(data)
    return archive


def tar_bomb(place: Path) -> Path:
    """A file of 100 MB before the one that is asked for, 400 KB in the archive.

    Attacks: time and disk
    Expects: refused, 0 points
    """
    archive = place.with_name(place.name + ".tar.gz")
    clutter = member("clutter")
    clutter.size = 100_000_000
    with gzip.open(archive, "wb", compresslevel=1) as out:
        out.write(clutter.tobuf())
        for _ in range(100):
            out.write(b" " * 1_000_000)
        out.write(b"\0" * (-clutter.size % 512))
        answer = member(FILE)
        answer.size = len(RIGHT.encode())
        out.write(answer.tobuf() + RIGHT.encode() + b"\0" * (-answer.size % 512 + 1024))
    return archive


def tar_of_a_sparse_file(place: Path) -> Path:
    """The file that is asked for, with a hole of 1 TB, in the way of GNU tar.

    Attacks: memory and disk
    Expects: refused, 0 points
    """
    archive = place.with_name(place.name + ".tar.gz")
    info = tarfile.TarInfo(FILE)
    info.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(1 << 40),
                        "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,0"}
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as out:
        out.addfile(info, io.BytesIO())
    return archive


def tar_of_long_names(place: Path) -> Path:
    """Has a long name for the member that has a long name for the next member, and so on.

    Attacks: a reader that calls itself
    Expects: refused, 0 points
    """
    name = member("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    return tar_of(place, [(name, "x" * 200)] * 3000 + [(member(FILE), RIGHT)])


# Folders.

def folder_of_folders(place: Path) -> Path:
    """Has folders in folders, a thousand and a half deep, beside a wrong answer.

    Attacks: a reader that calls itself
    Expects: refused, 0 points
    """
    folder(place).write_text(NOTHING)
    for _ in range(1500):
        place = place / "x"
        place.mkdir()
    return place.parents[1499]


def folder_with_a_link(place: Path) -> Path:
    """Has a symbolic link to the model answer under the name that is asked for.

    Attacks: a reader that follows links
    Expects: refused, 0 points
    """
    folder(place).symlink_to(f"{ROOT}/solutions/02_bind/any_free_port.cpp")
    return place


def folder_through_a_link(place: Path) -> Path:
    """Its directory is a link to the solutions.

    Attacks: a reader that looks only at the last name of a path
    Expects: missing, 0 points
    """
    place.mkdir()
    (place / "exercises").symlink_to(ROOT / "solutions")
    return place


def folder_with_a_pipe(place: Path) -> Path:
    """Has a named pipe that nobody fills under the name that is asked for.

    Attacks: a reader that waits
    Expects: refused, 0 points
    """
    os.mkfifo(folder(place))
    return place


def folder_with_a_hole(place: Path) -> Path:
    """The file that is asked for has 1 TB, and none of it is on the disk.

    Attacks: memory and disk
    Expects: refused, 0 points
    """
    with folder(place).open("wb") as file:
        file.truncate(1 << 40)
    return place


def folder_with_a_folder(place: Path) -> Path:
    """Has a directory under the name that is asked for.

    Attacks: a grader that stops at an error
    Expects: missing, 0 points
    """
    folder(place).mkdir()
    return place


def folder_with_a_program(place: Path) -> Path:
    """Has a program under the name that is asked for, compiled already.

    Attacks: a grader that runs what it is given
    Expects: does not compile, 0 points
    """
    folder(place).write_bytes(Path("/bin/true").read_bytes()[:30_000])
    return place


def folder_with_escapes(place: Path) -> Path:
    """Has commands for terminals in its lines, which the compiler shows with its errors.

    Attacks: whoever reads the feedback
    Expects: does not compile, 0 points
    """
    folder(place).write_bytes(b"#error \033[2J\033]0;portlab-forged\a\r\xc2\x9b31m \xe2\x80\xae \xe2\x81\xa6 \xff <script>\n"
                              b"int \033[31m\x9b = `touch portlab-forged`;\n")
    return place


def folder_with_build_files(place: Path) -> Path:
    """Beside a wrong answer, whatever a build or a test may take up: the judge, a header of ours, a precompiled one.

    Attacks: a submission that is built where it lies, or copied over the tree
    Expects: wrong, 0 points
    Seen: it ended with status 0 before that
    """
    folder(place).write_text(NOTHING)
    always_right = "#include <cstdio>\nint main() { std::puts(\"portlab-forged: right\"); }\n"
    solution = RIGHT.replace("int main", "static int answer")
    for name, text in {
            "CMakeLists.txt": "file(WRITE /tmp/portlab-forged)\n", "CMakePresets.json": "{}",
            "Makefile": "all:\n\ttouch portlab-forged\n",
            "conftest.py": "open('/tmp/portlab-forged', 'w')\n", "sitecustomize.py": "open('/tmp/portlab-forged', 'w')\n",
            "json.py": "open('/tmp/portlab-forged', 'w')\n", ".clang-format": "BasedOnStyle: Google\n",
            "portlab": "#!/bin/sh\ntouch portlab-forged\n",
            "tests/exercises/02_bind/any_free_port_test.cpp": always_right, "tools/judge/grader_main.cpp": always_right,
            "common/stop.hpp": solution, "cmake_pch.hxx": solution, "iostream": solution,
            "exercises/02_bind/iostream": solution, "exercises/begin_here.hpp": solution,
            "exercises/02_bind/any_free_port.cpp.o": "", "verdict.json": "{\"points\": 5}",
            "assignments/02_bind.toml": "points = 1000\n", "tools/grading/__init__.py": "open('/tmp/portlab-forged', 'w')\n"}.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place
