"""When, by whom and how each word of a message is said: past or present, asked or told, denied, of oneself or not."""

from collections.abc import Iterable, Mapping, Sequence

from bot.safety_clauses import FINITE, Clauses
from bot.safety_phrases import Span


class Scene:
    """When, by whom and how each word of one message is said.

    Every word may be muted for a reason: 'past', 'fiction', 'imagined' stand; 'learning', 'hypothesis' and 'quoting'
    give way where the sign is told of oneself in the present ("what is it if I am soaking pads"). Negation is kept
    apart, because a sign may hold its own ("can't stop bleeding").
    """

    STRENGTH = ("hypothesis", "learning", "quoting", "imagined", "fiction", "past")
    FINAL = frozenset({"past", "imagined", "fiction"})
    SUPPOSED = frozenset({"hypothesis", "imagined"})
    LIVE_BEFORE = 6  # words between "I am" and the sign it tells of

    def __init__(
        self, tokens: Sequence[str], tags: Sequence[str], cues: Mapping[str, list[Span]], fillers: frozenset[str]
    ) -> None:
        self.tokens, self.tags, self._cues = tokens, tags, cues
        self._text = Clauses(tokens, tags, cues, fillers)
        self._idle = self._text.starts.get("idle", set())
        self._not_past = {at for start, end in cues["not_past"] for at in range(start, end)}
        self._muted: list[tuple[str, int] | None] = [None] * len(tokens)  # why, and where the cue for it stands
        self._negated_from: list[int | None] = [None] * len(tokens)
        self._mute_talk()
        self._mute_past()
        self._mute_fiction()
        self._negate()

    def is_live(self, spans: Sequence[Span], *, own_no: bool, supposed: bool) -> bool:
        """Whether all parts of a sign are said of now, not denied, and (unless `supposed` is enough) as true."""
        return not self.is_negated(spans, own=own_no) and all(self._is_told_of_now(span, supposed) for span in spans)

    def is_negated(self, spans: Iterable[Span], *, own: bool = True) -> bool:
        """Whether a 'no' reaches into a sign: from before it, or from inside too unless that is the sign's `own`."""
        cues = ((cue, start) for start, end in spans for cue in self._negated_from[start:end] if cue is not None)
        return any(cue < start or not own for cue, start in cues)

    def is_past(self, at: int) -> bool:
        """Whether the word at `at` belongs to something clearly over."""
        return (self._muted[at] or ("", 0))[0] == "past"

    def is_staff(self) -> bool:
        """Whether the desk relays a caller."""
        return bool(self._cues["staff"])

    def is_other(self, spans: Sequence[Span]) -> bool:
        """Whether somebody else than the writer is the one the sign is about: who was named last, up to its end."""
        end = max(end for _, end in spans)
        bystanders = {at for first, stop in self._cues["bystanders"] for at in range(first - 1, stop)}
        others = {start for start, _ in self._cues["others"] if start < end and start not in bystanders}
        own = {
            start for start, stop in self._cues["self"] if start < end and not others & {start, start + 1, start + 2}
        }
        return max(others, default=-1) > max(own, default=-1)

    def _is_told_of_now(self, span: Span, supposed: bool) -> bool:
        muted = {mute for mute in self._muted[span[0] : span[1]] if mute}
        if supposed:
            muted = {mute for mute in muted if mute[0] not in self.SUPPOSED}
        if any(reason in self.FINAL for reason, _ in muted):
            return False
        # A sign may hold the cue itself: "what's the point of living", "better if I was gone".
        return all(cue >= span[0] for _, cue in muted) or self._is_own_present(span)

    def _is_own_present(self, span: Span) -> bool:
        start, end = span
        first = max(self._text.sentence_of[start][0], start - self.LIVE_BEFORE)
        told = self._text.within("live", (first, end)) + self._text.within("mine", (max(0, start - 2), end))
        return any(stop not in self._idle for _, stop in told)

    def _mute(self, stretch: Span, reason: str, cue: int | None = None) -> None:
        for at in range(*stretch):
            before = self._muted[at]
            if before is None or self.STRENGTH.index(reason) > self.STRENGTH.index(before[0]):
                self._muted[at] = (reason, stretch[0] if cue is None else cue)

    # Talk about a sign that is not telling of one: learning, supposing, quoting, making up.

    def _mute_talk(self) -> None:
        for clause in self._text.all:
            self._mute_asides(clause)
        helpless = {at for start, end in self._cues["not_learning"] for at in range(start, end)}
        helpless -= {start for start, _ in self._cues["greetings"]}
        for sentence in self._text.sentences:
            for start, _ in self._text.within("learning", sentence):
                if start not in helpless:
                    self._mute((start, sentence[1]), "learning")
            self._mute_hypotheses(sentence)

    def _mute_asides(self, clause: Span) -> None:
        for name, reason in (("possible", "hypothesis"), ("quoting", "quoting")):
            for start, _ in self._text.within(name, clause):
                self._mute((start, clause[1]), reason)
        if self._asks_to_learn(clause):
            sentence_end = self._text.sentence_of[clause[0]][1]
            self._mute((clause[0], sentence_end), "learning", self._text.opening(clause))

    def _asks_to_learn(self, clause: Span) -> bool:
        """Whether a clause is a question of knowledge; '… and is not waking up' goes on with a report."""
        if self.tokens[clause[0]] == "and" and clause[0] != self._text.sentence_of[clause[0]][0]:
            return False
        opens = self._text.opens_with
        return opens(clause, "learning_openers") and not opens(clause, "not_learning")

    def _mute_hypotheses(self, sentence: Span) -> None:
        excused = {at for start, end in self._text.within("not_hypothesis", sentence) for at in range(start, end)}
        for name in ("hypothesis", "imagined"):
            for start, _ in self._text.within(name, sentence):
                if name == "hypothesis" and start in excused:
                    continue
                # "Should I go in if I bleed": the question itself hangs on the if.
                asks = any(self._text.opens_with(clause, "question_openers") for clause in self._text.of[sentence])
                self._mute((sentence[0] if asks else start, sentence[1]), name, -1 if asks else start)

    def _mute_fiction(self) -> None:
        if not self._cues["fiction"]:
            return
        told = {start for start, stop in self._cues["live"] if self.tokens[start] in ("i", "we")}
        told -= {start for start, stop in self._cues["live"] if stop in self._idle}
        for clause in self._text.all:
            if not told.intersection(range(*clause)):
                self._mute(clause, "fiction")

    # The past: a clause that names a time long gone, and what is narrated along with it.

    def _mute_past(self) -> None:
        over = False  # whether what was told last is over, and the telling may go on
        for sentence in self._text.sentences:
            clauses = self._text.of[sentence]
            long_gone = [self._names_past("past", clause) for clause in clauses]
            for place, clause in enumerate(clauses):
                over = long_gone[place] or (over and self._goes_on(clause, place > 0))
                if over or self._names_past("lately", clause):
                    self._mute(clause, "past")
            if any(long_gone):
                self._mute_before(clauses[: long_gone.index(True)], sentence)

    def _mute_before(self, clauses: Sequence[Span], sentence: Span) -> None:
        """'I bled and passed out, that was in 2019': the time named last holds for what led up to it."""
        if not clauses and self._text.within("points_back", sentence):
            clauses = [clause for clause in self._text.all if clause[1] == sentence[0]]
        for clause in reversed(clauses):
            if not self._text.is_narrated(clause):
                return
            self._mute(clause, "past")

    def _names_past(self, name: str, clause: Span) -> bool:
        if self._text.within("present", clause):
            return False
        named = any(start not in self._not_past for start, _ in self._text.within(name, clause))
        return named or (name == "past" and self._follows_event(clause))

    def _follows_event(self, clause: Span) -> bool:
        """Whether a clause that tells no more than the past hangs on an event: "after my first loss I wanted to"."""
        event = self._text.within("after_event", clause)
        if not event:
            return False
        return self._text.is_narrated(clause) or (event[0][0] == clause[0] and not self._text.has_verb(clause))

    def _goes_on(self, clause: Span, same_sentence: bool) -> bool:
        if self._text.within("present", clause):
            return False
        return self._text.is_narrated(clause) or (same_sentence and not self._text.has_verb(clause))

    # Negation and how far it reaches.

    def _negate(self) -> None:
        excused = {at for start, end in self._cues["not_negation"] for at in range(start, end)}
        ends = {start for start, _ in self._cues["negation_ends"]}
        for start, stop in self._cues["negation"]:
            if start in excused:
                continue
            for at in range(stop, self._reach(start, stop, ends)):
                self._negated_from[at] = start

    def _reach(self, start: int, stop: int, ends: set[int]) -> int:
        sentence_end = self._text.sentence_of[start][1]
        for at in range(stop, sentence_end):
            if at in ends or (self.tokens[at] == "," and not self._goes_on_listing(at + 1, sentence_end)):
                return at
            if at > stop and self._starts_telling(at, sentence_end):
                return at
        return sentence_end

    def _goes_on_listing(self, at: int, end: int) -> bool:
        """Whether the comma before `at` stands in a list ("no pain, chills or fever"), not before something new."""
        stop = next((place for place in range(at, end) if self.tokens[place] == ","), end)
        if any(tag in FINITE for tag in self.tags[at:stop]) or self.tags[at : at + 1] in (["VBG"], ["VBN"]):
            return False
        return stop < end or bool({"or", "nor", "and"} & set(self.tokens[at:end]))

    def _starts_telling(self, at: int, end: int) -> bool:
        """Whether a new statement starts here without a stop: 'no fever i am soaking', 'no pain bleeding a lot'."""
        if self._text.is_subject(at) and at + 1 < end and self.tags[at + 1] in FINITE:
            return True
        if self.tokens[at] == "and":
            return at + 1 < end and (self._text.is_subject(at + 1) or self.tags[at + 1] in FINITE)
        return self.tags[at] == "VBG" and self.tags[at - 1] in ("NN", "NNS")
