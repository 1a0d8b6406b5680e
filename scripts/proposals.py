"""Make training examples of what the desk's inbox says that questions mean: `python -m scripts.proposals`.

Adds them to data/nlu as a change to review and commit, trains, and measures on the messages nobody trained on. Where a
figure falls below the recorded one by more than its noise the files are put back and the questions marked as not taken.
var/proposals.log keeps what was done: ids and numbers, no words.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.encoder import shared_encoder
from bot.paths import DATA, ROOT
from bot.store.database import StoreFault, open_database
from bot.store.questions import MEANS, PAGE, REFUSED, TAUGHT, DecidedMeanwhile, Questions
from bot.store.tables import QuestionGroup
from scripts.evaluation.data import PARTS, load_examples, load_part, plain

LOG = ROOT / "var" / "proposals.log"
BY = "make proposals"
HEADING = "\n# Questions that visitors sent, as the desk understood them.\n"
REDACTED = "["  # stands where something was taken out: such a text teaches its gap

Judge = Callable[[], list[str]]


@dataclass(frozen=True)
class Proposal:
    """A group of questions and the examples it gives."""

    group: QuestionGroup
    texts: tuple[str, ...]


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Return the exit code: 0 where all was taken or nothing waits, 1 where it was refused or could not be done."""
    try:
        database = open_database(environ)
        database.prepare()
        return propose(Questions(database, shared_encoder().embed), DATA / "nlu", judge)
    except (StoreFault, RuntimeError) as fault:
        print(f"Nothing was changed.\n{fault}", file=sys.stderr)
        return 1


def propose(questions: Questions, folder: Path, judge: Judge, log: Path = LOG) -> int:
    """Add the examples of the groups that mean an answer to the files of `folder`, if `judge` finds nothing worse.

    `judge` returns a line for each figure that fell. Raises StoreFault, and RuntimeError where training fails; the
    files are as before then.
    """
    proposals = proposed(waiting(questions), known_texts())
    if not proposals:
        print("No question waits that means an answer and would be a new example.")
        return 0
    before = {path: path.read_text() for path in files_of(proposals, folder)}
    try:
        add(proposals, folder)
        worse = judge()
    except BaseException:
        put_back(before)
        raise
    if worse:
        put_back(before)
    settle(questions, proposals, REFUSED if worse else TAUGHT)
    note(log, proposals, worse)
    tell(proposals, worse)
    return 1 if worse else 0


def waiting(questions: Questions) -> list[QuestionGroup]:
    """Return every group that means an answer."""
    groups: list[QuestionGroup] = []
    while len(found := questions.page(MEANS, number=len(groups) // PAGE).groups) == PAGE:
        groups += found
    return groups + found


def known_texts() -> set[str]:
    """Return the texts that are no new examples: those trained on, and those that the bot is measured with."""
    measured = [turn.ask for part in PARTS for turn in load_part(part).messages]
    return {plain(text) for text in (*measured, *(example.text for example in load_examples()))}


def proposed(groups: Sequence[QuestionGroup], known: set[str]) -> list[Proposal]:
    """Return the groups that give new examples, with them."""
    made, seen = [], set(known)
    for group in groups:
        texts = [" ".join(question.text.split()) for question in group.questions if not question.in_danger]
        new = [text for text in dict.fromkeys(texts) if REDACTED not in text and plain(text) not in seen]
        seen |= {plain(text) for text in new}
        made += [Proposal(group, tuple(new))] if new else []
    return made


def files_of(proposals: Sequence[Proposal], folder: Path) -> set[Path]:
    """Return the files that the examples go to."""
    return {folder / f"{proposal.group.answer.partition('/')[0]}.yml" for proposal in proposals}


def add(proposals: Sequence[Proposal], folder: Path) -> None:
    """Write the examples to the end of their facets' files."""
    for proposal in proposals:
        facet, _, topic = proposal.group.answer.partition("/")
        path = folder / f"{facet}.yml"
        lines = "\n".join(f"    - {text}" for text in proposal.texts)
        block = f"- intent: {facet}\n  metadata: {{topic: {topic}}}\n  examples: |\n{lines}\n"
        path.write_text(f"{path.read_text().rstrip()}\n{HEADING}{block}")


def put_back(before: Mapping[Path, str]) -> None:
    """Write files as they were."""
    for path, content in before.items():
        path.write_text(content)


def judge() -> list[str]:
    """Train on the files as they are and return a line for each figure that fell. Raises RuntimeError."""
    from scripts.evaluate import ask_all
    from scripts.evaluation.data import REPORTING
    from scripts.evaluation.figures import figures_of
    from scripts.evaluation.record import load_record, worse_than_recorded
    from scripts.train import ensure_model

    return worse_than_recorded(figures_of(ask_all(ensure_model(), load_part(REPORTING))), load_record())


def settle(questions: Questions, proposals: Sequence[Proposal], state: str) -> None:
    """Set what became of the groups; one that the desk has decided on anew meanwhile keeps that."""
    for proposal in proposals:
        group = proposal.group
        with suppress(DecidedMeanwhile):
            questions.decide(group.id, group.version, state, by=BY, answer=group.answer)


def note(log: Path, proposals: Sequence[Proposal], worse: Sequence[str]) -> None:
    """Add a line to the log for each group."""
    now, outcome = datetime.now(UTC).isoformat(timespec="seconds"), "refused" if worse else "taken"
    log.parent.mkdir(exist_ok=True)
    with log.open("a") as lines:
        for each in proposals:
            lines.write(f"{now} {outcome}: group {each.group.id}, {each.group.answer}, {len(each.texts)} examples\n")


def tell(proposals: Sequence[Proposal], worse: Sequence[str]) -> None:
    """Say what was done, and what to do now."""
    count = sum(len(proposal.texts) for proposal in proposals)
    if worse:
        print(f"Refused: with {count} new examples the bot understands worse. The files are as they were.")
        print("\n".join(worse))
        return
    print(f"Added {count} examples for {len(proposals)} groups. Look at `git diff data/nlu`, then commit it.")


if __name__ == "__main__":
    sys.exit(main())
