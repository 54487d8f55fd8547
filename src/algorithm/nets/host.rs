//! Networks on the processor: fused kernels, losses differentiated by hand, no tensors.

use slm_env::{Rng, StateError, StateReader, StateWriter};
use slm_kernels::{
    Normal, Rows as Strided, RowsMut, categorical_backward, categorical_log_prob_entropy,
};

use super::{CriticPlan, Epoch, Evaluation, NetsPlan, TrainingBatch, UpdateMeans};
use crate::algorithm::policy_loss::{PolicyLoss, RowGradients, Rows};
use crate::memory::Rollout;
use crate::net::{Dist, HostLearner, NetPlan, Threads, TrainPlan};

/// Rows per forward pass where nothing is learned: what stays in the processor's cache.
const CHUNK_ROWS: usize = 256;

/// Networks in host memory.
pub struct HostNets {
    dist: Dist,
    actor: HostLearner,
    critic: Critic,
    columns: Columns,
    gradients: Gradients,
}

enum Critic {
    Absent,
    Shared,
    Separate(Box<HostLearner>),
}

/// One minibatch, column by column; buffers that are used again.
#[derive(Default)]
struct Columns {
    /// Indices of discrete actions.
    choices: Vec<u32>,
    /// Continuous actions `[batch, k]`.
    actions: Vec<f32>,
    log_prob: Vec<f32>,
    entropy: Vec<f32>,
    value: Vec<f32>,
    return_: Vec<f32>,
    old_value: Vec<f32>,
    old_log_prob: Vec<f32>,
}

/// The loss's derivatives; buffers that are used again.
#[derive(Default)]
struct Gradients {
    rows: RowGradients,
    heads: Vec<f32>,
    mean: Vec<f32>,
    log_std: Vec<f32>,
}

impl HostNets {
    pub(super) fn new(plan: &NetsPlan, rng: &mut Rng, threads: &Threads) -> Self {
        let mut learner = |net: &NetPlan, train: &TrainPlan| {
            HostLearner::new(net.clone(), train.clone(), rng, threads.clone())
        };
        let actor = learner(&plan.actor, &plan.train);
        let critic = match &plan.critic {
            CriticPlan::Absent => Critic::Absent,
            CriticPlan::Shared => Critic::Shared,
            CriticPlan::Separate(net, train) => Critic::Separate(Box::new(learner(net, train))),
        };
        let (columns, gradients) = (Columns::default(), Gradients::default());
        Self { dist: plan.dist, actor, critic, columns, gradients }
    }

    pub(super) fn evaluate(&mut self, rollout: &Rollout) -> Evaluation {
        let values = self.values(&rollout.obs);
        let bootstrap = self.values(&rollout.bootstrap_obs());
        let next_values = rollout.next_values(&values, &bootstrap);
        Evaluation { values, next_values, log_probs: self.log_probs(rollout) }
    }

    pub(super) fn learn(
        &mut self,
        batch: TrainingBatch<'_>,
        minibatch_size: usize,
        epochs: &mut dyn Iterator<Item = Epoch>,
        loss: &dyn PolicyLoss,
    ) -> UpdateMeans {
        let (mut sum, mut entropy, mut count) = (0.0, 0.0, 0.0);
        for Epoch { order, advantages } in epochs {
            let minibatches = order.chunks(minibatch_size).zip(advantages.chunks(minibatch_size));
            for (rows, advantage) in minibatches {
                sum += self.step(batch, rows, advantage, loss);
                let entropies = self.columns.entropy.iter().map(|&h| f64::from(h));
                entropy += entropies.sum::<f64>() / rows.len() as f64;
                count += 1.0;
            }
        }
        UpdateMeans { loss: sum / count, entropy: entropy / count }
    }

    pub(super) fn actor_plan(&self) -> &NetPlan {
        self.actor.plan()
    }

    pub(super) fn actor_params(&self) -> &[f32] {
        self.actor.params()
    }

    pub(super) fn finish_update(&mut self, frame: u64) {
        self.learners_mut().for_each(|learner| learner.finish_update(frame));
    }

    pub(super) fn opt_steps(&self) -> u64 {
        self.learners().map(HostLearner::opt_steps).sum()
    }

    pub(super) fn lr(&self) -> f64 {
        let (sum, count) = self.learners().fold((0.0, 0.0), |(s, n), l| (s + l.lr(), n + 1.0));
        sum / count
    }

