"""A real Debian image: made once by mmdebstrap, kept in the cache folder, pushed by skopeo."""
import os
import subprocess
import time

MAX_AGE = 7 * 86400  # packages move on, and the tests install one from the mirror


def cache_dir():
    base = os.environ.get("PROA_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "proa")
    path = os.path.join(base, "debian")
    os.makedirs(path, exist_ok=True)
    return path


def _fresh(path):
    return os.path.exists(path) and time.time() - os.stat(path).st_mtime < MAX_AGE


def minbase_tar():
    """Path of the root file system of Debian 12 as mmdebstrap packs it (about 170 MB)."""
    path = os.path.join(cache_dir(), "bookworm-minbase.tar")
    if not _fresh(path):
        subprocess.run(["mmdebstrap", "--variant=minbase", "--quiet", "bookworm", path + ".new"],
                       check=True, timeout=1200)
        os.rename(path + ".new", path)
    return path


def layout():
    """Path of an OCI layout with that file system as its one gzip layer, tag "debian"."""
    tar = minbase_tar()
    path = os.path.join(cache_dir(), "layout")
    if _fresh(os.path.join(path, "done")) and \
            os.stat(os.path.join(path, "done")).st_mtime >= os.stat(tar).st_mtime:
        return path
    subprocess.run(["rm", "-rf", path], check=True)
    run = lambda *argv: subprocess.run(argv, check=True, capture_output=True)  # noqa: E731
    run("umoci", "init", "--layout", path)
    run("umoci", "new", "--image", f"{path}:debian")
    run("umoci", "raw", "add-layer", "--image", f"{path}:debian", tar)
    run("umoci", "config", "--image", f"{path}:debian", "--config.cmd", "/bin/bash",
        "--config.env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    with open(os.path.join(path, "done"), "w", encoding="utf-8") as f:
        f.write("complete\n")
    return path
