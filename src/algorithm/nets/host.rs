//! Networks on the processor: fused kernels, losses differentiated by hand, no tensors.

use std::borrow::Cow;

use slm_env::{ObsBatch, Rng, StateError, StateReader, StateWriter};

use super::{CriticPlan, Epoch, Evaluation, NetsPlan, TrainingBatch, UpdateMeans};
use crate::algorithm::policy_loss::{PolicyLoss, RowGradients, Rows};
use crate::memory::Rollout;
use crate::net::{
    Dist, DistGradients, HostActions, HostDist, HostLearner, Kernels, NetPlan, TrainPlan,
};

/// Most rows per forward pass where nothing is learned: what stays in the processor's cache.
const CHUNK_ROWS: usize = 256;
/// Most numbers of observations in such a pass, as long as it has rows for every thread.
const CHUNK_NUMBERS: usize = 1 << 20;
/// Rows that such a pass may have in any case.
const LEAST_CHUNK_ROWS: usize = 32;

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
    actions: HostActions,
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
    dist: DistGradients,
}

impl HostNets {
    pub(super) fn new(plan: &NetsPlan, rng: &mut Rng, kernels: &Kernels) -> Self {
        let mut learner = |net: &NetPlan, train: &TrainPlan| {
            HostLearner::new(net.clone(), train.clone(), rng, kernels)
        };
        let actor = learner(&plan.actor, &plan.train);
        let critic = match &plan.critic {
            CriticPlan::Absent => Critic::Absent,
            CriticPlan::Shared => Critic::Shared,
            CriticPlan::Separate(net, train) => Critic::Separate(Box::new(learner(net, train))),
        };
        let (columns, gradients) = (Columns::default(), Gradients::default());
        Self { dist: plan.dist.clone(), actor, critic, columns, gradients }
    }

    pub(super) fn evaluate(&mut self, rollout: &Rollout) -> Evaluation {
        let values = self.values(rollout.obs.values());
        let bootstrap = self.values(&rollout.bootstrap_obs());
        let next_values = rollout.next_values(&values, &bootstrap);
        let log_probs = self.log_probs(rollout);
        Evaluation { values, next_values, log_probs, on_device: None }
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

    pub(super) fn actor_params(&self) -> Cow<'_, [f32]> {
        self.actor.values()
    }

    pub(super) fn finish_update(&mut self, frame: u64, loss: f64) {
        self.learners_mut().for_each(|learner| learner.finish_update(frame, loss));
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
        columns.gather(batch, rows, dist);
        actor.forward_rows(batch.obs, rows);
        columns.take_values(actor, critic, batch.obs, rows);
        columns.take_log_probs(dist, actor);
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
        gradients.backward(dist, columns, actor, matches!(critic, Critic::Shared));
        actor.step(&gradients.dist.heads, &gradients.dist.log_std);
        if let Critic::Separate(critic) = critic {
            critic.step(&gradients.rows.value, &[]);
        }
        losses.policy + losses.value.unwrap_or(0.0)
    }

    /// V `[n]` of observations `[n, width]`; zero without a critic.
    pub(super) fn values(&mut self, obs: &ObsBatch) -> Vec<f32> {
        let n = obs.len() / self.actor.plan().input;
        let net = match &mut self.critic {
            Critic::Absent => return vec![0.0; n],
            Critic::Shared => &mut self.actor,
            Critic::Separate(critic) => critic,
        };
        let heads = net.plan().head_width();
        let mut values = Vec::with_capacity(n);
        let rows: Vec<u32> = (0..n as u32).collect();
        for rows in rows.chunks(chunk_rows(net.plan())) {
            let rows = net.infer_rows(obs, rows).chunks_exact(heads);
            values.extend(rows.map(|row| row[heads - 1]));
        }
        values
    }

    /// log π `[T·n]` of the actions taken.
    fn log_probs(&mut self, rollout: &Rollout) -> Vec<f32> {
        let mut log_probs = Vec::with_capacity(rollout.len());
        let rows: Vec<u32> = (0..rollout.len() as u32).collect();
        let (chunk, width) = (chunk_rows(self.actor.plan()), rollout.plan().action_width);
        for (rows, actions) in rows.chunks(chunk).zip(rollout.actions.chunks(chunk * width)) {
            self.actor.infer_rows(rollout.obs.values(), rows);
            self.columns.actions.set(&self.dist, actions.chunks_exact(width));
            self.columns.take_log_probs(&self.dist, &self.actor);
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
    fn gather(&mut self, batch: TrainingBatch<'_>, rows: &[u32], dist: &Dist) {
        pick(batch.returns, rows, &mut self.return_);
        pick(batch.old_values, rows, &mut self.old_value);
        pick(batch.old_log_probs, rows, &mut self.old_log_prob);
        let width = dist.action_width();
        let actions = rows.iter().map(|&row| &batch.actions[row as usize * width..][..width]);
        self.actions.set(dist, actions);
    }

    /// V of the rows, from the actor's latest heads or the critic's own pass.
    fn take_values(
        &mut self,
        actor: &HostLearner,
        critic: &mut Critic,
        obs: &ObsBatch,
        rows: &[u32],
    ) {
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
    fn take_log_probs(&mut self, dist: &Dist, actor: &HostLearner) {
        host_dist(dist, actor, &self.actions)
            .log_prob_and_entropy(&mut self.log_prob, &mut self.entropy);
    }
}

impl Gradients {
    /// Derivatives with respect to the actor's latest heads and log σ.
    fn backward(&mut self, dist: &Dist, columns: &Columns, actor: &HostLearner, shared: bool) {
        let RowGradients { log_prob, entropy, value } = &self.rows;
        host_dist(dist, actor, &columns.actions).backward(log_prob, entropy, &mut self.dist);
        if shared {
            let width = actor.plan().head_width();
            let rows = self.dist.heads.chunks_exact_mut(width);
            rows.zip(value).for_each(|(row, &value)| row[width - 1] = value);
        }
    }
}

/// The actor's latest heads as distributions over `actions`.
fn host_dist<'a>(dist: &'a Dist, actor: &'a HostLearner, actions: &'a HostActions) -> HostDist<'a> {
    let width = actor.plan().head_width();
    HostDist { dist, heads: actor.heads(), width, log_std: actor.log_std(), actions }
}

/// Rows of a forward pass where nothing is learned.
fn chunk_rows(net: &NetPlan) -> usize {
    (CHUNK_NUMBERS / net.input).clamp(LEAST_CHUNK_ROWS, CHUNK_ROWS)
}

fn pick(column: &[f32], rows: &[u32], to: &mut Vec<f32>) {
    to.clear();
    to.extend(rows.iter().map(|&row| column[row as usize]));
}