    pub(super) fn grad_norm(&self) -> f64 {
        let squares = self.learners().filter_map(HostLearner::grad_norm).map(|norm| norm * norm);
        squares.sum::<f64>().sqrt()
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        self.learners().for_each(|learner| learner.save(out));
    }

    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.learners_mut().try_for_each(|learner| learner.load(from))
    }

    /// One gradient step on the given rows; returns the loss.
    fn step(
        &mut self,
        batch: TrainingBatch<'_>,
        rows: &[u32],
        advantage: &[f32],
        loss: &dyn PolicyLoss,
    ) -> f64 {
        let Self { dist, actor, critic, columns, gradients } = self;
        columns.gather(batch, rows, *dist);
        actor.forward_rows(&batch.rollout.obs, rows);
        columns.take_values(actor, critic, &batch.rollout.obs, rows);
        columns.take_log_probs(*dist, actor);
        gradients.rows.resize(rows.len());
        let value = (!matches!(critic, Critic::Absent)).then_some(columns.value.as_slice());
        let minibatch = Rows {
            log_prob: columns.log_prob.as_slice(),
            entropy: &columns.entropy,
            value,
            advantage,
            return_: &columns.return_,
            old_value: &columns.old_value,
            old_log_prob: &columns.old_log_prob,
        };
        let losses = loss.on_host(&minibatch, &mut gradients.rows);
        gradients.backward(*dist, columns, actor, matches!(critic, Critic::Shared));
        actor.step(&gradients.heads, &gradients.log_std);
        if let Critic::Separate(critic) = critic {
            critic.step(&gradients.rows.value, &[]);
        }
        losses.policy + losses.value.unwrap_or(0.0)
    }

    /// V `[n]` of observations `[n, width]`; zero without a critic.
    fn values(&mut self, obs: &[f32]) -> Vec<f32> {
        let width = self.actor.plan().input;
        let net = match &mut self.critic {
            Critic::Absent => return vec![0.0; obs.len() / width],
            Critic::Shared => &mut self.actor,
            Critic::Separate(critic) => critic,
        };
        let heads = net.plan().head_width();
        let mut values = Vec::with_capacity(obs.len() / width);
        for chunk in obs.chunks(CHUNK_ROWS * width) {
            values.extend(net.forward(chunk).chunks_exact(heads).map(|row| row[heads - 1]));
        }
        values
    }

    /// log π `[T·n]` of the actions taken.
    fn log_probs(&mut self, rollout: &Rollout) -> Vec<f32> {
        let widths = rollout.plan();
        let mut log_probs = Vec::with_capacity(rollout.len());
        let obs = rollout.obs.chunks(CHUNK_ROWS * widths.obs_width);
        let actions = rollout.actions.chunks(CHUNK_ROWS * widths.action_width);
        for (obs, actions) in obs.zip(actions) {
            self.actor.forward(obs);
            self.columns.set_actions(actions, self.dist);
            self.columns.take_log_probs(self.dist, &self.actor);
            log_probs.extend_from_slice(&self.columns.log_prob);
        }
        log_probs
    }

    fn learners(&self) -> impl Iterator<Item = &HostLearner> {
        let critic = match &self.critic {
            Critic::Separate(critic) => Some(&**critic),
            Critic::Absent | Critic::Shared => None,
        };
        std::iter::once(&self.actor).chain(critic)
    }

    fn learners_mut(&mut self) -> impl Iterator<Item = &mut HostLearner> {
        let critic = match &mut self.critic {
            Critic::Separate(critic) => Some(&mut **critic),
            Critic::Absent | Critic::Shared => None,
        };
        std::iter::once(&mut self.actor).chain(critic)
    }
}

impl Columns {
    /// Takes actions and targets of the given rows.
    fn gather(&mut self, batch: TrainingBatch<'_>, rows: &[u32], dist: Dist) {
        let Evaluation { values, log_probs, .. } = batch.before;
        pick(batch.returns, rows, &mut self.return_);
        pick(values, rows, &mut self.old_value);
        pick(log_probs, rows, &mut self.old_log_prob);
        let actions = &batch.rollout.actions;
        match dist {
            Dist::Categorical { .. } => {
                self.choices.clear();
                self.choices.extend(rows.iter().map(|&row| actions[row as usize] as u32));
            }
            Dist::Normal { k } => {
                self.actions.clear();
                for &row in rows {
                    self.actions.extend_from_slice(&actions[row as usize * k..][..k]);
                }
            }
        }
    }

