//! Returns and advantages of time-major rollouts `[T, n]`, row `t·n + i` for environment `i`.
//!
//! Bootstrapping distinguishes the two ends of an episode: after a termination the future is worth
//! nothing, after a truncation it is worth `next_values`; both cut the recursion.
//! Pardo et al. (2018), "Time Limits in Reinforcement Learning", arXiv:1712.00378.

/// Rewards, flags and values of a rollout, all `[T, n]`.
#[derive(Clone, Copy, Debug)]
pub struct Transitions<'a> {
    /// Number of environments n.
    pub n: usize,
    /// r, after the action.
    pub rewards: &'a [f32],
    /// The future has no value.
    pub terminated: &'a [bool],
    /// The recursion stops here: terminated, truncated, or both.
    pub done: &'a [bool],
    /// V of the observation that followed the action, also where it ended the episode.
    pub next_values: &'a [f32],
}

/// Generalized advantage estimates `[T, n]`; values `[T, n]` are V of the observations acted on.
///
/// δ_t = r_t + γ·V(s_{t+1})·(1 − terminated) − V(s_t), A_t = δ_t + γλ·(1 − done)·A_{t+1}.
/// Schulman et al. (2016), arXiv:1506.02438, eq. 16.
pub fn gae(rollout: Transitions<'_>, values: &[f32], gamma: f32, lam: f32) -> Vec<f32> {
    let Transitions { n, rewards, terminated, done, next_values } = rollout;
    let mut advantages = vec![0.0; rewards.len()];
    for k in (0..rewards.len()).rev() {
        let future = if terminated[k] { 0.0 } else { next_values[k] };
        let delta = rewards[k] + gamma * future - values[k];
        let next = if done[k] { 0.0 } else { advantages.get(k + n).copied().unwrap_or(0.0) };
        advantages[k] = delta + gamma * lam * next;
    }
    advantages
}

/// Discounted returns `[T, n]`, bootstrapped where the rollout or an episode is cut.
///
/// R_t = r_t + γ·R_{t+1} inside an episode; at its end, and at the last row, R_{t+1} is
/// V(s_{t+1}), or 0 after a termination. With a rollout of n steps: the n-step return.
pub fn bootstrapped_returns(rollout: Transitions<'_>, gamma: f32) -> Vec<f32> {
    let Transitions { n, rewards, terminated, done, next_values } = rollout;
    let mut returns = vec![0.0; rewards.len()];
    for k in (0..rewards.len()).rev() {
        let future = match returns.get(k + n) {
            Some(&next) if !done[k] => next,
            _ if terminated[k] => 0.0,
            _ => next_values[k],
        };
        returns[k] = rewards[k] + gamma * future;
    }
    returns
}

