"""Laws on the real line: families, mixtures, affine maps and weighted sums, with two routes to each quantity."""

# Grouped by topic rather than by name.
# ruff: noqa: I001

# the interface
from aggdist.distributions.base import Atom as Atom
from aggdist.distributions.base import Distribution as Distribution

# activations and pooled features
from aggdist.distributions.binomial_gamma import BinomialGamma as BinomialGamma
from aggdist.distributions.compound_poisson_gamma import CompoundPoissonGamma as CompoundPoissonGamma
from aggdist.distributions.exponential import Exponential as Exponential
from aggdist.distributions.gamma import Gamma as Gamma
from aggdist.distributions.generalised_extreme_value import GeneralisedExtremeValue as GeneralisedExtremeValue
from aggdist.distributions.generalised_gamma import GeneralisedGamma as GeneralisedGamma
from aggdist.distributions.gumbel import Gumbel as Gumbel
from aggdist.distributions.normal import Normal as Normal
from aggdist.distributions.normal_inverse_gaussian import NormalInverseGaussian as NormalInverseGaussian
from aggdist.distributions.rectified_normal import RectifiedNormal as RectifiedNormal
from aggdist.distributions.shifted_gamma import ShiftedGamma as ShiftedGamma
from aggdist.distributions.skew_normal import SkewNormal as SkewNormal
from aggdist.distributions.zero_inflated_gamma import ZeroInflatedGamma as ZeroInflatedGamma
from aggdist.distributions.zero_inflated_generalised_gamma import (
    ZeroInflatedGeneralisedGamma as ZeroInflatedGeneralisedGamma,
)

# laws made of laws
from aggdist.distributions.affine import Affine as Affine
from aggdist.distributions.mixture import Mixture as Mixture

# diagnostics of the gamma approximation
from aggdist.distributions.gamma_ratio import gamma_ratio as gamma_ratio
from aggdist.distributions.gamma_ratio import rectified_normal_ratio as rectified_normal_ratio
from aggdist.distributions.gamma_ratio import skewness_ratio as skewness_ratio
from aggdist.distributions.gamma_ratio import zero_inflated_gamma_ratio as zero_inflated_gamma_ratio

# weighted sums
from aggdist.distributions.weighted_sum import WeightedGammaSum as WeightedGammaSum
