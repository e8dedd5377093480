"""What contradicts what, what is odd, and what is weak, in words: the findings that a verdict rests on. Pure: no files.

A finding that contradicts is an accusation, so it needs evidence: a message that was read and is not the promised one,
content that was compared and is not what was registered. That a mark was *not* read is weak: it may have been lost.
"""

from collections.abc import Collection, Sequence

from media.words import plain, quoted
from provenance.read.verdict import Credentials, Identity, Mark, Match, Opened, Recovered, Track, Visible
from provenance.registry import Entry

LONGEST_WORDS = 300  # letters of a notice
PRESENT = ("found", "noticed")
EXPLAINED = {
    "assertion.dataHash.mismatch": "the file was changed after it was signed",
    "assertion.bmffHash.mismatch": "the file was changed after it was signed",
    "assertion.boxesHash.mismatch": "the file was changed after it was signed",
    "assertion.dataHash.malformed": "its hash leaves out places in a way that newer rules do not allow",
    "assertion.bmffHash.malformed": "its hash leaves out boxes in a way that newer rules do not allow",
    "assertion.hashedURI.mismatch": "a statement in them was changed after it was signed",
    "livevideo.segment.invalid": "segments of what was sent live are missing, altered, out of order or not signed",
    "livevideo.sessionkey.invalid": "no session key in them is bound to their signer",
    "claimSignature.mismatch": "the signature is not over these statements",
}
"""Validation codes of C2PA in words."""


def clashes(
    credentials: Credentials,
    picture: Mark,
    sound: Mark,
    keys: Collection[str],
    entry: Entry | None,
    others: Sequence[Track],
    generated: bool,
) -> list[str]:
    """What contradicts what."""
    found = []
    if credentials.state == "valid":
        found += _unpromised(credentials, picture, sound, others, entry)
        found = found or _told_otherwise(credentials, picture, sound, entry, generated)
    elif bound(credentials) and credentials.binding_key in keys:
        found += _not_as_promised(credentials, picture, sound)
    if picture.state == sound.state == "found" and not picture.message.endswith(sound.message):
        found.append(f"picture and sound come from different outputs ({picture.message}, {sound.message})")
    if credentials.state != "valid":
        found += _tracks_apart(picture, others)
    return found


def _told_otherwise(
    credentials: Credentials, picture: Mark, sound: Mark, entry: Entry | None, generated: bool
) -> list[str]:
    """Of marks that are promised: whether the registry knows them for something else than the credentials say."""
    if entry is None or "found" not in (picture.state, sound.state):
        return []
    name = "picture" if picture.state == "found" else "sound"
    own = {credentials.soft_binding, credentials.sound_binding} - {""}
    copied = entry.manifest and credentials.manifest and entry.manifest != credentials.manifest
    if copied and (picture.message in own if name == "picture" else sound.message in own):
        return [
            f"the {name} bears {_whose(entry)}, registered as {entry.manifest}; the credentials of "
            f"{quoted(credentials.signer)} promise the same mark, but are others"
        ]
    if generated and not credentials.generated:
        return [
            f"the {name} bears {_whose(entry)}, which is generated; the credentials of {quoted(credentials.signer)} "
            "promise that mark, but do not say so"
        ]
    return []


def bound(credentials: Credentials) -> bool:
    """Whether the credentials promise a mark."""
    return bool(credentials.soft_binding or credentials.sound_binding)


def _not_as_promised(credentials: Credentials, picture: Mark, sound: Mark) -> list[str]:
    """Of credentials that do not hold."""
    found = []
    for name, mark, promised in (
        ("picture", picture, credentials.soft_binding),
        ("sound", sound, credentials.sound_binding),
    ):
        if mark.state == "found" and promised and mark.message != promised:
            found.append(f"the {name} bears mark {mark.message}, its credentials promise {plain(promised, 40)}")
        elif mark.state == "found" and not promised:
            found.append(f"the {name} bears mark {mark.message}, its credentials know of none")
        elif mark.state == "absent" and promised and name == "picture" and credentials.state == "invalid":
            found.append("the picture does not bear the mark its credentials promise")
    return found


