"""Everything that makes up a file tree, as comparable text."""
import hashlib
import os
import stat

from accounts import SUB_BASE, SUB_COUNT

IGNORED_XATTRS = ("user.overlay.", "trusted.overlay.", "security.selinux")


def id_map(caller, ranges):
    """Function from an owner on disk to the owner inside, for an account with subordinate ids."""
    if not ranges:
        return lambda number: number
    return lambda number: 0 if number == caller else (
        number - SUB_BASE + 1 if SUB_BASE <= number < SUB_BASE + SUB_COUNT else -number)


def _xattrs(path):
    found = []
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        if name.startswith(IGNORED_XATTRS):
            continue
        value = os.getxattr(path, name, follow_symlinks=False)
        if name == "security.capability":
            # version 3 (with the id of the namespace's root) says the same as version 2 in it
            value = value[4:20]
        found.append(f"{name}={value.hex()}")
    return ",".join(found)


def _content(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _describe(path, to_inside):
    st = os.lstat(path)
    kind = stat.S_IFMT(st.st_mode)
    text = (f"{stat.filemode(st.st_mode)} {to_inside(st.st_uid)}:{to_inside(st.st_gid)} "
            f"mtime={st.st_mtime_ns // 10**9}")
    if kind == stat.S_IFREG:
        text += f" {st.st_size} {_content(path)}"
    elif kind == stat.S_IFLNK:
        text += f" -> {os.readlink(path)}"
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        text += f" {os.major(st.st_rdev)},{os.minor(st.st_rdev)}"
    return text + " " + _xattrs(path)


def listing(root, to_inside=lambda number: number, devices=True):
    """{relative path: description}; hard links are described by the first of their names."""
    found, first_name = {}, {}
    for directory, names, files in os.walk(root):
        for path in [directory, *(os.path.join(directory, n) for n in names + files)]:
            relative = os.path.relpath(path, root)
            st = os.lstat(path)
            if relative in found:
                continue
            if not devices and stat.S_IFMT(st.st_mode) in (stat.S_IFCHR, stat.S_IFBLK):
                continue
            found[relative] = _describe(path, to_inside)
            if stat.S_ISREG(st.st_mode) and st.st_nlink > 1:
                first_name.setdefault((st.st_dev, st.st_ino), []).append(relative)
    for group in first_name.values():
        for name in group:
            found[name] += f" linked={','.join(sorted(group))}"
    return found


def difference(got, want):
    """Up to 20 lines about what differs; [] when nothing does."""
    lines = [f"missing: {p}: {want[p]}" for p in sorted(want.keys() - got.keys())]
    lines += [f"extra: {p}: {got[p]}" for p in sorted(got.keys() - want.keys())]
    lines += [f"{p}:\n  got  {got[p]}\n  want {want[p]}"
              for p in sorted(got.keys() & want.keys()) if got[p] != want[p]]
    return lines[:20]
