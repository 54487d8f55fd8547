//! Deep Q-learning with a recurrent network, from sequences of a replay. Hausknecht & Stone (2015),
//! arXiv:1507.06527; Kapturowski et al. (2019), "Recurrent Experience Replay in Distributed Reinforcement
//! Learning", ICLR (R2D2).
//!
//! A sequence is twice `seq_len` steps of one environment, and may run across the ends of episodes. Each
//! network begins it with no state and only sees the first half (R2D2's burn-in); the second half is
//! learned from, through which gradients go back in time. What a state is worth is said as in DQN, by a
//! network in the state that the sequence up to there left it in. A batch is `batch_size` sequences; in
//! combined replay its newest are those that end in what is new.
//!
//! Unlike R2D2: no states are stored, no priorities, one-step targets and no rescaling of values.

use slm_env::{Rng, StateError, StateReader, StateWriter, Step};
use slm_policy::{Network, Scratch};

use super::{DqnPlan, NextValue, discounted};
use crate::algorithm::action_value::{ActionValueGradients, ActionValueLoss, values_of_best};
use crate::algorithm::agent::TrainStats;
use crate::algorithm::off_policy::{MakeRule, OffPolicyRule};
use crate::memory::{Replay, SequenceBatch};
use crate::net::{Compute, NetLearner, Sequences, TargetNet};
use crate::net::{acting_network, forget, unroll, unroll_to_end};

/// Numbers of one DQN agent whose network is recurrent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RecurrentDqnPlan(pub(super) DqnPlan);

/// The DQN rule over sequences.
pub(super) struct RecurrentDqn {
    plan: DqnPlan,
    online: NetLearner,
    target: Option<TargetNet>,
    /// The online network as it acts, and what it carries in each environment's episode.
    acting: Network,
    states: Vec<f32>,
    scratch: Scratch,
    batch: SequenceBatch,
    /// What Q should be in the steps learned from, `[seq_len, b, heads]`.
    targets: Vec<f32>,
    gradients: ActionValueGradients,
}

/// Steps of a sequence: as many to begin with as to learn from.
pub(super) fn sequence_len(plan: &DqnPlan) -> usize {
    2 * plan.net.seq_len
}

impl MakeRule for RecurrentDqnPlan {
    type Rule = RecurrentDqn;

    fn make(&self, rng: &mut Rng, compute: &Compute) -> RecurrentDqn {
        let plan = self.0.clone();
        let online = NetLearner::new(plan.net.clone(), plan.train.clone(), rng, compute);
        RecurrentDqn {
            target: (plan.next_value != NextValue::Online).then(|| TargetNet::of(&online)),
            acting: acting_network(&plan.net, &online.params(), plan.net.output()),
            plan,
            online,
            states: Vec::new(),
            scratch: Scratch::default(),
            batch: SequenceBatch::default(),
            targets: Vec::new(),
            gradients: ActionValueGradients::default(),
        }
    }

    fn is_recurrent(&self) -> bool {
        true
    }
}

impl RecurrentDqn {
    /// One gradient step on the second half of the sequences; returns the loss.
    fn step(&mut self) -> f64 {
        let Self { plan, online, batch, targets, gradients, .. } = self;
        let [seen, learned] = sequences(batch).halves();
        let states = unroll_to_end(&self.acting, seen).states;
        let values = online.forward_sequences(learned, &states);
        let loss = ActionValueLoss { heads: &plan.heads, kind: plan.loss, weights: &[] };
        let actions = &batch.actions[batch.actions.len() / 2..];
        let loss = gradients.set(loss, values, actions, targets);
        online.step(&gradients.values);
        self.refresh_acting();
        loss
    }

    /// r + γ·(1 − terminated)·V(s') for each step of the second half and each head.
    fn set_targets(&mut self) {
        let frozen = self
            .target
            .as_ref()
            .map(|target| acting_network(&self.plan.net, &target.params(), self.plan.net.output()));
        let evaluating = self.next_values(frozen.as_ref().unwrap_or(&self.acting));
        let choosing = match self.plan.next_value {
            NextValue::Double(_) => &self.next_values(&self.acting),
            NextValue::Online | NextValue::Target(_) => &evaluating,
        };
        let Self { plan, batch, targets, .. } = self;
        values_of_best(&plan.heads, choosing, &evaluating, targets);
        let half = batch.rewards.len() / 2;
        discounted(plan, &batch.rewards[half..], &batch.terminated[half..], targets);
    }

