"""An image of 30 layers, merged: the same tree as umoci and as skopeo with podman make of it."""
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile

import make_layers
import pytest

IGNORED_XATTRS = ("user.overlay.", "trusted.overlay.", "security.selinux", "user.rootlesscontainers")


def tree(top, ids=lambda uid: uid):
    """path -> everything that counts; hard links as the group of their names."""
    top = os.fsencode(top)
    found, groups = {}, {}
    paths = [top]
    for directory, dirs, files in os.walk(top):
        paths += [os.path.join(directory, n) for n in dirs + files]
    for path in paths:
        st = os.lstat(path)
        name = os.path.relpath(path, top)
        kind = stat.S_IFMT(st.st_mode)
        entry = {"mode": oct(st.st_mode), "uid": ids(st.st_uid), "gid": ids(st.st_gid),
                 "mtime": st.st_mtime_ns, "rdev": st.st_rdev if kind in (
                     stat.S_IFCHR, stat.S_IFBLK) else 0}
        if kind == stat.S_IFREG:
            with open(path, "rb") as f:
                entry["data"] = hashlib.sha256(f.read()).hexdigest()
            entry["size"] = st.st_size
        if kind == stat.S_IFLNK:
            entry["target"] = os.readlink(path)
        if kind != stat.S_IFDIR and st.st_nlink > 1:
            groups.setdefault(st.st_ino, []).append(name)
        entry["xattrs"] = {x: os.getxattr(path, x, follow_symlinks=False)
                           for x in sorted(os.listxattr(path, follow_symlinks=False))
                           if not x.startswith(IGNORED_XATTRS)}
        found[name] = entry
    for names in (g for g in groups.values() if len(g) > 1):  # others: names that are hidden
        for name in names:
            found[name]["links"] = sorted(names)
    return found


def tree_hash(entries):
    return hashlib.sha256(repr(sorted(entries.items())).encode()).hexdigest()


def differences(a, b):
    out = []
    for path in sorted(set(a) | set(b)):
        if path not in a or path not in b:
            out.append((path, "only left" if path in a else "only right"))
            continue
        out += [(path, k, a[path].get(k), b[path].get(k))
                for k in sorted(set(a[path]) | set(b[path])) if a[path].get(k) != b[path].get(k)]
    return out


@pytest.fixture(scope="module")
def layout(arena):
    path = os.path.join(arena, "layout")
    return path, make_layers.write(path)


def extract(unpacker, blobs):
    """Every layer over its parents: the trees, bottom first."""
    trees = []
    for blob in blobs:
        where = unpacker.fresh()
        options = [x for t in reversed(trees) for x in ("--lower", t)]
        done = unpacker.run("--owners", os.path.join(where, "owners"), *options, blob,
                            os.path.join(where, "tree"))
        assert done.returncode == 0, done.stdout
        trees.append(os.path.join(where, "tree"))
    return trees


def merged(trees, ids=lambda uid: uid):
    """As a container sees it: overlay in a mount namespace of its own. Prints a repr."""
    place = tempfile.mkdtemp(dir=os.path.dirname(os.path.dirname(trees[0])))
    for n, path in enumerate(trees):
        os.symlink(path, os.path.join(place, str(n)))
    os.mkdir(os.path.join(place, "m"))
    lower = ":".join(str(n) for n in reversed(range(len(trees))))
    script = (f"cd {place} && mount -t overlay -o ro,userxattr,lowerdir={lower} x m && "
              f"exec {sys.executable} {os.path.abspath(__file__)} m")
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    entries = eval(done.stdout)  # our own repr  pylint: disable=eval-used
    for entry in entries.values():
        entry["uid"], entry["gid"] = ids(entry["uid"]), ids(entry["gid"])
    return entries


@pytest.fixture(scope="module")
def ours(unpackers, layout):
    return merged(extract(unpackers["root"], layout[1]))


def test_as_umoci(ours, layout, arena):
    if not shutil.which("umoci"):
        pytest.skip("umoci is not installed")
    bundle = os.path.join(arena, "bundle")
    subprocess.run(["umoci", "unpack", "--image", layout[0] + ":latest", bundle], check=True,
                   capture_output=True)
    theirs = tree(os.path.join(bundle, "rootfs"))
    assert differences(ours, theirs) == []
    assert tree_hash(ours) == tree_hash(theirs)
    # and it was worth comparing
    assert len(ours) > 100
    assert sum("links" in e for e in ours.values()) >= 8
    assert sum("security.capability" in e["xattrs"] for e in ours.values()) >= 5
    assert sum(int(e["mode"], 8) & 0o6000 != 0 for e in ours.values()) >= 10


def test_as_podman(unpackers, arena):
    """Without hard links across layers: containers/storage 1.45 fails on them (ENOENT)."""
    if not shutil.which("podman") or not shutil.which("skopeo"):
        pytest.skip("podman or skopeo is not installed")
    layout = os.path.join(arena, "layout-podman")
    blobs = make_layers.write(layout, seed=2, across=False)
    have = merged(extract(unpackers["root"], blobs))
    root, run = os.path.join(arena, "podman"), os.path.join(arena, "podman-run")
    store = f"containers-storage:[overlay@{root}+{run}]localhost/x:latest"
    podman = ["podman", "--root", root, "--runroot", run, "--storage-driver", "overlay"]
    # In a mount namespace: the store mounts itself and would stay.
    script = (f"skopeo copy -q oci:{layout}:latest {store!r} >&2 && "
              f'm=$({" ".join(podman)} image mount localhost/x:latest) && '
              f"{sys.executable} {os.path.abspath(__file__)} $m")
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    theirs = eval(done.stdout)  # pylint: disable=eval-used
    # podman unpacks each layer without a look at those below, so a directory that a layer does
    # not describe loses its attributes there. Files and links have to be the same.
    wrong = [x for x in differences(have, theirs) if not have[x[0]]["mode"].startswith("0o4")]
    assert wrong == [], wrong
    assert sorted(have) == sorted(theirs)


def test_users_see_the_same(ours, unpackers, layout):
    """With subordinate ids nothing differs but devices; with a single map, owners do."""
    import accounts
    sub = unpackers["sub"]
    theirs = merged(extract(sub, layout[1]),
                    lambda uid: 0 if uid == sub.uid else uid - accounts.SUB_BASE + 1)
    want = {k: v for k, v in ours.items() if v["rdev"] == 0}
    for entry in (*want.values(), *theirs.values()):
        if "security.capability" in entry["xattrs"]:  # version 3 names the user
            entry["xattrs"]["security.capability"] = entry["xattrs"]["security.capability"][4:20]
    assert differences(want, theirs) == []


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    print(repr(tree(sys.argv[1])))
