//! PPO's update at the sizes of `ppo_cartpole_arc`, and gradient steps of its networks: fused kernels against Burn tensors.
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::hint::black_box;
use std::time::Instant;

use burn::tensor::{Device, Tensor};
use slm_env::{EnvOptions, ObsBatch, Rng};
use slm_kernels::{Rows, RowsMut, categorical_backward, categorical_log_prob_entropy};
use slm_lab::algorithm::nets::{CriticPlan, NetsPlan, PolicyValueNets};
use slm_lab::algorithm::on_policy::OnPolicyRule;
use slm_lab::algorithm::ppo::{AdvantageScale, Ppo, PpoPlan};
use slm_lab::memory::{Rollout, RolloutPlan};
use slm_lab::net::{
    Activation, Adam, Compute, DeviceLearner, Dist, HostLearner, Init, Kernels, LayerPlan, LossFn,
    LrSchedule, NetPlan, OptimPlan, Tensors, TrainPlan, WeightsPlan,
};
use slm_lab::ops::Schedule;
use slm_lab::registry::find_env;

/// Rounds of which the median counts; host and Burn take turns.
const ROUNDS: usize = 15;

/// Optimizer steps of the host in a round; Burn makes a tenth of them.
const STEPS: usize = 400;

/// Features of an observation, actions to choose from, width of a hidden layer.
const OBS: usize = 4;
const ACTIONS: usize = 2;
const HIDDEN: usize = 64;

/// Environments and vector steps of a rollout.
const NUM_ENVS: usize = 4;
const HORIZON: usize = 256;

const ENTROPY_COEF: f32 = 0.0074;

fn main() {
    let step = gradient_steps();
    ppo_update(step);
}

/// Prints steps of both networks on the host and on Burn; returns the host's microseconds at 128 rows.
fn gradient_steps() -> f64 {
    println!("one step of actor 4-64-64-2 and critic 4-64-64-1 (tanh, Adam, clipped by norm), µs");
    println!("{:>6} {:>10} {:>10} {:>8}", "rows", "kernels", "Burn", "ratio");
    let mut at_128 = f64::NAN;
    for n in [32, 128, 512] {
        let batch = Batch::new(n);
        let (mut host, mut burn) = (HostNets::new(n), BurnNets::new(&batch));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..=ROUNDS {
            ours.push(micros(STEPS, || host.step(&batch)));
            theirs.push(micros(STEPS / 10, || burn.step()));
        }
        let [ours, theirs] = [ours, theirs].map(|rounds| median(&rounds[1..]));
        println!("{n:6} {ours:10.1} {theirs:10.1} {:8.1}", theirs / ours);
        at_128 = if n == 128 { ours } else { at_128 };
    }
    at_128
}

/// Prints a whole update on the host, and the part of it that is gradient steps of `step` microseconds.
fn ppo_update(step: f64) {
    let (plan, rollout) = (ppo_plan(), rollout());
    let (epochs, minibatch) = (plan.training_epoch, plan.minibatch_size);
    let mut rule = Ppo::new(plan);
    let critic = CriticPlan::Separate(net(1).into(), train().into());
    let dist = Dist::Categorical { n: ACTIONS };
    let nets = NetsPlan { dist, actor: net(ACTIONS), train: train(), critic };
    let mut rng = Rng::from_seed(1);
    let mut nets = PolicyValueNets::new(&nets, &mut rng, &Compute::kernels(1));
    let update = || {
        black_box(rule.learn(&mut nets, &rollout, &mut rng));
    };
    let ms = rounds(1, update) / 1e3;
    let steps = epochs * rollout.len() / minibatch;
    let share = steps as f64 * step / 1e3 / ms;
    println!("PPO update of ppo_cartpole_arc, {steps} steps of both networks: {ms:.2} ms");
    println!(
        "{:.0} % of it is the steps above; the rest is values, advantages, losses",
        share * 1e2
    );
}

/// Median microseconds of `call` after a round of warming up.
fn rounds(calls: usize, mut call: impl FnMut()) -> f64 {
    let all: Vec<f64> = (0..=ROUNDS).map(|_| micros(calls, &mut call)).collect();
    median(&all[1..])
}

fn micros(calls: usize, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| call());
    start.elapsed().as_nanos() as f64 / 1e3 / calls as f64
}

fn median(values: &[f64]) -> f64 {
    slm_lab::analysis::stats::median(values)
}

fn net(head: usize) -> NetPlan {
    let linear = LayerPlan::Linear { width: HIDDEN, bias: true };
    let tanh = LayerPlan::Activation(Activation::Tanh);
    NetPlan {
        input: OBS,
        obs_scale: 1.0,
        trunk: vec![linear, tanh, linear, tanh],
        branches: Vec::new(),
        weights: WeightsPlan::Plain,
        heads: vec![head],
        seq_len: 1,
        dueling: false,
        out_activation: Activation::Identity,
        log_std_init: None,
        init: Init::Default,
        head_std: vec![None],
    }
}

fn train() -> TrainPlan {
    TrainPlan {
        optim: OptimPlan::Adam(Adam {
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            amsgrad: false,
        }),
        lr: 6e-4,
        lr_schedule: LrSchedule::Constant,
        clip_grad: Some(0.5),
    }
}

fn ppo_plan() -> PpoPlan {
    PpoPlan {
        gamma: 0.9769,
        lam: 0.9112,
        clip_eps: Schedule::Constant(0.1312),
        entropy_coef: Schedule::Constant(f64::from(ENTROPY_COEF)),
        val_loss_coef: 0.6049,
        minibatch_size: 128,
        training_epoch: 15,
        value_loss: LossFn::Mse,
        clip_vloss: false,
        symlog: false,
        normalize_v_targets: false,
        advantage_scale: AdvantageScale::Standardize,
    }
}