    /// Q of what follows each step of the second half `[seq_len, b, actions]`.
    fn next_values(&self, network: &Network) -> Vec<f32> {
        let SequenceBatch { next_obs, firsts, starts, .. } = &self.batch;
        let before = vec![0.0; firsts.len() * network.state_width()];
        let mut states = unroll(network, sequences(&self.batch), &before).states;
        let half = states.len() / 2;
        let (rows, next_obs) = (starts.len() / 2, &next_obs[next_obs.len() / 2..]);
        let mut scratch = Scratch::default();
        network.step(next_obs, rows, &mut states[half..], &mut scratch).to_vec()
    }

    fn refresh_acting(&mut self) {
        let (plan, values) = (&self.plan.net, self.online.params());
        self.acting = acting_network(plan, &values, plan.output());
    }
}

fn sequences(batch: &SequenceBatch) -> Sequences<'_> {
    Sequences { count: batch.firsts.len(), obs: &batch.obs, starts: &batch.starts }
}

impl OffPolicyRule for RecurrentDqn {
    fn policy_rows(&mut self, obs: &[f32]) -> &[f32] {
        let n = obs.len() / self.plan.net.input;
        self.states.resize(n * self.acting.state_width(), 0.0);
        self.acting.step(obs, n, &mut self.states, &mut self.scratch)
    }

    fn observe(&mut self, steps: &[Step]) {
        forget(&mut self.states, steps.iter().map(|step| step.terminated || step.truncated));
    }

    fn learn(&mut self, replay: &mut Replay, rng: &mut Rng) -> TrainStats {
        let (iters, batch_iters) = (self.plan.training_iter, self.plan.training_batch_iter);
        let mut loss = 0.0;
        for _ in 0..iters {
            replay.sample_sequences(rng, sequence_len(&self.plan), &mut self.batch);
            for i in 0..batch_iters {
                if i == 0 || !matches!(self.plan.next_value, NextValue::Target(_)) {
                    self.set_targets();
                }
                loss += self.step();
            }
        }
        TrainStats { loss: loss / (iters * batch_iters) as f64 }
    }

    fn advance(&mut self, previous: u64, frame: u64) {
        self.plan.next_value.follow(self.target.as_mut(), &self.online, previous, frame);
    }

    fn finish_update(&mut self, frame: u64, stats: TrainStats) {
        self.online.finish_update(frame, stats.loss);
        // Of several workers, others may have moved it on.
        self.refresh_acting();
    }

    fn nets(&self) -> Vec<&NetLearner> {
        vec![&self.online]
    }

    fn opt_steps(&self) -> u64 {
        self.online.opt_steps()
    }

