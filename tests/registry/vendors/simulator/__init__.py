"""A registry in memory that behaves as one vendor's does (registry notes, 10.4).

    sim = Simulator("ecr", ca)
    sim.add("team/app", "1", image)
    sim.host                      "127.0.0.1:PORT", what a user names
    sim.script.on("GET /v2/team/app/blobs/", faults.status(503), times=2)
    sim.journal                   every request that any of the origins got
    sim.stop()

wire      HTTP on one loopback address, requests in, answers out
journal   the log of all origins, and who saw a secret that was not his
store     repositories: blobs, manifests, tags, uploads
tokens    the token service: GET with Basic, OAuth2 by POST
vendor    what a plain registry answers; one subclass for each flag in its own module
registry  routes of /v2/ over store, tokens and vendor
origin    the object store that blobs are redirected to: no credential may reach it
faults    what can be scripted into any answer
http2     just enough of HTTP/2 to break it
"""

from .simulator import FLAGS, Simulator  # noqa: F401
