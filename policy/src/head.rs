//! From the network's outputs to an action of the environment.

use crate::error::LoadError;
use crate::math;
use crate::root;
use alloc::vec::Vec;

/// Random numbers, supplied by whoever samples: the crate has no generator of its own.
pub trait Noise {
    /// A number drawn uniformly from [0, 1).
    fn uniform(&mut self) -> f64;

    /// A number drawn from the standard normal distribution; by default Marsaglia's polar method in f32 precision.
    fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let s = u * u + v * v;
            if s < 1.0 && s > 0.0 {
                return u * root::sqrt(-2.0 * f64::from(math::ln(s as f32)) / s);
            }
        }
    }
}

/// How a row of network outputs becomes an action.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ActionHead {
    /// One of `n` actions; the first `n` outputs are logits, or action values.
    Categorical {
        /// Number of actions.
        n: usize,
    },
    /// A vector of numbers drawn from a diagonal normal distribution.
    Normal(NormalHead),
}

/// Where the logarithm of the standard deviation comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum LogStd {
    /// Outputs `k..2k` of the network.
    Output,
    /// A learned vector `[k]` that does not depend on the observation.
    Vector(Vec<f32>),
}

/// The bounds of the environment's actions.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// Smallest action `[k]`, reached at -1.
    pub low: Vec<f32>,
    /// Largest action `[k]`, reached at +1.
    pub high: Vec<f32>,
}

/// A diagonal normal distribution over `k` numbers; the first `k` outputs are its mean.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalHead {
    /// Length of an action.
    pub k: usize,
    /// Source of log σ.
    pub log_std: LogStd,
    /// Limits of log σ; SLM-Lab's are [-5, 2].
    pub log_std_range: [f32; 2],
    /// Whether tanh is applied to the mean or sample (SAC).
    pub squash: bool,
    /// Affine map from [-1, 1] to the bounds, without clipping; none when the actions are used as they are.
    pub bounds: Option<Bounds>,
}

impl NormalHead {
    /// Limits of log σ in SLM-Lab.
    pub const LOG_STD_RANGE: [f32; 2] = [-5.0, 2.0];

    /// An unsquashed head with SLM-Lab's limits of log σ.
    pub fn new(k: usize, log_std: LogStd, bounds: Option<Bounds>) -> Self {
        NormalHead { k, log_std, log_std_range: Self::LOG_STD_RANGE, squash: false, bounds }
    }

    /// log σ of action component `i` for one row of outputs, limited to the range.
    #[inline]
    pub fn log_std(&self, outputs: &[f32], i: usize) -> f32 {
        let value = match &self.log_std {
            LogStd::Output => outputs[self.k + i],
            LogStd::Vector(values) => values[i],
        };
        math::clamp(value, self.log_std_range[0], self.log_std_range[1])
    }

    /// Writes the action `[k]` at the mean of one row of outputs.
    pub fn greedy(&self, outputs: &[f32], action: &mut [f32]) {
        for (i, (to, mean)) in action.iter_mut().zip(&outputs[..self.k]).enumerate() {
            *to = self.to_env(*mean, i);
        }
    }

    /// Writes an action `[k]` drawn from one row of outputs: mean + σ · noise, mapped to the environment.
    pub fn sample(&self, outputs: &[f32], noise: &mut impl Noise, action: &mut [f32]) {
        for (i, (to, mean)) in action.iter_mut().zip(&outputs[..self.k]).enumerate() {
            let sigma = math::exp(self.log_std(outputs, i));
            *to = self.to_env(mean + sigma * noise.normal() as f32, i);
        }
    }

    /// Maps component `i` of a mean or sample to the environment: squashed if asked, then
    /// low + (a + 1) / 2 · (high - low) as Gymnasium's `RescaleAction`, without clipping.
    pub fn to_env(&self, value: f32, i: usize) -> f32 {
        let value = if self.squash { math::tanh(value) } else { value };
        match &self.bounds {
            None => value,
            Some(Bounds { low, high }) => low[i] + (value + 1.0) * 0.5 * (high[i] - low[i]),
        }
    }

    fn check(&self) -> Result<(), LoadError> {
        let vector_fits = match &self.log_std {
            LogStd::Output => true,
            LogStd::Vector(v) => v.len() == self.k && v.iter().all(|x| x.is_finite()),
        };
        if self.k == 0 || !vector_fits {
            return Err(LoadError::shape("normal head: k is positive, log_std is finite [k]"));
        }
        let [least, most] = self.log_std_range;
        if !(least.is_finite() && most.is_finite() && least <= most) {
            return Err(LoadError::shape("normal head: log_std_range is finite and ordered"));
        }
        let Some(Bounds { low, high }) = &self.bounds else { return Ok(()) };
        let ordered = |(low, high): (&f32, &f32)| low.is_finite() && high.is_finite() && low < high;
        if low.len() != self.k || high.len() != self.k || !low.iter().zip(high).all(ordered) {
            return Err(LoadError::shape("normal head: bounds are finite [k] with low < high"));
        }
        Ok(())
    }
}

