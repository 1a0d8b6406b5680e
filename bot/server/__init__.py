"""What runs inside Rasa's server beside its pipeline: where conversations are kept, and the channel."""