def _unpromised(
    credentials: Credentials, picture: Mark, sound: Mark, others: Sequence[Track], entry: Entry | None
) -> list[str]:
    """Marks of this maker that valid credentials, and those of the file that was opened, do not mention."""
    own = [value for value in (credentials.soft_binding, credentials.sound_binding) if value]
    promised = {*own, *credentials.opened_bindings}
    promised |= {value[-6:] for value in promised}  # the sound bears the end of the message
    found = []
    marks = [("picture", picture), ("sound", sound)]
    marks += [(f"{track.kind} track {track.number}", track.mark) for track in others]
    for name, mark in marks:
        messages = sorted({piece.message for piece in mark.pieces} | ({mark.message} - {""}))
        strange = [message for message in messages if message not in promised]
        if mark.state == "noticed" and not promised:
            found.append(f"the {name} bears a mark of this maker, too damaged to read; {_silent(credentials)}")
        elif strange and own and mark.key == credentials.binding_key:
            found.append(f"the {name} bears mark {', '.join(strange)}, its credentials promise {plain(own[0], 40)}")
        elif strange:
            named = entry if mark.message in strange else None
            found.append(f"the {name} bears {_whose(named)}; {_silent(credentials)}")
    return found


def _silent(credentials: Credentials) -> str:
    return f"the credentials are of {quoted(credentials.signer)} and do not mention it"


def _whose(entry: Entry | None) -> str:
    """A mark of this maker in words."""
    if entry is None:
        return "the mark of this maker (of an output that is not in this registry)"
    if entry.command == "mark":
        return f"the mark of this maker (laid by `vasari mark`, {entry.made[:10]})"
    return f"the mark of this maker (output of `vasari {plain(entry.command, 40)}`, {entry.made[:10]})"


def _tracks_apart(picture: Mark, others: Sequence[Track]) -> list[str]:
    """Videos in one file of which some bear another mark than the one that is shown, or alone bear one."""
    videos = [track for track in others if track.kind == "video"]
    differ = [track for track in videos if track.mark.message != picture.message]
    if not differ or not any(mark.message for mark in (picture, *(track.mark for track in videos))):
        return []
    told = [f"number {track.number} {_bears(track.mark)}" for track in videos]
    return [
        f"the file holds {len(videos) + 1} videos, of which a player may show any: the first choice "
        f"{_bears(picture)}, {', '.join(told)}"
    ]


def _bears(mark: Mark) -> str:
    return f"bears mark {mark.message}" if mark.message else "bears none of this maker"


def unlabelled(label: Visible | None) -> str:
    """That a visible label is not to be seen which is stated; "" where it is, or nothing can be said."""
    if label is None or label.state not in ("removed", "not_seen"):
        return ""
    if label.state == "removed":
        return "its visible label was removed or covered"
    return "its visible label is not seen: that part of the picture was cut away, or is other footage"


def labelled(label: Visible | None) -> list[str]:
    """The same with its evidence, and why there is no label where a reason is stated; a line each."""
    if label is None:
        return []
    if gone := unlabelled(label):
        place = f"{label.stated.corner}, as the credentials state" if label.stated.corner else "where it is stated"
        frames = f"{label.missing} of {label.looked_at} frames that should show it" if label.looked_at else "the file"
        return [f"{gone} ({place}; not in {frames}, similarity {label.similarity:.2f})"]
    if label.stated.reason:
        return [f"without a visible label, as the credentials state: {quoted(label.stated.reason)}"]
    return []


def announced(credentials: Credentials) -> list[str]:
    """That a spoken notice is claimed, where they fit the file; nobody listens for it."""
    notice = credentials.notice
    if notice is None or credentials.state != "valid":
        return []
    return [
        f"a spoken notice is claimed for its first {notice.seconds:g} s ({quoted(notice.language)}): "
        f"{quoted(notice.words, LONGEST_WORDS)}; it was not listened for"
    ]


def several(name: str, mark: Mark) -> list[str]:
    """That a file bears more than one message, or bears its one for a part of the time, and when."""
    if mark.state != "found" or not mark.pieces:
        return []
    messages = {piece.message for piece in mark.pieces}
    if len(messages) == 1 and mark.pieces[0].start < 1.0 and len(mark.pieces) == 1:
        return []
    told = [f"{piece.message} at {piece.start:g} to {piece.end:g} s" for piece in mark.pieces[:8]]
    more = f" and {len(mark.pieces) - 8} more places" if len(mark.pieces) > 8 else ""
    return [f"marks in the {name} by time: {', '.join(told)}{more}"]


def weak(picture: Mark, sound: Mark, entry: Entry | None, recovered: Recovered | None) -> list[str]:
    """Marks that were not read where the other was. Of an altered file that proves nothing."""
    kept = ("same", "unsure")  # content that was compared tells more
    heard, seen = (recovered.sound in kept, recovered.pictures in kept) if recovered else (False, False)
    found = []
    if picture.state == "found" and sound.state == "absent" and entry and entry.sound_mark and not heard:
        found.append(
            "no mark was read in the sound, and the output was registered with marked sound: the sound was exchanged, "
            "or changed so much that its mark is lost"
        )
    pictured = not entry or entry.kind != "sound"  # a sound file that was marked may lie under any pictures
    if sound.state == "found" and picture.state == "absent" and pictured and not seen:
        found.append(
            "no mark was read in the pictures: the pictures were exchanged, or changed so much that their mark is lost"
        )
    return found


