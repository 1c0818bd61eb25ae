"""CUPED: what was known before exposure explains part of the variance, and is taken out.

Source: Deng, Xu, Kohavi & Walker, "Improving the Sensitivity of Online Controlled Experiments by Utilizing
Pre-Experiment Data" (WSDM 2013).
"""

from experiments.analysis.aggregates import COVARIATE, VALUE, Aggregate, above_rounding
from experiments.analysis.arms import Arm


def pooled_theta(control: Aggregate, treatment: Aggregate) -> float:
    """θ = cov(value, covariate) / var(covariate) over both arms together; 0 if the covariate is constant."""
    both = control + treatment
    spread = both.variance(COVARIATE)
    return both.covariance(VALUE, COVARIATE) / spread if spread > 0 else 0.0


def cuped_arms(control: Aggregate, treatment: Aggregate) -> tuple[Arm, Arm]:
    """Both arms with their means moved to the covariate's common mean, and the variance that is left."""
    theta = pooled_theta(control, treatment)
    common = (control + treatment).mean(COVARIATE)
    return _adjusted(control, theta, common), _adjusted(treatment, theta, common)


def _adjusted(sums: Aggregate, theta: float, common: float) -> Arm:
    of_value, explained = sums.variance(VALUE), theta**2 * sums.variance(COVARIATE)
    left = of_value + explained - 2 * theta * sums.covariance(VALUE, COVARIATE)
    scale = sums.mean_square(VALUE) + theta**2 * sums.mean_square(COVARIATE)
    left = max(0.0, above_rounding(left, scale))
    return Arm(sums.n, sums.mean(VALUE) - theta * (sums.mean(COVARIATE) - common), left)
