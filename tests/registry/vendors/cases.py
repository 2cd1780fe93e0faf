"""What the modules of faults share."""

RETRIES = 4


def last_error(p, name):
    """The text behind what every failed pull says first."""
    line = next(x for x in p.stderr.splitlines() if x.startswith("proa: pull: "))
    prefix = f"proa: pull: image {name}: "
    assert line.startswith(prefix), line
    return line[len(prefix):]


def pulls(proa, name, image=None, *args):
    """The pull ends well, and the first layer's content is there."""
    p = proa.pull(*args, name)
    assert p.returncode == 0, p.stderr
    if image:
        assert proa.file(image, 0, "top") == b"top\n"
    return p


def fails(proa, name, text, *args):
    """The pull ends with exactly this message; no reference and no unpacked layer is left."""
    p = proa.pull(*args, name)
    assert (p.returncode, last_error(p, name)) == (1, text)
    assert proa.references() == []
    return p


def layer_of(image, index=1):
    return f"layer {image.layers[index].digest[:19]}"
