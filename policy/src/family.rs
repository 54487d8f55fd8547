//! The distributions of continuous actions, one number at a time.

use crate::math;

/// A distribution of one number, by two parameters. Dimensions of an action are independent.
///
/// What is drawn is a *base* value; the action is a function of it. Learners store base values,
/// from which densities are exact even where the action itself saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Mean μ and log σ; the action is what is drawn.
    Normal,
    /// Mean μ and log σ; the action is tanh of what is drawn, inside ±1.
    NormalTanh,
    /// Mean μ and log σ; the action is the exponential of what is drawn, above 0.
    LogNormal,
    /// Location μ and log scale of the Gumbel distribution; the action is what is drawn.
    Gumbel,
    /// Beta distribution with α = 1 + softplus of the first parameter and β = 1 + softplus of the
    /// second, stretched to ±1: Chou, Maturana and Scherer (2017), "Improving stochastic policy
    /// gradients in continuous control with deep reinforcement learning using the Beta
    /// distribution". The base value is the logit of the Beta variable x, so that the action 2x - 1
    /// is tanh of half of it.
    Beta,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 5] =
        [Self::Normal, Self::NormalTanh, Self::LogNormal, Self::Gumbel, Self::Beta];

    /// The action that a base value stands for.
    pub fn to_action(self, base: f32) -> f32 {
        match self {
            Self::Normal | Self::Gumbel => base,
            Self::NormalTanh => math::tanh(base),
            Self::LogNormal => math::exp(base),
            Self::Beta => math::tanh(0.5 * base),
        }
    }

    /// The base value of an action, of the nearest possible one for an action at a bound.
    pub fn to_base(self, action: f32) -> f32 {
        match self {
            Self::Normal | Self::Gumbel => action,
            Self::NormalTanh => 0.5 * logit(action),
            Self::LogNormal => math::ln(action.max(f32::MIN_POSITIVE)),
            Self::Beta => logit(action),
        }
    }

    /// Whether actions stay between -1 and 1.
    pub fn is_bounded(self) -> bool {
        matches!(self, Self::NormalTanh | Self::Beta)
    }

    /// Its name in policy files; [`NormalTanh`](Self::NormalTanh) is `normal` with `squash`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Normal | Self::NormalTanh => "normal",
            Self::LogNormal => "log_normal",
            Self::Gumbel => "gumbel",
            Self::Beta => "beta",
        }
    }
}

/// ln(x / (1 - x)) of x = (1 + action) / 2, away from the bounds.
fn logit(action: f32) -> f32 {
    let action = math::clamp(action, -0.999_999, 0.999_999);
    math::ln((1.0 + action) / (1.0 - action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_values_and_actions_are_inverses_and_bounds_stay_finite() {
        for family in Family::ALL {
            for action in [0.02, 0.3, 0.9] {
                let back = family.to_action(family.to_base(action));
                assert!((back - action).abs() < 1e-6, "{family:?}: {back} is not {action}");
            }
            for action in [-1.0, 0.0, 1.0] {
                assert!(family.to_base(action).is_finite(), "{family:?} {action}");
            }
        }
    }

    /// From SLM-Lab's own function: `slm_golden.json`, `tanh_normal`, `raw` and `action`.
    #[test]
    fn squashed_actions_equal_the_recorded_ones() {
        let recorded =
            [(0.1, 0.099_667_996), (-1.0, -0.761_594_2), (1.0, 0.761_594_2), (2.0, 0.964_027_6)];
        for (raw, action) in recorded {
            assert!((Family::NormalTanh.to_action(raw) - action).abs() < 1e-7, "{raw}");
        }
    }
}
