"""Every archive of make.py, as each of the three users: the exact tree, or the exact error.

Beside each tree lies a canary: files and links that an archive might try to reach. Nothing outside
the tree may change, whatever the archive says.
"""
import hashlib
import os
import shutil
import struct
import subprocess

import make
import pytest

NOW = make.NOW


def _digest_text(where):
    """State of everything around the tree, and of the files that attacks aim at."""
    state = {}
    for path in ("/etc/passwd", "/etc/shadow"):  # other tests make accounts meanwhile
        st = os.lstat(path)
        state[path] = (st.st_mode, st.st_uid, st.st_gid, st.st_nlink, st.st_size > 100)
    state["/dev/null"] = os.lstat("/dev/null").st_mode
    for directory, dirs, files in os.walk(where):
        if directory == where:
            dirs.remove("tree")
            files = [f for f in files if f not in ("blob", "owners")]
        for name in dirs + files:
            path = os.path.join(directory, name)
            st = os.lstat(path)
            content = open(path, "rb").read() if name == "secret" else None
            state[path] = (st.st_mode, st.st_uid, st.st_gid, st.st_nlink, st.st_mtime_ns,
                           st.st_ctime_ns, content)
    return state


def _with_canary(unpacker):
    where = unpacker.fresh()
    canary = os.path.join(where, "canary")
    os.mkdir(canary, 0o777)
    with open(os.path.join(canary, "secret"), "w", encoding="ascii") as f:
        f.write("canary")
    for path in (canary, os.path.join(canary, "secret")):
        os.chown(path, unpacker.uid, unpacker.gid)
    return where


def _lower(unpacker):
    """A parent layer, made with the extractor itself."""
    blob = make.tar(
        make.directory("./", mode=0o711, mtime=42),
        make.directory("usr", mode=0o750, uid=7, gid=8, mtime=4242),
        make.pax(("SCHILY.xattr.user.k", "v")),
        make.reg("usr/lower", "lower data", mode=0o4751, mtime=12345, uid=3, gid=4),
        make.symlink("lower-link", "usr/lower"), make.directory("usr/lib"),
        make.symlink("lib", "usr/lib"), make.symlink("l1", "lib"),
        make.symlink("usr/up", "../opt"))
    result, where = unpacker.unpack(blob)
    assert result.kind is None, result.text
    return os.path.join(where, "tree")


# --- what is refused --------------------------------------------------------------------------

