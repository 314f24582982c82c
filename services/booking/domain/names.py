"""Names of persons: when two spellings mean the same person, and which corrections are small."""

import unicodedata

_MOST_LETTERS = 2


def same_name(text: str) -> str:
    """Equal for spellings that mean the same: case, accents, signs and the order of the words do not count."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(sign if sign.isalpha() else " " for sign in letters if not unicodedata.combining(sign))
    return " ".join(sorted(plain.split()))


def is_small_correction(old: str, new: str) -> bool:
    """Two letters, another order, or a name added: still the same person.

    More than that could hand the appointment to somebody else, so staff do it.
    """
    before, after = same_name(old), same_name(new)
    if not before or not after:
        return False
    if set(before.split()) <= set(after.split()):
        return True
    return _distance(before, after) <= min(_MOST_LETTERS, len(before) // 3)


def _distance(one: str, other: str) -> int:
    """Letters to change, add, drop or swap with the next (optimal string alignment)."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, start=1):
        above, row = rows[-1], [i]
        for j, wanted in enumerate(other, start=1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and (letter, one[i - 2]) == (other[j - 2], wanted):
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
