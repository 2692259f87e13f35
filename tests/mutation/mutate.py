#!/usr/bin/env python3
"""Changes each solution in one place at a time and asks the exercise's judge: a changed program that is still right shows a
gap in the judge. mutate.py SOURCE_DIR BUILD_DIR [EXERCISE ...] prints the survivors and the share that was rejected.

A survivor stands in survivors.txt, with the reason. One that is equivalent to the original does not count. Exit status: 0 where
every survivor stands there and 97 % or more of the others that compile are rejected."""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

NUMBER = r'\b(\d+)\b'
OPERATORS = [  # what to find in a line, and what to put in its place
    (r'^(\s*)[\w:.>\-\[\]]+\(.*\);$', r'\1;'),                # a call, left out
    (r'^(\s*)std::(cout|cerr) <<.*;$', r'\1;'),               # a message, left out
    (r'\bstd::endl\b', r"'\\n'"),                             # not flushed
    (r'\bstd::flush\b', r'""'),
    (r'\bEXIT_FAILURE\b', 'EXIT_SUCCESS'),
    (r'\b(common::)?exit_config\b', 'EXIT_FAILURE'),
    (r'\b78\b', '1'),
    (r'\btrue\b', 'false'),
    (r'\bfalse\b', 'true'),
    (r'\bloopback\(\)', 'any()'),
    (r'\bany\(\)', 'loopback()'),
    (r'\bv4\(\)', 'v6()'),
    (r'\bv6\(\)', 'v4()'),
    (r'\blocal_endpoint\b', 'remote_endpoint'),
    (r'\bremote_endpoint\b', 'local_endpoint'),
    (r'\bSIGTERM\b', 'SIGHUP'),
    (r'\bSIGINT\b', 'SIGHUP'),
    (r'\bSOCK_STREAM\b', 'SOCK_DGRAM'),
    (r'\bprotocol::tcp\b', 'protocol::udp'),
    (r'\bProtocol::tcp\b', 'Protocol::udp'),
    (r'\bif \((?!const|auto|std::|!)(.*)\)', r'if (!(\1))'),
    (r'\bif \(!', 'if ('),
    (r' == ', ' != '),
    (r' != ', ' == '),
    (r' && ', ' || '),
    (r' \|\| ', ' && '),
    (r' < ', ' <= '),
    (r' > ', ' >= '),
    (r' >= ', ' > '),
    (r' <= ', ' < '),
    (NUMBER, lambda number: str(int(number[1]) + 1)),
    (r'\bbreak;', ';'),
    (r'\bcontinue;', ';'),
    (r'^(\s*)return;$', r'\1;'),
]


def changes(source, stub):
    """(line number, what was changed, whole changed text) for each operator and place in what the reader writes: a line
    that the stub has as well is left alone, unless the stub is a whole program to be repaired."""
    lines, given = source.splitlines(), set(stub.splitlines())
    to_be_repaired = 'repair the program' in stub
    for number, line in enumerate(lines):
        code = line.split(' // ')[0]
        if code.lstrip().startswith(('#', '//', 'using ', 'namespace ')) or (line in given and not to_be_repaired):
            continue
        for pattern, replacement in OPERATORS:
            for match in re.finditer(pattern, code):
                if code[:match.start()].count('"') % 2 or (pattern == NUMBER and 'port_from_environment' in code):
                    continue  # inside a message; the default that a stub has
                changed = code[:match.start()] + match.expand(replacement) + code[match.end():] \
                    if isinstance(replacement, str) else code[:match.start()] + replacement(match) + code[match.end():]
                what = f'without {line.strip()}' if changed.strip() == ';' else changed.strip()
                yield number + 1, what, '\n'.join(lines[:number] + [changed] + lines[number + 1:]) + '\n'


class Exercise:
    def __init__(self, source_dir, build_dir, path):
        self.build_dir, self.path = build_dir, path
        self.source = source_dir / 'solutions' / (path + '.cpp')
        self.stub = source_dir / 'exercises' / (path + '.cpp')
        self.judge = build_dir / 'tests/exercises' / (path + '_test')
        target = 'solution.' + path.replace('/', '.')
        commands = subprocess.run(['ninja', '-C', build_dir, '-t', 'commands', target], check=True, text=True,
                                  capture_output=True).stdout.splitlines()
        self.compile = shlex.split(next(c for c in commands if c.endswith(f'-c {self.source}')))
        self.link = shlex.split(commands[-1].removeprefix(': && ').removesuffix(' && :'))

    def verdict(self, text):
        """'killed', 'survived', or 'invalid' where the changed program does not compile."""
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            name = self.source.stem
            (scratch / f'{name}.cpp').write_text(text)
            object_file = self.compile[self.compile.index('-o') + 1]
            replace = {str(self.source): f'{scratch}/{name}.cpp', object_file: f'{scratch}/{name}.o'}
            for command in (self.compile, self.link):
                command = [replace.get(word, word) for word in command]
                if command[command.index('-o') + 1] != f'{scratch}/{name}.o':
                    command[command.index('-o') + 1] = f'{scratch}/{name}'
                if '-MF' in command:
                    command[command.index('-MF') + 1] = f'{scratch}/{name}.d'
                if subprocess.run(command, cwd=self.build_dir, capture_output=True).returncode != 0:
                    return 'invalid'
            judged = subprocess.run([self.judge, scratch / name], capture_output=True, timeout=300)
            return 'survived' if judged.returncode in (0, 4) else 'killed'


def main():
    source_dir, build_dir = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
    wanted = sys.argv[3:]
    paths = [exercise['path'] for exercise in json.loads((source_dir / 'exercises/exercises.json').read_text())]
    explained = dict(re.findall(r'^(\S+: .*) // (.*)$', (source_dir / 'tests/mutation/survivors.txt').read_text(), re.M))
    total = {'killed': 0, 'survived': 0, 'invalid': 0}
    unexplained, equivalent, used = 0, 0, set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path in paths:
            if wanted and path not in wanted:
                continue
            exercise = Exercise(source_dir, build_dir, path)
            mutants = list(changes(exercise.source.read_text(), exercise.stub.read_text()))
            verdicts = list(pool.map(lambda mutant: exercise.verdict(mutant[2]), mutants))
            count = {kind: verdicts.count(kind) for kind in total}
            print(f'{path}: {count["killed"]} rejected, {count["survived"]} survived, {count["invalid"]} do not compile', flush=True)
            for (number, what, _), verdict in zip(mutants, verdicts):
                total[verdict] += 1
                if verdict == 'survived':
                    key = f'{path}: {what}'
                    used.add(key)
                    equivalent += explained.get(key, '').startswith('equivalent: ')
                    if key not in explained:
                        unexplained += 1
                        print(f'    line {number}: {what}')
    count = total['killed'] + total['survived'] - equivalent
    share = 100 * total['killed'] / max(1, count)
    print(f'{total["killed"]} of {count} changed programs rejected ({share:.1f} %); {equivalent} more are equivalent to the '
          f'original, {total["invalid"]} do not compile; {unexplained} survivors without an explanation')
    stale = [key for key in explained if key not in used and (not wanted or key.split(':')[0] in wanted)]
    for key in stale:
        print(f'survivors.txt explains what does not survive: {key}')
    return 0 if share >= 97 and unexplained == 0 and not stale else 1


sys.exit(main())