ERRORS = {
    "01-root-symlink-dot": ("FORMAT", "the root of the archive is no directory"),
    "01-root-symlink-slash": ("FORMAT", "the root of the archive is no directory"),
    "03-dotdot": ("FORMAT", '../x: name contains ".."'),
    "03-dotdot-inside": ("FORMAT", 'a/../../x: name contains ".."'),
    "08-link-loop": ("ELOOP", "a/x: /: Too many levels of symbolic links"),
    "14-chain-41": ("ELOOP", "c0/x: /: Too many levels of symbolic links"),
    "15-hardlink-dotdot": ("FORMAT", 's: hard link: ../../etc/shadow: name contains ".."'),
    "16-hardlink-absolute": ("FORMAT", "hard link to etc/shadow"),
    "18-hardlink-dir": ("FORMAT", "h: hard link to a directory"),
    "18-hardlink-self": ("FORMAT", "f: hard link to itself"),
    "18-hardlink-root": ("FORMAT", "h: hard link to a directory"),
    "19-hardlink-later": ("FORMAT", "h: hard link to f, which does not exist"),
    "20-hardlink-lower-dir": ("FORMAT", "new: hard link to usr, which is no file"),
    "20-hardlink-deleted": ("FORMAT", "new: hard link to usr/lower, which this layer deletes"),
    "20-lower-link-then-file": ("ENOTDIR", "lib/b: /: Not a directory"),
    "21-whiteout-empty": ("FORMAT", ".wh.: a whiteout of nothing"),
    "22-whiteout-dot": ("FORMAT", ".wh..: a whiteout of nothing"),
    "22-whiteout-dotdot": ("FORMAT", ".wh...: a whiteout of nothing"),
    "27-whiteout-dir": ("FORMAT", ".wh.x: a whiteout that is no file"),
    "27-whiteout-link": ("FORMAT", ".wh.x: a whiteout that is no file"),
    "27-below-whiteout": ("FORMAT", ".wh.x/y: an entry below a whiteout"),
    "33-two-pax": ("FORMAT", "two pax headers for one entry"),
    "34-global-path": ("FORMAT", "pax record path: not allowed for the whole archive"),
    "34-global-size": ("FORMAT", "pax record size: not allowed for the whole archive"),
    "35-length-zero": ("FORMAT", "pax record has a wrong length"),
    "35-length-short": ("FORMAT", "pax record does not end in a newline"),
    "35-length-long": ("FORMAT", "pax record has a wrong length"),
    "35-no-length": ("FORMAT", "pax record has no length"),
    "35-no-newline": ("FORMAT", "pax record does not end in a newline"),
    "35-no-equals": ("FORMAT", "pax record has no key"),
    "35-negative": ("FORMAT", "pax record has no length"),
    "35-no-key": ("FORMAT", "pax record has no key"),
    "36-long-alone": ("FORMAT", "tar ends behind an extension header"),
    "36-long-then-end": ("FORMAT", "tar ends behind an extension header"),
    "36-pax-then-end": ("FORMAT", "tar ends behind an extension header"),
    "36-two-long": ("FORMAT", "two long names for one entry"),
    "37-path-nul": ("FORMAT", "pax record path: contains a NUL byte"),
    "37-path-empty": ("FORMAT", "pax record path: empty"),
    "37-linkpath-nul": ("FORMAT", "pax record linkpath: contains a NUL byte"),
    "37-name-empty": ("FORMAT", "an entry has an empty name"),
    "37-long-nul": ("FORMAT", "tar long name contains a NUL byte"),
    "38-size-63": ("FORMAT", "tar header: size is out of range"),
    "38-size-negative": ("FORMAT", "tar header: size is negative"),
    "38-size-text": ("FORMAT", "tar header: size is not a number"),
    "39-mtime-huge": ("FORMAT", "pax record mtime: not a time in range"),
    "39-mtime-text": ("FORMAT", "pax record mtime: not a time in range"),
    "40-long-4g": ("LIMIT", "tar extension header (type L) of 4294967296 bytes"),
    "40-pax-4g": ("LIMIT", "tar extension header (type x) of 4294967296 bytes"),
    "40-pax-record": ("LIMIT", "pax record of more than 1048576 bytes"),
    "42-overlap": ("FORMAT", "sparse map overlaps or descends"),
    "42-unsorted": ("FORMAT", "sparse: sparse map overlaps or descends"),
    "42-beyond": ("FORMAT", "sparse: sparse map passes the end of the file"),
    "42-count": ("LIMIT", "sparse map has more than 100000 ranges"),
    "42-many": ("LIMIT", "sparse map has more than 100000 ranges"),
    "42-too-little": ("FORMAT", "sparse map covers 10 bytes, the archive holds 20"),
    "42-part-of-block": ("FORMAT", "sparse map has a part of a block before its last range"),
    "42-odd": ("FORMAT", "pax record GNU.sparse.map: odd count of numbers"),
    "42-letters": ("FORMAT", "sparse map is not a list of numbers"),
    "43-xattr-count": ("LIMIT", "too many extended attributes for one file"),
    "43-xattr-name": ("LIMIT", "attribute name of 305 bytes"),
    "43-xattr-value": ("LIMIT", "bytes"),
    "43-xattr-value-64k": ("LIMIT", "attribute of more than 65536 bytes"),
    "43-xattr-bad-base64": ("FORMAT", "bad base64"),
    "44-uid-max": ("FORMAT", "f: tar entry: uid 4294967295 is out of range"),
    "44-uid-over": ("FORMAT", "f: tar entry: uid 4294967296 is out of range"),
    "44-uid-negative": ("FORMAT", "tar header: uid is negative"),
    "45-huge-sparse": ("LIMIT", "the layer has more than 68719476736 bytes in files"),
    "48-depth": ("LIMIT", "name of more than 4096 bytes"),
    "48-depth-1025": ("LIMIT", "more than 1024 levels deep"),
    "49-path": ("LIMIT", "name of more than 4096 bytes"),
    "49-component": ("LIMIT", "component of more than 255 bytes"),
    "53-cap-truncated": ("FORMAT", "f: security.capability of 15 bytes is malformed"),
    "53-cap-version": ("FORMAT", "f: security.capability of 12 bytes is malformed"),
    "59-checksum": ("FORMAT", "tar header: wrong checksum (not a tar archive?)"),
    "60-lone-zero-block": ("FORMAT", "tar goes on behind a lone zero block"),
    "61-cut-header": ("FORMAT", "no tar archive: it ends after 412 bytes"),
    "61-cut-data": ("FORMAT", "tar archive is cut off"),
    "61-cut-padding": ("FORMAT", "tar archive is cut off"),
    "62-nothing": ("FORMAT", "tar archive is empty (0 bytes)"),
    "63-gzip-many-zeros": ("FORMAT", "gzip: more than 65536 zero bytes of padding"),
    "63-gzip-text": ("FORMAT", "gzip: garbage behind the data"),
    "63-gzip-cut": ("FORMAT", "gzip: data is cut off"),
    "63-gzip-crc": ("FORMAT", "gzip: incorrect data check"),
    "63-gzip-in-gzip": ("FORMAT", "no tar archive: it ends after 124 bytes"),
    "64-zstd-window": ("FORMAT", "zstd: Frame requires too much memory"),
    "64-zstd-checksum": ("FORMAT", "zstd: Restored data doesn't match checksum"),
    "64-zstd-cut": ("FORMAT", "zstd: data is cut off"),
    "64-zstd-text": ("FORMAT", "zstd: Unknown frame descriptor"),
    "64-bzip2": ("UNSUPPORTED", "data is compressed with bzip2 (gzip and zstd are read)"),
    "64-xz": ("UNSUPPORTED", "data is compressed with xz (gzip and zstd are read)"),
    "65-multivolume": ("FORMAT", "tar entry of unsupported type 'M'"),
    "65-dumpdir": ("FORMAT", "tar entry of unsupported type 'D'"),
    "65-old-long": ("FORMAT", "tar entry of unsupported type 'N'"),
    "65-unknown": ("FORMAT", "tar entry of unsupported type 'Z'"),
}

