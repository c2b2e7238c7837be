"""Learners for tables: mappings of names to numbers and texts, learnt in one pass."""
