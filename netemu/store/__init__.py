"""Versioned objects with watch, behind etcd's verbs; SQLite keeps them."""
