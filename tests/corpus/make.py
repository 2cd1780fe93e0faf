"""Hostile and odd archives, block by block: the corpus of the extractor.

Everything is deterministic and made in memory; `python3 make.py DIR` writes all of it for a look
by hand. The numbers are those of the project's security notes, section 4.2.
"""
import gzip
import os
import struct
import subprocess
import sys

BLOCK = 512
NOW = 1700000000


def octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def base256(value, width):
    raw = (value & ((1 << (8 * width)) - 1)).to_bytes(width, "big")
    return bytes([raw[0] | 0x80]) + raw[1:]


def number(value, width):
    if isinstance(value, bytes):
        return value.ljust(width, b"\0")
    if value < 0 or value >= 8 ** (width - 1):
        return base256(value, width)
    return octal(value, width)


def header(name, kind=b"0", size=0, mode=0o644, uid=0, gid=0, mtime=NOW, link=b"",
           magic=b"ustar\00000", major=0, minor=0, prefix=b"", tail=None, signed=False):
    """One block with its checksum. Numbers given as bytes go in as they are."""
    name, link = (x.encode() if isinstance(x, str) else x for x in (name, link))
    assert len(name) <= 100 and len(link) <= 100 and len(prefix) <= 155
    block = b"".join([
        name.ljust(100, b"\0"), number(mode, 8), number(uid, 8), number(gid, 8),
        number(size, 12), number(mtime, 12), b" " * 8, kind, link.ljust(100, b"\0"),
        magic.ljust(8, b"\0"), b"\0" * 64, number(major, 8), number(minor, 8),
        (tail if tail is not None else prefix).ljust(167, b"\0")])
    assert len(block) == BLOCK
    total = sum(x - 256 if signed and x > 127 else x for x in block)
    return block[:148] + b"%06o\0 " % total + block[156:]


def pad(data):
    return data + b"\0" * (-len(data) % BLOCK)


def reg(name, data=b"", **kw):
    data = data.encode() if isinstance(data, str) else data
    kw.setdefault("size", len(data))
    return header(name, **kw) + pad(data)


def directory(name, mode=0o755, **kw):
    return header(name, kind=b"5", mode=mode, **kw)


def symlink(name, target, **kw):
    kw.setdefault("mode", 0o777)
    return header(name, kind=b"2", link=target, **kw)


def hardlink(name, target, **kw):
    return header(name, kind=b"1", link=target, **kw)


def record(key, value):
    key, value = (x.encode() if isinstance(x, str) else x for x in (key, value))
    rest = b" " + key + b"=" + value + b"\n"
    n = len(rest)
    while len(str(n).encode() + rest) != n:
        n = len(str(n).encode() + rest)
    return str(n).encode() + rest


def pax_raw(body, kind=b"x", size=None):
    return header("PaxHeaders/x", kind=kind, size=len(body) if size is None else size) + pad(body)


def pax(*pairs, kind=b"x"):
    return pax_raw(b"".join(record(k, v) for k, v in pairs), kind)


def longname(name, kind=b"L", size=None, body=None):
    name = name.encode() if isinstance(name, str) else name
    body = name + b"\0" if body is None else body
    return header("././@LongLink", kind=kind, magic=b"ustar  \0",
                  size=len(body) if size is None else size) + pad(body)


END = b"\0" * (2 * BLOCK)


def tar(*parts, end=END):
    return b"".join(parts) + end


# --- sparse files ---------------------------------------------------------------------------

SPARSE = [(0, b"begin---" * 128), (1 << 20, b"middle--" * 640), (3 << 20, b"end****")]
SPARSE_SIZE = (3 << 20) + 7


def sparse_content():
    data = bytearray(SPARSE_SIZE)
    for offset, piece in SPARSE:
        data[offset:offset + len(piece)] = piece
    return bytes(data)


def sparse_stored(ranges=None):
    return b"".join(piece for _, piece in (ranges or SPARSE))


