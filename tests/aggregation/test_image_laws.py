"""Laws of one activation for each image, estimated from maps."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.aggregation import image_laws, image_mixture
from aggdist.capture import image_sums
from aggdist.distributions import ZeroInflatedGamma


def simulated(images, positions, seed=9):
    """Maps whose probability of being active and whose size vary from image to image, two channels."""
    rng = np.random.default_rng(seed)
    active = rng.beta(2.0, 3.0, (images, 2))
    scale = rng.gamma(4.0, 0.25, (images, 2))
    return np.moveaxis(ZeroInflatedGamma(active, 1.5, scale).sample(rng, positions), 0, -1)


def laws_of(maps):
    sums = image_sums(maps)
    return image_laws(sums.mean, sums.second, sums.positives / sums.positions, sums.positions)


def test_the_mixture_has_the_mean_and_the_variance_of_the_sample():
    maps = simulated(60, 16)
    pooled = maps.mean(axis=-1)
    law = image_mixture(laws_of(maps), 16)
    assert law.batch_shape == (2,)
    assert np.allclose(law.mean(), pooled.mean(axis=0), rtol=1e-10)
    # The mixture has as many images as the sample; its variance over them is not divided by n - 1.
    noise = 1 - 1 / 60
    within = np.mean(maps.var(axis=-1, ddof=1), axis=0) / 16
    assert np.allclose(law.var() - within, noise * (pooled.var(axis=0, ddof=1) - within), rtol=1e-10)


@pytest.mark.parametrize("name", ["avg", "max"])
def test_the_laws_of_new_images_are_predicted(name):
    seen, new = simulated(2000, 16), simulated(20_000, 16, seed=10)
    pooled = new.mean(axis=-1) if name == "avg" else new.max(axis=-1)
    law = image_mixture(laws_of(seen), 16, name)
    z = np.quantile(pooled, [0.1, 0.3, 0.5, 0.7, 0.9], axis=0)
    assert np.allclose(law.cdf(z), [[level] * 2 for level in (0.1, 0.3, 0.5, 0.7, 0.9)], atol=0.03)


def test_images_that_are_alike_get_nearly_one_law():
    rng = np.random.default_rng(11)
    maps = ZeroInflatedGamma(0.4, 1.5, 2.0).sample(rng, (4000, 1, 25))
    law = laws_of(maps)
    assert law.active.shape == (1, 4000)
    assert law.active.std() < 0.03
    assert law.shape[0, 0] == pytest.approx(1.5, rel=0.1)


def test_a_channel_that_is_always_active_or_silent_in_some_images():
    rng = np.random.default_rng(12)
    dense = laws_of(rng.gamma(2.0, 1.0, (30, 1, 9)))
    assert np.all(dense.active == 1)
    copies = laws_of(np.array([0.0, 0.0, 1.0, 2.0])[:, None, None] * rng.gamma(2.0, 1.0, (1, 1, 9)))
    assert np.all(copies.mean()[0] >= 0)
    all_or_none = np.repeat([[0.0], [0.0], [1.0], [1.0]], 9, axis=1)[:, None] * rng.gamma(2.0, 1.0, (4, 1, 9))
    assert np.all(laws_of(all_or_none).active[0, :2] == 0)


def test_bad_arguments():
    one = np.ones((3, 1))
    with pytest.raises(ValueError, match="mean: got 1 image, expected at least 2"):
        image_laws(one[:1], one[:1], one[:1], 9)
    with pytest.raises(ValueError, match=r"active: got 2\.0, expected a probability"):
        image_laws(one, one, 2 * one, 9)
    with pytest.raises(ValueError, match="expected one shape"):
        image_laws(one, one, one[:, 0], 9)
    with pytest.raises(ValueError, match="positions: got 1, expected a whole number of at least 2"):
        image_laws(one, one, one, 1)
    with pytest.raises(ValueError, match="mean: got a channel that is never active"):
        image_laws(0 * one, 0 * one, 0 * one, 9)
    with pytest.raises(ValueError, match="second: got 1 channels whose positive activations vary less"):
        image_laws(one, 0 * one, one, 9)