    fn set_actions(&mut self, actions: &[f32], dist: Dist) {
        match dist {
            Dist::Categorical { .. } => {
                self.choices.clear();
                self.choices.extend(actions.iter().map(|&action| action as u32));
            }
            Dist::Normal { .. } => {
                self.actions.clear();
                self.actions.extend_from_slice(actions);
            }
        }
    }

    /// V of the rows, from the actor's latest heads or the critic's own pass.
    fn take_values(&mut self, actor: &HostLearner, critic: &mut Critic, obs: &[f32], rows: &[u32]) {
        self.value.clear();
        match critic {
            Critic::Absent => {}
            Critic::Shared => {
                let width = actor.plan().head_width();
                let heads = actor.heads().chunks_exact(width);
                self.value.extend(heads.map(|row| row[width - 1]));
            }
            Critic::Separate(critic) => {
                self.value.extend_from_slice(critic.forward_rows(obs, rows));
            }
        }
    }

    /// log π and entropy of the rows, from the actor's latest heads.
    fn take_log_probs(&mut self, dist: Dist, actor: &HostLearner) {
        let heads = Strided { values: actor.heads(), stride: actor.plan().head_width() };
        let n = heads.values.len() / heads.stride;
        self.log_prob.resize(n, 0.0);
        self.entropy.resize(n, 0.0);
        let (log_prob, entropy) = (&mut self.log_prob, &mut self.entropy);
        match dist {
            Dist::Categorical { n } => {
                categorical_log_prob_entropy(heads, n, &self.choices, log_prob, entropy);
            }
            Dist::Normal { k } => {
                normal(k, actor, &self.actions).log_prob_entropy(log_prob, entropy);
            }
        }
    }
}

impl Gradients {
    /// Derivatives with respect to the actor's latest heads and log σ.
    fn backward(&mut self, dist: Dist, columns: &Columns, actor: &HostLearner, shared: bool) {
        let width = actor.plan().head_width();
        self.heads.clear();
        self.heads.resize(columns.log_prob.len() * width, 0.0);
        self.log_std.clear();
        match dist {
            Dist::Categorical { n } => {
                let heads = Strided { values: actor.heads(), stride: width };
                let d_heads = RowsMut { values: &mut self.heads, stride: width };
                let RowGradients { log_prob, entropy, .. } = &self.rows;
                categorical_backward(heads, n, &columns.choices, log_prob, entropy, d_heads);
            }
            Dist::Normal { k } => self.normal_backward(k, columns, actor),
        }
        if shared {
            let rows = self.heads.chunks_exact_mut(width);
            rows.zip(&self.rows.value).for_each(|(row, &value)| row[width - 1] = value);
        }
    }

    fn normal_backward(&mut self, k: usize, columns: &Columns, actor: &HostLearner) {
        let (n, width) = (columns.log_prob.len(), actor.plan().head_width());
        let stride = if actor.log_std().is_empty() { k } else { 0 };
        self.mean.resize(n * k, 0.0);
        self.log_std.resize(if stride == 0 { k } else { n * k }, 0.0);
        normal(k, actor, &columns.actions).backward(
            &self.rows.log_prob,
            &self.rows.entropy,
            RowsMut { values: &mut self.mean, stride: k },
            RowsMut { values: &mut self.log_std, stride },
        );
        for (i, row) in self.heads.chunks_exact_mut(width).enumerate() {
            row[..k].copy_from_slice(&self.mean[i * k..][..k]);
            if stride > 0 {
                row[k..2 * k].copy_from_slice(&self.log_std[i * k..][..k]);
            }
        }
        if stride > 0 {
            self.log_std.clear();
        }
    }
}

/// The actor's latest heads as a distribution over `actions` `[n, k]`.
fn normal<'a>(k: usize, actor: &'a HostLearner, actions: &'a [f32]) -> Normal<'a> {
    let stride = actor.plan().head_width();
    let log_std = match actor.log_std() {
        [] => Strided { values: &actor.heads()[k..], stride },
        log_std => Strided { values: log_std, stride: 0 },
    };
    let mean = Strided { values: actor.heads(), stride };
    Normal { k, mean, log_std, actions: Strided { values: actions, stride: k } }
}

fn pick(column: &[f32], rows: &[u32], to: &mut Vec<f32>) {
    to.clear();
    to.extend(rows.iter().map(|&row| column[row as usize]));
}