NEEDS_LOWER = {"20-hardlink-lower", "20-hardlink-lower-link", "20-hardlink-lower-dir",
               "20-hardlink-deleted", "20-through-lower-link", "20-implicit-parents",
               "20-lower-link-then-file"}


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_refused(unpacker, corpus, name):
    where = _with_canary(unpacker)
    before = _digest_text(where)
    options = ["--lower", _lower(unpacker)] if name in NEEDS_LOWER else []
    result, _ = unpacker.unpack(corpus[name], *options, where=where)
    kind, text = ERRORS[name]
    assert result.kind == kind, (result.kind, result.text)
    assert text in result.text
    assert _digest_text(where) == before


# --- what is unpacked -------------------------------------------------------------------------

def d(**kw):
    return {"kind": "d", **kw}


def f(data=None, **kw):
    want = {"kind": "f", **kw}
    if data is not None:
        want["data"] = data.encode() if isinstance(data, str) else data
    return want


def link(target, **kw):
    return {"kind": "l", "target": target.encode(), **kw}


WHITEOUT = {"kind": "w"}
OPAQUE = {"user.overlay.opaque": b"y"}

F = f("data", mode=0o644, uid=0, gid=0, mtime_ns=NOW * 10 ** 9)

TREES = {
    "02-root-dir": {".": d(mode=0o700, mtime_ns=1234567890 * 10 ** 9)},
    "04-absolute": {"abs": d(mode=0o755, uid=0, mtime_ns=NOW * 10 ** 9), "abs/file": f("x")},
    "05-link-absolute": {"a": link("/etc"), "etc": d(mode=0o755), "etc/passwd": f("new")},
    "06-link-up": {"a": link("../../.."), "x": f("x")},
    "07-link-proc": {"a": link("/proc/self/root"), "proc": d(), "proc/self": d(),
                     "proc/self/root": d(), "proc/self/root/x": f("x")},
    "09-link-dangling": {"d": link("nope"), "nope": d(), "nope/x": f("x")},
    "10-file-over-link": {"t": f("old"), "l": f("new")},
    "11-dir-over-link": {"t": d(), "t/x": f("x"), "l": d(), "l/y": f("y")},
    "12-link-over-tree": {"d": link("other")},
    "13-attributes-of-link": {"t": f("t", mode=0o600, mtime_ns=1000 * 10 ** 9),
                              "l": link("t", mtime_ns=2000 * 10 ** 9)},
    "14-chain-40": {"dir": d(), "dir/x": f("x"),
                    **{f"c{i}": link(f"c{i + 1}" if i < 39 else "dir") for i in range(40)}},
    "17-hardlink-through-link": {"d": d(), "d/f": f("f", nlink=2), "h": f("f", nlink=2),
                                 "s": link("/d")},
    "23-opaque-root": {".": d(xattrs=OPAQUE), "f": F},
    "24-whiteout-before": {"f": F},
    "24-whiteout-after": {"f": F},
    "24-whiteout-dir-before": {"d": d(xattrs=OPAQUE), "d/x": f("x")},
    "24-whiteout-dir-after": {"d": d(xattrs=OPAQUE), "d/x": f("x")},
    "24-whiteout-dir-implied": {"d": d(xattrs=OPAQUE, mode=0o755), "d/x": f("x")},
    "25-whiteouts-in-opaque": {"d": d(xattrs=OPAQUE), "d/c": f("c")},
    "26-whiteout-through-link": {"s": link("/"), "u": link("../../.."), "x": WHITEOUT,
                                 "y": WHITEOUT},
    "27-aufs": {"f": F},
    "28-forged-whiteout": {"f": F},
    "30-pax-size": {"big": f(b"B" * (1 << 20)), "f": F},
    "31-pax-smaller": {"a": f("abc"), "f": F},
    "32-pax-then-long": {"n" * 120: f("12345"), "f": F},
    "34-global-mtime": {"f": f("data", mtime_ns=1111111111 * 10 ** 9),
                        "g": f("g", mtime_ns=5 * 10 ** 9)},
    "36-link-then-name": {"n" * 120: link("t" * 120)},
    "36-name-then-link": {"n" * 120: link("t" * 120)},
    "39-mtime-negative": {"f": f("data", mtime_ns=-86400250000000)},
    "39-mtime-fraction": {"f": f("data", mtime_ns=1500000000123456789)},
    "41-sparse-old": {"sparse": f(make.sparse_content()), "f": F},
    "41-sparse-old-extended": {
        "sparse": f(b"".join(b"s" * 512 + b"\0" * 7680 for _ in range(40))), "f": F},
    "41-sparse-0.0": {"sparse": f(make.sparse_content()), "f": F},
    "41-sparse-0.1": {"sparse": f(make.sparse_content()), "f": F},
    "41-sparse-1.0": {"sparse": f(make.sparse_content()), "f": F},
    "41-sparse-all-hole": {"sparse": f(b"\0" * 65536, blocks=0), "f": F},
    "43-xattr-kept": {"f": f("x", xattrs={"user.a": b"1\0\n2", "user.b": b""})},
    "43-xattr-libarchive": {"f": f("data", xattrs={"user.ab": b"value", "user.s": b"winner"})},
    "45-big-sparse": {"sparse": f(size=1 << 30, blocks=0)},
    "49-component-255": {"c" * 255: F},
    "50-overlay-redirect": {"f": f("x", xattrs={})},
    "51-overlay-user": {"d": d(xattrs={}), "f": f("x", xattrs={})},
    "52-overlay-nested": {"f": f("x", xattrs={})},
    "52-selinux": {"f": f("x", xattrs={})},
    "54-setid": {"s": f("x", mode=0o6755, nlink=2), "h": f("x", mode=0o6755, nlink=2),
                 "t": f("x", mode=0o1755), "d": d(mode=0o3777),
                 "d/x": f("x", gid=0)},
    "55-closed-dir": {"d": d(mode=0o555, mtime_ns=1000 * 10 ** 9), "d/f": f("f"),
                      "d/e": d(mode=0, mtime_ns=2000 * 10 ** 9), "d/e/f": f("f")},
    "56-file-twice": {"f": f("new", mode=0o640)},
    "56-dir-file-dir": {"x": d(mode=0o711, mtime_ns=4000 * 10 ** 9), "x/b": f("b")},
    "57-names": {"File": f("1"), "file": f("2"), "caf\u00e9": f("3"), "cafe\u0301": f("4"),
                 b"\xff\xfe": f("5")},
    "58-hdrcharset": {b"\xff\x01": F},
    "59-checksum-signed": {b"\xe4\xf6\xfc": f("")},
    "60-no-end": {"f": F},
    "60-one-zero-block": {"f": F},
    "60-data-after-end": {"f": F},
    "60-zeros-after-end": {"f": F},
    "62-only-end": {".": d(mode=0o755, mtime_ns=0)},
    "65-volume-label": {"f": F},
    "65-contiguous": {"f": F},
    "65-v7": {"d": d(), "d/f": f("data")},
    "65-prefix": {"some": d(), "some/prefix": d(), "some/prefix/name": f("x")},
    "65-gnu-no-prefix": {"name": f("x")},
    "65-dir-with-size": {"d": d(), "f": F},
    "65-link-with-size": {"f": f("data", nlink=2), "h": f("data", nlink=2), "g": f("g")},
    "67-names": {"proc": f("x"), "sys": link("/etc"), "dev": d(),
                 "dev/null": link("/etc/passwd")},
    **{name: {"a": f(b"a" * 5000), "b": f("b")} for name in (
        "63-gzip", "63-gzip-members", "63-gzip-zeros", "64-zstd", "64-zstd-skippable")},
}

