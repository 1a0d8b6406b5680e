"""Measure the bot on messages nobody trained on: `python -m scripts.evaluate`.

Prints the figures against their bars and writes var/evaluation/report.html and figures.json. The reporting part is
never shown line by line; `--misses` prints those of the calibration part.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from bot.paths import ROOT
from scripts.evaluation import peers, rasa_default, report
from scripts.evaluation.data import CALIBRATION, PARTS, REPORTING, EvaluationPart, Example, load_examples, load_part
from scripts.evaluation.figures import figures_of
from scripts.evaluation.outcomes import Outcome, Outcomes, outcomes_of
from scripts.evaluation.record import RECORD, write_record
from scripts.train import QUIET, ensure_model

FOLDER = ROOT / "var" / "evaluation"


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate; return the exit code, which is 0 also where a bar is missed: the tests hold the figures."""
    options = read_options(arguments)
    os.environ.update(QUIET)  # before Rasa and TensorFlow are imported
    warnings.simplefilter("ignore")  # Rasa's own, on its old libraries
    try:
        model = ensure_model()
    except RuntimeError as reason:
        print(reason, file=sys.stderr)
        return 1
    examples = load_examples()
    part = load_part(options.part, examples=examples)
    outcomes = ask_all(model, part)
    if options.record:
        write_record(part, figures_of(outcomes))
        print(f"Recorded in {RECORD.relative_to(ROOT)}; the tests hold later changes to it.")
        return 0
    show(compared(part, outcomes, examples, renew=options.peers == "all"))
    if options.misses:
        print_misses(outcomes.messages)
    return 0


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line; leaves with a message where they do not go together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, default=REPORTING)
    parser.add_argument("--peers", choices=("quick", "all"), default="quick", help="all trains DIET too: half an hour")
    parser.add_argument("--record", action="store_true", help="record the reporting part's figures for the tests")
    parser.add_argument("--misses", action="store_true", help="print the misses of the calibration part")
    options = parser.parse_args(arguments)
    if options.misses and options.part != CALIBRATION:
        parser.error(f"the {REPORTING} part is never shown; add --part {CALIBRATION}")
    if options.record and options.part != REPORTING:
        parser.error(f"only the {REPORTING} part is recorded")
    return options


def ask_all(model: Path, part: EvaluationPart) -> Outcomes:
    """Return what the bot with a model says to everything in a part."""
    from scripts.local_bot import LocalBot

    return outcomes_of(LocalBot(model), part)


def compared(part: EvaluationPart, outcomes: Outcomes, examples: Sequence[Example], *, renew: bool) -> report.Result:
    """Return the bot's figures with those of its peers beside them."""
    bot = peers.ours(outcomes.messages)
    quick = peers.QuickPeers(part.messages, examples)
    rasa, remark = rasa_peer(part, examples, renew=renew)
    others = quick.ranked() + ([rasa] if rasa else [])
    remarks = {peers.RASA: remark} | {
        name: f"{min(shares):.1%} to {max(shares):.1%} with a fifth of the examples left out"
        for name, shares in quick.spread(float(bot.wrong.mean())).items()
    }
    figures = [*figures_of(outcomes), peers.margin(bot, others)]
    return report.Result(part, outcomes, figures, [bot, *others], remarks)


def rasa_peer(part: EvaluationPart, examples: Sequence[Example], *, renew: bool) -> tuple[peers.Ranked | None, str]:
    """Return Rasa's default pipeline, trained now or as it was kept last, and a remark on it; None where neither is."""
    if renew:
        print("Training Rasa's default pipeline (half an hour on two idle cores) …", flush=True)
        texts = [turn.ask for name in PARTS for turn in load_part(name, examples=[]).messages]
        rasa_default.renew(examples, texts)
    kept = rasa_default.load_kept()
    predictions = kept.of([turn.ask for turn in part.messages]) if kept else None
    if not kept or not predictions:
        return None, "not measured on these messages; run 'make evaluate PEERS=all'"
    ranked = peers.rasa_peer(part.messages, predictions)
    return ranked, rasa_default.remark(kept, predictions, ranked.right, ranked.wrong, examples)


def show(result: report.Result) -> None:
    """Print the table and write the report."""
    report.write(result, FOLDER)
    print(report.table(result))
    print(f"\nThe whole report: {(FOLDER / 'report.html').relative_to(ROOT)}")


def print_misses(outcomes: Sequence[Outcome]) -> None:
    """Print each message that was not served right, with its label and what came."""
    print()
    for outcome in sorted((o for o in outcomes if not o.is_right), key=lambda o: o.turn.label):
        reply = outcome.first
        offered = " ".join(button["choice"] for button in reply["next"]) if reply["kind"] == "choice" else ""
        came = f"{reply['kind']} {offered or reply['answer']}"
        print(f"{outcome.turn.label} <- {came} {reply['confidence']:.2f}: {outcome.turn.ask}")


if __name__ == "__main__":
    sys.exit(main())
