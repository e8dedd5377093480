"""The one exception tree of vasari. Catch `VasariError` to catch everything the product raises on purpose.

    VasariError
    ├── UsageError          what was asked for cannot be asked for (options that clash, a size out of range)
    │   └── UnmarkableError     no mark can be read in such pictures or sound, however strong
    ├── InputError          a file or a value the user gave cannot be used
    │   ├── UnreadableError     the file is missing, truncated or not of the kind its use needs
    │   │   └── NotLookedAtError    of a kind whose pictures or sound are not looked at
    │   ├── FaceError           no usable face in the picture
    │   └── SpeechError         no usable sound
    ├── OutputError         the result cannot be written where it was asked for
    ├── ConsentError        consent is missing, expired or not valid for this portrait
    ├── KeyMaterialError    a signing or watermark key is missing, wrong or unreadable
    ├── SigningError        credentials could not be made or attached
    ├── WeightsError        a weight file is missing, damaged or of another model
    └── MissingExtraError   an optional dependency is not installed

Every message is one line for the person at the door: what was given, what is wrong, what to do.
"""


class VasariError(Exception):
    """Root of everything that vasari raises on purpose."""


class UsageError(VasariError):
    """Options that clash or lie out of range."""


class UnmarkableError(UsageError):
    """Pictures or sound in which no mark can be read, however strong; nothing was written."""


class InputError(VasariError):
    """Something the user gave cannot be used."""


class UnreadableError(InputError):
    """A file is missing, truncated, or not of the kind that was needed."""


class NotLookedAtError(UnreadableError):
    """A file of a kind that is known, whose pictures or sound are not looked at; it may bear credentials."""


class FaceError(InputError):
    """No usable face."""


class SpeechError(InputError):
    """No usable sound."""


class OutputError(VasariError):
    """The result cannot be written where it was asked for."""


class ConsentError(VasariError):
    """Consent is missing, expired or not valid for this portrait."""


class KeyMaterialError(VasariError):
    """A key is missing, wrong or unreadable."""


class SigningError(VasariError):
    """Credentials could not be made or attached."""


class WeightsError(VasariError):
    """A weight file is missing, damaged or belongs to another model."""


class MissingExtraError(VasariError):
    """An optional dependency is missing; the message holds the install command."""
