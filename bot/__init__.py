"""The clinic's FAQ bot: records, settings, understanding and the web door."""
