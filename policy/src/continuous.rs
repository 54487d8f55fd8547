//! From the network's outputs to a vector of numbers.

use crate::error::LoadError;
use crate::family::Family;
use crate::math;
use crate::noise::Noise;
use alloc::vec::Vec;

/// Where the logarithm of the scale (a normal distribution's standard deviation) comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum LogStd {
    /// Outputs `k..2k` of the network.
    Output,
    /// A learned vector `[k]` that does not depend on the observation.
    Vector(Vec<f32>),
    /// Nowhere: the scale is 0, and every draw is the first parameter itself.
    Absent,
}

/// The bounds of the environment's actions.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// Smallest action `[k]`, reached at -1.
    pub low: Vec<f32>,
    /// Largest action `[k]`, reached at +1.
    pub high: Vec<f32>,
}

/// A distribution over `k` independent numbers; the first `k` outputs are their first parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct ContinuousHead {
    /// Distribution of each number.
    pub family: Family,
    /// Length of an action.
    pub k: usize,
    /// Source of the second parameters; Beta's are always outputs.
    pub log_std: LogStd,
    /// Limits of the logarithm of the scale; SLM-Lab's are [-5, 2]. Beta has none.
    pub log_std_range: [f32; 2],
    /// Affine map from [-1, 1] to the bounds, without clipping; none when the actions are used as they are.
    pub bounds: Option<Bounds>,
}

impl ContinuousHead {
    /// Limits of log σ in SLM-Lab.
    pub const LOG_STD_RANGE: [f32; 2] = [-5.0, 2.0];

    /// A head with SLM-Lab's limits of log σ.
    pub fn new(family: Family, k: usize, log_std: LogStd, bounds: Option<Bounds>) -> Self {
        ContinuousHead { family, k, log_std, log_std_range: Self::LOG_STD_RANGE, bounds }
    }

    /// Number of network outputs the head reads.
    pub fn outputs(&self) -> usize {
        if self.log_std == LogStd::Output { 2 * self.k } else { self.k }
    }

    /// Logarithm of the scale of action component `i` for one row of outputs, limited to the range;
    /// −∞ where it is absent.
    #[inline]
    pub fn log_std(&self, outputs: &[f32], i: usize) -> f32 {
        let [least, most] = self.log_std_range;
        match self.log_std {
            LogStd::Absent => f32::NEG_INFINITY,
            _ => math::clamp(self.second(outputs, i), least, most),
        }
    }

    /// Writes the action `[k]` at the middle of the distribution of one row of outputs: the mode of
    /// Normal and Gumbel, the median of `NormalTanh` and `LogNormal`, the mean of Beta.
    pub fn greedy(&self, outputs: &[f32], action: &mut [f32]) {
        for (i, to) in action.iter_mut().enumerate() {
            let base = match self.family {
                Family::Beta => {
                    let [a, b] = self.concentrations(outputs, i);
                    math::ln(a / b)
                }
                _ => outputs[i],
            };
            *to = self.to_env(base, i);
        }
    }

    /// Writes an action `[k]` drawn from one row of outputs, mapped to the environment.
    pub fn sample(&self, outputs: &[f32], noise: &mut impl Noise, action: &mut [f32]) {
        self.sample_base(outputs, noise, action);
        for (i, to) in action.iter_mut().enumerate() {
            *to = self.to_env(*to, i);
        }
    }

    /// Writes base values `[k]` drawn from one row of outputs.
    pub fn sample_base(&self, outputs: &[f32], noise: &mut impl Noise, base: &mut [f32]) {
        if self.log_std == LogStd::Absent {
            return base.copy_from_slice(&outputs[..self.k]);
        }
        for (i, to) in base.iter_mut().enumerate() {
            *to = match self.family {
                Family::Normal | Family::NormalTanh | Family::LogNormal => {
                    let sigma = math::exp(self.log_std(outputs, i));
                    outputs[i] + sigma * noise.normal() as f32
                }
                Family::Gumbel => {
                    let scale = math::exp(self.log_std(outputs, i));
                    outputs[i] + scale * noise.gumbel()
                }
                Family::Beta => {
                    let [a, b] = self.concentrations(outputs, i).map(f64::from);
                    let (a, b) = (noise.gamma(a) as f32, noise.gamma(b) as f32);
                    math::ln(a) - math::ln(b)
                }
            };
        }
    }

