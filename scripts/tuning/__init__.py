"""How the sentence encoder was tuned to our messages: `python -m scripts.tuning.tune`, about half an hour."""
