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

The exit codes and their meaning are in `provenance.exits`; the table of verdicts in `provenance.read.judgement`.

Its rooms, each of which imports from those below it alone (a contract in pyproject.toml):

    make/         the save path: label, mark, encode, read back, sign, register; live outlets; others' files; papers
    permits/      the gate: who may be shown and on what grounds, what is claimed, whether the face is the permit's
    read/         verification: credentials and marks of a file or a stream, judged together
    registry/     which mark belongs to which output
    segments/     credentials of a live stream, segment by segment: the format
    marks/        what is laid into pictures and sound: watermarks, label, notice; and the fingerprint
    credentials/  manifests as c2pa-python signs and reads them, where they lie, what stands beside a signature
    trust/        keys, certificates, signers, revocation, time stamps, consent
"""

from typing import TYPE_CHECKING

from media.lazy import lazily

if TYPE_CHECKING:
    from provenance.make.live import save_live
    from provenance.make.others import Marked, mark_file
    from provenance.make.outlets import Growing, Outlet, outlet
    from provenance.make.packets import Packets
    from provenance.make.playlist import Playlist
    from provenance.make.save import Saved, check_output, save_picture, save_video
    from provenance.make.signing import Signed, sign_beside, sign_file
    from provenance.make.uncoded import Uncoded
    from provenance.marks.label import Label
    from provenance.marks.notice import Notice
    from provenance.permits.claims import Claim, Composite, Edited, Generated, Mixed, Recorded, Rendered
    from provenance.permits.cut import Cut
    from provenance.permits.gate import Performance, Permit, is_nobody
    from provenance.read.verdict import Verdict
    from provenance.read.verification import verify
    from provenance.registry import Registry
    from provenance.trust.consent import Consent, grant_consent, load_consent, read_consent
    from provenance.trust.keys import Keys

# Loaded when first asked for: `vasari keys` need not wait for networks.
_HOME = {
    "Claim": "provenance.permits.claims",
    "Composite": "provenance.permits.claims",
    "Consent": "provenance.trust.consent",
    "Cut": "provenance.permits.cut",
    "Edited": "provenance.permits.claims",
    "Generated": "provenance.permits.claims",
    "Growing": "provenance.make.outlets",
    "Keys": "provenance.trust.keys",
    "Label": "provenance.marks.label",
    "Marked": "provenance.make.others",
    "Mixed": "provenance.permits.claims",
    "Notice": "provenance.marks.notice",
    "Outlet": "provenance.make.outlets",
    "Packets": "provenance.make.packets",
    "Performance": "provenance.permits.gate",
    "Permit": "provenance.permits.gate",
    "Playlist": "provenance.make.playlist",
    "Recorded": "provenance.permits.claims",
    "Registry": "registry",
    "Rendered": "provenance.permits.claims",
    "Saved": "provenance.make.save",
    "Signed": "provenance.make.signing",
    "Uncoded": "provenance.make.uncoded",
    "Verdict": "provenance.read.verdict",
    "check_output": "provenance.make.save",
    "grant_consent": "provenance.trust.consent",
    "is_nobody": "provenance.permits.gate",
    "load_consent": "provenance.trust.consent",
    "mark_file": "provenance.make.others",
    "outlet": "provenance.make.outlets",
    "read_consent": "provenance.trust.consent",
    "save_live": "provenance.make.live",
    "save_picture": "provenance.make.save",
    "save_video": "provenance.make.save",
    "sign_beside": "provenance.make.signing",
    "sign_file": "provenance.make.signing",
    "verify": "provenance.read.verification",
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
