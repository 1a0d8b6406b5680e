"""The database: counts, and the questions that visitors sent. Never a person, a conversation or an unredacted word."""
