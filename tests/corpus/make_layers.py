"""An image of many layers as an OCI layout: what layers do to each other, at random but the same
every time. A model of the merged tree keeps the operations legal.

    python3 make_layers.py DIR [LAYERS [SEED]]
"""
import hashlib
import json
import os
import random
import sys

import make

BASE_TIME = 1600000000


class Image:
    def __init__(self, layers, seed, across):
        self.across = across  # hard links into lower layers
        self.rnd = random.Random(seed)
        self.tree = {}      # merged path -> kind: "d", "f", "l", "p"
        self.linked = set()  # files with more than one name: overlay cannot keep such groups
        self.meta = {}      # of files: what a hard link's header repeats
        self.layers = []
        self.serial = 0
        self.written = set()  # paths that the operation at hand speaks of
        self.base()
        for n in range(1, layers):
            self.layer(n)

    # --- entries ---

    def times(self):
        self.serial += 1
        return BASE_TIME + self.serial

    def owner(self):
        return self.rnd.choice([(0, 0), (0, 0), (1, 2), (33, 33), (1000, 1000), (0, 42)])

    def file(self, path):
        uid, gid = self.owner()
        mode = self.rnd.choice([0o644, 0o600, 0o755, 0o4755, 0o2755, 0o6711, 0o444, 0o1644])
        pairs = []
        if self.rnd.random() < 0.15:
            pairs.append(("security.capability", make.cap(2)))
            mode &= 0o777
        if self.rnd.random() < 0.15:
            pairs.append(("user.note", os.fsencode(path)))
        data = b"%s %d\n" % (os.fsencode(path), self.serial) * self.rnd.choice([0, 1, 50, 3000])
        meta = {"mode": mode, "uid": uid, "gid": gid, "mtime": self.times()}
        self.meta[path] = meta
        entry = make.reg(path, data, **meta)
        self.tree[path] = "f"
        self.written.add(path)
        head = make.pax(*[("SCHILY.xattr." + k, v) for k, v in pairs]) if pairs else b""
        return head + entry

    def dir(self, path):
        uid, gid = self.owner()
        self.tree[path] = "d"
        self.written.add(path)
        return make.directory(path + "/", mode=self.rnd.choice([0o755, 0o700, 0o1777, 0o2775]),
                              uid=uid, gid=gid, mtime=self.times())

    def link(self, path):
        self.tree[path] = "l"
        self.written.add(path)
        uid, gid = self.owner()
        target = self.rnd.choice(["../other", "/abs/target", "x" * 90, "."])
        return make.symlink(path, target, uid=uid, gid=gid, mtime=self.times())

    def forget(self, path):
        """path and what is below it are gone from the merged tree."""
        self.written.add(path)
        for p in [p for p in self.tree if p == path or p.startswith(path + "/")]:
            self.written.add(p)
            del self.tree[p]

    def pick(self, kind):
        found = sorted(p for p, k in self.tree.items() if k in kind)
        return self.rnd.choice(found) if found else None

    def new_name(self, parent):
        self.serial += 1
        name = f"n{self.serial}"
        return f"{parent}/{name}" if parent else name

    @staticmethod
    def whiteout(path):
        parent, _, name = path.rpartition("/")
        return make.reg(f"{parent}/.wh.{name}" if parent else f".wh.{name}", mtime=BASE_TIME)

    # --- layers ---

    def base(self):
        out = [make.directory("./", mode=0o755, mtime=BASE_TIME)]
        for d in ("etc", "usr", "usr/bin", "usr/lib", "usr/share", "usr/share/doc", "var", "tmp",
                  "home", "opt", "opt/a", "opt/a/b", "opt/a/b/c"):
            out.append(self.dir(d))
            for _ in range(6):
                out.append(self.file(self.new_name(d)))
            out.append(self.link(self.new_name(d)))
        out.append(make.symlink("bin", "usr/bin", mtime=self.times()))
        out.append(make.header("var/fifo", kind=b"6", mode=0o620, uid=5, mtime=self.times()))
        out.append(make.header("var/null", kind=b"3", major=1, minor=3, mode=0o666,
                               mtime=self.times()))
        self.layers.append(make.tar(*out))

    def op_add(self):
        return self.file(self.new_name(self.pick("d")))

    def op_add_dir(self):
        path = self.new_name(self.pick("d"))
        return self.dir(path) + self.file(self.new_name(path)) + self.link(self.new_name(path))

    def op_delete(self):
        path = self.pick("fl")
        self.forget(path)
        return self.whiteout(path)

    def op_delete_dir(self):
        path = self.pick("d")
        if path.count("/") == 0:
            return self.op_add_dir()
        self.forget(path)
        return self.whiteout(path)

    def op_replace(self):
        path = self.pick("f")
        return self.file(path) if path not in self.linked else self.op_add()

    def op_kind(self):
        """A file becomes a directory, a directory a link."""
        path = self.pick("fl")
        self.forget(path)
        return self.dir(path) + self.file(self.new_name(path))

    def op_dir_to_link(self):
        path = self.pick("d")
        if path.count("/") == 0:
            return self.op_add()
        self.forget(path)
        return self.link(path)

    def op_opaque(self):
        path = self.pick("d")
        self.forget(path)
        return (self.dir(path) + make.reg(path + "/.wh..wh..opq", mtime=BASE_TIME)
                + self.file(self.new_name(path)))

    def op_attributes(self):
        return self.dir(self.pick("d"))

    def op_hardlink(self):
        """To a file of a lower layer, once."""
        target = self.pick("f")
        if target in self.linked or target in self.fresh or not self.across:
            return self.op_add()
        path = self.new_name(self.pick("d"))
        self.tree[path] = "f"
        self.linked |= {target, path}
        return make.hardlink(path, target, **self.meta[target])

    def op_hardlink_within(self):
        path = self.new_name(self.pick("d"))
        first = self.file(path)
        second = self.new_name(self.pick("d"))
        self.tree[second] = "f"
        self.linked |= {path, second}
        return first + make.hardlink(second, path, **self.meta[path])

    def layer(self, n):
        ops = [self.op_add, self.op_add_dir, self.op_delete, self.op_delete_dir, self.op_replace,
               self.op_kind, self.op_dir_to_link, self.op_opaque, self.op_attributes,
               self.op_hardlink, self.op_hardlink_within]
        out, self.touched = [], set()
        for _ in range(8):
            self.fresh = set(self.touched)
            out.append(self.legal(self.rnd.choice(ops)))
            self.touched |= self.written
        self.layers.append(make.tar(*out))

    def legal(self, op):
        """
        An operation that does not undo another one of this layer: no tool would write such a
        layer, and tools differ in what they make of it.
        """
        while True:
            before, linked, self.written = dict(self.tree), set(self.linked), set()
            entry = op()
            if not self.written & self.touched and len(self.tree) > 40:
                return entry
            self.tree, self.linked, op = before, linked, self.op_add


