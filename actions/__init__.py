"""The custom actions that the action server runs: one, which says any answer."""
