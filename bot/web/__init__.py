"""The front server: the only door that listens beyond loopback."""