WARNINGS = {
    "28-forged-whiteout": ["a device 0:0 was left out: it would delete files of other layers"],
    "60-data-after-end": ["there are bytes behind the end of the archive"],
    **{name: ["extended attributes that are the host's own were left out"] for name in (
        "50-overlay-redirect", "51-overlay-user", "52-overlay-nested", "52-selinux")},
}


def check_tree(have, want):
    want = {k if isinstance(k, bytes) else k.encode(): v for k, v in want.items()}
    want.setdefault(b".", {"kind": "d"})
    assert sorted(have) == sorted(want)
    for path, fields in want.items():
        for field, value in fields.items():
            assert getattr(have[path], field) == value, (path, field, getattr(have[path], field))


@pytest.mark.parametrize("name", sorted(TREES))
def test_unpacked(unpacker, corpus, name):
    where = _with_canary(unpacker)
    before = _digest_text(where)
    result, _ = unpacker.unpack(corpus[name], where=where)
    assert result.kind is None, (result.kind, result.text)
    check_tree(unpacker.tree(where), TREES[name])
    # nosub flattens owners, which is a warning of its own
    got = [w for w in result.warnings if not w.startswith("all files belong to one user")]
    assert got == WARNINGS.get(name, [])
    assert _digest_text(where) == before


def test_canary_by_its_path(unpacker):
    """Attacks that know where they are: links with the host's absolute path, and climbing ones."""
    where = _with_canary(unpacker)
    before = _digest_text(where)
    place = os.path.join(where, "canary")
    for target in (place, "../canary", "../" * 30 + place[1:]):
        blob = make.tar(
            make.pax(("linkpath", target)), make.symlink("a", "x"), make.reg("a/secret", "gone"),
            make.reg("a/more", "more"), make.directory("a/sub", mode=0o777),
            make.header("a/fifo", kind=b"6"), make.reg("a/.wh.secret2"),
            make.pax(("linkpath", target + "/secret")), make.symlink("b", "x"),
            make.hardlink("c", "b"), make.reg("c", "over a link", mode=0o777, uid=1))
        result, _ = unpacker.unpack(blob, where=where)
        assert result.kind is None, (result.kind, result.text)
        assert _digest_text(where) == before
        for name in os.listdir(os.path.join(where, "tree")):
            path = os.path.join(where, "tree", name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)


