//! Gumbel distributions over rows: log-probability, entropy and their gradients.

use crate::continuous::Continuous;
use crate::math;
use crate::normal::LOG_STD_BOUNDS;
use crate::rows::Group;
use crate::rows::RowsMut;
use crate::simd::Kernel;
use crate::simd::Simd;

/// Euler's γ.
const EULER: f32 = 0.577_215_7;
/// Where e⁻ᶻ stops growing, so that its products stay finite.
const LARGEST: f32 = 60.0;

/// log π = -(ln β + z + e⁻ᶻ) and H = ln β + γ + 1 with z = (a - μ) / β, summed over the numbers.
pub(crate) struct Forward<'a> {
    pub(crate) dist: &'a Continuous<'a>,
    pub(crate) log_prob: &'a mut [f32],
    pub(crate) entropy: &'a mut [f32],
}

pub(crate) struct Backward<'a> {
    pub(crate) dist: &'a Continuous<'a>,
    pub(crate) d_log_prob: &'a [f32],
    pub(crate) d_entropy: &'a [f32],
    pub(crate) d_loc: RowsMut<'a>,
    pub(crate) d_log_scale: RowsMut<'a>,
}

/// What the passes share about column j.
struct Column<S: Simd> {
    raw: S::V,
    log_scale: S::V,
    /// 1/β.
    inverse: S::V,
    z: S::V,
    /// e⁻ᶻ.
    e: S::V,
}

#[inline(always)]
fn column<S: Simd>(s: S, group: Group, dist: &Continuous<'_>, j: usize) -> Column<S> {
    let raw = group.column(s, dist.log_scale, j);
    let log_scale = math::clamp(s, raw, LOG_STD_BOUNDS.0, LOG_STD_BOUNDS.1);
    let inverse = math::exp(s, math::neg(s, log_scale));
    let difference = s.sub(group.column(s, dist.actions, j), group.column(s, dist.loc, j));
    let z = s.mul(difference, inverse);
    let e = math::exp(s, s.min(s.splat(LARGEST), math::neg(s, z)));
    Column { raw, log_scale, inverse, z, e }
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for group in Group::all::<S>(self.log_prob.len()) {
            let (mut log_prob, mut entropy) = (s.splat(0.0), s.splat(0.0));
            for j in 0..self.dist.k {
                let Column { log_scale, z, e, .. } = column(s, group, self.dist, j);
                log_prob = s.sub(log_prob, s.add(log_scale, s.add(z, e)));
                entropy = s.add(entropy, s.add(log_scale, s.splat(EULER + 1.0)));
            }
            group.store(s, log_prob, self.log_prob);
            group.store(s, entropy, self.entropy);
        }
    }
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let (low, high) = (s.splat(LOG_STD_BOUNDS.0), s.splat(LOG_STD_BOUNDS.1));
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        for group in Group::all::<S>(self.d_log_prob.len()) {
            let (d_log_prob, d_entropy) =
                (group.load(s, self.d_log_prob), group.load(s, self.d_entropy));
            for j in 0..self.dist.k {
                let Column { raw, inverse, z, e, .. } = column(s, group, self.dist, j);
                let e = s.select_gt(math::neg(s, z), s.splat(LARGEST), zero, e);
                let pull = s.sub(one, e);
                let d_loc = s.mul(d_log_prob, s.mul(pull, inverse));
                group.set_column(s, d_loc, &mut self.d_loc, j);
                let d = s.fma(d_log_prob, s.sub(s.mul(z, pull), one), d_entropy);
                let d = s.select_gt(low, raw, zero, s.select_gt(raw, high, zero, d));
                group.set_column(s, d, &mut self.d_log_scale, j);
            }
        }
    }
}
