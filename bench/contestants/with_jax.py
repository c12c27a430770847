"""JAX, compiled; compilation is not timed (but for the first Hessian of an interpreter)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import problems

VERSIONS = ("jax", "jaxlib")
jax.config.update("jax_enable_x64", True)
CHUNK = 64  # vectors that lax.map takes at once


def objective(problem):
    if isinstance(problem, problems.Rosenbrock):
        return lambda x: jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    X, y, rows = jnp.array(problem.X), jnp.array(problem.y), jnp.arange(len(problem.y))

    def f(x):
        h, parts = X, problem.split(x)
        for W, b in zip(parts[:-2:2], parts[1:-2:2], strict=True):
            h = jnp.tanh(h @ W + b)
        z = h @ parts[-2] + parts[-1]
        return jnp.mean(jax.scipy.special.logsumexp(z, axis=1) - z[rows, y])

    return f


def product(f):
    return lambda x, v: jax.jvp(jax.grad(f), (x,), (v,))[1]


def ready(call, *args):
    """A run of compiled code: compiled now, waited for when timed."""
    jax.block_until_ready(call(*args))
    return lambda: jax.block_until_ready(call(*args)), np.asarray


def kept(problem):
    linear = jax.jit(jax.linearize(jax.grad(objective(problem)), jnp.array(problem.x))[1])
    return ready(linear, jnp.array(problem.v))


def fresh(problem):
    return ready(jax.jit(product(objective(problem))), jnp.array(problem.x), jnp.array(problem.v))


def block_loop(problem):
    linear = jax.jit(jax.linearize(jax.grad(objective(problem)), jnp.array(problem.x))[1])
    rows = [jnp.array(v) for v in problem.V.T]
    run, _ = ready(lambda: [linear(v) for v in rows])
    return run, lambda found: np.stack(found, axis=1)


def block_vmap(problem):
    hv = product(objective(problem))
    run, _ = ready(
        jax.jit(lambda x, V: jax.vmap(lambda v: hv(x, v))(V)),
        jnp.array(problem.x),
        jnp.array(problem.V.T),
    )
    return run, lambda found: np.asarray(found).T


def block_map(problem):
    hv = product(objective(problem))
    run, _ = ready(
        jax.jit(lambda x, V: jax.lax.map(lambda v: hv(x, v), V)),
        jnp.array(problem.x),
        jnp.array(problem.V.T),
    )
    return run, lambda found: np.asarray(found).T


def dense(problem):
    return ready(jax.jit(jax.hessian(objective(problem))), jnp.array(problem.x))


def dense_map(problem):
    hv, n = product(objective(problem)), problem.x.size
    call = jax.jit(lambda x: jax.lax.map(lambda v: hv(x, v), jnp.eye(n), batch_size=CHUNK))
    return ready(call, jnp.array(problem.x))


def first(problem):
    def run():
        f = lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
        return jax.block_until_ready(jax.hessian(f)(jnp.array(problem.x)))

    return run, np.asarray


CONTESTANTS = {
    "JAX jit": {
        "hvp-kept": kept,
        "hvp-fresh": fresh,
        "hvp-100": block_loop,
        "dense": dense,
        "first": first,
        "by n: H·v": kept,
        "by n: H": dense,
        "by rows": kept,
    },
    "JAX vmap": {"hvp-100": block_vmap},
    "JAX lax.map": {"hvp-100": block_map, "dense": dense_map},
}