def test_all_archives_are_tested(corpus):
    here = {"18-hardlink-self", "20-hardlink-lower", "20-hardlink-lower-link",
            "20-through-lower-link", "20-implicit-parents", "29-devices", "38-size-octal",
            "20-lower-link-then-dir", "20-lower-link-then-link", "20-lower-link-then-whiteout",
            "20-lower-link-then-opaque", "20-lower-links-then-dir", "29-device-then-file",
            "44-uid-unmapped", "44-owners", "46-gzip-bomb", "47-entries", "48-depth-1024",
            "53-cap-v1", "53-cap-v2", "53-cap-v3", "53-cap-chown", "54-setid-owned",
            "56-owners"}
    assert set(corpus) == set(ERRORS) | set(TREES) | here


# --- what differs between users, or needs more than a blob ------------------------------------

def unpack_ok(unpacker, blob, *options, **kw):
    result, where = unpacker.unpack(blob, *options, **kw)
    assert result.kind is None, (result.kind, result.text)
    return result, where


def test_hardlink_into_lower(unpacker, corpus):
    lower = _lower(unpacker)
    result, where = unpack_ok(unpacker, corpus["20-hardlink-lower"], "--lower", lower)
    tree = unpacker.tree(where)
    owner = {"uid": 0, "gid": 0, "mode": 0o751} if unpacker.kind == "nosub" else {
        "uid": 3, "gid": 4, "mode": 0o4751}
    copied = f("lower data", mtime_ns=12345 * 10 ** 9, nlink=2, xattrs={"user.k": b"v"}, **owner)
    parent = {} if unpacker.kind == "nosub" else {"uid": 7, "gid": 8}
    check_tree(tree, {"new": copied, "usr/lower": copied,
                      "usr": d(mode=0o750, mtime_ns=4242 * 10 ** 9, **parent),
                      ".": d(mode=0o711, mtime_ns=42 * 10 ** 9)})
    assert tree[b"new"].ino == tree[b"usr/lower"].ino
    assert result.values["asked_parents"] == "1"