def strange(recovered: Recovered | None, picture: Mark) -> tuple[list[str], list[str]]:
    """What is not as it was registered: where that is sure, and where it is not."""
    if recovered is None:
        return [], []
    sure, unsure = [], []
    if recovered.pictures == "other" and picture.state == "absent":
        unsure.append(
            f"the pictures are not those that were registered ({_compared(recovered.pictures_match)}): they were "
            "exchanged, or are shown small within others"
        )
    elif recovered.pictures == "other":
        sure.append(
            f"the pictures are not those that were registered ({_compared(recovered.pictures_match)}): the mark was "
            "copied or moved onto other footage, or it lies on other footage since most of the picture was exchanged"
        )
    if recovered.sound == "other":
        sure.append(f"the sound is not the one that was registered ({_compared(recovered.sound_match)})")
    return sure, unsure


def _compared(match: Match | None) -> str:
    return "not compared" if match is None else f"compared where they fit best: similarity {match.similarity:.2f}"


def content(recovered: Recovered) -> str:
    """Pictures, sound and length beside what was registered, in one phrase; "" where nothing was compared."""
    if recovered.whole:
        return "the content is as registered"
    parts = []
    for name, state, match in (
        ("pictures", recovered.pictures, recovered.pictures_match),
        ("sound", recovered.sound, recovered.sound_match),
    ):
        if state == "same":
            part = "" if match is None or match.share > 0.97 else f" for {match.share:.0%} of the time"
            parts.append(f"{name} as registered{part}")
        elif state == "unsure":
            parts.append(f"{name} altered")
    if recovered.length in ("shorter", "longer"):
        parts.append(f"{recovered.seconds:.1f} s instead of {recovered.registered_seconds:.1f}")
    return ", ".join(parts)


def compared(recovered: Recovered) -> list[str]:
    """The same, each answer by itself, with share and places."""
    told = []
    for name, state, match in (
        ("pictures", recovered.pictures, recovered.pictures_match),
        ("sound", recovered.sound, recovered.sound_match),
    ):
        if match is None or state in ("other", "not_compared"):
            continue
        said = "as registered" if state == "same" else "altered too much to tell whether they are what was registered"
        said = said.replace("they are", "it is") if name == "sound" else said
        at = ", ".join(f"{start:g} to {end:g}" for start, end in match.places[:6])
        where = f"; {match.share:.0%} of what was registered is here" + (f", at {at} s" if at else "")
        told.append(f"the {name}: {said} (similarity {match.similarity:.2f}{where if match.places else ''})")
    if recovered.length != "not_compared":
        told.append(
            f"the length: {'as registered' if recovered.length == 'same' else recovered.length}, "
            f"{recovered.seconds:.1f} s of {recovered.registered_seconds:.1f} s"
        )
    return told


def explained(failures: Sequence[str]) -> str:
    """Validation codes, with words where there are some."""
    told = [f"{plain(code, 200)}{f': {EXPLAINED[code]}' if code in EXPLAINED else ''}" for code in failures]
    return "; ".join(told) or "damaged"


def broken(opened: Sequence[Opened]) -> list[str]:
    """Files that went in whose credentials did not hold then."""
    return [
        f"a file that went into it ({quoted(item.relationship)}) bore credentials that did not hold when this was "
        f"signed: {explained(item.failures)}"
        for item in opened
        if item.state == "broken"
    ]


def identified(identities: Sequence[Identity]) -> list[str]:
    """Those who vouch besides the signer, a line each. They change nothing of what is said of the signature."""
    words = {
        "trusted": "who is trusted here",
        "untrusted": "whom nobody here trusts",
        "invalid": "but that does not hold",
    }
    return [
        f"an identity within the credentials (CAWG): {quoted(item.name or 'without a name')}, {words[item.state]}"
        + (f" ({explained(item.failures)})" if item.failures else "")
        for item in identities
    ]


def several_stores(credentials: Credentials) -> str:
    """That there is more than one manifest store, and which was believed; "" where there is not."""
    if credentials.stores < 2:
        return ""
    read = f"those of {quoted(credentials.signer)}, {plain(credentials.manifest, 80)}, were read"
    read = read if credentials.manifest else "none was believed"
    return f"{credentials.stores} sets of credentials lie in the file, where there may be one: {read}"


def outside(credentials: Credentials) -> list[str]:
    """What the signature leaves out, a line each."""
    sized = [(plain(item.what, 80), f" ({item.size} bytes)" if item.size else "") for item in credentials.uncovered]
    return [f"outside the signature: {what}{size}, which anybody may have changed" for what, size in sized]
