"""The whole programs of tests/wrong, of which most are kept as differences from the model answer."""
import subprocess
from pathlib import Path

from grading.sandbox import ROOT


def files(path: str) -> list[Path]:
    return sorted((ROOT / "tests/wrong" / path).iterdir())


def source(path: str, name: str) -> str:
    """The program that an answer to 02_bind/any_free_port with that mistake is."""
    whole = ROOT / f"tests/wrong/{path}/{name}.cpp"
    if whole.exists():
        return whole.read_text(encoding="utf-8")
    return subprocess.run(["patch", "--silent", "--force", "--output=-", ROOT / f"solutions/{path}.cpp",
                           whole.with_suffix(".diff")], check=True, capture_output=True, text=True).stdout
