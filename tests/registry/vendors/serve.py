#!/usr/bin/env python3
"""One vendor on loopback until interrupted, for a look by hand: serve.py FLAG [REPOSITORY:TAG]

Prints the host, the credentials and the CA; then every request as it comes.
"""

import pathlib
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "lib")]

import registry_images as images  # noqa: E402
from simulator import FLAGS, Simulator  # noqa: E402
from simulator.wire import Authority  # noqa: E402


def main(flag, name="team/app:1"):
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(pathlib.Path(directory))
        sim = Simulator(flag, authority)
        repository, _, tag = name.rpartition(":")
        sim.add(repository, tag, images.Image([images.Layer({"hello": b"hello\n"})]))
        print(f"{sim.host}/{name}\ncredentials {sim.creds!r}\nSSL_CERT_FILE={authority.ca}")
        shown = 0
        while True:
            time.sleep(0.2)
            for entry in sim.journal.seen()[shown:]:
                print(entry.role, entry.status, entry.method, entry.target, flush=True)
                shown += 1


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in FLAGS:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(sorted(FLAGS))} [REPOSITORY:TAG]")
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
