"""The facts: what is known of a customer, one fold a file.

Each file states its unit, its window and the batch computation that it must equal after any stream and any cut into
batches. "Order-free" means that the events may arrive in any order; ties of event time go to what arrived last.
Windows are half open: what happened at t is inside a window of w until, and not at, t + w. Counts in windows need no
tick: a reader evaluates them at its own instant from kept times (`cem.domain.view`).
"""