/// Discounted returns `[T, n]` without a value function: where a trajectory is cut, by a time limit
/// or by the rollout's end, it goes on with the mean return.
///
/// A return is R_t = A_t + c_t·b: the rewards up to the cut, and what the value b of the state
/// there still weighs, c_t = γ^(steps to the cut), or 0 if the episode terminated. The constant
/// that agrees with the returns it leads to is b = mean(A) / (1 − mean(c)).
pub fn mean_bootstrapped_returns(rollout: Transitions<'_>, gamma: f64) -> Vec<f32> {
    let Transitions { n, rewards, terminated, done, .. } = rollout;
    let rows = rewards.len();
    let (mut known, mut weight) = (vec![0.0; rows], vec![0.0; rows]);
    for k in (0..rows).rev() {
        let (next_known, next_weight) = match known.get(k + n) {
            Some(&next) if !done[k] => (next, weight[k + n]),
            _ => (0.0, f64::from(u8::from(!terminated[k]))),
        };
        known[k] = f64::from(rewards[k]) + gamma * next_known;
        weight[k] = gamma * next_weight;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / rows as f64;
    let open = 1.0 - mean(&weight);
    // Without discount and without an end there is no finite return.
    let value = if open > 1e-9 { mean(&known) / open } else { 0.0 };
    known.iter().zip(&weight).map(|(known, weight)| (known + weight * value) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO: [bool; 3] = [false; 3];

    /// γ = λ = ½, V = [1, 2, 3], V' = [2, 3, 4], r = 1:
    /// δ = [1 + 1 − 1, 1 + 1.5 − 2, 1 + 2 − 3] = [1, ½, 0], A = [1 + ¼·½, ½, 0].
    #[test]
    fn gae_matches_hand_computation() {
        let rollout = Transitions {
            n: 1,
            rewards: &[1.0; 3],
            terminated: &NO,
            done: &NO,
            next_values: &[2.0, 3.0, 4.0],
        };
        assert_eq!(gae(rollout, &[1.0, 2.0, 3.0], 0.5, 0.5), [1.125, 0.5, 0.0]);
    }

    /// As above, but the second step ends its episode. Truncated: A_1 = δ_1 = ½ still sees V' = 3;
    /// terminated: A_1 = 1 − 2 = −1. Neither passes A_2 on.
    #[test]
    fn gae_bootstraps_through_truncation_but_not_termination() {
        let done = [false, true, false];
        let rollout = |terminated| Transitions {
            n: 1,
            rewards: &[1.0; 3],
            terminated,
            done: &done,
            next_values: &[2.0, 3.0, 5.0],
        };
        let values = [1.0, 2.0, 3.0];
        assert_eq!(gae(rollout(&NO), &values, 0.5, 0.5), [1.125, 0.5, 0.5]);
        assert_eq!(gae(rollout(&done), &values, 0.5, 0.5), [0.75, -1.0, 0.5]);
    }

    /// SLM-Lab's recorded vector (reference, golden numbers): no truncation, values follow rows.
    #[test]
    fn gae_matches_the_recorded_vector() {
        let values = [1.1, 0.1, 1.1, 1.1, 0.1, 1.1, 1.1, 1.1, 1.1];
        let ended = [false, false, true, true, false, false, false, false];
        let rollout = Transitions {
            n: 1,
            rewards: &[1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0],
            terminated: &ended,
            done: &ended,
            next_values: &values[1..],
        };
        let expected =
            [0.840_700_45, 0.894_95, -0.1, -0.1, 3.616_724, 2.793_964_9, 1.919_154_5, 0.989];
        for (a, e) in gae(rollout, &values[..8], 0.99, 0.95).iter().zip(expected) {
            assert!((a - e).abs() < 1e-6, "{a} is not {e}");
        }
    }

    /// Two environments, γ = 0.9; SLM-Lab's `calc_nstep_returns` of `slm_golden.json`.
    #[test]
    fn returns_bootstrap_at_the_last_row_and_stop_at_terminations() {
        let ended = [false, false, false, true, true, false, false, false];
        let rollout = Transitions {
            n: 2,
            rewards: &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 2.0, -1.0],
            terminated: &ended,
            done: &ended,
            next_values: &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.8, -0.5],
        };
        let expected = [1.81, 0.9, 0.9, 1.0, 1.0, -0.305, 2.72, -1.45];
        for (r, e) in bootstrapped_returns(rollout, 0.9).iter().zip(expected) {
            assert!((r - e).abs() < 1e-6, "{r} is not {e}");
        }
    }

    /// γ = ½, r = 1, the second row cut: A = [1.5, 1], c = [¼, ½], b = 1.25 / (1 − 0.375) = 2,
    /// so both returns are 2, as of an endless reward of 1. Terminated instead: [1.5, 1].
    #[test]
    fn without_values_a_cut_trajectory_goes_on_with_the_mean_return() {
        let ends = [false, true];
        let returns = |terminated| {
            let (rewards, next_values) = (&[1.0; 2], &[]);
            let rollout = Transitions { n: 1, rewards, terminated, done: &ends, next_values };
            mean_bootstrapped_returns(rollout, 0.5)
        };
        assert_eq!(returns(&[false; 2]), [2.0, 2.0]);
        assert_eq!(returns(&ends), [1.5, 1.0]);
    }

    proptest::proptest! {
        /// With λ = 1 the advantage is the return less the value.
        #[test]
        fn gae_with_lambda_one_is_return_minus_value(
            rows in proptest::collection::vec((-1f32..1., -1f32..1., 0u8..5), 2..40),
        ) {
            let rewards: Vec<f32> = rows.iter().map(|row| row.0).collect();
            let values: Vec<f32> = rows.iter().map(|row| row.1).collect();
            let terminated: Vec<bool> = rows.iter().map(|row| row.2 == 0).collect();
            let done: Vec<bool> = rows.iter().map(|row| row.2 <= 1).collect();
            let mut next_values = values[1..].to_vec();
            next_values.push(0.3);
            let rollout = Transitions {
                n: 1, rewards: &rewards, terminated: &terminated, done: &done,
                next_values: &next_values,
            };
            let advantages = gae(rollout, &values, 0.9, 1.0);
            let returns = bootstrapped_returns(rollout, 0.9);
            for k in 0..rows.len() {
                proptest::prop_assert!((advantages[k] - (returns[k] - values[k])).abs() < 1e-4);
            }
        }
    }
}
