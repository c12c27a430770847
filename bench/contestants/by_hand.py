"""The R-operator written by hand in numpy: what is physically possible with numpy and one BLAS.

Pearlmutter, *Fast Exact Multiplication by the Hessian*, Neural Computation 6 (1994): R{·} of every
line of the backward pass. No tracing, no checks, no generality.
"""

from __future__ import annotations

import numpy as np

VERSIONS = ("numpy",)
NUMBERS = 2**18  # in one array: what fits the caches, measured


class ByHand:
    """Forward and backward pass at x, kept; `products` takes rows, (k, n)."""

    def __init__(self, problem):
        self.problem, self.N, self.kept = problem, len(problem.y), {}
        parts = problem.split(problem.x)
        self.Ws, bs = parts[::2], parts[1::2]
        self.hs = [problem.X]
        for W, b in zip(self.Ws[:-1], bs[:-1], strict=True):
            a = self.hs[-1] @ W
            a += b
            self.hs.append(np.tanh(a, out=a))
        z = self.hs[-1] @ self.Ws[-1] + bs[-1]
        p = np.exp(z - z.max(axis=1, keepdims=True))
        self.p = p / p.sum(axis=1, keepdims=True)
        g = self.p.copy()
        g[np.arange(self.N), problem.y] -= 1
        g /= self.N
        self.gs, self.slopes = [g], [1 - h * h for h in self.hs[1:]]
        for W, slope in zip(self.Ws[:0:-1], self.slopes[::-1], strict=True):
            self.gs.insert(0, (self.gs[0] @ W.T) * slope)
        # g = back (1 − h²), so R{g} = R{back} (1 − h²) − 2 h g R{a}
        self.bends = [-2 * h * g for h, g in zip(self.hs[1:], self.gs[:-1], strict=True)]

    def arrays(self, k):
        """Where the results of a pass with k vectors go: fresh memory would cost more than sums."""
        if k not in self.kept:
            widths = [W.shape[1] for W in self.Ws]
            passes = [[np.empty((k, self.N, c)) for c in widths] for _ in range(3)]
            self.kept[k] = *passes, [np.empty((k, *W.shape)) for W in self.Ws]
        return self.kept[k]

    def result(self, shape):
        """Where products go; it is written over by the next ones."""
        if shape not in self.kept:
            self.kept[shape] = np.empty(shape)
        return self.kept[shape]

    def products(self, rows, out=None):
        k, N = len(rows), self.N
        parts, at = [], 0
        for shape in self.problem.shapes:
            size = int(np.prod(shape))
            parts.append(rows[:, at : at + size].reshape(k, *shape))
            at += size
        RWs, Rbs = parts[::2], parts[1::2]
        Ras, Rhs, more, RW2s = self.arrays(k)
        for i, W in enumerate(self.Ws):
            Ra = np.matmul(self.hs[i], RWs[i], out=Ras[i])
            if i:
                np.dot(Rhs[i - 1].reshape(k * N, -1), W, out=more[i].reshape(k * N, -1))
                Ra += more[i]
            Ra += Rbs[i][:, None, :]
            if i < len(self.slopes):
                np.multiply(Ra, self.slopes[i], out=Rhs[i])
        Rg = np.multiply(self.p, Ras[-1], out=Rhs[-1])
        Rg -= np.multiply(self.p, Rg.sum(axis=2, keepdims=True), out=more[-1])
        Rg /= N
        out = self.result(rows.shape) if out is None else out
        end = rows.shape[1]
        for i in range(len(self.Ws) - 1, -1, -1):
            d, c = self.Ws[i].shape
            np.einsum("kic->kc", Rg, out=out[:, end - c : end])
            RW = out[:, end - c - d * c : end - c].reshape(k, d, c)  # a view
            np.matmul(self.hs[i].T, Rg, out=RW)
            if i:
                RW += np.matmul(Rhs[i - 1].transpose(0, 2, 1), self.gs[i], out=RW2s[i])
            end -= c + d * c
            if i:
                back = np.matmul(self.gs[i], RWs[i].transpose(0, 2, 1), out=more[i - 1])
                np.dot(Rg.reshape(k * N, c), self.Ws[i].T, out=Rhs[i - 1].reshape(k * N, d))
                back += Rhs[i - 1]
                back *= self.slopes[i - 1]
                Ras[i - 1] *= self.bends[i - 1]
                back += Ras[i - 1]
                Rg = back
        return out

    def width(self):
        """Rows of a block that goes through at once."""
        return int(np.clip(NUMBERS // (self.N * max(self.problem.sizes[1:])), 1, 32))

    def block(self, rows):
        k, out = self.width(), self.result(rows.shape)
        for i in range(0, len(rows), k):
            self.products(rows[i : i + k], out[i : i + k])
        return out


def kept(problem):
    hand = ByHand(problem)
    return lambda: hand.products(problem.v[None])[0], np.asarray


def fresh(problem):
    return lambda: ByHand(problem).products(problem.v[None])[0], np.asarray


def block(problem):
    hand = ByHand(problem)
    return lambda: hand.block(np.ascontiguousarray(problem.V.T)).T, np.asarray


def dense(problem):
    return lambda: ByHand(problem).block(np.eye(problem.x.size)), np.asarray


CONTESTANTS = {
    "numpy by hand": {
        "hvp-kept": kept,
        "hvp-fresh": fresh,
        "hvp-100": block,
        "dense": dense,
        "by rows": kept,
    }
}
