//! A policy and, where the algorithm has one, a value function: in one network or in two.

use burn::tensor::{Device, Tensor};
use slm_env::{Rng, StateError, StateReader, StateWriter};

use crate::net::{Dist, Learner, Net, NetPlan, TrainPlan};

/// Rows per forward pass where nothing is learned, to bound memory.
const CHUNK_ROWS: usize = 4096;

/// Which networks an on-policy agent trains.
#[derive(Clone, Debug, PartialEq)]
pub struct NetsPlan {
    /// What the policy columns mean.
    pub dist: Dist,
    /// The policy's network; with [`CriticPlan::Shared`] its last head is the value.
    pub actor: NetPlan,
    /// How it is trained.
    pub train: TrainPlan,
    /// Where values come from.
    pub critic: CriticPlan,
}

/// Where values come from.
#[derive(Clone, Debug, PartialEq)]
pub enum CriticPlan {
    /// There are none.
    Absent,
    /// The last column of the policy's network.
    Shared,
    /// A network of its own.
    Separate(NetPlan, TrainPlan),
}

/// The networks at work.
pub struct PolicyValueNets {
    dist: Dist,
    actor: Learner,
    critic: Critic,
}

enum Critic {
    Absent,
    Shared,
    Separate(Learner),
}

/// Networks whose passes are recorded for one gradient step.
pub struct TrackedNets {
    actor: Net,
    critic: Option<Net>,
}

impl PolicyValueNets {
    /// Freshly initialized networks on `device`.
    pub fn new(plan: &NetsPlan, rng: &mut Rng, device: &Device) -> Self {
        let actor = Learner::new(plan.actor.clone(), plan.train.clone(), rng, device);
        let critic = match &plan.critic {
            CriticPlan::Absent => Critic::Absent,
            CriticPlan::Shared => Critic::Shared,
            CriticPlan::Separate(net, train) => {
                Critic::Separate(Learner::new(net.clone(), train.clone(), rng, device))
            }
        };
        Self { dist: plan.dist, actor, critic }
    }

    /// What the policy columns mean.
    pub fn dist(&self) -> Dist {
        self.dist
    }

    /// The network that acts.
    pub fn actor(&self) -> &Learner {
        &self.actor
    }

    /// Uploads host rows to `[rows, width]` on the networks' device.
    pub fn upload(&self, rows: &[f32], width: usize) -> Tensor<2> {
        let flat = Tensor::<1>::from_data(rows, &self.actor.device());
        flat.reshape([rows.len() / width, width])
    }

    /// log π(a|s) `[batch]` under the present policy, without gradients.
    pub fn log_probs(&self, obs: &Tensor<2>, actions: &Tensor<2>) -> Tensor<1> {
        let outputs = self.policy_columns(in_chunks(&self.actor.frozen(), obs));
        self.dist.log_prob_and_entropy(outputs, actions.clone()).0
    }

    /// V `[batch]` of observations `[batch, width]`, without gradients; zero without a critic.
    pub fn values(&self, obs: &Tensor<2>) -> Tensor<1> {
        match &self.critic {
            Critic::Absent => Tensor::zeros([obs.dims()[0]], &obs.device()),
            Critic::Shared => value_column(in_chunks(&self.actor.frozen(), obs)),
            Critic::Separate(critic) => value_column(in_chunks(&critic.frozen(), obs)),
        }
    }

    /// Networks for one gradient step.
    pub fn tracked(&self) -> TrackedNets {
        let critic = match &self.critic {
            Critic::Separate(critic) => Some(critic.tracked()),
            Critic::Absent | Critic::Shared => None,
        };
        TrackedNets { actor: self.actor.tracked(), critic }
    }

    /// Policy columns `[batch, dist.width]` and, with a critic, V `[batch]` of `obs`.
    pub fn forward(&self, nets: &TrackedNets, obs: Tensor<2>) -> (Tensor<2>, Option<Tensor<1>>) {
        let outputs = nets.actor.forward(obs.clone());
        let value = match &self.critic {
            Critic::Absent => None,
            Critic::Shared => Some(value_column(outputs.clone())),
            Critic::Separate(_) => nets.critic.as_ref().map(|net| value_column(net.forward(obs))),
        };
        (self.policy_columns(outputs), value)
    }

    /// One optimizer step: on the sum of the losses if one network carries both, else on each.
    pub fn step(&mut self, nets: &TrackedNets, policy_loss: Tensor<1>, value_loss: Option<Tensor<1>>) {
        match (&mut self.critic, value_loss) {
            (Critic::Separate(critic), Some(value_loss)) => {
                self.actor.step(&nets.actor, &policy_loss);
                let net = nets.critic.as_ref().expect("a separate critic was tracked");
                critic.step(net, &value_loss);
            }
            (_, Some(value_loss)) => self.actor.step(&nets.actor, &(policy_loss + value_loss)),
            (_, None) => self.actor.step(&nets.actor, &policy_loss),
        }
    }

    /// Marks the end of one update at `frame`, on which learning-rate schedules count.
    pub fn finish_update(&mut self, frame: u64) {
        self.learners_mut().for_each(|learner| learner.finish_update(frame));
    }

    /// Optimizer steps of all networks.
    pub fn opt_steps(&self) -> u64 {
        self.learners().map(Learner::opt_steps).sum()
    }

    /// Mean learning rate over the networks.
    pub fn lr(&self) -> f64 {
        let (sum, count) = self.learners().fold((0.0, 0.0), |(s, n), l| (s + l.lr(), n + 1.0));
        sum / count
    }

    /// Root of the summed squares of the networks' last gradient norms.
    pub fn grad_norm(&self) -> f64 {
        let squares = self.learners().filter_map(Learner::grad_norm).map(|norm| norm * norm);
        squares.sum::<f64>().sqrt()
    }

    /// Writes every network.
    pub fn save(&self, out: &mut StateWriter) {
        self.learners().for_each(|learner| learner.save(out));
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state belongs to other networks.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.learners_mut().try_for_each(|learner| learner.load(from))
    }

    fn policy_columns(&self, outputs: Tensor<2>) -> Tensor<2> {
        outputs.narrow(1, 0, self.dist.width())
    }

    fn learners(&self) -> impl Iterator<Item = &Learner> {
        let critic = match &self.critic {
            Critic::Separate(critic) => Some(critic),
            Critic::Absent | Critic::Shared => None,
        };
        std::iter::once(&self.actor).chain(critic)
    }

    fn learners_mut(&mut self) -> impl Iterator<Item = &mut Learner> {
        let critic = match &mut self.critic {
            Critic::Separate(critic) => Some(critic),
            Critic::Absent | Critic::Shared => None,
        };
        std::iter::once(&mut self.actor).chain(critic)
    }
}

/// The value is the last column.
fn value_column(outputs: Tensor<2>) -> Tensor<1> {
    let last = outputs.dims()[1] - 1;
    outputs.narrow(1, last, 1).squeeze_dim(1)
}

fn in_chunks(net: &Net, obs: &Tensor<2>) -> Tensor<2> {
    if obs.dims()[0] <= CHUNK_ROWS {
        return net.forward(obs.clone());
    }
    let chunks = obs.clone().split(CHUNK_ROWS, 0);
    Tensor::cat(chunks.into_iter().map(|chunk| net.forward(chunk)).collect(), 0)
}
