"""Builders that more than one test file uses, one module a room."""
