"""A linear head for a trunk that has none for a person's classes: what turns packaged weights into a network."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from aggdist.aggregation import layer
from aggdist.capture.tap import evaluating
from aggdist.own_network.batches import home

_FEWEST = 2  # images of each class; more is better, but this is what a regression needs


def with_head(
    trunk: nn.Module,
    images: Tensor,
    labels: ArrayLike,
    aggregation: str = "avg",
    *,
    strength: float = 1.0,
    batch_size: int = 64,
) -> nn.Sequential:
    """The network `trunk, aggregation, linear head`, the head fitted to these images.

    The head is a multinomial logistic regression on standardised pooled features (scikit-learn's);
    the trunk keeps its weights. Give other images to `analyse`: laws fitted to images that a head has learnt would
    promise a separation that new images do not have.

    Parameters
    ----------
    trunk : torch.nn.Module
        Images (n, ...) to maps (n, C, *positions).
    images : torch.Tensor, shape (n, ...)
        What the trunk takes.
    labels : array_like of int, shape (n,)
        0 to J - 1, at least two images of each.
    aggregation : str
        A key of `aggdist.aggregation.AGGREGATIONS`.
    strength : float
        Inverse of the penalty on weights (scikit-learn's `C`), positive.
    batch_size : int
        Images in one forward pass.

    Returns
    -------
    torch.nn.Sequential of trunk, aggregation and `torch.nn.Linear(C, J)`, in evaluation mode.

    Raises
    ------
    ValueError
        For labels that are not 0 to J - 1, too few images, or a trunk that does not give maps.
    """
    from sklearn.linear_model import LogisticRegression

    known = _checked(labels, len(images))
    network = nn.Sequential(trunk, layer(aggregation))
    place, dtype = home(trunk)
    with evaluating(network):
        maps = trunk(images[:1].to(place, dtype))
        if maps.ndim < 3:
            raise ValueError(
                f"trunk: got outputs of shape {tuple(maps.shape)} for one image, expected maps (1, C, *positions)"
            )
        pooled = torch.cat(
            [network(part.to(place, dtype)).double().cpu() for part in torch.split(images, batch_size)]
        ).numpy()
    deviation = pooled.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)  # a silent channel stays as it is
    centre = pooled.mean(axis=0)
    fitted = LogisticRegression(C=strength, max_iter=2000).fit((pooled - centre) / scale, known)
    weights = fitted.coef_ / scale
    bias = fitted.intercept_ - weights @ centre
    if len(weights) == 1:  # two classes have one row: the difference of the two
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    head = nn.Linear(pooled.shape[1], len(weights))
    head.load_state_dict({"weight": torch.tensor(weights), "bias": torch.tensor(bias)})
    return network.append(head.to(place, dtype)).eval()


def _checked(labels: ArrayLike, images: int) -> NDArray[np.integer]:
    known = np.asarray(labels)
    if known.shape != (images,) or not np.issubdtype(known.dtype, np.integer):
        raise ValueError(
            f"labels: got {known.dtype} of shape {known.shape}, expected integers of shape ({images},), one per image"
        )
    counts = np.bincount(known[known >= 0])
    if np.any(known < 0) or len(counts) < 2 or counts.min() < _FEWEST:
        raise ValueError(
            f"labels: got {known.min() if images else 'none'} as the smallest and {counts.tolist()} images of the "
            f"classes from 0 on, expected classes 0 to J - 1, at least two, with at least {_FEWEST} images each"
        )
    return known
