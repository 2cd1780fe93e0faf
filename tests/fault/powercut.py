"""What a disk may hold when the power goes, made from a store whose command was killed.

The kernel's cache holds everything the command has done; a disk has only to hold what was synced:

- data of a file that was not synced after its last write: zeros, or nothing;
- a name that was made, moved or linked in a directory which was not synced since: present or not.
  Names of one directory come in order, those of different directories in any.

A removal that was not synced is taken as done: what it removed cannot be brought back here.
And the boot is another one: the run directory is empty, marks of the old boot are void.
"""

import os
import shutil

WRITES = {"write", "pwrite64", "writev", "pwritev", "copy_file_range", "splice", "sendfile",
          "ftruncate", "fallocate"}
MAKES = {"mkdir", "mkdirat", "mknod", "mknodat", "symlink", "symlinkat"}
LINKS = {"link", "linkat"}
RENAMES = {"rename", "renameat", "renameat2"}
OTHER_BOOT = "00000000"


class Cache:
    """What is in the kernel's cache only, from a log of calls."""

    def __init__(self, store, present):
        self.store, self.known = store, set(present)
        self.dirty = set()  # inodes
        self.made = []  # [path], oldest first
        self.moved = []  # [(from, to)]

    def _below(self, path):
        return path.startswith(self.store + "/")

    def _make(self, path):
        path = os.path.normpath(path)
        if self._below(path) and path not in self.known:
            self.known.add(path)
            self.made.append(path)

    def _move(self, old, new):
        old, new = os.path.normpath(old), os.path.normpath(new)
        if not self._below(new):
            return

        def follow(path):
            return new + path[len(old):] if path == old or path.startswith(old + "/") else path

        replaced = new in self.known
        self.known = {follow(path) for path in self.known}
        self.made = [follow(path) if path != old else path for path in self.made]
        self.moved = [(a, follow(b) if b != old else b) for a, b in self.moved]
        # What it replaced is gone from here, so that this cannot be taken back.
        if not replaced:
            self.moved.append((old, new))

    def _sync(self, entry):
        if entry.name == "syncfs":
            self.dirty.clear()
            self.made.clear()
            self.moved.clear()
            return
        self.dirty.discard(entry.inodes[0])
        directory = entry.paths[0]
        self.made = [p for p in self.made if os.path.dirname(p) != directory]
        self.moved = [(a, b) for a, b in self.moved if os.path.dirname(b) != directory]

    def feed(self, entry):
        if entry.result < 0:
            return
        if entry.name in WRITES:
            self.dirty.add(entry.inodes[0])
        elif entry.name in MAKES:
            self._make(entry.paths[0])
        elif entry.name in LINKS:
            self._make(entry.paths[1])
        elif entry.name in RENAMES:
            self._move(*entry.paths)
        elif entry.name in ("fsync", "fdatasync", "syncfs"):
            self._sync(entry)
        elif entry.creates:
            self.dirty.add(entry.opened)
            self._make(entry.paths[0])


def everything_in(store):
    found = []
    for directory, dirs, files in os.walk(store):
        found += [os.path.join(directory, name) for name in dirs + files]
    return found


def lose_data(store, dirty, rnd):
    """Zeros, or nothing at all, where data was not synced."""
    lost = 0
    for path in everything_in(store):
        if os.path.islink(path) or not os.path.isfile(path):
            continue
        st = os.lstat(path)
        if st.st_ino not in dirty or not st.st_size:
            continue
        lost += 1
        with open(path, "r+b") as f:
            if rnd.random() < 0.5:
                f.write(bytes(st.st_size))
            else:
                f.truncate(0)
    return lost


def _remove(path):
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    else:
        return False
    return True


def lose_names(cache, rnd):
    """For each directory, what was made or moved there from some point on was not written."""
    directories = sorted({os.path.dirname(p) for p in cache.made} |
                         {os.path.dirname(b) for _, b in cache.moved})
    share = {d: rnd.choice((0.0, 0.0, rnd.random(), 1.0)) for d in directories}

    def lost(paths):
        chosen = []
        for directory in directories:
            here = [p for p in paths if os.path.dirname(p) == directory]
            chosen += here[int(len(here) * share[directory]):]
        return set(chosen)

    count = 0
    gone = lost(cache.made)
    back = lost([b for _, b in cache.moved])
    for path in reversed([p for p in cache.made if p in gone]):
        count += _remove(path)
    for old, new in reversed([(a, b) for a, b in cache.moved if b in back]):
        if os.path.lexists(new) and not os.path.lexists(old) and os.path.isdir(
                os.path.dirname(old)):
            os.rename(new, old)
            count += 1
    return count


def next_boot(box):
    """As if the machine had been started again."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        boot = f.read()[:8]
    for place in ("blobs/sha256", "layers"):
        directory = os.path.join(box.store, place)
        for name in os.listdir(directory) if os.path.isdir(directory) else ():
            if name.endswith("~" + boot):
                path = os.path.join(directory, name)
                os.rename(path, path[:-8] + OTHER_BOOT)
    mark = os.path.join(box.store, "locks/boot")
    if os.path.exists(mark):
        with open(mark, "w", encoding="ascii") as f:
            f.write(OTHER_BOOT)
    shutil.rmtree(os.path.join(box.path, "home/run/proa"), ignore_errors=True)


def cut(box, log, before, rnd, names_too):
    """Turn the store of a killed command into what a disk might hold. How much was lost."""
    cache = Cache(box.store, before)
    for entry in log:
        cache.feed(entry)
    lost = lose_data(box.store, cache.dirty, rnd)
    if names_too:
        lost += lose_names(cache, rnd)
    if os.path.isdir(box.store):
        next_boot(box)
    return lost
