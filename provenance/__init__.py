"""Consent, marks, credentials, keys, the registry, and the only way to save an output.

    Keys.open(folder=None)            signing and watermark keys; development keys are made on first need
    grant_consent, load_consent       who may be shown, for what, until when: a small signed JSON
    Permit.of(portrait, keys=, consent=) -> Permit      the gate: who may be shown, on what grounds
    permit.perform(Generated, frames, sound, command=) -> Performance      what may be saved, and what is claimed of it
    permit.perform(Recorded, Cut(first=, frames=), command=)    a piece of the permit's file, as it was filmed
    save_video, save_picture -> Saved marks, encodes, reads back, signs, registers; nothing else writes outputs
    save_live(path, performance, to)  the same, and sends the marked video while it is made
    Label("on")                       a visible label, of `Permit.perform`; drawn before the mark is laid
    Notice.of("de")                   a spoken notice, of the same, put before the sound
    outlet(where), Growing(path), Playlist(path)    where live output goes: a pipe, a socket, the growing file, a folder
    Uncoded(take)                     the same for what takes pictures and sound alone: marked, without credentials
    Packets(take)                     the same with pictures as they were coded
    sign_file(path, output, keys=)    credentials over what others made, unchanged
    sign_beside(path, keys=)          the same in a sidecar file
    mark_file(path, output, keys=)    the same with both marks in it, coded again
    check_output(path, inputs)        refuse early what could not be saved later
    is_nobody(portrait, keys)         whether a portrait is known to show a person who does not exist
    verify(path, keys=, anchors=) -> Verdict
    Registry                          which mark belongs to which output
    exits                             exit codes of the command line

The exit codes and their meaning are in `provenance.exits`; the table of verdicts in `provenance.judgement`.

Where what is:

    to make      consent, subjects, label, notice, claims -> grounds, cut -> gate -> onlooker -> likeness, readback,
                 signing (manifest, ingredients, signers, timestamps) -> save, live, uncoded, packets, others; papers
    sent live    segments: session -> playlist; delivered, parsing -> watching -> recording, sources
    to read      reading, labelled, boxes, elsewhere -> judgement, revocation, certificates -> verification -> verdict
    to find      watermark (picture and sound), fingerprint, search, registry, recovery
    to keep      keys, certificates, registry
"""

from typing import TYPE_CHECKING

from media.lazy import lazily

if TYPE_CHECKING:
    from provenance.claims import Claim, Composite, Edited, Generated, Mixed, Recorded, Rendered
    from provenance.consent import Consent, grant_consent, load_consent, read_consent
    from provenance.cut import Cut
    from provenance.gate import Performance, Permit, is_nobody
    from provenance.keys import Keys
    from provenance.label import Label
    from provenance.live import save_live
    from provenance.notice import Notice
    from provenance.others import Marked, mark_file
    from provenance.outlets import Growing, Outlet, outlet
    from provenance.packets import Packets
    from provenance.registry import Registry
    from provenance.save import Saved, check_output, save_picture, save_video
    from provenance.segments.playlist import Playlist
    from provenance.signing import Signed, sign_beside, sign_file
    from provenance.uncoded import Uncoded
    from provenance.verdict import Verdict
    from provenance.verification import verify

# Loaded when first asked for: `vasari keys` need not wait for networks.
_HOME = {
    "Claim": "claims",
    "Composite": "claims",
    "Consent": "consent",
    "Cut": "cut",
    "Edited": "claims",
    "Generated": "claims",
    "Growing": "outlets",
    "Keys": "keys",
    "Label": "label",
    "Marked": "others",
    "Mixed": "claims",
    "Notice": "notice",
    "Outlet": "outlets",
    "Packets": "packets",
    "Performance": "gate",
    "Permit": "gate",
    "Playlist": "provenance.segments.playlist",
    "Recorded": "claims",
    "Registry": "registry",
    "Rendered": "claims",
    "Saved": "save",
    "Signed": "signing",
    "Uncoded": "uncoded",
    "Verdict": "verdict",
    "check_output": "save",
    "grant_consent": "consent",
    "is_nobody": "gate",
    "load_consent": "consent",
    "mark_file": "others",
    "outlet": "outlets",
    "read_consent": "consent",
    "save_live": "live",
    "save_picture": "save",
    "save_video": "save",
    "sign_beside": "signing",
    "sign_file": "signing",
    "verify": "verification",
}

__all__ = [
    "Claim",
    "Composite",
    "Consent",
    "Cut",
    "Edited",
    "Generated",
    "Growing",
    "Keys",
    "Label",
    "Marked",
    "Mixed",
    "Notice",
    "Outlet",
    "Packets",
    "Performance",
    "Permit",
    "Playlist",
    "Recorded",
    "Registry",
    "Rendered",
    "Saved",
    "Signed",
    "Uncoded",
    "Verdict",
    "check_output",
    "grant_consent",
    "is_nobody",
    "load_consent",
    "mark_file",
    "outlet",
    "read_consent",
    "save_live",
    "save_picture",
    "save_video",
    "sign_beside",
    "sign_file",
    "verify",
]


__getattr__ = lazily(__name__, _HOME)