    /// Maps base value `i` of an action to the environment: to an action of the family, then
    /// low + (a + 1) / 2 · (high - low) as Gymnasium's `RescaleAction`, without clipping.
    pub fn to_env(&self, base: f32, i: usize) -> f32 {
        let value = self.family.to_action(base);
        match &self.bounds {
            None => value,
            Some(Bounds { low, high }) => low[i] + (value + 1.0) * 0.5 * (high[i] - low[i]),
        }
    }

    fn second(&self, outputs: &[f32], i: usize) -> f32 {
        match &self.log_std {
            LogStd::Output => outputs[self.k + i],
            LogStd::Vector(values) => values[i],
            LogStd::Absent => f32::NEG_INFINITY,
        }
    }

    /// Beta's α and β.
    fn concentrations(&self, outputs: &[f32], i: usize) -> [f32; 2] {
        [outputs[i], self.second(outputs, i)].map(|x| 1.0 + math::softplus(x))
    }

    pub(crate) fn check(&self) -> Result<(), LoadError> {
        if self.k > usize::MAX / 2 {
            return Err(LoadError::shape("continuous head: k is far too large"));
        }
        let vector_fits = match &self.log_std {
            LogStd::Vector(_) | LogStd::Absent if self.family == Family::Beta => false,
            LogStd::Vector(v) => v.len() == self.k && v.iter().all(|x| x.is_finite()),
            LogStd::Output | LogStd::Absent => true,
        };
        if self.k == 0 || !vector_fits {
            return Err(LoadError::shape(
                "continuous head: k is positive, log_std is finite [k], and Beta's from outputs",
            ));
        }
        let [least, most] = self.log_std_range;
        if !(least.is_finite() && most.is_finite() && least <= most) {
            return Err(LoadError::shape("continuous head: log_std_range is finite and ordered"));
        }
        let Some(Bounds { low, high }) = &self.bounds else { return Ok(()) };
        let ordered = |(low, high): (&f32, &f32)| low.is_finite() && high.is_finite() && low < high;
        if low.len() != self.k || high.len() != self.k || !low.iter().zip(high).all(ordered) {
            return Err(LoadError::shape("continuous head: bounds are finite [k] with low < high"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::tests::Random;
    use alloc::vec;

    #[test]
    fn normal_head_maps_minus_one_and_one_to_the_bounds_without_clipping() {
        let bounds = Bounds { low: vec![-2.0, 0.0], high: vec![2.0, 10.0] };
        let head = ContinuousHead::new(Family::Normal, 2, LogStd::Output, Some(bounds));
        let mut action = [0.0; 2];
        head.greedy(&[1.0, -1.0, 0.0, 0.0], &mut action);
        assert_eq!(action, [2.0, 0.0]);
        head.greedy(&[1.5, 0.0, 0.0, 0.0], &mut action);
        assert_eq!(action, [3.0, 5.0]);
    }

    #[test]
    fn samples_scale_noise_by_the_limited_standard_deviation() {
        struct One;
        impl Noise for One {
            fn uniform(&mut self) -> f64 {
                0.5
            }
            fn normal(&mut self) -> f64 {
                1.0
            }
        }
        let head = ContinuousHead::new(Family::Normal, 2, LogStd::Vector(vec![0.0, 50.0]), None);
        let mut action = [0.0; 2];
        head.sample(&[0.25, 0.0], &mut One, &mut action);
        // σ = e⁰ and e² = 7.389056.
        assert_eq!(action[0], 1.25);
        assert!((action[1] - 7.389_056).abs() < 1e-5);
    }

    #[test]
    fn without_a_scale_every_draw_is_the_greedy_action() {
        let bounds = Bounds { low: vec![-2.0, 0.0], high: vec![2.0, 10.0] };
        let head = ContinuousHead::new(Family::NormalTanh, 2, LogStd::Absent, Some(bounds));
        assert_eq!((head.outputs(), head.check().is_ok()), (2, true));
        let (mut greedy, mut drawn) = ([0.0; 2], [9.0; 2]);
        head.greedy(&[0.5, -1.0], &mut greedy);
        head.sample(&[0.5, -1.0], &mut Random(2), &mut drawn);
        // 2·tanh 0.5 = 0.9242343 and 5·(1 − tanh 1) = 1.1920292.
        assert!((greedy[0] - 0.924_234_3).abs() < 1e-6 && (greedy[1] - 1.192_029_2).abs() < 1e-6);
        assert_eq!((drawn, head.log_std(&[0.5, -1.0], 1)), (greedy, f32::NEG_INFINITY));
        assert!(ContinuousHead::new(Family::Beta, 1, LogStd::Absent, None).check().is_err());
    }

    #[test]
    fn squashed_actions_stay_inside_the_bounds() {
        let bounds = Bounds { low: vec![-0.4], high: vec![0.4] };
        let head = ContinuousHead::new(Family::NormalTanh, 1, LogStd::Output, Some(bounds));
        let mut action = [0.0];
        head.greedy(&[100.0, 0.0], &mut action);
        assert_eq!(action, [0.4]);
    }

    /// Means over 200 000 draws of the base value and of the action, per family at (0.4, -0.5):
    /// Normal 0.4; tanh by quadrature; e^(0.4 + σ²/2) with σ² = e⁻¹; Gumbel 0.4 + γ e^-0.5.
    /// Beta: α = 1.913015, β = 1.474077, mean of 2x - 1 = (α - β)/(α + β) = 0.129591.
    #[test]
    fn draws_have_the_mean_of_their_family() {
        for (family, expected) in [
            (Family::Normal, 0.4),
            (Family::NormalTanh, 0.301_249),
            (Family::LogNormal, 1.793_089),
            (Family::Gumbel, 0.750_099),
            (Family::Beta, 0.129_591),
        ] {
            let head = ContinuousHead::new(family, 1, LogStd::Output, None);
            let (mut random, n, mut sum) = (Random(3), 200_000, 0.0);
            let mut action = [0.0];
            for _ in 0..n {
                head.sample(&[0.4, -0.5], &mut random, &mut action);
                sum += f64::from(action[0]);
            }
            // Standard deviations are below 1.3; five standard errors.
            assert!((sum / f64::from(n) - expected).abs() < 0.015, "{family:?} {sum}");
        }
    }

    #[test]
    fn the_greedy_action_is_the_middle_of_the_distribution() {
        let greedy = |family| {
            let mut action = [0.0];
            ContinuousHead::new(family, 1, LogStd::Output, None).greedy(&[0.4, -0.5], &mut action);
            action[0]
        };
        assert_eq!(greedy(Family::Normal), 0.4);
        assert_eq!(greedy(Family::Gumbel), 0.4);
        // tanh 0.4 = 0.379949, e^0.4 = 1.491825, and the mean above.
        assert!((greedy(Family::NormalTanh) - 0.379_949).abs() < 1e-6);
        assert!((greedy(Family::LogNormal) - 1.491_825).abs() < 1e-6);
        assert!((greedy(Family::Beta) - 0.129_591).abs() < 1e-6);
    }

    #[test]
    fn contradictory_heads_are_refused() {
        let bounds = Bounds { low: vec![1.0], high: vec![-1.0] };
        let head = ContinuousHead::new(Family::Normal, 1, LogStd::Output, Some(bounds));
        assert!(head.check().is_err());
        let vector = |k| LogStd::Vector(vec![0.0; k]);
        assert!(ContinuousHead::new(Family::Normal, 2, vector(1), None).check().is_err());
        assert!(ContinuousHead::new(Family::Gumbel, 1, vector(1), None).check().is_ok());
        assert!(ContinuousHead::new(Family::Beta, 1, vector(1), None).check().is_err());
    }
}
