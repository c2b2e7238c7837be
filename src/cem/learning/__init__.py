"""Models that learn from the stream, one example at a time: the only room that knows River.

One thread does their arithmetic. Their matrices are small, so a second one costs more than it gives (a hundredfold on
a busy machine); and sums split among threads may differ in the last bit, by which a model is no longer the same model.
Both BLAS, numpy's and scipy's, are told so here; who sets OPENBLAS_NUM_THREADS is obeyed.
"""

from __future__ import annotations

import os

if "OPENBLAS_NUM_THREADS" not in os.environ:
    import numpy  # noqa: F401 (what is limited must be loaded)
    import scipy.linalg.blas  # noqa: F401
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
