"""How many visitors the product takes, and how long they wait: Locust against the real processes."""
