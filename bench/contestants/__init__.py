"""Who takes part: one module a peer.

`CONTESTANTS` of a module maps a label to its tasks, and a task to `make(problem)`, which prepares
all that is not timed and returns `run, finish`. `run()` is timed. `finish(result)` turns what it
returned into a float64 array, in the order of `problems`: flat x, matrices (inputs, outputs).
A `make` that returns None takes no part in that workload.
`VERSIONS` names the distributions whose versions go onto the page.
"""

MODULES = ("ours", "stock", "by_hand", "with_torch", "with_jax", "with_curvlinops",
           "with_pyhessian", "with_scipy", "with_numdifftools")  # fmt: skip
