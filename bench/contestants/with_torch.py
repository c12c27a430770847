"""torch: the usual network of modules, double backward."""

from __future__ import annotations

import numpy as np
import problems
import torch

VERSIONS = ("torch",)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
CHUNK = 64  # vectors that vmap takes at once


def network(problem):
    """The module, the loss, inputs and labels."""
    layers = []
    parts = problem.split(torch.tensor(problem.x))
    for W, b in zip(parts[::2], parts[1::2], strict=True):
        layer = torch.nn.Linear(*W.shape)
        layer.weight.data, layer.bias.data = W.T.contiguous(), b.clone()
        layers += [layer, torch.nn.Tanh()]
    net = torch.nn.Sequential(*layers[:-1])
    return net, torch.nn.CrossEntropyLoss(), torch.tensor(problem.X), torch.tensor(problem.y)


def shaped(problem, flat):
    """A vector, or rows of vectors, in the shapes of the module's parameters (W transposed)."""
    out, at = [], 0
    for shape in problem.shapes:
        size = int(np.prod(shape))
        part = flat[..., at : at + size].reshape(*flat.shape[:-1], *shape)
        out.append(part.swapaxes(-1, -2).contiguous() if len(shape) == 2 else part.contiguous())
        at += size
    return out


def flat(problem, parts):
    """The way back: one tensor a parameter, each with the same leading axes."""
    out = []
    for part, shape in zip(parts, problem.shapes, strict=True):
        part = part.detach()
        if len(shape) == 2:
            part = part.swapaxes(-1, -2)
        out.append(part.reshape(*part.shape[: part.ndim - len(shape)], -1))
    return torch.cat(out, dim=-1).numpy()


def gradient(f, x):
    return torch.autograd.grad(f(), x, create_graph=True)


def setup(problem):
    """The loss as a function of nothing, and the parameters."""
    if isinstance(problem, problems.Rosenbrock):
        x = torch.tensor(problem.x, requires_grad=True)
        return lambda: torch.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), [x]
    net, loss, X, y = network(problem)
    return lambda: loss(net(X), y), list(net.parameters())


def vector(problem, v):
    v = torch.tensor(v)
    return [v] if isinstance(problem, problems.Rosenbrock) else shaped(problem, v)


def array(problem):
    if isinstance(problem, problems.Rosenbrock):
        return lambda parts: parts[0].detach().numpy()
    return lambda parts: flat(problem, parts)


def kept(problem):
    f, params = setup(problem)
    g, v = gradient(f, params), vector(problem, problem.v)
    run = lambda: torch.autograd.grad(g, params, grad_outputs=v, retain_graph=True)
    return run, array(problem)


def fresh(problem):
    f, params = setup(problem)
    v = vector(problem, problem.v)
    run = lambda: torch.autograd.grad(gradient(f, params), params, grad_outputs=v)
    return run, array(problem)


def loop(problem, g, params, rows):
    """Products with rows of vectors, one after the other."""
    out = [torch.empty_like(part) for part in rows]
    for i, v in enumerate(zip(*rows, strict=True)):
        Hv = torch.autograd.grad(g, params, grad_outputs=v, retain_graph=True)
        for part, row in zip(out, Hv, strict=True):
            part[i] = row
    return out


def batched(problem, g, params, rows):
    """Products with rows of vectors, `CHUNK` at once by vmap."""
    got = [
        torch.autograd.grad(g, params, grad_outputs=v, retain_graph=True, is_grads_batched=True)
        for v in zip(*(part.split(CHUNK) for part in rows), strict=True)
    ]
    return [torch.cat(parts) for parts in zip(*got, strict=True)]


def block(products):
    def make(problem):
        f, params = setup(problem)
        g, rows = gradient(f, params), vector(problem, np.ascontiguousarray(problem.V.T))
        to_array = array(problem)
        return lambda: products(problem, g, params, rows), lambda parts: to_array(parts).T

    return make


def dense(products):
    def make(problem):
        f, params = setup(problem)
        eye = vector(problem, np.eye(problem.x.size))
        return lambda: products(problem, gradient(f, params), params, eye), array(problem)

    return make


def first(problem):
    def run():
        x = torch.tensor(problem.x)
        f = lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
        return torch.autograd.functional.hessian(f, x)

    return run, lambda H: H.numpy()


CONTESTANTS = {
    "torch": {
        "hvp-kept": kept,
        "hvp-fresh": fresh,
        "hvp-100": block(loop),
        "dense": dense(loop),
        "first": first,
        "by n: H·v": kept,
        "by n: H": dense(loop),
        "by rows": kept,
    },
    "torch vmap": {
        "hvp-100": block(batched),
        "dense": dense(batched),
        "by n: H": dense(batched),
    },
}
