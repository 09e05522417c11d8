"""[IO] What each kubectl word does with the API; one module a word, called by ``commands``."""
