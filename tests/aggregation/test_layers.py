"""The torch layers, against pooling in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aggdist.aggregation import AGGREGATIONS, layer, pool

SHAPES = [(5, 3, 4, 4), (5, 3, 7), (1, 1, 1)]


def _maps(shape, dtype=np.float64):
    rng = np.random.default_rng(7)
    return np.maximum(rng.normal(size=shape), 0.0).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", AGGREGATIONS)
def test_same_as_numpy(name, shape):
    maps = _maps(shape)
    for p in (1.0, 2.5, 3.0, 20.0):
        found = layer(name, p=p)(torch.from_numpy(maps)).numpy()
        np.testing.assert_allclose(found, pool(maps, name, p=p), rtol=1e-12)


@pytest.mark.parametrize("r", [1e-6, 0.3, 5.0, 1e4])
def test_log_sum_exp_same_as_numpy_at_every_sharpness(r):
    maps = _maps((5, 3, 4, 4))
    found = layer("lse", r=r)(torch.from_numpy(maps)).numpy()
    np.testing.assert_allclose(found, pool(maps, "lse", r=r), rtol=1e-12)
    assert f"r={r:g}" in repr(layer("lse", r=r))


def test_gradient_of_log_sum_exp_is_the_softmax():
    maps = torch.from_numpy(_maps((2, 2, 5))).requires_grad_()
    layer("lse", r=3.0)(maps).sum().backward()
    expected = torch.softmax(3.0 * maps.detach(), dim=2)
    np.testing.assert_allclose(maps.grad.numpy(), expected.numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_same_as_numpy_in_single_precision_channels_last(name):
    maps = _maps((6, 8, 5, 5), np.float32)
    tensor = torch.from_numpy(maps).contiguous(memory_format=torch.channels_last)
    found = layer(name)(tensor).numpy()
    assert found.dtype == np.float32
    # log-sum-exp subtracts from the largest activation, whose rounding stays.
    atol = 1e-6 * maps.max() if name == "lse" else 0.0
    np.testing.assert_allclose(found, pool(maps, name), rtol=1e-6, atol=atol)


@pytest.mark.parametrize("name", ["gem", "lp"])
def test_learnable_starts_at_its_power(name):
    maps = _maps((4, 3, 6))
    gem = layer(name, p=2.5, learnable=True)
    np.testing.assert_allclose(
        gem(torch.from_numpy(maps)).detach().numpy(), pool(maps, name, p=2.5), rtol=1e-6
    )
    assert gem.p == pytest.approx(2.5)
    assert "p=2.5, learnable=True" in repr(gem)


def test_learnt_power_moves_and_stays_above_one():
    gem = layer("gem", p=1.5, learnable=True)
    optimiser = torch.optim.SGD(gem.parameters(), lr=50.0)
    maps = torch.from_numpy(_maps((4, 3, 6)))
    for _ in range(20):
        optimiser.zero_grad()
        gem(maps).sum().backward()  # smaller powers give smaller means
        optimiser.step()
    assert 1.0 <= gem.p < 1.5
    assert torch.isfinite(gem(maps)).all()


@pytest.mark.parametrize("name", ["gem", "lp"])
@pytest.mark.parametrize("learnable", [False, True])
def test_gradient_of_gem_is_right(name, learnable):
    gem = layer(name, p=3.0, learnable=learnable).double()
    maps = torch.from_numpy(_maps((2, 2, 5)) + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(gem, (maps,))


@pytest.mark.parametrize("learnable", [False, True])
@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-12, 1e12])
def test_gradient_of_gem_is_finite_everywhere(learnable, scale):
    gem = layer("gem", learnable=learnable)
    maps = (scale * torch.from_numpy(_maps((3, 4, 9), np.float32))).requires_grad_()
    gem(maps).sum().backward()
    assert torch.isfinite(maps.grad).all()
    # Euler: Z is homogeneous of degree 1, so A . dZ/dA = Z at every scale; a dead map has gradient zero.
    euler = (maps * maps.grad).detach().sum(dim=2)
    np.testing.assert_allclose(euler.numpy(), gem(maps).detach().numpy(), rtol=1e-5)
    assert scale > 0.0 or (maps.grad == 0.0).all()
    if learnable:
        assert torch.isfinite(gem.raw.grad)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_zero_in_zero_out(name):
    assert (layer(name)(torch.zeros(2, 3, 4)) == 0).all()


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_one_image_keeps_its_batch_axis(name):
    assert layer(name)(torch.ones(1, 1, 1, 1)).shape == (1, 1)


def test_errors():
    with pytest.raises(ValueError, match="a learnable power starts above 1"):
        layer("gem", p=1.0, learnable=True)
    with pytest.raises(ValueError, match="'avg' has no power to learn"):
        layer("avg", learnable=True)
    with pytest.raises(ValueError, match="expected a finite number >= 1"):
        layer("gem", p=0.5)
    with pytest.raises(ValueError, match=r"sharpness r = 0\.0: expected a finite number > 0"):
        layer("lse", r=0.0)
    with pytest.raises(ValueError, match=r"maps of shape \(2, 3\)"):
        layer("max")(torch.ones(2, 3))