def test_hardlink_to_a_link_in_lower(unpacker, corpus):
    lower = _lower(unpacker)
    _, where = unpack_ok(unpacker, corpus["20-hardlink-lower-link"], "--lower", lower)
    same = link("usr/lower", nlink=2)
    check_tree(unpacker.tree(where), {"new": same, "lower-link": same})


def test_link_of_lower_is_followed(unpacker, corpus):
    """`lib -> usr/lib` below must not be hidden by a directory `lib` above."""
    _, where = unpack_ok(unpacker, corpus["20-through-lower-link"], "--lower", _lower(unpacker))
    tree = unpacker.tree(where)
    assert sorted(tree) == [b".", b"usr", b"usr/lib", b"usr/lib/x"]
    assert tree[b"usr"].mode == 0o750


@pytest.mark.parametrize("name,paths", [
    ("20-lower-link-then-dir", ["lib", "lib/b", "usr", "usr/lib", "usr/lib/a"]),
    ("20-lower-links-then-dir", ["lib", "lib/b", "usr", "usr/lib", "usr/lib/a"]),
    ("20-lower-link-then-link", ["lib", "opt", "opt/b", "usr", "usr/lib", "usr/lib/a"]),
    ("20-lower-link-then-whiteout", ["lib", "lib/b", "usr", "usr/lib", "usr/lib/a"]),
    ("20-lower-link-then-opaque", ["opt", "opt/a", "usr", "usr/up", "usr/up/b"])])
def test_link_of_lower_is_replaced(unpacker, corpus, name, paths):
    """What comes after the entry for the link's place goes where the merged tree has it now."""
    _, where = unpack_ok(unpacker, corpus[name], "--lower", _lower(unpacker))
    tree = unpacker.tree(where)
    assert sorted(tree) == [b".", *map(str.encode, paths)]
    if name == "20-lower-link-then-dir":
        assert tree[b"lib"].mode == 0o700
    if name in ("20-lower-link-then-whiteout", "20-lower-link-then-opaque"):
        opaque = b"lib" if "whiteout" in name else b"usr"
        assert tree[opaque].xattrs == {"user.overlay.opaque": b"y"}


def test_holes_are_copied_up_as_holes(unpacker, corpus):
    _, below = unpack_ok(unpacker, corpus["41-sparse-1.0"])
    lower = os.path.join(below, "tree")
    _, where = unpack_ok(unpacker, make.tar(make.hardlink("new", "sparse")), "--lower", lower)
    old, new = unpacker.tree(below)[b"sparse"], unpacker.tree(where)[b"new"]
    assert (new.data, new.size, new.mtime_ns) == (old.data, old.size, old.mtime_ns)
    assert new.blocks == old.blocks < old.size // 512


def test_implied_directories_are_those_of_lower(unpacker, corpus):
    result, where = unpack_ok(
        unpacker, corpus["20-implicit-parents"], "--lower", _lower(unpacker))
    tree = unpacker.tree(where)
    assert (tree[b"usr"].mode, tree[b"usr"].mtime_ns) == (0o750, 4242 * 10 ** 9)
    assert (tree[b"usr/share"].mode, tree[b"usr/share"].mtime_ns) == (0o755, NOW * 10 ** 9)
    assert result.values["root_implied"] == "1"
    assert tree[b"."].mode == 0o711


