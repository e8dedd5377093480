"""What lips can do, and the groups of phones that look alike on them.

Visemes: Fisher 1968, "Confusions among visually perceived consonants"; Edwards et al. 2016, "JALI".
"""

CHANNELS: tuple[str, ...] = (
    "jawOpen",
    "mouthFunnel",
    "mouthPucker",
    "mouthStretch",  # channels without a side move left and right alike
    "mouthSmile",
    "mouthLowerDown",
    "mouthUpperUp",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthPress",
    "mouthShrugLower",
    "mouthShrugUpper",
    "jawForward",
    "tongueOut",
)
CLASSES: tuple[str, ...] = (
    "sil", "a", "æ", "ɛ", "e", "i", "ɪ", "ə", "ɔ", "o", "u", "ʊ", "ɝ",
    "p", "f", "θ", "t", "l", "s", "ʃ", "k", "ɹ", "w", "j", "h",
)  # fmt: skip
"""Of phones: "sil", or the letter of the International Phonetic Alphabet that stands for all of its class."""
CLASS_INDEX: dict[str, int] = {name: i for i, name in enumerate(CLASSES)}
