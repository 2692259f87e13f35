"""What is taken from a submission, what is refused and why, and whose it is."""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

from grading import submission
from grading.submission import FILE_LIMIT, Refused

NAME = "exercises/02_bind/any_free_port.cpp"
TEXT = b"int main() {}\n"


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="portlab submission ")))

    def collect(self, path):
        return submission.collect(path, [NAME, "exercises/02_bind/one_number_twice.cpp"])

    def refusal(self, path):
        found = self.collect(path)
        self.assertEqual(found.files, {})
        return found.refused[NAME]

    def tar(self, *members, name="ada.tar", wrap=lambda data: data):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            for path, content, *more in members:
                info = tarfile.TarInfo(path)
                info.size = len(content)
                for key, value in dict(*more).items():
                    setattr(info, key, value)
                archive.addfile(info, io.BytesIO(content))
        path = self.folder / name
        path.write_bytes(wrap(data.getvalue()))
        return path

    def zip(self, *members, name="ada.zip", compression=zipfile.ZIP_DEFLATED):
        path = self.folder / name
        with zipfile.ZipFile(path, "w", compression) as archive:
            for member, content, *mode in members:
                info = zipfile.ZipInfo(member)
                info.compress_type = compression
                info.external_attr = (mode[0] if mode else stat.S_IFREG | 0o644) << 16
                archive.writestr(info, content)
        return path


class Folders(Case):
    def write(self, path, content=TEXT):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def test_a_named_file_is_taken_and_no_other(self):
        self.write("ada/" + NAME)
        self.write("ada/exercises/02_bind/other.cpp")
        self.assertEqual(self.collect(self.folder / "ada").files, {NAME: TEXT})

    def test_one_folder_may_be_on_top_and_not_two(self):
        self.write("ada/portlab-02_bind/" + NAME)
        self.assertEqual(self.collect(self.folder / "ada").files, {NAME: TEXT})
        self.write("bob/a/b/" + NAME)
        self.assertEqual(self.collect(self.folder / "bob").files, {})

    def test_the_same_file_twice_is_refused(self):
        self.write("ada/" + NAME)
        self.write("ada/copy/" + NAME)
        self.assertIn("is there 2 times", self.refusal(self.folder / "ada"))

    def test_links_are_refused(self):
        secret = self.write("secret.cpp")
        for make in (os.symlink, os.link):
            with self.subTest(make.__name__):
                target = self.folder / make.__name__ / NAME
                target.parent.mkdir(parents=True)
                make(secret, target)
                self.assertIn("link, and must be a regular file", self.refusal(self.folder / make.__name__))

    def test_a_folder_that_is_a_link_leads_nowhere(self):
        self.write("elsewhere/02_bind/any_free_port.cpp")
        (self.folder / "ada").mkdir()
        os.symlink("../elsewhere", self.folder / "ada/exercises")
        found = self.collect(self.folder / "ada")
        self.assertEqual(found.files, {})
        self.assertIn("the submission has a symbolic link", found.flags)

    def test_a_pipe_is_refused_and_not_waited_for(self):
        (self.folder / "ada" / NAME).parent.mkdir(parents=True)
        os.mkfifo(self.folder / "ada" / NAME)
        self.assertIn("is a named pipe", self.refusal(self.folder / "ada"))

    def test_a_large_file_is_refused(self):
        self.write("ada/" + NAME, b"/" * (FILE_LIMIT + 1))
        self.assertIn(f"at most {FILE_LIMIT}", self.refusal(self.folder / "ada"))

    def test_build_files_are_told_of(self):
        self.write("ada/" + NAME)
        self.write("ada/CMakeLists.txt")
        self.assertEqual(self.collect(self.folder / "ada").flags, ["the submission has build files, which are not used"])

    def test_a_folder_with_one_archive_is_that_archive(self):
        (self.folder / "Ada Lovelace_123_assignsubmission_file").mkdir()
        path = self.zip((NAME, TEXT), name="Ada Lovelace_123_assignsubmission_file/work.zip").parent
        found = self.collect(path)
        self.assertEqual((found.student, found.files), ("Ada_Lovelace", {NAME: TEXT}))


