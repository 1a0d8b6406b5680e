"""`make bench`: how fast the bot is, beside the least that Rasa costs and beside Rasa's default, on one machine."""