def sparse_old(ranges, real_size, stored, name="sparse"):
    """Old GNU: four ranges in the header, 21 in each block behind it."""
    entries = [octal(o, 12) + octal(n, 12) for o, n in ranges]
    tail = b"\0" * 41 + b"".join(entries[:4]).ljust(96, b"\0")
    tail += (b"\1" if len(entries) > 4 else b"\0") + octal(real_size, 12)
    out = header(name, kind=b"S", size=len(stored), magic=b"ustar  \0", tail=tail)
    entries = entries[4:]
    while entries:
        last = len(entries) <= 21
        out += b"".join(entries[:21]).ljust(504, b"\0") + (b"\0" if last else b"\1") + b"\0" * 7
        entries = entries[21:]
    return out + pad(stored)


def ranges_of(pieces):
    return [(offset, len(piece)) for offset, piece in pieces]


def sparse_00(ranges, real_size, stored):
    body = record("GNU.sparse.size", str(real_size))
    body += record("GNU.sparse.numblocks", str(len(ranges)))
    for offset, length in ranges:
        body += record("GNU.sparse.offset", str(offset))
        body += record("GNU.sparse.numbytes", str(length))
    return pax_raw(body) + reg("sparse", stored)


def sparse_01(ranges, real_size, stored):
    text = ",".join(f"{o},{n}" for o, n in ranges)
    return pax(("GNU.sparse.size", str(real_size)), ("GNU.sparse.numblocks", str(len(ranges))),
               ("GNU.sparse.name", "sparse"), ("GNU.sparse.map", text)) + reg("hidden", stored)


def sparse_10(ranges, real_size, stored, count=None):
    text = f"{len(ranges) if count is None else count}\n"
    text += "".join(f"{o}\n{n}\n" for o, n in ranges)
    return pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"),
               ("GNU.sparse.name", "sparse"), ("GNU.sparse.realsize", str(real_size))
               ) + reg("GNUSparseFile.0/sparse", pad(text.encode()) + stored)


# --- compression ----------------------------------------------------------------------------

def gz(data, level=6):
    return gzip.compress(data, compresslevel=level, mtime=0)


def zst(data, *args):
    return subprocess.run(["zstd", "-q", "-c", *args], input=data, check=True,
                          capture_output=True).stdout


def zst_skippable(data=b"a table of contents"):
    return struct.pack("<II", 0x184D2A50, len(data)) + data


def zst_big_window():
    """A frame whose header asks for 2 GiB: window descriptor exponent 21, one raw last block."""
    return struct.pack("<IBB", 0xFD2FB528, 0x00, 21 << 3) + b"\x01\x00\x00"


def zst_bad_checksum(data):
    good = zst(data, "--check")
    return good[:-1] + bytes([good[-1] ^ 0xFF])


# --- capabilities ---------------------------------------------------------------------------

CAP_NET_RAW = 1 << 13


def cap(version, effective=1, root=0):
    magic = version << 24 | effective
    if version == 1:
        return struct.pack("<III", magic, CAP_NET_RAW, 0)
    data = struct.pack("<IIIII", magic, CAP_NET_RAW, 0, 0, 0)
    return data + struct.pack("<I", root) if version == 3 else data


def with_xattrs(name, pairs, data=b"x", prefix="SCHILY.xattr."):
    return pax(*[(prefix + k, v) for k, v in pairs]) + reg(name, data)


# --- the archives ---------------------------------------------------------------------------

def chain(n):
    out = b"".join(symlink(f"c{i}", f"c{i + 1}") for i in range(n - 1))
    return directory("dir") + out + symlink(f"c{n - 1}", "dir") + reg("c0/x", "x")


def many_files(n):
    return b"".join(reg(f"f{i}") for i in range(n))


