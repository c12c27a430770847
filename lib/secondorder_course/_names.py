"""Names of people, compared as people write them and as Canvas and Moodle rewrite them."""

from __future__ import annotations

import unicodedata

# Letters that are no letter plus an accent, but are written plainly where accents are.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)


def tidy(name: str) -> str:
    """Return a name in the form that is stored: NFC, single spaces, nothing invisible."""
    name = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in name)
    return unicodedata.normalize("NFC", " ".join(name.split()))


def name_key(name: str) -> str:
    """Return what stays of a name without accents, case, spaces and punctuation.

    >>> name_key("Núñez-O'Brien, José") == name_key("nunezobrienjose")
    True
    """
    # Accents may come before and after the case is folded: İ folds to i and a dot.
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    text = text.translate(_PLAIN)
    return "".join(c for c in text if _counts(c))


def _counts(c: str) -> bool:
    kind = unicodedata.category(c)[0]
    # Vowel signs of Indian scripts are marks too, but not accents: their combining class is 0.
    return kind in "LN" or (kind == "M" and not unicodedata.combining(c))