class Archives(Case):
    def test_each_kind_is_read(self):
        for name, wrap in (("a.tar", bytes), ("a.tar.gz", gzip.compress), ("a.tar.bz2", bz2.compress),
                           ("a.tar.xz", lzma.compress)):
            with self.subTest(name):
                self.assertEqual(self.collect(self.tar(("./top/" + NAME, TEXT), name=name, wrap=wrap)).files, {NAME: TEXT})
        self.assertEqual(self.collect(self.zip(("top/" + NAME, TEXT))).files, {NAME: TEXT})

    def test_what_is_no_regular_file_is_refused(self):
        for kind, word in ((tarfile.SYMTYPE, "a symbolic link"), (tarfile.LNKTYPE, "a hard link"),
                           (tarfile.CHRTYPE, "a device"), (tarfile.BLKTYPE, "a device"), (tarfile.FIFOTYPE, "a device")):
            with self.subTest(word):
                path = self.tar((NAME, b"", {"type": kind, "linkname": "/etc/passwd"}))
                self.assertIn(f"is {word}", self.refusal(path))
        self.assertIn("is a symbolic link", self.refusal(self.zip((NAME, "/etc/passwd", stat.S_IFLNK | 0o777))))

    def test_a_path_that_leaves_the_archive_is_not_taken(self):
        for make in (self.tar, self.zip):
            for name in ("../" + NAME, "/" + NAME, "a/../" + NAME, "exercises/../" + NAME):
                with self.subTest(make.__name__, name=name):
                    found = self.collect(make((name, TEXT)))
                    self.assertEqual(found.files, {})
                    self.assertEqual(found.flags, ["the submission has a path that leaves the submission"])

    def test_bombs_are_refused(self):
        with self.subTest("declared"):
            self.assertIn(f"at most {FILE_LIMIT}", self.refusal(self.zip((NAME, bytes(50_000_000)))))
        with self.subTest("members"), self.assertRaisesRegex(Refused, "more than 10000 members"):
            self.collect(self.zip(*((f"{i}", b"") for i in range(10_001))))
        with self.subTest("tar"), self.assertRaisesRegex(Refused, "when it is unpacked"):
            self.collect(self.tar((NAME, bytes(submission.ARCHIVE_LIMIT)), name="a.tar.gz",
                                  wrap=lambda data: gzip.compress(data, 1)))

    def test_a_declared_size_is_not_believed(self):
        path = self.zip((NAME, bytes(1_000_000)))
        small = (100).to_bytes(4, "little")
        path.write_bytes(path.read_bytes().replace((1_000_000).to_bytes(4, "little"), small))
        found = self.collect(path)
        self.assertLessEqual(len(found.files.get(NAME, b"")), FILE_LIMIT)
        self.assertTrue(found.refused)

    def test_broken_archives_are_refused(self):
        good = self.zip((NAME, TEXT * 100)).read_bytes()
        for data in (b"", b"hello", good[:-30], good[:40] + b"\xff" * 20 + good[60:], b"\x1f\x8b" + bytes(20),
                     b"\xfd7zXZ\x00" + bytes(20)):
            with self.subTest(data[:8]):
                path = self.folder / "ada.zip"
                path.write_bytes(data)
                try:
                    self.assertEqual(self.collect(path).files, {})
                except Refused as reason:
                    self.assertIn("ada.zip", str(reason))


class Names(unittest.TestCase):
    def test_whose_it_is(self):
        for path, student in (("ada", "ada"), ("ada.zip", "ada"), ("ada.tar.gz", "ada"), ("b o b.TGZ", "b_o_b"),
                              ("Ada Lovelace_1234_assignsubmission_file", "Ada_Lovelace"),
                              ("lovelaceada_1234_5678_work.zip", "lovelaceada"), ("lovelaceada_LATE_1_2_w.zip", "lovelaceada"),
                              ("ada@example.org", "ada@example.org"), (".hidden", "hidden"), ("-rf.zip", "rf")):
            with self.subTest(path):
                self.assertEqual(submission.student_of(Path("/x") / path), student)


if __name__ == "__main__":
    unittest.main()
