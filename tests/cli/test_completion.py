"""Completion scripts, by running the shells that read them.

bash: the function is called with a line as readline would, and once through a real terminal.
zsh: a real terminal, as only zle runs completions. fish: `complete -C`, its own engine.
"""

import os
import shutil
import subprocess
import time

import pexpect
import pytest

BASH = r"""
source /dev/stdin <<<"$(proa completion bash)"
COMP_LINE=$1 COMP_POINT=${#1}
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
_proa
printf '%s\n' "${COMPREPLY[@]}"
"""


def need(shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")


@pytest.fixture(scope="module")
def home(tmp_path_factory, proa_binary):
    """A home with `proa` in its bin, which keeps its store there for root as well."""
    home = tmp_path_factory.mktemp("completion")
    (home / "bin").mkdir()
    script = home / "bin" / "proa"
    script.write_text(f"#!/bin/sh\nexec {proa_binary} --root {home}/store --runroot {home}/run"
                      ' "$@"\n')
    script.chmod(0o755)
    return home


@pytest.fixture(scope="module")
def env(home):
    return {
        "HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin", "TERM": "xterm", "LANG": "C.UTF-8",
        "ZDOTDIR": str(home), "INPUTRC": "/dev/null",
    }


@pytest.fixture(scope="module")
def stored(home, env):
    """Two images, one of them with a port in its name; returns their names."""
    tree = home / "tree"
    tree.mkdir()
    (tree / "file").write_text("x")
    subprocess.run(["tar", "-C", str(tree), "-cf", str(home / "fs.tar"), "."], check=True)
    for name in ("localhost:5000/app:v1", "busy:1.36"):
        subprocess.run([f"{home}/bin/proa", "import", str(home / "fs.tar"), name],
                       check=True, env=env, stdout=subprocess.DEVNULL)
    return ["busy:1.36", "localhost:5000/app:v1"]


def bash(env, line):
    need("bash")
    r = subprocess.run(["bash", "--norc", "-c", BASH, "bash", line], env=env, text=True,
                       capture_output=True, timeout=60)
    assert r.returncode == 0 and r.stderr == ""
    return sorted(r.stdout.split())


def fish(env, line):
    need("fish")
    script = f"proa completion fish | source; complete -C '{line}'"
    r = subprocess.run(["fish", "--no-config", "-c", script], env=env, text=True,
                       capture_output=True, timeout=60)
    assert r.returncode == 0 and r.stderr == ""
    return sorted(word.split("\t")[0] for word in r.stdout.splitlines())


class Zsh:
    """An interactive zsh; `complete(line)` types it with a tab and reads the line back."""

    def __init__(self, env):
        self.child = pexpect.spawn("zsh", ["-f", "-i"], env=env, encoding="utf-8", timeout=60,
                                   dimensions=(60, 200))
        self.send("PS1='ready> '; unset zle_bracketed_paste; PROMPT_EOL_MARK=")
        self.send("autoload -Uz compinit; compinit -u -d $ZDOTDIR/zcompdump")
        self.send("source <(proa completion zsh); setopt no_beep no_list_beep")
        # The widget lists what matches instead of changing the line.
        self.send("LISTMAX=9999; bindkey '^I' list-choices; echo set-up-$((1+1))")
        self.child.expect("set-up-2")
        self.child.expect("ready> ")

    def send(self, line):
        self.child.sendline(line)

    def complete(self, line, *words, patience=20):
        """What is listed, as soon as all words are there or patience (in seconds) has ended."""
        self.child.send(line + "\t")
        text, end = "", time.monotonic() + patience
        while time.monotonic() < end and not (words and all(w in text for w in words)):
            try:
                text += self.child.read_nonblocking(65536, timeout=0.3)
            except pexpect.TIMEOUT:
                pass
        # Typed only now: zle lists nothing while keys are waiting.
        self.child.send("\x15echo done-$((6*7))\r")
        self.child.expect("done-42")
        self.child.expect("ready> ")
        return text


@pytest.fixture(scope="module")
def zsh(env):
    need("zsh")
    z = Zsh(env)
    yield z
    z.child.close(force=True)


def run_options(env):
    """Long options that `proa run --help` shows."""
    text = subprocess.run(["proa", "run", "--help"], env=env, text=True, capture_output=True,
                          check=True).stdout
    return sorted({word.rstrip(",") for line in text.splitlines() if line.startswith("  ")
                   for word in line[:34].split() if word.startswith("--")} | {"--help"})


# Scripts are correct before anything is completed with them.

@pytest.mark.parametrize("shell,check", [
    ("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])])
def test_script_parses(env, home, shell, check):
    need(shell)
    text = subprocess.run(["proa", "completion", shell], env=env, text=True, capture_output=True,
                          check=True).stdout
    path = home / f"script.{shell}"
    path.write_text(text)
    r = subprocess.run([*check, str(path)], text=True, capture_output=True)
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "")


def test_unknown_shell(env):
    r = subprocess.run(["proa", "completion", "tcsh"], env=env, text=True, capture_output=True)
    assert r.returncode == 1
    assert r.stderr == ("proa: completion: no completion for shell \"tcsh\": "
                        "bash, zsh and fish have one\n")


# bash

def test_bash_commands(env):
    words = bash(env, "proa ")
    assert {"run", "images", "image", "container", "version"} <= set(words)
    assert not [w for w in words if w.startswith("__")]
    assert bash(env, "proa ver") == ["version"]


def test_bash_objects(env):
    assert {"ls", "rm", "inspect"} <= set(bash(env, "proa image "))
    assert bash(env, "proa nonsense ") == []


def test_bash_options(env):
    assert sorted(w for w in bash(env, "proa run --") if w.startswith("--")) == run_options(env)
    assert bash(env, "proa run --entry") == ["--entrypoint"]
    assert bash(env, "proa container run --entry") == ["--entrypoint"]


def test_bash_options_end_at_the_image(env):
    assert bash(env, "proa run -it debian --entry") == []
    assert bash(env, "proa run -e A --entry") == ["--entrypoint"]
    assert bash(env, "proa run -ite A --entry") == ["--entrypoint"]


def test_bash_enum_values(env):
    assert bash(env, "proa run --pull ") == ["always", "missing", "never"]
    assert bash(env, "proa run --pull=al") == ["always"]
    assert bash(env, "proa --log-level ") == ["debug", "error", "info", "warn"]


def test_bash_global_options(env):
    assert bash(env, "proa --roo") == ["--root"]
    assert bash(env, "proa --root /x ver") == ["version"]


def test_bash_files(env, home):
    (home / "some-file").write_text("")
    assert bash(env, f"proa load -i {home}/some") == [f"{home}/some-file"]


def test_bash_images(env, stored):
    # Without the part before the last colon, which readline keeps.
    assert bash(env, "proa run lo") == ["localhost:5000/app:v1"]
    assert bash(env, "proa run localhost:5000/app:") == ["v1"]
    assert bash(env, "proa rmi busy:1.36 lo") == ["localhost:5000/app:v1"]
    assert bash(env, f"proa --root {env['HOME']}/none run lo") == []


def test_bash_terminal(env, stored):
    """Two tabs in a real bash: the colon of an image name survives readline."""
    need("bash")
    child = pexpect.spawn("bash", ["--norc", "--noprofile", "-i"], env=env, encoding="utf-8",
                          timeout=60, dimensions=(40, 160))
    child.sendline("PS1='ready> '; source <(proa completion bash); echo set-up-$((1+1))")
    child.expect("set-up-2")
    child.expect("ready> ")
    child.send("echo proa; proa run loc\t")
    child.expect_exact("proa run localhost:5000/app:v1")
    child.send("\x15exit\r")
    child.close(force=True)


# fish

def test_fish_commands(env):
    words = fish(env, "proa ")
    assert {"run", "images", "image", "container", "version"} <= set(words)
    assert not [w for w in words if w.startswith("__")]
    assert fish(env, "proa ver") == ["version"]


def test_fish_objects(env):
    assert {"ls", "rm", "inspect"} <= set(fish(env, "proa image "))


def test_fish_options(env):
    assert set(run_options(env)) <= set(fish(env, "proa run --"))
    assert fish(env, "proa container run --entry") == ["--entrypoint"]


def test_fish_options_end_at_the_image(env):
    assert fish(env, "proa run -it debian --entry") == []
    assert fish(env, "proa run -ite A --entry") == ["--entrypoint"]


def test_fish_values(env, stored):
    assert fish(env, "proa run --pull ") == ["always", "missing", "never"]
    assert fish(env, "proa run lo") == ["localhost:5000/app:v1"]
    assert fish(env, "proa rmi ") == stored


# zsh

def test_zsh_commands(zsh):
    words = ("version", "Show what this is", "container")
    text = zsh.complete("proa ", *words)
    assert [w for w in words if w not in text] == []


def test_zsh_objects(zsh):
    text = zsh.complete("proa image ", "inspect", "List images")
    assert "inspect" in text and "List images" in text


def test_zsh_options(zsh, env):
    options = run_options(env)
    text = zsh.complete("proa run --", *options)
    assert [o for o in options if o not in text] == []
    assert "--entrypoint" in zsh.complete("proa container run --entry", "--entrypoint")


def test_zsh_options_end_at_the_image(zsh):
    assert "--entrypoint" not in zsh.complete("proa run -it debian --entryp", patience=3)


def test_zsh_values(zsh, stored):
    words = ("always", "missing", "never")
    text = zsh.complete("proa run --pull ", *words)
    assert [w for w in words if w not in text] == []
    assert "localhost:5000/app:v1" in zsh.complete("proa run ", "localhost:5000/app:v1")


# What the scripts ask.

def test_complete_kinds(env, stored):
    r = subprocess.run(["proa", "__complete", "image"], env=env, text=True, capture_output=True)
    assert (r.returncode, sorted(r.stdout.split()), r.stderr) == (0, stored, "")
    r = subprocess.run(["proa", "__complete", "container"], env=env, text=True,
                       capture_output=True)
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "")
    r = subprocess.run(["proa", "__complete", "nonsense"], env=env, text=True,
                       capture_output=True)
    assert r.returncode == 1
    assert r.stderr == 'proa: __complete: no names of the kind "nonsense"\n'
