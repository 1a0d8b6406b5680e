"""Understanding: one Rasa component a module, each a thin coat over plain functions."""