    fn metric_names(&self) -> &'static [&'static str] {
        &["q_mean"]
    }

    fn metrics(&self) -> Vec<f64> {
        vec![self.gradients.mean_value]
    }

    fn save(&self, out: &mut StateWriter) {
        self.online.save(out);
        self.target.iter().for_each(|target| target.save(out));
        out.f64(self.gradients.mean_value);
        out.f32s(&self.states);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.online.load(from)?;
        self.target.iter_mut().try_for_each(|target| target.load(from))?;
        self.gradients.mean_value = from.f64()?;
        self.states = from.f32s()?;
        self.refresh_acting();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use slm_env::ObsBatch;

    use super::*;
    use crate::algorithm::target_update::TargetUpdate;
    use crate::memory::ReplayPlan;
    use crate::net::{
        Cell, LayerPlan, LossFn, LrSchedule, NetPlan, OptimPlan, Sgd, TrainPlan, plain,
    };

    const NUM_ENVS: usize = 2;
    const GAMMA: f32 = 0.5;

    fn agent() -> RecurrentDqn {
        let lstm = LayerPlan::Recurrent { cell: Cell::Lstm, hidden: 5 };
        let sgd = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
        let optim = OptimPlan::Sgd(sgd);
        let plan = DqnPlan {
            net: NetPlan { seq_len: 3, ..plain(1, vec![lstm], &[2]) },
            train: TrainPlan { optim, lr: 0.5, lr_schedule: LrSchedule::Constant, clip_grad: None },
            heads: vec![2],
            next_value: NextValue::Double(TargetUpdate::Replace { update_frequency: 1000 }),
            gamma: f64::from(GAMMA),
            loss: LossFn::Mse,
            training_iter: 1,
            training_batch_iter: 2,
        };
        RecurrentDqnPlan(plan).make(&mut Rng::from_seed(4), &Compute::kernels(1))
    }

    /// Episodes of 5 and 4 steps, the first environment's cut off by a time limit.
    fn replay() -> Replay {
        let mut replay = Replay::new(ReplayPlan {
            num_envs: NUM_ENVS,
            obs_width: 1,
            obs_u8: false,
            action_width: 1,
            max_size: 60,
            batch_size: 16,
            use_cer: false,
            priorities: None,
        });
        let obs = |k: usize| ObsBatch::F32(vec![(k as f32).sin(), (k as f32).cos()]);
        for k in 0..50 {
            replay.push_acted(&obs(k), &[(k % 2) as f32, (k / 2 % 2) as f32]);
            let (cut, end) = (k % 5 == 4, k % 4 == 3);
            let step = |terminated, truncated| Step { reward: k as f64, terminated, truncated };
            let final_obs = ObsBatch::F32(vec![7.0, 8.0]);
            replay.push_observed(&obs(k + 1), &final_obs, &[step(false, cut), step(end, false)]);
        }
        replay
    }

    /// Q of each network after the observations of sequence `j` up to step `t`, and then of what
    /// followed, without shortcuts.
    fn values(agent: &RecurrentDqn, network: &Network, j: usize, t: usize) -> [Vec<f32>; 2] {
        let SequenceBatch { obs, starts, next_obs, firsts, .. } = &agent.batch;
        let mut states = vec![0.0; network.state_width()];
        let (mut scratch, mut own) = (Scratch::default(), Vec::new());
        for row in (0..=t).map(|t| t * firsts.len() + j) {
            if starts[row] {
                states.fill(0.0);
            }
            own = network.step(&obs[row..=row], 1, &mut states, &mut scratch).to_vec();
        }
        let row = t * firsts.len() + j;
        let next = network.step(&next_obs[row..=row], 1, &mut states, &mut scratch).to_vec();
        [own, next]
    }

    #[test]
    fn values_and_targets_are_those_of_the_sequence_up_to_each_step() {
        let (mut agent, mut replay, mut rng) = (agent(), replay(), Rng::from_seed(2));
        // Online and target network differ from here on.
        agent.learn(&mut replay, &mut rng);
        replay.sample_sequences(&mut rng, 6, &mut agent.batch);
        agent.set_targets();
        let target = agent.target.as_ref().map(TargetNet::params).unwrap();
        let (online, frozen) = (agent.acting.clone(), acting_network(&agent.plan.net, &target, 2));
        let (mut loss, mut truncated) = (0.0, 0);
        for (k, found) in agent.targets.iter().enumerate() {
            let (t, j) = (3 + k / 16, k % 16);
            let row = t * 16 + j;
            let [own, choosing] = values(&agent, &online, j, t);
            let [_, evaluating] = values(&agent, &frozen, j, t);
            let best = usize::from(choosing[1] > choosing[0]);
            let future = if agent.batch.terminated[row] { 0.0 } else { GAMMA * evaluating[best] };
            let expected = agent.batch.rewards[row] + future;
            assert!((found - expected).abs() < 1e-4, "step {t} of {j}: {found} is not {expected}");
            let error = own[agent.batch.actions[row] as usize] - found;
            loss += error * error / 48.0;
            truncated += u32::from(agent.batch.next_obs[row] == 7.0);
        }
        assert!(truncated > 0);
        let found = agent.step() as f32;
        assert!((found - loss).abs() < 1e-4 * loss, "{found} is not {loss}");
    }

    #[test]
    fn each_environment_s_state_ends_with_its_episode() {
        let mut agent = agent();
        let first = agent.policy_rows(&[0.3, 0.3]).to_vec();
        agent.observe(&[Step::default(), Step { truncated: true, ..Step::default() }]);
        let second = agent.policy_rows(&[0.3, 0.3]).to_vec();
        assert_eq!(first[2..], second[2..]);
        assert_ne!(first[..2], second[..2]);
    }
}
