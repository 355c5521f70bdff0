"""Words worth looking for in a text: identifiers taken apart, stop words left out."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_CAMEL = re.compile(r"([a-z])([A-Z])")
_WORD = re.compile(r"[^\W_]{2,40}")
_FUNCTION_WORDS: Final = """
    about above after again against all almost along already also although always am among an and another any
    anything are around as at away be became because become been before being below best better between both but by
    came can cannot come could did do does doing done down during each either else enough etc even ever every few
    for from further get gets give given gives go goes going good got had has have having he her here hers him his
    how however if in instead into is it its itself just keep kept know known last least less let like likely made
    make makes making many may me might more most much must my near need needed needs neither never next no none nor
    not nothing now of off often on once one only onto or other others our out over own per perhaps please possible
    put rather really same say says see seen several shall she should show shows since so some something still such
    take taken takes than that the their theirs them themselves then there these they thing things this those though
    through thus to together too toward two under until up upon us use used uses using very via want was way we well
    were what whatever when where whether which while who whole whom whose why will with within without would yes
    yet you your
"""
_TASK_WORDS: Final = """
    analyse analyze analysis answer answers assess assessment deepdive describe execute explain explore gather gathering
    investigate investigation overview question questions report research review subtask subtasks summarise summarize
    summary synthesis synthesise synthesize task tasks understand write
"""
STOP_WORDS: Final = frozenset((_FUNCTION_WORDS + _TASK_WORDS).split())
_ENDINGS: Final = tuple(
    {"ations": "at", "ation": "at", "ings": "", "ing": "", "ies": "y", "ed": "", "es": "", "s": ""}.items()
)
_MIN_STEM: Final = 3


def spaced(text: str) -> str:
    """Set the parts of camelCase words apart; a tokenizer does the same for snake_case and kebab-case."""
    return _CAMEL.sub(r"\1 \2", text)


def words(text: str) -> list[str]:
    """Give all words of a text in lower case, without stop words, in order."""
    return [word for word in map(str.lower, _WORD.findall(spaced(text))) if word not in STOP_WORDS]


def stem(word: str) -> str:
    """Fold the common forms of a word into one: `installs`, `installed` and `installing` into `install`."""
    for ending, instead in _ENDINGS:
        kept = word.removesuffix(ending)
        if kept != word and len(kept) >= _MIN_STEM and not (ending == "s" and kept[-1] in "su"):
            return (kept + instead).removesuffix("e")
    return word.removesuffix("e") if len(word) > _MIN_STEM else word


def terms(text: str) -> Counter[str]:
    """Count the words of a text, forms of one word under the form that comes first; the order is the text's."""
    first: dict[str, str] = {}
    return Counter(first.setdefault(stem(word), word) for word in words(text))
