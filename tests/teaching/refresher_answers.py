"""Answers to the exercises of the refreshers, as learners might write them, wrong and right."""

import warnings

import numpy as np
import torch

# R.1: (w, loss_of, rate, steps) -> w ------------------------------------------------------------


def descent(step, clear=True, steps_taken=None):
    """Make a descent: `step(w, rate)` moves w in place, by w.grad."""

    def descend(w, loss_of, rate, steps):
        for _ in range(steps if steps_taken is None else steps_taken):
            loss_of(w).backward()
            with torch.no_grad():
                step(w, rate)
            if clear:
                w.grad = None
        return w

    return descend


def downhill(w, rate):
    w -= rate * w.grad


def uphill(w, rate):
    w += rate * w.grad


def over_rate(w, rate):
    w -= w.grad / rate


def no_rate(w, rate):
    w -= w.grad


def stale_gradient(w, loss_of, rate, steps):
    loss_of(w).backward()
    with torch.no_grad():
        for _ in range(steps):
            w -= rate * w.grad
    return w


def remembered_step(w, loss_of, rate, steps):
    for _ in range(steps):
        loss_of(w).backward()
        w -= rate * w.grad
    return w


def new_tensor(w, loss_of, rate, steps):
    for _ in range(steps):
        loss_of(w).backward()
        with warnings.catch_warnings(action="ignore"):  # PyTorch's, that w is no leaf any more
            w = w - rate * w.grad
    return w


def forgetful_tensor(w, loss_of, rate, steps):
    for _ in range(steps):
        loss_of(w).backward()
        with torch.no_grad():
            w = w - rate * w.grad
    return w


def only_backward(w, loss_of, rate, steps):
    loss_of(w).backward()
    return w


# R.2: (logits, labels) -> loss ------------------------------------------------------------------


def shares(scores, axis=1):
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def right(values, labels):
    return values[np.arange(len(labels)), labels]


def naive_loss(logits, labels):
    with np.errstate(all="ignore"):
        powers = np.exp(logits)
        return -np.log(right(powers / powers.sum(1, keepdims=True), labels)).mean()


def largest_of_all(logits, labels):
    powers = np.exp(logits - logits.max())
    with np.errstate(all="ignore"):
        return -np.log(right(powers, labels) / powers.sum(1)).mean()


def by_columns(logits, labels):
    z = logits - logits.max(axis=0)
    return -right(z - np.log(np.exp(z).sum(axis=0)), labels).mean()


# R.3: (x, running_mean, running_var, weight, bias, eps, training) -> array ----------------------


def norm(batch=lambda x: (x.mean(0), x.var(0)), root=lambda v, eps: np.sqrt(v + eps), mode=None):
    """Make a BatchNorm: statistics of a batch, divisor, and which mode it takes."""

    def batchnorm(x, mean, var, weight, bias, eps, training):
        if training if mode is None else mode(training):
            mean, var = batch(x)
        return (x - mean) / root(var, eps) * weight + bias

    return batchnorm


def rows(x):
    return x.mean(1, keepdims=True), x.var(1, keepdims=True)


def bare(x, mean, var, weight, bias, eps, training):
    mean, var = (x.mean(0), x.var(0)) if training else (mean, var)
    return (x - mean) / np.sqrt(var + eps)


# R.4: (queries, keys, values, mask) -> array ----------------------------------------------------


def head(scale=lambda k: k.shape[1] ** 0.5, axis=1, hidden=-np.inf, sees=lambda m: m):
    """Make an attention head: what divides the scores, the softmax's axis, how keys are hidden."""

    def attend(queries, keys, values, mask):
        scores = np.where(sees(mask), queries @ keys.T / scale(keys), hidden)
        with np.errstate(all="ignore"):
            return shares(scores, axis) @ values

    return attend


def masked_late(queries, keys, values, mask):
    return (shares(queries @ keys.T / 2) * mask) @ values


def only_shares(queries, keys, values, mask):
    return shares(np.where(mask, queries @ keys.T / 2, -np.inf))


# R.5: (w, gradient, mean, square, step, rate, decay) -> (w, mean, square) -----------------------


