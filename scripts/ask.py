"""Print the bot's reply to one question, without servers: `python -m scripts.ask "can pcos cause miscarriage?"`."""

import os
import sys

from scripts.train import QUIET, ensure_model


def main(question: str) -> int:
    """Ask and print; return the exit code."""
    if not question.strip():
        print('Ask a question, for example: make ask Q="can pcos cause miscarriage?"', file=sys.stderr)
        return 2
    try:
        model = ensure_model()
    except RuntimeError as reason:
        print(reason, file=sys.stderr)
        return 1
    os.environ.update(QUIET)  # before Rasa and TensorFlow are imported
    from bot.reply import as_text
    from bot.web.chat import clean_text
    from scripts.local_bot import LocalBot

    for reply in LocalBot(model).ask(clean_text(question)):
        print(f"\n[{reply['answer']}, {reply['kind']}, {reply['confidence']:.2f}]\n{as_text(reply)}")
        print("\n".join(f"  > {button['label']}" for button in reply["next"]))
    return 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
