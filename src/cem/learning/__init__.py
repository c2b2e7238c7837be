"""Models that learn from the stream, one example at a time: the only room that knows River.

One thread does their arithmetic. Their matrices are small, so a second one costs more than it gives (a hundredfold on
a busy machine); and sums split among threads may differ in the last bit, by which a model is no longer the same model.
BLAS reads the number when numpy is first imported, so it is said before that; who sets the variable is obeyed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
