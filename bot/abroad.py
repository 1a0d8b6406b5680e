"""Whether a person in danger says that they are in another country, where the clinic's numbers may not work.

The names of countries come from Unicode's CLDR through Babel; what else they are called stands here.
"""

import re

from babel import Locale

# Names that people use and CLDR does not have, by the country's code.
ALSO_CALLED = {
    "GB": ("uk", "england", "scotland", "wales", "northern ireland", "britain", "great britain"),
    "US": ("us", "usa", "america", "states"),
    "AE": ("uae", "emirates", "dubai", "abu dhabi"),
    "NL": ("holland",),
    "CZ": ("czech republic",),
    "TR": ("turkey",),
    "KR": ("korea", "south korea"),
    "IE": ("republic of ireland",),
}
ANYWHERE = ("abroad", "overseas", "another country", "a different country", "a foreign country")
_BEING = (
    r"\b(?:i(?:['’]?m| am)|we(?:['’]?re| are)|s?he(?:['’]?s| is)|they(?:['’]?re| are)|live|living|stay(?:ing)?|stuck"
    r"|here|now|currently|visiting|travell?ing|holiday|vacation|honeymoon|based|calling|writing|message|working)\b"
)


class Abroad:
    """Tells for a clinic in `country` (two letters, as US) whether a text speaks of being elsewhere."""

    def __init__(self, country: str) -> None:
        territories = Locale("en").territories.items()
        names = {name.casefold() for code, name in territories if code.isalpha() and code != country}
        names |= {name for code, others in ALSO_CALLED.items() if code != country for name in others}
        own = {Locale("en").territories.get(country, "").casefold(), *ALSO_CALLED.get(country, ())}
        places = "|".join(sorted(map(re.escape, names - own), key=len, reverse=True))
        anywhere = "|".join(ANYWHERE)
        self._pattern = re.compile(
            rf"{_BEING}[^.?!\n]{{0,30}}?\b(?:(?:in|to|at|from|visiting)\s+(?:the\s+)?(?:{places})|{anywhere})\b"
        )
        self._origin = re.compile(rf"\b(?:i(?:['’]?m| am)|we(?:['’]?re| are))\s+from\s+(?:the\s+)?(?:{places})\b")

    def says(self, text: str) -> bool:
        """Whether the text says so. Where somebody comes from is not where they are."""
        return self._pattern.search(self._origin.sub(" ", text.casefold())) is not None
