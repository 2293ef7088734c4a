"""Full-text search rules in the domain: a text folded for comparison, with offsets into it.

PostgreSQL searches by the functions of `sql/migrations/0012_search.sql`. These are the same rules,
for the memory adapter and to mark what was found: a hit is a place in the text as it was written,
and folding changes lengths. A test compares both character by character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

MAX_CHARACTERS = 20_000
"""Characters at the beginning of a text that are searched."""

MAX_WORD = 100
"""Characters of a word that are compared."""

# Accents and points, joiners, and other characters that are not seen.
_DROPPED = re.compile(
    "[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u061c\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8"
    "\u06ea-\u06ed\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\U000e0000-\U000e0fff]"
)

# Punctuation, symbols and spaces, beyond ASCII and within.
_SEPARATOR = re.compile(
    "[\u0080-\u00bf\u00d7\u00f7\u037e\u0384\u0385\u0387\u055a-\u055f\u0589\u058a"
    "\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u060c-\u060f\u061b-\u061f\u066a-\u066d"
    "\u06d4\u0964\u0965\u0970\u0df4\u0e2f\u0e3f\u0e4f\u0e5a\u0e5b\u1361-\u1368\u1680"
    "\u17d4-\u17db\u1800-\u180a\u2000-\u206f\u20a0-\u20cf\u2100-\u2bff\u2e00-\u2e7f"
    "\u2ff0-\u3004\u3008-\u3020\u3030\u303d-\u303f\u30a0\u30fb\ue000-\uf8ff\ufd3e\ufd3f"
    "\ufe10-\ufe6f\uff00-\uff0f\uff5f-\uff65\uffe0-\uffff\U0001d100-\U0001d1ff"
    "\U0001f000-\U0001faff\U000f0000-\U0010ffff]"
    "|[^a-z0-9@.' \u0080-\U0010ffff]"
)

UNSPACED = re.compile(
    "[\u0e01-\u0e4e\u0e81-\u0ecd\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3041-\u30ff"
    "\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""A letter of a script that is written without spaces between words."""

_FOLDED = str.maketrans(
    dict(
        zip(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            "øØđĐłŁðÐħĦıŊŦƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƢƤƦƧƩƬƮƱƲƳƵƷƸƼǤǶǷȜȠȢȤȺȻȽȾɁɃɄɅɆɈɊɌɎỺỼỾ"
            "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςͰͲͶͿϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿ"
            "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЂЄЅІЈЉЊЋЏ"
            "ѠѢѤѦѨѪѬѮѰѲѴѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞ"
            "ԠԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖ"
            "\u02b9\u02bc\u2018\u2019\u201b\u2032",
            "abcdefghijklmnopqrstuvwxyz"
            "ooddllddhhiŋŧɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵƣƥʀƨʃƭʈʊʋƴƶʒƹƽǥƕƿȝƞȣȥⱥȼƚⱦɂƀʉʌɇɉɋɍɏỻỽỿ"  # noqa: RUF001
            "αβγδεζηθικλμνξοπρστυφχψωσͱͳͷϳϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽ"
            "абвгдежзиклмнопрстуфхцчшщъыьэюяђєѕіјљњћџ"
            "ѡѣѥѧѩѫѭѯѱѳѵѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟ"
            "ԡԣԥԧԩԫԭԯաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ"
            "''''''",
            strict=True,
        )
    )
    | {"ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "þ": "th", "Þ": "th"}
)

_ENDS_OF_WORDS = re.compile("[.@ ]{2,}")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text as it is compared, and for each of its characters the written ones it stands for.

    It begins and ends with a space. Character `n` stands for `source[starts[n]:ends[n]]`.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    @classmethod
    def of(cls, source: str) -> Folded:
        """Fold the first `MAX_CHARACTERS` of a text."""
        source = source[:MAX_CHARACTERS]
        if source.isascii():
            # each character stands for itself, and for one that is written
            text = _ENDS_OF_WORDS.sub(_as_spaces, f" {_SEPARATOR.sub(' ', source.lower())} ")
            return cls(text, range(-1, len(text)), range(len(text)))
        letters, starts, ends = [" "], [0], [0]
        at, was_unspaced = 0, False
        while at < len(source):
            end = at + 1
            # an accent belongs to its letter, so that a hit has both or neither
            while end < len(source) and unicodedata.combining(source[end]):
                end += 1
            for letter in _fold(source[at:end]):
                is_unspaced = letter > "\u0e00" and UNSPACED.match(letter) is not None
                if is_unspaced is not was_unspaced:
                    letters.append(" ")
                    starts.append(at)
                    ends.append(at)
                    was_unspaced = is_unspaced
                letters.append(letter)
                starts.append(at)
                ends.append(end)
            at = end
        # the outer spaces do not count, and this cuts where PostgreSQL does
        text = "".join(letters)[: MAX_CHARACTERS + 1] + " "
        text = _ENDS_OF_WORDS.sub(_as_spaces, text)
        return cls(text, starts, [*ends, len(source)])


def _as_spaces(found: re.Match[str]) -> str:
    return " " * len(found[0])


@lru_cache(10_000)
def _fold(cluster: str) -> str:
    """Fold a character and the accents after it; a separator becomes a space."""
    plain = _DROPPED.sub("", unicodedata.normalize("NFKD", cluster))
    return _SEPARATOR.sub(" ", plain.translate(_FOLDED))


def lexemes(source: str) -> set[str]:
    """Return what the index has of a text: its words, and the parts of words."""
    found: set[str] = set()
    for word in Folded.of(source).text.split(" "):
        for pieces in _ways(word):
            for piece in pieces:
                if UNSPACED.match(piece):
                    found.update(piece[n : n + 2] for n in range(len(piece)))
                else:
                    found.add(piece[:MAX_WORD])
        if "'" in word:
            found.update(part[:MAX_WORD] for part in re.split("[.@]", word.replace("'", "")))
    return found - {""}


def _ways(word: str) -> list[list[str]]:
    """Return the ways to find a word: in one piece, and where it has several, in its parts."""
    joined = word.replace("'", "")
    parts = [part for part in re.split("[.@']", word) if part]
    return [[joined], parts] if parts and parts != [joined] else [[joined]] if joined else []


@dataclass(frozen=True, slots=True)
class Piece:
    """What a text must have: a word as a whole, or the beginning of one."""

    letters: str
    is_prefix: bool

    def is_in(self, words: set[str]) -> bool:
        """Return whether one of these lexemes fits."""
        if not self.is_prefix:
            return self.letters in words
        return any(word.startswith(self.letters) for word in words)


Way = tuple[Piece, ...]


def wanted(query: str) -> list[list[Way]]:
    """Return for each word of a query the ways to find it, each with the pieces that it needs."""
    words = dict.fromkeys(Folded.of(query).text.split(" "))
    found = [[_pieces(pieces) for pieces in _ways(word)] for word in words]
    return [ways for ways in found if ways]


def _pieces(letters: list[str]) -> Way:
    pieces: dict[str, None] = {}
    for piece in letters:
        if UNSPACED.match(piece):
            pieces.update(dict.fromkeys(piece[n : n + 2] for n in range(max(1, len(piece) - 1))))
        else:
            pieces[piece[:MAX_WORD]] = None
    return tuple(
        Piece(piece, len(piece) > 1 or UNSPACED.match(piece) is not None) for piece in pieces
    )
