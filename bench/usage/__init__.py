"""Abnormal use of messages: a seeded injector, a population in which nothing is wrong, and what the detectors make of both."""