def long_path(n):
    """n bytes, no component above 200."""
    return "/".join(["d" * 200] * (n // 201 + 1))[:n]


def build():
    """Name -> blob. Names begin with the number of the case."""
    f = reg("f", "data")
    c = {
        "01-root-symlink-dot": tar(symlink("./", "/etc")),
        "01-root-symlink-slash": tar(symlink("/", "/etc")),
        "02-root-dir": tar(directory("./", mode=0o700, mtime=1234567890)),
        "03-dotdot": tar(reg("../x", "x")),
        "03-dotdot-inside": tar(directory("a"), reg("a/../../x", "x")),
        "04-absolute": tar(reg("/abs/file", "x")),
        "05-link-absolute": tar(symlink("a", "/etc"), reg("a/passwd", "new")),
        "06-link-up": tar(symlink("a", "../../.."), reg("a/x", "x")),
        "07-link-proc": tar(symlink("a", "/proc/self/root"), reg("a/x", "x")),
        "08-link-loop": tar(symlink("a", "b"), symlink("b", "a"), reg("a/x", "x")),
        "09-link-dangling": tar(symlink("d", "nope"), reg("d/x", "x")),
        "10-file-over-link": tar(reg("t", "old"), symlink("l", "t"), reg("l", "new")),
        "11-dir-over-link": tar(directory("t"), reg("t/x", "x"), symlink("l", "t"),
                                directory("l"), reg("l/y", "y")),
        "12-link-over-tree": tar(directory("d"), directory("d/e"), reg("d/e/f", "f"),
                                 symlink("d", "other")),
        "13-attributes-of-link": tar(reg("t", "t", mode=0o600, uid=1, mtime=1000),
                                     symlink("l", "t", uid=7, gid=8, mtime=2000)),
        "14-chain-41": tar(chain(41)),
        "14-chain-40": tar(chain(40)),
        "15-hardlink-dotdot": tar(hardlink("s", "../../etc/shadow")),
        "16-hardlink-absolute": tar(hardlink("s", "/etc/shadow")),
        "17-hardlink-through-link": tar(directory("d"), reg("d/f", "f"), symlink("s", "/d"),
                                        hardlink("h", "s/f")),
        "18-hardlink-dir": tar(directory("d"), hardlink("h", "d")),
        "18-hardlink-self": tar(f, hardlink("f", "f")),
        "18-hardlink-root": tar(hardlink("h", "/")),
        "19-hardlink-later": tar(hardlink("h", "f"), f),
        "20-hardlink-lower": tar(hardlink("new", "usr/lower")),
        "20-hardlink-lower-link": tar(hardlink("new", "lower-link")),
        "20-hardlink-lower-dir": tar(hardlink("new", "usr")),
        "20-hardlink-deleted": tar(reg("usr/.wh.lower"), hardlink("new", "usr/lower")),
        "29-device-then-file": tar(
            header("x", kind=b"3", major=1, minor=3), header("y", kind=b"3", mode=0o600, major=5,
                                                             minor=1),
            reg("x", "x"), directory("z")),
        "20-through-lower-link": tar(reg("lib/x", "x")),
        "20-lower-link-then-dir": tar(reg("lib/a", "a"), directory("lib", mode=0o700),
                                      reg("lib/b", "b")),
        "20-lower-link-then-link": tar(reg("lib/a", "a"), symlink("lib", "opt"),
                                       reg("lib/b", "b")),
        "20-lower-link-then-file": tar(reg("lib/a", "a"), reg("lib", "f"), reg("lib/b", "b")),
        "20-lower-link-then-whiteout": tar(reg("lib/a", "a"), reg(".wh.lib"), reg("lib/b", "b")),
        "20-lower-link-then-opaque": tar(reg("usr/up/a", "a"), reg("usr/.wh..wh..opq"),
                                         reg("usr/up/b", "b")),
        "20-lower-links-then-dir": tar(reg("l1/a", "a"), directory("lib"), reg("l1/b", "b")),
        "20-implicit-parents": tar(reg("usr/share/new", "x")),
        "21-whiteout-empty": tar(reg(".wh.")),
        "22-whiteout-dot": tar(reg(".wh..")),
        "22-whiteout-dotdot": tar(reg(".wh...")),
        "23-opaque-root": tar(reg(".wh..wh..opq"), f),
        "24-whiteout-before": tar(reg(".wh.f"), f),
        "24-whiteout-after": tar(f, reg(".wh.f")),
        "24-whiteout-dir-before": tar(reg(".wh.d"), directory("d"), reg("d/x", "x")),
        "24-whiteout-dir-after": tar(directory("d"), reg("d/x", "x"), reg(".wh.d")),
        "24-whiteout-dir-implied": tar(reg(".wh.d"), reg("d/x", "x")),
        "25-whiteouts-in-opaque": tar(directory("d"), reg("d/.wh.a"), reg("d/.wh..wh..opq"),
                                      reg("d/.wh.b"), reg("d/c", "c")),
        "26-whiteout-through-link": tar(symlink("s", "/"), reg("s/.wh.x"),
                                        symlink("u", "../../.."), reg("u/.wh.y")),
        "27-whiteout-dir": tar(directory(".wh.x")),
        "27-whiteout-link": tar(symlink(".wh.x", "y")),
        "27-below-whiteout": tar(reg(".wh.x/y")),
        "27-aufs": tar(reg(".wh..wh.aufs"), directory(".wh..wh.plnk"),
                       reg(".wh..wh.plnk/1.2", "x"), f),
        "28-forged-whiteout": tar(header("w", kind=b"3"), f),
        "29-devices": tar(header("c", kind=b"3", major=1, minor=3, mode=0o666),
                          header("b", kind=b"4", major=8, minor=0, mode=0o660),
                          header("p", kind=b"6", mode=0o640)),
        "30-pax-size": tar(pax(("size", str(1 << 20))), header("big") + b"B" * (1 << 20), f),
        "31-pax-smaller": tar(pax(("size", "3")), header("a", size=1536) + pad(b"abc"), f),
        "32-pax-then-long": tar(pax(("size", "5")), longname("n" * 120),
                                header("short", size=0) + pad(b"12345"), f),
        "33-two-pax": tar(pax(("size", "5")), pax(("path", "b")), reg("a", "12345")),
        "34-global-path": tar(pax(("path", "evil"), kind=b"g"), f),
        "34-global-size": tar(pax(("size", "1"), kind=b"g"), f),
        "34-global-mtime": tar(pax(("mtime", "1111111111"), ("comment", "x"), kind=b"g"),
                               f, pax(("mtime", "5")), reg("g", "g")),
        "35-length-zero": tar(pax_raw(b"0 path=x\n"), f),
        "35-length-short": tar(pax_raw(b"5 path=x\n"), f),
        "35-length-long": tar(pax_raw(b"99 path=x\n"), f),
        "35-no-length": tar(pax_raw(b"path=x\n"), f),
        "35-no-newline": tar(pax_raw(b"9 path=xy"), f),
        "35-no-equals": tar(pax_raw(b"10 pathxy\n"), f),
        "35-negative": tar(pax_raw(b"-9 path=x\n"), f),
        "35-no-key": tar(pax_raw(b"5 =x\n"), f),
        "36-long-alone": tar(longname("x" * 120), end=b""),
        "36-long-then-end": tar(longname("x" * 120)),
        "36-pax-then-end": tar(pax(("path", "x"))),
        "36-link-then-name": tar(longname("t" * 120, kind=b"K"), longname("n" * 120),
                                 symlink("n", "t")),
        "36-name-then-link": tar(longname("n" * 120), longname("t" * 120, kind=b"K"),
                                 symlink("n", "t")),
        "36-two-long": tar(longname("n" * 120), longname("m" * 120), f),
        "37-path-nul": tar(pax(("path", b"a\0b")), f),
        "37-path-empty": tar(pax(("path", "")), f),
        "37-linkpath-nul": tar(pax(("linkpath", b"a\0b")), symlink("l", "t")),
        "37-name-empty": tar(reg("", "x")),
        "37-long-nul": tar(longname("", body=b"a\0b\0"), f),
        "38-size-octal": tar(header("big", size=b"77777777777\0")),
        "38-size-63": tar(header("big", size=b"\x80\0\0\0\x80\0\0\0\0\0\0\0")),
        "38-size-negative": tar(header("big", size=base256(-1, 12))),
        "38-size-text": tar(header("big", size=b"12x4\0")),
        "39-mtime-negative": tar(pax(("mtime", "-86400.25")), f),
        "39-mtime-huge": tar(pax(("mtime", "1000000000000000000")), f),
        "39-mtime-fraction": tar(pax(("mtime", "1500000000.123456789" + "9" * 21)), f),
        "39-mtime-text": tar(pax(("mtime", "yesterday")), f),
        "40-long-4g": tar(header("././@LongLink", kind=b"L", magic=b"ustar  \0",
                                 size=1 << 32) + b"x" * BLOCK),
        "40-pax-4g": tar(header("x", kind=b"x", size=1 << 32) + b"x" * BLOCK),
        "40-pax-record": tar(pax(("comment", "c" * (1 << 20))), f),
        "41-sparse-old": tar(sparse_old(ranges_of(SPARSE), SPARSE_SIZE, sparse_stored()), f),
        "41-sparse-old-extended": tar(sparse_old(
            [(i * 8192, 512) for i in range(40)] + [(8192 * 40, 0)], 8192 * 40,
            b"s" * 512 * 40), f),
        "41-sparse-0.0": tar(sparse_00(ranges_of(SPARSE), SPARSE_SIZE, sparse_stored()), f),
        "41-sparse-0.1": tar(sparse_01(ranges_of(SPARSE), SPARSE_SIZE, sparse_stored()), f),
        "41-sparse-1.0": tar(sparse_10(ranges_of(SPARSE), SPARSE_SIZE, sparse_stored()), f),
        "41-sparse-all-hole": tar(sparse_10([(65536, 0)], 65536, b""), f),
        "42-overlap": tar(sparse_10([(0, 10), (5, 10)], 100, b"x" * 20), f),
        "42-unsorted": tar(sparse_01([(50, 10), (0, 10)], 100, b"x" * 20), f),
        "42-beyond": tar(sparse_old([(90, 20)], 100, b"x" * 20), f),
        "42-count": tar(sparse_10([], 100, b"", count=10 ** 7), f),
        "42-many": tar(sparse_10([(i, 0) for i in range(100001)], 10 ** 6, b""), f),
        "42-too-little": tar(sparse_00([(0, 10)], 100, b"x" * 20), f),
        "42-part-of-block": tar(sparse_10([(0, 10), (512, 10)], 1000, b"x" * 20), f),
        "42-odd": tar(pax(("GNU.sparse.size", "100"), ("GNU.sparse.map", "0,10,20")),
                      reg("sparse", b"x" * 10)),
        "42-letters": tar(pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"),
                              ("GNU.sparse.realsize", "100")),
                          reg("sparse", pad(b"1\nx\n5\n") + b"12345")),
        "43-xattr-count": tar(with_xattrs("f", [(f"user.{i}", b"") for i in range(100000)])),
        "43-xattr-name": tar(with_xattrs("f", [("user." + "n" * 300, b"x")])),
        "43-xattr-value": tar(with_xattrs("f", [("user.big", b"v" * (1 << 20))])),
        "43-xattr-value-64k": tar(with_xattrs("f", [("user.big", b"v" * 65537)])),
        "43-xattr-kept": tar(with_xattrs("f", [("user.a", b"1\0\n2"), ("user.b", b"")])),
        "43-xattr-libarchive": tar(
            pax(("LIBARCHIVE.xattr.user.a%62", "dmFsdWU"), ("LIBARCHIVE.xattr.user.s", "bG9zZXI="),
                ("SCHILY.xattr.user.s", "winner")), f),
        "43-xattr-bad-base64": tar(pax(("LIBARCHIVE.xattr.user.a", "d*")), f),
        "44-uid-max": tar(pax(("uid", str(2 ** 32 - 1))), f),
        "44-uid-over": tar(pax(("uid", str(2 ** 32))), f),
        "44-uid-negative": tar(reg("f", "x", uid=-1)),
        "44-uid-unmapped": tar(reg("f", "x", uid=3000000, gid=5)),
        "44-owners": tar(directory("d", uid=1, gid=2), reg("d/f", "x", uid=1000, gid=1001),
                         symlink("d/l", "f", uid=33, gid=34)),
        "45-huge-sparse": tar(sparse_10([(1 << 40, 0)], 1 << 40, b"")),
        "45-big-sparse": tar(sparse_10([(1 << 30, 0)], 1 << 30, b"")),
        "46-gzip-bomb": gz(tar(header("z", size=96 << 20), b"\0" * (96 << 20)), level=9),
        "47-entries": tar(many_files(1001)),
        "48-depth": tar(pax(("path", "d/" * 10000 + "f")), f),
        "48-depth-1025": tar(pax(("path", "d/" * 1024 + "f")), f),
        "48-depth-1024": tar(pax(("path", "d/" * 1023 + "f")), f),
        "49-path": tar(pax(("path", long_path(4097))), f),
        "49-component": tar(pax(("path", "c" * 256)), f),
        "49-component-255": tar(pax(("path", "c" * 255)), f),
        "50-overlay-redirect": tar(with_xattrs("f", [("trusted.overlay.redirect", "/secret")])),
        "51-overlay-user": tar(
            pax(("SCHILY.xattr.user.overlay.opaque", "y"),
                ("SCHILY.xattr.user.overlay.redirect", "/secret")), directory("d"),
            with_xattrs("f", [("user.overlay.whiteout", "y"), ("user.overlay.metacopy", "")])),
        "52-overlay-nested": tar(with_xattrs("f", [("trusted.overlay.overlay.opaque", "y")])),
        "52-selinux": tar(with_xattrs("f", [("security.selinux", "system_u:object_r:x:s0\0"),
                                            ("security.ima", b"\1\2")])),
        "53-cap-v1": tar(with_xattrs("f", [("security.capability", cap(1))])),
        "53-cap-v2": tar(with_xattrs("f", [("security.capability", cap(2))])),
        "53-cap-v3": tar(with_xattrs("f", [("security.capability", cap(3, root=12345))])),
        "53-cap-truncated": tar(with_xattrs("f", [("security.capability", cap(2)[:15])])),
        "53-cap-version": tar(with_xattrs("f", [("security.capability", cap(2)[:12])])),
        "53-cap-chown": tar(pax(("SCHILY.xattr.security.capability", cap(2))),
                            reg("f", "x", uid=5, gid=5, mode=0o755)),
        "54-setid": tar(reg("s", "x", mode=0o6755), hardlink("h", "s", mode=0o6755),
                        reg("t", "x", mode=0o1755), directory("d", mode=0o3777),
                        reg("d/x", "x")),
        "54-setid-owned": tar(reg("s", "x", mode=0o6755, uid=5, gid=6), hardlink("h", "s")),
        "55-closed-dir": tar(directory("d", mode=0o555, mtime=1000), reg("d/f", "f"),
                             directory("d/e", mode=0o000, mtime=2000), reg("d/e/f", "f")),
        "56-file-twice": tar(reg("f", "old", mode=0o600), reg("f", "new", mode=0o640)),
        "56-dir-file-dir": tar(directory("x"), reg("x/a", "a"), reg("x", "file"),
                               directory("x", mode=0o711, mtime=4000), reg("x/b", "b")),
        "56-owners": tar(reg("f", "x", uid=5), reg("f", "x"), directory("d", uid=6),
                         reg("d/x", "x", uid=7), reg("d", "file")),
        "57-names": tar(reg("File", "1"), reg("file", "2"), reg("caf\u00e9".encode(), "3"),
                        reg("cafe\u0301".encode(), "4"), reg(b"\xff\xfe", "5")),
        "58-hdrcharset": tar(pax(("hdrcharset", "BINARY"), ("path", b"\xff\x01")), f),
        "59-checksum": tar(f[:148] + b"000000\0 " + f[156:]),
        "59-checksum-signed": tar(header(b"\xe4\xf6\xfc", signed=True)),
        "60-no-end": tar(f, end=b""),
        "60-one-zero-block": tar(f, end=b"\0" * BLOCK),
        "60-lone-zero-block": tar(f, b"\0" * BLOCK, reg("g", "g")),
        "60-data-after-end": tar(f) + reg("late", "never seen"),
        "60-zeros-after-end": tar(f) + b"\0" * 20 * BLOCK,
        "61-cut-header": tar(f, end=b"")[:-BLOCK - 100],
        "61-cut-data": tar(reg("f", b"x" * 2000), end=b"")[:-800],
        "61-cut-padding": tar(reg("f", b"x" * 600), end=b"")[:-10],
        "62-nothing": b"",
        "62-only-end": tar(),
        "65-volume-label": tar(header("LABEL", kind=b"V", size=0), f),
        "65-contiguous": tar(reg("f", "data", kind=b"7")),
        "65-multivolume": tar(reg("f", "data", kind=b"M")),
        "65-dumpdir": tar(header("d", kind=b"D")),
        "65-old-long": tar(reg("f", "data", kind=b"N")),
        "65-unknown": tar(reg("f", "data", kind=b"Z")),
        "65-v7": tar(header("d/", kind=b"\0", magic=b""), reg("d/f", "data", kind=b"\0",
                                                              magic=b"")),
        "65-prefix": tar(reg("name", "x", prefix=b"some/prefix")),
        "65-gnu-no-prefix": tar(reg("name", "x", magic=b"ustar  \0", prefix=b"12345")),
        "65-dir-with-size": tar(directory("d", size=1000), f),
        "65-link-with-size": tar(f, hardlink("h", "f", size=4), reg("g", "g")),
        "67-names": tar(reg("proc", "x"), symlink("sys", "/etc"), directory("dev"),
                        symlink("dev/null", "/etc/passwd")),
    }
    plain = tar(reg("a", b"a" * 5000), reg("b", "b"))
    c["63-gzip"] = gz(plain)
    c["63-gzip-members"] = gz(plain[:700]) + gz(plain[700:])
    c["63-gzip-zeros"] = gz(plain) + b"\0" * 65536
    c["63-gzip-many-zeros"] = gz(plain) + b"\0" * 65537
    c["63-gzip-text"] = gz(plain) + b"text"
    c["63-gzip-cut"] = gz(plain)[:-20]
    c["63-gzip-crc"] = gz(plain)[:-8] + b"\0\0\0\0" + gz(plain)[-4:]
    c["63-gzip-in-gzip"] = gz(gz(plain))
    c["64-zstd"] = zst(plain)
    c["64-zstd-skippable"] = (zst_skippable() + zst(plain[:700]) + zst_skippable()
                              + zst(plain[700:]) + zst_skippable())
    c["64-zstd-window"] = zst_big_window()
    c["64-zstd-checksum"] = zst_bad_checksum(plain)
    c["64-zstd-cut"] = zst(plain)[:-5]
    c["64-zstd-text"] = zst(plain) + b"text"
    c["64-bzip2"] = b"BZh91AY&SY" + b"\0" * 32
    c["64-xz"] = b"\xfd7zXZ\0" + b"\0" * 32
    return c


def main(out):
    os.makedirs(out, exist_ok=True)
    for name, blob in build().items():
        with open(os.path.join(out, name), "wb") as f:
            f.write(blob)


if __name__ == "__main__":
    main(sys.argv[1])