def adam(
    correct=lambda m, v, t: (m / (1 - 0.9**t), v / (1 - 0.999**t)),
    root=lambda v: v**0.5 + 1e-8,
    decayed=lambda w, rate, decay: rate * decay * w,
    l2=False,
    betas=(0.9, 0.999),
    sign=-1,
    keep=False,
):
    """Make a step of AdamW with one part of it exchanged."""

    def step_once(w, gradient, mean, square, step, rate, decay):
        if l2:
            gradient = gradient + decay * w
        mean = betas[0] * mean + (1 - betas[0]) * gradient
        square = betas[1] * square + (1 - betas[1]) * gradient**2
        m, v = correct(mean, square, step)
        w = w - decayed(w, rate, decay) + sign * rate * m / root(v)
        return (w, m, v) if keep else (w, mean, square)

    return step_once


def swapped(mean, square, step):
    return mean / (1 - 0.999**step), square / (1 - 0.9**step)


# R.6: (means) -> (low, high) --------------------------------------------------------------------


def narrow(means):
    return means.mean() + 1.96 * means.std() / len(means) ** 0.5 * np.array([-1, 1])


# Right, and written otherwise than the solutions --------------------------------------------------


def by_optimiser(w, loss_of, rate, steps):
    optimizer = torch.optim.SGD([w], lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(w).backward()
        optimizer.step()
    return w


def by_autograd(w, loss_of, rate, steps):
    for _ in range(steps):
        w = w - rate * torch.autograd.grad(loss_of(w), w)[0]
    return w.tolist()


def by_torch_loss(logits, labels):
    return torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(labels))


def by_torch_norm(x, mean, var, weight, bias, eps, training):
    x, mean, var, weight, bias = map(torch.tensor, (x, mean, var, weight, bias))
    return torch.nn.functional.batch_norm(x, mean, var, weight, bias, training, 0.1, eps)


def by_torch_attention(queries, keys, values, mask):
    q, k, v, mask = map(torch.tensor, (queries, keys, values, mask))
    seen = mask.expand(len(q), len(k))
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, seen)


def masked_and_shared_anew(queries, keys, values, mask):
    weights = shares(queries @ keys.T / 2) * mask
    return weights / weights.sum(1, keepdims=True) @ values


def decayed_first(w, gradient, mean, square, step, rate, decay):
    return adam(decayed=lambda *a: 0)(
        w * (1 - rate * decay), gradient, mean, square, step, rate, decay
    )


def by_sorting(means):
    ordered = np.sort(means)
    return np.interp([0.025, 0.975], np.linspace(0, 1, len(ordered)), ordered)


RIGHT = [
    ("R.1", by_optimiser),
    ("R.1", by_autograd),
    ("R.1", descent(downhill)),
    ("R.2", by_torch_loss),
    ("R.3", by_torch_norm),
    ("R.4", by_torch_attention),
    ("R.4", masked_and_shared_anew),
    ("R.4", head(hidden=-1e9)),
    ("R.5", decayed_first),
    ("R.6", by_sorting),
]

