"""Measuring the bot on messages that nobody trained on: `python -m scripts.evaluate`."""
