"""Words of strangers: names in certificates, titles, file names, what a library says of a file.

They may hold signs that move the cursor of a terminal, turn the direction of reading, or words of a verdict. So they
are escaped, shortened and, within a sentence of ours, quoted.

    plain(text)          for a terminal, a page or a message: one line
    quoted(name)         a name inside one of our sentences: 'name'
    as_json(record)      JSON that may be printed
"""

import json
import re
import unicodedata
from typing import Any

LONGEST_LINE, LONGEST_NAME = 2000, 64  # letters
# Control, format (bidirectional among them), surrogate, private and unassigned code points; line and paragraph ends.
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def plain(text: str, longest: int = LONGEST_LINE) -> str:
    """Text as one line without signs that are not seen: those are written as escapes, "\\x1b". Shortened in its middle
    to `longest` letters."""
    if len(text) > longest:
        keep = max(1, longest - 1)
        text = f"{text[: keep - keep // 3]}…{text[len(text) - keep // 3 :]}"
    return "".join(_escaped(sign) if unicodedata.category(sign) in _UNSEEN else sign for sign in text)


def quoted(name: str, longest: int = LONGEST_NAME) -> str:
    """A stranger's name within a sentence of ours: quoted, so that it cannot go on as a part of it."""
    return "'" + plain(name, longest).replace("'", "\\'") + "'"


def as_json(record: Any, indent: int | None = None) -> str:
    """JSON whose text is as it was, with all that is not seen written as escapes of JSON."""
    text = json.dumps(record, indent=indent, ensure_ascii=False)
    return _IN_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _escaped(sign: str) -> str:
    number = ord(sign)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"
