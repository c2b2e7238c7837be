"""One worker of the product, wired as in service, with the peers' fold as its job. Settings come from `CEM_*`."""

from __future__ import annotations

import asyncio
import logging
import os

from bench.stream.job import BenchStepper
from cem.bootstrap.worker import run_worker
from cem.settings import Settings

__all__: list[str] = []


def main() -> None:
    """Run until SIGTERM; print a mark at the first record."""
    logging.basicConfig(level=logging.WARNING)
    stepper = BenchStepper(os.environ["BENCH_ALERTS"], lambda: print("MARK first", flush=True))
    asyncio.run(run_worker(Settings.from_env(os.environ), job=stepper))


if __name__ == "__main__":
    main()