def test_hidden_lower_does_not_show(unpacker):
    """What a middle layer deleted, or hid by an opaque directory, cannot be linked to."""
    lower = _lower(unpacker)
    for middle in (make.tar(make.reg(".wh.usr")), make.tar(make.reg("usr/.wh.lower")),
                   make.tar(make.directory("usr"), make.reg("usr/.wh..wh..opq"))):
        _, where = unpack_ok(unpacker, middle, "--lower", lower)
        result, _ = unpacker.unpack(make.tar(make.hardlink("new", "usr/lower")), "--lower",
                                    os.path.join(where, "tree"), "--lower", lower)
        assert result.kind == "FORMAT", result.text
        assert "hard link to usr/lower" in result.text


def test_devices(unpacker, corpus):
    result, where = unpack_ok(unpacker, corpus["29-devices"])
    tree = unpacker.tree(where)
    if unpacker.kind == "root":
        check_tree(tree, {"c": {"kind": "c", "rdev": (1, 3), "mode": 0o666},
                          "b": {"kind": "b", "rdev": (8, 0), "mode": 0o660},
                          "p": {"kind": "p", "mode": 0o640}})
        assert not result.warnings
        return
    check_tree(tree, {"p": {"kind": "p", "mode": 0o640}})
    assert result.values["devices_skipped"] == "2"
    assert result.warnings == ["device nodes were left out: they cannot be made here"]
    # behind a device all is recorded: it may stand where a device did not
    assert unpacker.owners(where) == {"c": (0, 0, 0o666, "c", "1:3"),
                                      "b": (0, 0, 0o660, "b", "8:0"),
                                      "p": (0, 0, 0o640, "p", "0:0")}


@pytest.mark.parametrize("unpacker", ["sub", "nosub"], indirect=True)
def test_a_file_in_the_place_of_a_left_out_device(unpacker, corpus):
    """The record of the device must not outlive what came later in the archive."""
    _, where = unpack_ok(unpacker, corpus["29-device-then-file"])
    assert unpacker.owners(where) == {"x": (0, 0, 0o644, "f", "0:0"),
                                      "y": (0, 0, 0o600, "c", "5:1"),
                                      "z": (0, 0, 0o755, "d", "0:0")}


def test_devices_strict(unpacker, corpus):
    result, _ = unpacker.unpack(corpus["29-devices"], "--strict-devices")
    assert result.kind == (None if unpacker.kind == "root" else "EPERM"), result.text


@pytest.mark.parametrize("unpacker", ["sub", "nosub"], indirect=True)
def test_left_out_device_hides_lower(unpacker):
    _, where = unpack_ok(unpacker, make.tar(make.directory("usr"), make.header(
        "usr/lower", kind=b"3", major=1, minor=3)), "--lower", _lower(unpacker))
    check_tree(unpacker.tree(where), {".": d(), "usr": d(), "usr/lower": WHITEOUT})


def test_size_beyond_budget(unpacker, corpus):
    result, _ = unpacker.unpack(corpus["38-size-octal"], "--bytes", 1 << 30)
    assert (result.kind, result.text) == (
        "LIMIT", "big: the layer has more than 1073741824 bytes in files")


def test_owners(unpacker, corpus):
    result, where = unpack_ok(unpacker, corpus["44-owners"])
    tree = unpacker.tree(where)
    true = {"d": (1, 2, 0o755, "d", "0:0"), "d/f": (1000, 1001, 0o644, "f", "0:0"),
            "d/l": (33, 34, 0o777, "l", "0:0")}
    if unpacker.kind == "nosub":
        assert all((n.uid, n.gid) == (0, 0) for n in tree.values())
        assert unpacker.owners(where) == true
        assert result.warnings == ["all files belong to one user here; true owners were recorded"]
        return
    for path, (uid, gid, _, _, _) in true.items():
        assert (tree[path.encode()].uid, tree[path.encode()].gid) == (uid, gid)
    assert unpacker.owners(where) == {}


def test_owners_of_replaced_entries(unpacker, corpus):
    _, where = unpack_ok(unpacker, corpus["56-owners"])
    check_tree(unpacker.tree(where), {"f": f("x", uid=0), "d": f("file", uid=0)})
    if unpacker.kind == "nosub":
        assert unpacker.owners(where) == {"f": (0, 0, 0o644, "f", "0:0"),
                                          "d": (0, 0, 0o644, "f", "0:0")}


def test_unmapped_owner(unpacker, corpus):
    result, where = unpacker.unpack(corpus["44-uid-unmapped"])
    if unpacker.kind == "sub":
        assert result.kind == "UNSUPPORTED"
        assert result.text == (
            "f belongs to uid 3000000, which has no id here\n"
            "hint: only 65537 ids are available: give this user a larger range in /etc/subuid")
        return
    assert result.kind is None, result.text
    uid = 3000000 if unpacker.kind == "root" else 0
    check_tree(unpacker.tree(where), {"f": f("x", uid=uid)})


