"""The parts of a customer's state, one a file: plain data, no rules. The rules are the folds in `cem.domain.facts`."""
