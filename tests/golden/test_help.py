"""What `proa help` and `proa CMD --help` print, word for word.

PROA_GOLDEN_UPDATE=1 writes tests/golden/help/ anew; read the difference before it is committed.
"""
import os
import re
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
COMMANDS = os.path.join(HERE, "..", "..", "src", "cmd", "COMMANDS")
FILES = [line.split("#")[0].strip() for line in open(COMMANDS, encoding="utf-8")
         if line.split("#")[0].strip()]
NAMES = [name.replace("_", "-") for name in FILES]
OBJECTS = ["container", "image", *sorted({name.partition("-")[0] for name in NAMES if "-" in name}
                                         - {"container", "image"})]
PAGES = {"proa": ["help"], **{name: [name] for name in OBJECTS},
         **{name: [name, "--help"] for name in NAMES}}


def run(binary, *args):
    return subprocess.run([binary, *args], capture_output=True, text=True, timeout=20,
                          env={"PATH": "/usr/bin:/bin"}, check=False)


@pytest.mark.parametrize("page", PAGES)
def test_golden(proa_binary, page):
    r = run(proa_binary, *PAGES[page])
    assert (r.returncode, r.stderr) == (0, "")
    path = os.path.join(HERE, "help", page + ".txt")
    if os.environ.get("PROA_GOLDEN_UPDATE"):
        with open(path, "w", encoding="utf-8") as f:
            f.write(r.stdout)
    with open(path, encoding="utf-8") as f:
        assert r.stdout == f.read()


@pytest.mark.parametrize("page", PAGES)
def test_fits_80_columns(proa_binary, page):
    text = run(proa_binary, *PAGES[page]).stdout
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("name", NAMES)
def test_no_option_twice(proa_binary, name):
    text = run(proa_binary, name, "--help").stdout
    names = re.findall(r"^ +(?:(-.), )?(--[a-z-]+)", text, re.M)
    shown = [o for pair in names for o in pair if o]
    assert sorted(shown) == sorted(set(shown))


def test_nothing_is_left_over():
    assert sorted(os.listdir(os.path.join(HERE, "help"))) == sorted(p + ".txt" for p in PAGES)


@pytest.mark.parametrize("name", NAMES)
def test_spellings_of_help(proa_binary, name):
    wanted = run(proa_binary, name, "--help").stdout
    assert run(proa_binary, "help", name).stdout == wanted
    for alias in re.findall(r"proa (\w+ \w+)", wanted.partition("Aliases:")[2].partition("\n\n")[0]):
        assert run(proa_binary, *alias.split(), "--help").stdout == wanted


@pytest.mark.parametrize("name", ["proa", *NAMES])
def test_manual_page(proa_binary, name, tmp_path):
    page = tmp_path / f"{name}.1"
    page.write_text(run(proa_binary, "__man", name).stdout)
    r = subprocess.run(["mandoc", "-Tlint", str(page)], capture_output=True, text=True,
                       check=False)
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "")
    text = page.read_text()
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION"):
        assert f".SH {section}\n" in text
    # Every option that help shows has its paragraph.
    shown = re.findall(r"^ +(?:-., )?--([a-z-]+)", run(proa_binary, name, "--help").stdout
                       if name != "proa" else run(proa_binary, "help").stdout, re.M)
    for option in shown:
        assert "\\fB\\-\\-" + option.replace("-", "\\-") + "\\fR" in text
