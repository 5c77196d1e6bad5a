"""Light augmentation of one batch, drawn from one seeded generator."""

from __future__ import annotations

import torch
from torch import Tensor

from aggdist.networks.defaults import TrainingParameters
from aggdist.networks.sentences import PADDING, UNKNOWN


def augment(batch: Tensor, parameters: TrainingParameters, generator: torch.Generator) -> Tensor:
    """Images and spectrograms (B, C, H, W) are shifted and mirrored, words (B, N) dropped, as asked for."""
    if batch.ndim == 2:
        return _drop_words(batch, parameters.word_dropout, generator)
    if parameters.shift == (0, 0) and not parameters.flip:
        return batch
    return _move(batch, parameters.shift, parameters.flip, generator)


def _move(batch: Tensor, shift: tuple[int, int], flip: bool, generator: torch.Generator) -> Tensor:
    images, channels, height, width = batch.shape
    rows = _shifted(images, height, shift[0], generator)
    columns = _shifted(images, width, shift[1], generator)
    if flip:
        mirrored = torch.rand(images, generator=generator) < 0.5
        columns = torch.where(mirrored[:, None], width - 1 - columns, columns)
    image = torch.arange(images)[:, None, None, None]
    channel = torch.arange(channels)[None, :, None, None]
    return batch[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


def _shifted(images: int, size: int, largest: int, generator: torch.Generator) -> Tensor:
    """Source index of each pixel along one axis (images, size); beyond an edge the edge is repeated."""
    offsets = torch.randint(-largest, largest + 1, (images, 1), generator=generator)
    return (torch.arange(size)[None, :] + offsets).clamp(0, size - 1)


def _drop_words(words: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    if chance == 0.0:
        return words
    dropped = (torch.rand(words.shape, generator=generator) < chance) & (words != PADDING)
    return torch.where(dropped, torch.full_like(words, UNKNOWN), words)
