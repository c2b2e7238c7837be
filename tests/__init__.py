"""The tests' own package: a real one, so that no `tests` folder of an installed wheel can hide its helpers."""
