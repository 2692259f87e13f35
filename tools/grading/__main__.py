"""The instructor's commands, to which ./portlab passes them on: ./portlab COMMAND --help."""

import argparse
import importlib
import importlib.util
import sys


def main() -> int:
    parser = argparse.ArgumentParser(prog="./portlab", description="The instructor's kit of Portlab.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in ("handout", "grade", "report", "formats", "autograder"):
        if importlib.util.find_spec(f"grading.{name}"):
            module = importlib.import_module(f"grading.{name}")
            if hasattr(module, "add_to"):
                module.add_to(commands)
    arguments = parser.parse_args()
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