def test_gzip_bomb(unpacker, corpus):
    result, _ = unpacker.unpack(corpus["46-gzip-bomb"], "--ratio-floor", 8 << 20)
    assert (result.kind, result.text) == ("LIMIT", "the layer expands more than 1000 : 1")


def test_too_many_entries(unpacker, corpus):
    result, _ = unpacker.unpack(corpus["47-entries"], "--entries", 1000)
    assert (result.kind, result.text) == (
        "LIMIT", "f1000: the layer has more than 1000 entries")
    unpack_ok(unpacker, corpus["47-entries"], "--entries", 1001)


def test_implied_directories_count(unpacker, corpus):
    result, _ = unpacker.unpack(corpus["48-depth-1024"], "--entries", 500)
    assert result.kind == "LIMIT" and "more than 500 entries" in result.text
    _, where = unpack_ok(unpacker, corpus["48-depth-1024"])
    done = subprocess.run(["find", os.path.join(where, "tree"), "-printf", "x"],
                          capture_output=True, check=True)  # too deep for os.walk
    assert len(done.stdout) == 1025
    subprocess.run(["rm", "-rf", where], check=True)


def test_capabilities(unpacker, corpus):
    for name, mode in (("53-cap-v1", 0o644), ("53-cap-v2", 0o644), ("53-cap-v3", 0o644),
                       ("53-cap-chown", 0o755)):
        _, where = unpack_ok(unpacker, corpus[name])
        node = unpacker.tree(where)[b"f"]
        value = node.xattrs["security.capability"]
        if unpacker.kind == "root":
            assert value == make.cap(2)
        else:  # the kernel adds the namespace's root: the account itself
            assert value == make.cap(3, root=unpacker.uid)
        assert node.mode == mode


def test_setid_of_others(unpacker, corpus):
    _, where = unpack_ok(unpacker, corpus["54-setid-owned"])
    node = unpacker.tree(where)[b"s"]
    if unpacker.kind == "nosub":
        assert (node.mode, node.uid) == (0o755, 0)
        assert unpacker.owners(where)["s"] == (5, 6, 0o6755, "f", "0:0")
    else:
        assert (node.mode, node.uid, node.gid, node.nlink) == (0o6755, 5, 6, 2)


def test_diff_id_covers_everything(unpacker, corpus):
    for name in ("60-data-after-end", "60-zeros-after-end", "62-only-end"):
        result, _ = unpack_ok(unpacker, corpus[name])
        want = "sha256:" + hashlib.sha256(corpus[name]).hexdigest()
        assert result.values["diff_id"] == want


def test_blob_that_arrives_slowly(unpacker, corpus):
    result, where = unpack_ok(unpacker, corpus["63-gzip-members"], "--trickle", 7)
    check_tree(unpacker.tree(where), TREES["63-gzip-members"])
    assert result.values["codec"] == "2"


def test_store_in_a_directory_with_a_default_acl(unpacker):
    """Modes come from the archive, not from what the tree's parent would pass on."""
    where = unpacker.fresh()
    nobody = 0xFFFFFFFF
    entries = [(0x01, 7, nobody), (0x02, 7, 1), (0x04, 7, nobody), (0x10, 7, nobody),
               (0x20, 7, nobody)]  # u::rwx u:1:rwx g::rwx m::rwx o::rwx
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)
    os.setxattr(os.path.join(where, "tree"), "system.posix_acl_default", acl)
    unpack_ok(unpacker, make.tar(make.reg("f", "x", mode=0o640)), where=where)
    node = unpacker.tree(where)[b"f"]
    assert node.mode == 0o640 and not node.xattrs


def test_free_space_is_kept(unpackers, arena):
    """On a small file system: ENOSPC before the last twentieth is gone."""
    unpacker = unpackers["root"]
    where = unpacker.fresh()
    tree = os.path.join(where, "tree")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "x", tree], check=True)
    try:
        blob = make.tar(make.header("z", size=120 << 20), b"\1" * (120 << 20))
        result, _ = unpacker.unpack(blob, where=where)
        assert result.kind == "ENOSPC" and result.text.startswith("z: "), result.text
    finally:
        subprocess.run(["umount", tree], check=True)
