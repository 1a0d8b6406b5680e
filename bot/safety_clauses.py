"""The sentences and clauses of one message, and what can be told of each: its verb, its opening, the cues in it."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from bot.safety_phrases import BREAKS, Span

FINITE = frozenset({"VBD", "VBP", "VBZ", "MD"})  # tags of verbs that make a statement


class Clauses:
    """A message cut into sentences, and these into clauses; every place is an index into `tokens`."""

    def __init__(
        self, tokens: Sequence[str], tags: Sequence[str], cues: Mapping[str, list[Span]], fillers: frozenset[str]
    ) -> None:
        self.tokens, self.tags, self.cues, self._fillers = tokens, tags, cues, fillers
        self.starts = {name: {start for start, _ in spans} for name, spans in cues.items()}
        self._greetings = dict(cues["greetings"])
        self.sentences = list(_stretches(tokens))
        self.sentence_of = [sentence for sentence in self.sentences for _ in range(*sentence)]
        self.of = {sentence: list(self._parts(sentence)) for sentence in self.sentences}
        self.all = [clause for clauses in self.of.values() for clause in clauses]

    def _parts(self, sentence: Span) -> Iterator[Span]:
        start, end = sentence
        for at in range(start + 1, end):
            if self._opens_clause(at, end):
                yield start, at
                start = at
        yield start, end

    def _opens_clause(self, at: int, end: int) -> bool:
        word = self.tokens[at]
        if at in self.starts.get("clause_words", ()):
            return True
        if word == ",":
            return self._has_finite_verb(at + 1, end)
        following = at + 1 < end and (self.is_subject(at + 1) or self.tags[at + 1] in FINITE)
        if word in ("and", "or", "then", "so"):
            return following
        return word == "i" and following and self.tags[at - 1] in ("NN", "NNS", "NNP", "RB", "CD", "JJ")

    def is_subject(self, at: int) -> bool:
        return at in self.starts.get("subjects", ())

    def _has_finite_verb(self, at: int, end: int) -> bool:
        for place in range(at, end):
            if self.tokens[place] == ",":
                return False
            if self.tags[place] in FINITE:
                return True
        return False

    def within(self, name: str, stretch: Span) -> list[Span]:
        spans = self.cues[name]  # in the order of the text
        return spans[bisect_left(spans, (stretch[0], 0)) : bisect_left(spans, (stretch[1], 0))]

    def opens_with(self, clause: Span, name: str) -> bool:
        return self.opening(clause) in self.starts.get(name, ())

    def opening(self, clause: Span) -> int:
        """Return where a clause begins in earnest, past 'hello' and 'and'."""
        at, end = clause
        while at < end and (at in self._greetings or self.tokens[at] in self._fillers):
            at = self._greetings.get(at, at + 1)
        return at

    def has_verb(self, clause: Span) -> bool:
        return any(tag in FINITE or tag == "VBG" for tag in self.tags[clause[0] : clause[1]])

    def is_narrated(self, clause: Span) -> bool:
        """Whether a clause has a verb in the past and none in the present, but for 'I think' and its like."""
        if self.within("present", clause):
            return False
        thinking = self.starts.get("thinking", ())
        places = [at for at in range(*clause) if at not in thinking]
        tags = {self.tags[at] for at in places}
        if tags & {"VBP", "VBZ", "MD"} or ("VBG" in tags and not {"was", "were"} & {self.tokens[at] for at in places}):
            return False
        return bool(tags & {"VBD", "VBN"})


def _stretches(tokens: Sequence[str]) -> Iterator[Span]:
    """Yield the (start, end) of each sentence, its stop with it."""
    start = 0
    for at, token in enumerate(tokens, 1):
        if token in BREAKS or at == len(tokens):
            yield start, at
            start = at