def write(out, layers=30, seed=1, across=True):
    """The layout, with one image called "latest"."""
    image = Image(layers, seed, across)
    blobs = os.path.join(out, "blobs", "sha256")
    os.makedirs(blobs)

    def put(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as f:
            f.write(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    oci = "application/vnd.oci.image."
    layer_list = [put(make.gz(t), oci + "layer.v1.tar+gzip") for t in image.layers]
    config = {"architecture": "amd64", "os": "linux", "config": {},
              "created": "2020-09-13T12:26:40Z", "history": [{"created": "2020-09-13T12:26:40Z",
                                                              "created_by": "make_layers"}
                                                             for _ in image.layers],
              "rootfs": {"type": "layers", "diff_ids": [
                  "sha256:" + hashlib.sha256(t).hexdigest() for t in image.layers]}}
    manifest = {"schemaVersion": 2, "mediaType": oci + "manifest.v1+json",
                "config": put(json.dumps(config).encode(), oci + "config.v1+json"),
                "layers": layer_list}
    entry = put(json.dumps(manifest).encode(), oci + "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    with open(os.path.join(out, "oci-layout"), "w", encoding="ascii") as f:
        f.write('{"imageLayoutVersion": "1.0.0"}')
    with open(os.path.join(out, "index.json"), "w", encoding="ascii") as f:
        json.dump({"schemaVersion": 2, "manifests": [entry]}, f)
    return [os.path.join(blobs, entry["digest"][7:]) for entry in layer_list]


if __name__ == "__main__":
    write(sys.argv[1], *map(int, sys.argv[2:]))
