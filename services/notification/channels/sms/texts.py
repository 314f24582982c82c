"""How a text goes over the air: in GSM-7 where it fits without loss, else in UCS-2, and in how many segments.

3GPP TS 23.038 (alphabets) and TS 23.040 (concatenation: 6 octets of each segment are its header).
"""

import unicodedata
from dataclasses import dataclass
from typing import Literal

Encoding = Literal["gsm7", "ucs2"]

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Two septets each: an escape and the sign.
_EXTENDED = frozenset("\f^{}\\[~]|€")

_ALONE: dict[Encoding, int] = {"gsm7": 160, "ucs2": 70}
_JOINED: dict[Encoding, int] = {"gsm7": 153, "ucs2": 67}

# Typography that says the same in its GSM-7 form. Letters never: a name is not ours to respell.
_TWINS = str.maketrans(
    {
        **dict.fromkeys("„“”«»‟″", '"'),
        **dict.fromkeys("‚‘’‛′‹›", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00a0\u2007\u2009\u200a\u202f\u2002\u2003\t", " "),
        **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
        # Direction marks: without a right-to-left letter, which GSM-7 has none of, they change nothing.
        **dict.fromkeys("\u200e\u200f\u2066\u2067\u2068\u2069", ""),
        "…": "...",
        "•": "-",
    }
)


@dataclass(frozen=True, slots=True)
class Fitted:
    text: str
    encoding: Encoding
    segments: int


def fit(text: str) -> Fitted:
    """`text` as it should be handed over: unchanged in meaning, in as few segments as that allows."""
    composed = unicodedata.normalize("NFC", text)
    plain = composed.translate(_TWINS)
    if all(sign in _GSM7 or sign in _EXTENDED for sign in plain):
        return Fitted(plain, "gsm7", _segments([1 + (sign in _EXTENDED) for sign in plain], "gsm7"))
    return Fitted(composed, "ucs2", _segments([1 + (ord(sign) > 0xFFFF) for sign in composed], "ucs2"))


def _segments(sizes: list[int], encoding: Encoding) -> int:
    """No sign is torn apart at a segment's end, so what needs two places may leave one empty."""
    if sum(sizes) <= _ALONE[encoding]:
        return 1
    room, segments, used = _JOINED[encoding], 1, 0
    for size in sizes:
        if used + size > room:
            segments, used = segments + 1, 0
        used += size
    return segments