/// What random actions in CartPole give.
fn rollout() -> Rollout {
    let def = find_env("CartPole-v1").expect("CartPole is built in");
    let mut env = def.make(&EnvOptions::new(NUM_ENVS, 0)).expect("the defaults are valid");
    let (mut batch, mut actions) = (env.new_batch(), env.new_actions());
    let plan = RolloutPlan { num_envs: NUM_ENVS, obs_width: OBS, obs_u8: false, action_width: 1 };
    let (mut rollout, mut rng) = (Rollout::new(plan), Rng::from_seed(2));
    env.reset(&mut batch);
    for _ in 0..HORIZON {
        (0..NUM_ENVS).for_each(|i| env.action_space().sample(&mut rng, &mut actions, i));
        let stored: Vec<f32> = (0..NUM_ENVS).map(|i| actions.row_f64(i, 1)[0] as f32).collect();
        rollout.push_acted(&batch.obs, &stored);
        env.step(&actions, &mut batch);
        rollout.push_observed(&batch.obs, &batch.final_obs, &batch.steps);
    }
    rollout
}

/// A minibatch of the policy gradient with a baseline.
struct Batch {
    obs: ObsBatch,
    choices: Vec<u32>,
    advantage: Vec<f32>,
    return_: Vec<f32>,
}

impl Batch {
    fn new(n: usize) -> Self {
        let mut rng = Rng::from_seed(3);
        let mut draw =
            |n: usize| -> Vec<f32> { (0..n).map(|_| rng.normal(0.0, 1.0) as f32).collect() };
        let (obs, advantage, return_) = (draw(n * OBS), draw(n), draw(n));
        let obs = ObsBatch::F32(obs);
        Self { obs, choices: (0..n as u32).map(|i| i % 2).collect(), advantage, return_ }
    }
}

/// Both networks under the kernels.
struct HostNets {
    actor: HostLearner,
    critic: HostLearner,
    rows: Vec<u32>,
    log_prob: Vec<f32>,
    entropy: Vec<f32>,
    d_entropy: Vec<f32>,
    d_heads: Vec<f32>,
    d_values: Vec<f32>,
}

impl HostNets {
    fn new(n: usize) -> Self {
        let mut rng = Rng::from_seed(4);
        let zeros = vec![0.0; n];
        Self {
            actor: HostLearner::new(net(ACTIONS), train(), &mut rng, &Kernels::new(1)),
            critic: HostLearner::new(net(1), train(), &mut rng, &Kernels::new(1)),
            rows: (0..n as u32).collect(),
            log_prob: zeros.clone(),
            entropy: zeros,
            d_entropy: vec![-ENTROPY_COEF / n as f32; n],
            d_heads: vec![0.0; n * ACTIONS],
            d_values: Vec::new(),
        }
    }

    fn step(&mut self, batch: &Batch) {
        let Self { actor, critic, rows, log_prob, entropy, d_entropy, d_heads, d_values } = self;
        let share = 1.0 / rows.len() as f32;
        let heads = Rows { values: actor.forward_rows(&batch.obs, rows), stride: ACTIONS };
        categorical_log_prob_entropy(heads, ACTIONS, &batch.choices, log_prob, entropy);
        let d_log_prob = log_prob;
        for (d, advantage) in d_log_prob.iter_mut().zip(&batch.advantage) {
            *d = -advantage * share;
        }
        d_heads.fill(0.0);
        let to = RowsMut { values: d_heads, stride: ACTIONS };
        categorical_backward(heads, ACTIONS, &batch.choices, d_log_prob, d_entropy, to);
        actor.step(d_heads, &[]);
        let values = critic.forward_rows(&batch.obs, rows);
        let errors = values.iter().zip(&batch.return_).map(|(v, r)| 2.0 * (v - r) * share);
        d_values.clear();
        d_values.extend(errors);
        critic.step(d_values, &[]);
    }
}

/// Both networks as Burn tensors on the processor, differentiated by Burn.
struct BurnNets {
    actor: DeviceLearner,
    critic: DeviceLearner,
    obs: Tensor<2>,
    actions: Tensor<2>,
    advantage: Tensor<1>,
    return_: Tensor<1>,
}

impl BurnNets {
    fn new(batch: &Batch) -> Self {
        let (device, mut rng) = (Device::flex(), Rng::from_seed(4));
        let tensors = Tensors::on(device.clone());
        let n = batch.choices.len();
        let vector = |values: &[f32]| Tensor::<1>::from_data(values, &device);
        let choices: Vec<f32> = batch.choices.iter().map(|&choice| choice as f32).collect();
        Self {
            actor: DeviceLearner::new(net(ACTIONS), train(), &mut rng, &tensors),
            critic: DeviceLearner::new(net(1), train(), &mut rng, &tensors),
            obs: vector(batch.obs.f32s()).reshape([n, OBS]),
            actions: vector(&choices).reshape([n, 1]),
            advantage: vector(&batch.advantage),
            return_: vector(&batch.return_),
        }
    }

    fn step(&mut self) {
        let net = self.actor.tracked();
        let dist = Dist::Categorical { n: ACTIONS };
        let outputs = net.forward(self.obs.clone());
        let (log_prob, entropy) = dist.log_prob_and_entropy(outputs, self.actions.clone());
        let gain = (log_prob * self.advantage.clone()).mean();
        self.actor.step(&net, &(gain.neg() - entropy.mean() * ENTROPY_COEF));
        let net = self.critic.tracked();
        let value = net.forward(self.obs.clone()).squeeze_dim::<1>(1);
        self.critic.step(&net, &(value - self.return_.clone()).square().mean());
    }
}
