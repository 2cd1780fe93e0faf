"""What the house checks share: which files there are, and C text without comments or strings."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def files(*folders, suffixes=(".c", ".h")):
    """Paths below ROOT/folder, relative to ROOT, sorted."""
    found = []
    for folder in folders:
        for where, _, names in os.walk(os.path.join(ROOT, folder)):
            found += [os.path.relpath(os.path.join(where, name), ROOT)
                      for name in names if name.endswith(suffixes)]
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text, strings=True):
    """The text with comments (and strings) replaced by blanks; line breaks stay."""
    def cover(m):
        s = m.group(0)
        if s[0] in "\"'":
            if not strings:
                return s
            return s[0] + re.sub(r"[^\n]", " ", s[1:-1]) + s[0]
        return re.sub(r"[^\n]", " ", s)
    return TOKEN.sub(cover, text)


def functions(text):
    """(name, parameters, first line, last line, body) of each function, where the braces of a
    function stand alone in the first column, as clang-format sets them. Lines count from 1."""
    lines = blank(text).split("\n")
    found, i = [], 0
    while i < len(lines):
        if lines[i] != "{":
            i += 1
            continue
        start = i - 1
        while start > 0 and lines[start - 1].strip() and not lines[start - 1].startswith("#") \
                and not lines[start - 1].rstrip().endswith((";", "}")):
            start -= 1
        end = i
        while end < len(lines) and lines[end] != "}":
            end += 1
        head = " ".join(lines[start:i])
        m = re.search(r"(\w+)\s*\((.*)\)", head)
        if m:
            found.append((m.group(1), m.group(2), start + 1, end + 1, lines[i:end + 1]))
        i = end + 1
    return found


def finish(name, problems):
    """Print what was found and exit."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"{name}: {len(problems)} problem{'s' if len(problems) != 1 else ''}")
    sys.exit(1 if problems else 0)