impl ActionHead {
    /// Number of network outputs the head reads; the network may have more (a value estimate).
    pub fn outputs(&self) -> usize {
        match self {
            ActionHead::Categorical { n } => *n,
            ActionHead::Normal(NormalHead { k, log_std: LogStd::Output, .. }) => 2 * k,
            ActionHead::Normal(NormalHead { k, .. }) => *k,
        }
    }

    /// Length of one action: 1 for a discrete one.
    pub fn width(&self) -> usize {
        match self {
            ActionHead::Categorical { .. } => 1,
            ActionHead::Normal(normal) => normal.k,
        }
    }

    /// # Errors
    /// When sizes or bounds contradict each other.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        match self {
            ActionHead::Categorical { n: 0 } => {
                Err(LoadError::shape("categorical head: at least one action"))
            }
            ActionHead::Categorical { n } if u32::try_from(*n).is_err() => {
                Err(LoadError::shape("categorical head: actions fit 32 bits"))
            }
            ActionHead::Categorical { .. } => Ok(()),
            ActionHead::Normal(normal) if normal.k > usize::MAX / 2 => {
                Err(LoadError::shape("normal head: k is far too large"))
            }
            ActionHead::Normal(normal) => normal.check(),
        }
    }
}

/// Index of the largest value, the lowest one on ties; NaN never wins.
#[inline]
pub fn argmax(values: &[f32]) -> usize {
    let mut best = (f32::NEG_INFINITY, 0);
    for (i, value) in values.iter().enumerate() {
        if *value > best.0 {
            best = (*value, i);
        }
    }
    best.1
}

/// Draws an index with probability softmax(`logits`), given `u` drawn uniformly from [0, 1).
///
/// The inverse of the cumulative distribution: larger `u` gives larger indices.
pub fn sample_categorical(logits: &[f32], u: f64) -> usize {
    let top = logits[argmax(logits)];
    let weight = |x: &f32| f64::from(math::exp(x - top));
    let mut left = u * logits.iter().map(weight).sum::<f64>();
    let mut last = 0;
    for (i, weight) in logits.iter().map(weight).enumerate() {
        if weight > 0.0 {
            last = i;
            if left < weight {
                return i;
            }
        }
        left -= weight;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// A small generator for the tests (`SplitMix64`).
    struct Random(u64);

    impl Noise for Random {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    #[test]
    fn argmax_takes_the_lowest_index_on_ties_and_ignores_nan() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0, 2.0]), 1);
        assert_eq!(argmax(&[f32::NAN, -1.0]), 1);
        assert_eq!(argmax(&[f32::NEG_INFINITY; 3]), 0);
    }

    #[test]
    fn sampling_inverts_the_cumulative_softmax() {
        // softmax of ln 1, ln 2, ln 1 = 1/4, 1/2, 1/4.
        let logits = [0.0, core::f32::consts::LN_2, 0.0];
        let drawn =
            [0.0, 0.249, 0.251, 0.749, 0.751, 0.999_999].map(|u| sample_categorical(&logits, u));
        assert_eq!(drawn, [0, 0, 1, 1, 2, 2]);
        assert_eq!(sample_categorical(&[1e4, -1e4], 0.999_999_999), 0);
    }

    #[test]
    fn default_normal_noise_has_mean_zero_variance_one_and_kurtosis_three() {
        let mut random = Random(7);
        let n = 200_000;
        let draws: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let moment = |p: i32| draws.iter().map(|x| x.powi(p)).sum::<f64>() / f64::from(n);
        // Standard errors at n = 2e5: 0.0022, 0.0032, 0.022; five of each allowed.
        assert!(moment(1).abs() < 0.011, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.016, "{}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.11, "{}", moment(4));
    }

    #[test]
    fn normal_head_maps_minus_one_and_one_to_the_bounds_without_clipping() {
        let bounds = Bounds { low: vec![-2.0, 0.0], high: vec![2.0, 10.0] };
        let head = NormalHead::new(2, LogStd::Output, Some(bounds));
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
        let head = NormalHead::new(2, LogStd::Vector(vec![0.0, 50.0]), None);
        let mut action = [0.0; 2];
        head.sample(&[0.25, 0.0], &mut One, &mut action);
        // σ = e⁰ and e² = 7.389056.
        assert_eq!(action[0], 1.25);
        assert!((action[1] - 7.389_056).abs() < 1e-5);
    }

    #[test]
    fn squashed_actions_stay_inside_the_bounds() {
        let bounds = Bounds { low: vec![-0.4], high: vec![0.4] };
        let head = NormalHead { squash: true, ..NormalHead::new(1, LogStd::Output, Some(bounds)) };
        let mut action = [0.0];
        head.greedy(&[100.0, 0.0], &mut action);
        assert_eq!(action, [0.4]);
    }

    #[test]
    fn contradictory_heads_are_refused() {
        let bounds = Bounds { low: vec![1.0], high: vec![-1.0] };
        let head = ActionHead::Normal(NormalHead::new(1, LogStd::Output, Some(bounds)));
        assert!(head.check().is_err());
        assert!(ActionHead::Categorical { n: 0 }.check().is_err());
        let head = ActionHead::Normal(NormalHead::new(2, LogStd::Vector(vec![0.0]), None));
        assert!(head.check().is_err());
    }
}