# (exercise, words that only its message holds, function)
WRONG = [
    ("R.1", "You seem to add the gradient", descent(uphill)),
    ("R.1", "never to clear the gradient", descent(downhill, clear=False)),
    ("R.1", "compute the gradient once", stale_gradient),
    ("R.1", "divide by the rate", descent(over_rate)),
    ("R.1", "leave out the rate", descent(no_rate)),
    ("R.1", "stop after one step", descent(downhill, steps_taken=1)),
    ("R.1", "w as it was given", only_backward),
    ("R.1", "A step is not part of the loss", remembered_step),
    ("R.1", "Is backward() called first?", new_tensor),
    ("R.1", "which remembers nothing", forgetful_tensor),
    ("R.2", "as large as 1000", naive_loss),
    ("R.2", "as large as 1000", largest_of_all),
    ("R.2", "return the sum", lambda z, y: -np.log(right(shares(z), y)).sum()),
    ("R.2", "lost the minus", lambda z, y: np.log(right(shares(z), y)).mean()),
    ("R.2", "np.log10", lambda z, y: -np.log10(right(shares(z), y)).mean()),
    ("R.2", "np.log2", lambda z, y: -np.log2(right(shares(z), y)).mean()),
    ("R.2", "class 0 in every row", lambda z, y: -np.log(shares(z)[:, 0]).mean()),
    ("R.2", "largest logit. That says", lambda z, y: -np.log(shares(z).max(1)).mean()),
    ("R.2", "average over all classes", lambda z, y: -np.log(shares(z)).mean()),
    ("R.2", "take the logit itself", lambda z, y: -right(z, y).mean()),
    ("R.2", "average the probabilities", lambda z, y: -np.log(right(shares(z), y).mean())),
    ("R.2", "down the columns", by_columns),
    ("R.2", "expected one number", lambda z, y: -np.log(right(shares(z), y))),
    ("R.3", "in eval mode too", norm(mode=lambda training: True)),
    ("R.3", "in train mode too", norm(mode=lambda training: False)),
    ("R.3", "modes seem to be swapped", norm(mode=lambda training: not training)),
    ("R.3", "divide by the variance", norm(root=lambda v, eps: v + eps)),
    ("R.3", "leave out eps", norm(root=lambda v, eps: np.sqrt(v))),
    ("R.3", "eps to the standard deviation", norm(root=lambda v, eps: np.sqrt(v) + eps)),
    ("R.3", "squares by n - 1", norm(batch=lambda x: (x.mean(0), x.var(0, ddof=1)))),
    ("R.3", "LayerNorm", norm(batch=rows)),
    ("R.3", "one mean over the whole batch", norm(batch=lambda x: (x.mean(), x.var()))),
    ("R.3", "leave out weight and bias", bare),
    ("R.4", "leave out the scale", head(scale=lambda k: 1)),
    ("R.4", "divide by the width d", head(scale=lambda k: k.shape[1])),
    ("R.4", "number of keys", head(scale=lambda k: len(k) ** 0.5)),
    ("R.4", "softmax over the queries", head(axis=0, hidden=-1e9)),
    ("R.4", "found nan: a softmax", head(axis=0)),
    ("R.4", "mask after the softmax", masked_late),
    ("R.4", "hide what may be seen", head(sees=lambda m: ~m)),
    ("R.4", "leave out the mask", head(sees=lambda m: np.full_like(m, True))),
    ("R.4", "hidden scores to 0", head(hidden=0.0)),
    ("R.4", "return the weights", only_shares),
    ("R.5", "leave out the bias correction", adam(lambda m, v, t: (m, v))),
    ("R.5", "correct the mean and not", adam(lambda m, v, t: (m / (1 - 0.9**t), v))),
    ("R.5", "correct the square and not", adam(lambda m, v, t: (m, v / (1 - 0.999**t)))),
    (
        "R.5",
        "count the steps from 0",
        adam(lambda m, v, t: (m / (1 - 0.9 ** (t + 1)), v / (1 - 0.999 ** (t + 1)))),
    ),
    ("R.5", "under the root. It is", adam(root=lambda v: (v + 1e-8) ** 0.5)),
    ("R.5", "leave out 1e-8", adam(root=lambda v: v**0.5)),
    ("R.5", "square itself", adam(root=lambda v: v + 1e-8)),
    ("R.5", "Adam with L2", adam(l2=True, decayed=lambda *a: 0)),
    ("R.5", "leave out the weight decay", adam(decayed=lambda *a: 0)),
    ("R.5", "rate out of the decay", adam(decayed=lambda w, rate, decay: decay * w)),
    ("R.5", "add the step", adam(sign=1)),
    ("R.5", "return the corrected means", adam(keep=True)),
    ("R.5", "betas seem to be swapped", adam(betas=(0.999, 0.9), correct=swapped)),
    ("R.5", "expected three numbers", lambda w, *rest: adam()(w, *rest)[0]),
    ("R.6", "leaves 90 %", lambda m: np.percentile(m, [5, 95])),
    ("R.6", "smallest and the largest", lambda m: (m.min(), m.max())),
    ("R.6", "counts from 0 to 100", lambda m: np.percentile(m, [0.025, 0.975])),
    ("R.6", "(high, low)", lambda m: np.percentile(m, [97.5, 2.5])),
    ("R.6", "far too narrow", narrow),
]
