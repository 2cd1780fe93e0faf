"""Random forests of links, directories and whiteouts against a model of the rules in Python.

The model is a tree in memory that knows nothing of descriptors, caches and system calls; where
the extractor remembers too much or follows too far, the two part. PROA_MODEL_RUNS sets how many
archives are tried (default 120); a failure names the seed.
"""
import os
import random

import make
import pytest

RUNS = int(os.environ.get("PROA_MODEL_RUNS", "120"))
LINKS_MAX = 40


class Refused(Exception):
    pass


class Inode:
    def __init__(self, kind, content=None):
        self.kind, self.content = kind, content  # d: dict, f: text, l: target, w
        self.opaque = False


class Model:
    def __init__(self):
        self.root = Inode("d", {})

    def walk(self, path, create):
        """The directory that path names, links followed, nothing above the root."""
        stack, rest, links = [self.root], path.split("/"), 0
        while rest:
            comp = rest.pop(0)
            if comp in ("", "."):
                continue
            if comp == "..":
                stack = stack[:-1] or [self.root]
                continue
            here = stack[-1].content
            node = here.get(comp)
            if node is None or node.kind == "w":
                if not create:
                    raise Refused("FORMAT")
                here[comp] = Inode("d", {})
                here[comp].opaque = node is not None
                stack.append(here[comp])
            elif node.kind == "l":
                links += 1
                if links > LINKS_MAX:
                    raise Refused("ELOOP")
                if node.content.startswith("/"):
                    stack = [self.root]
                rest = node.content.split("/") + rest
            elif node.kind == "d":
                stack.append(node)
            else:
                raise Refused("ENOTDIR")
        return stack[-1]

    def place(self, path, create=True):
        parent, _, leaf = path.rpartition("/")
        return self.walk(parent, create), leaf

    def add(self, kind, path, arg):
        getattr(self, "add_" + kind)(path, arg)

    def add_f(self, path, text):
        here, leaf = self.place(path)
        here.content[leaf] = Inode("f", text)

    def add_l(self, path, target):
        here, leaf = self.place(path)
        here.content[leaf] = Inode("l", target)

    def add_d(self, path, _):
        here, leaf = self.place(path)
        old = here.content.get(leaf)
        if old is None or old.kind != "d":
            here.content[leaf] = Inode("d", {})
            here.content[leaf].opaque = old is not None and old.kind == "w"

    def add_h(self, path, target):
        there, name = self.place(target, create=False)
        node = there.content.get(name)
        if node is None or node.kind in ("w", "d"):
            raise Refused("FORMAT")
        here, leaf = self.place(path)
        if here is there and leaf == name:
            raise Refused("FORMAT")
        here.content[leaf] = node

    def add_w(self, path, _):
        here, leaf = self.place(path)
        old = here.content.get(leaf)
        if old is not None and old.kind == "d":
            self.hide(old)
        elif old is None and not here.opaque:
            here.content[leaf] = Inode("w")

    def add_o(self, path, _):
        here, _ = self.place(path + "/x")
        self.hide(here)

    @staticmethod
    def hide(node):
        node.opaque = True
        for name in [n for n, x in node.content.items() if x.kind == "w"]:
            del node.content[name]

    def listing(self):
        found, groups = {}, {}

        def visit(node, path):
            content = None if node.kind in ("d", "w") else node.content
            found[path] = [node.kind, content, node.opaque]
            groups.setdefault(id(node), []).append(path)
            for name, child in (node.content.items() if node.kind == "d" else ()):
                visit(child, f"{path}/{name}")

        visit(self.root, ".")
        for names in groups.values():
            for name in names if len(names) > 1 else ():
                found[name].append(sorted(names))
        return found


def random_entries(rnd):
    names = ["a", "b", "c"]

    def path():
        return "/".join(rnd.choice(names) for _ in range(rnd.choice([1, 1, 2, 2, 3])))

    def target():
        return rnd.choice(["", "", "/", "../", "../../", "./"]) + path() + rnd.choice(["", "/.."])

    entries = []
    for n in range(rnd.choice([6, 12, 20])):
        kind = rnd.choice("fffdddllllhhwo")
        arg = {"f": f"text {n}", "l": target(), "h": path()}.get(kind)
        entries.append((kind, path(), arg))
    return entries


def archive(entries):
    parts = []
    for kind, path, arg in entries:
        if kind == "f":
            parts.append(make.reg(path, arg))
        elif kind == "d":
            parts.append(make.directory(path))
        elif kind == "l":
            parts.append(make.symlink(path, arg))
        elif kind == "h":
            parts.append(make.hardlink(path, arg))
        elif kind == "o":
            parts.append(make.reg(path + "/.wh..wh..opq"))
        else:
            parent, _, leaf = path.rpartition("/")
            parts.append(make.reg(f"{parent}/.wh.{leaf}" if parent else f".wh.{leaf}"))
    return make.tar(*parts)


def expected(entries):
    model = Model()
    for kind, path, arg in entries:
        try:
            model.add(kind, path, arg)
        except Refused as refused:
            return str(refused), None
    return None, model.listing()


def seen(unpacker, where):
    found, groups = {}, {}
    for path, node in unpacker.tree(where).items():
        name = "." if path == b"." else "./" + path.decode()
        content = node.data.decode() if node.kind == "f" else \
            node.target.decode() if node.kind == "l" else None
        found[name] = [node.kind, content, "user.overlay.opaque" in node.xattrs]
        if node.kind not in ("d", "w"):
            groups.setdefault(node.ino, []).append(name)
    for names in groups.values():
        for name in names if len(names) > 1 else ():
            found[name].append(sorted(names))
    return found


@pytest.mark.parametrize("part", range(4))
def test_random_forests(unpackers, part):
    unpacker = unpackers["root"]
    for seed in range(part, RUNS, 4):
        entries = random_entries(random.Random(seed))
        result, where = unpacker.unpack(archive(entries))
        kind, listing = expected(entries)
        assert result.kind == kind, (seed, entries, result.text)
        if kind is None:
            assert seen(unpacker, where) == listing, (seed, entries)


def test_the_forests_are_worth_it():
    kinds = [expected(random_entries(random.Random(seed)))[0] for seed in range(400)]
    assert kinds.count(None) > 40
    assert {"FORMAT", "ENOTDIR", "ELOOP"} <= set(kinds)
