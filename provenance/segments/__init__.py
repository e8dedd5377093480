"""Credentials of a live stream, segment by segment (C2PA 2.4, section 19).

A stream is an initialization segment and media segments of a second. Of the two methods of the specification this is
Verifiable Segment Info (19.4): the initialization segment bears a manifest that says all that the file's will say and
delivers the public half of a session key (18.25); each media segment ends with an `emsg` box in which that key signs
the segment's number, its hash and the manifest's identifier. Numbers count without a gap, so what is cut out, repeated,
put elsewhere or taken from another stream shows.

    cbor       what claims, keys and signatures are written in
    cose       signatures of session keys, made and checked
    store      a manifest store: assertions, claim, the maker's signature
    info       the `emsg` box and the hash of a segment
    parsing    boxes and segments out of bytes as they come, within bounds
    delivered  the session keys that a manifest delivers
    listing    what a playlist lists

`make.session` signs a stream, `make.playlist` writes it into a folder, `read.watching` judges it segment by segment.
"""
