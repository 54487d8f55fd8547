//! Recurrent networks learn from chunks and histories what the whole would teach them.

use slm_env::ObsBatch;
use slm_policy::{Activation, Family, Network, Scratch};

use super::tests::{EveryColumn, OBS, ROWS, net, rms_prop, rollout, train};
use super::*;
use crate::algorithm::policy_loss::{Losses, RowGradients, Rows};
use crate::net::{
    Cell, LayerPlan, OptimPlan, Sgd, acting_network, batch_norm, forget, plain, unroll,
    unroll_to_end,
};

/// How far the networks are from what they were.
struct Change;

impl PolicyLoss for Change {
    fn on_device(&self, rows: Rows<burn::tensor::Tensor<1>>) -> Losses<burn::tensor::Tensor<1>> {
        let value = rows.value.map(|value| (value - rows.old_value).square().mean());
        Losses { policy: (rows.log_prob - rows.old_log_prob).square().mean(), value }
    }

    fn on_host(&self, _: &Rows<&[f32]>, _: &mut RowGradients) -> Losses<f64> {
        unreachable!("recurrent networks learn as tensors")
    }
}

/// A network that remembers, learned from in chunks of three steps.
fn recurrent_net(heads: &[usize], cell: Cell) -> NetPlan {
    let trunk = vec![
        LayerPlan::Linear { width: 7, bias: true },
        LayerPlan::Activation(Activation::Tanh),
        LayerPlan::Recurrent { cell, hidden: 6 },
    ];
    NetPlan { seq_len: 3, ..plain(OBS, trunk, heads) }
}

/// Shows two rollouts of four steps, cut off after the third, then learns from the second in
/// minibatches that cut chunks apart. At a learning rate of 0 the chunks have to give what the pass
/// over the whole gave.
fn assert_chunks_agree_with_the_whole(plan: &NetsPlan) {
    let mut nets = PolicyValueNets::new(plan, &mut Rng::from_seed(1), &Compute::kernels(1));
    let mut rng = Rng::from_seed(5);
    let [first, second] = [(); 2].map(|()| rollout(&plan.dist, &plan.actor, &mut rng));
    let alone = nets.evaluate(&second);
    nets = PolicyValueNets::new(plan, &mut Rng::from_seed(1), &Compute::kernels(1));
    nets.evaluate(&first);
    let before = nets.evaluate(&second);
    assert_ne!((&before.values, &before.log_probs), (&alone.values, &alone.log_probs));
    let cut = ROWS / 2..ROWS * 3 / 4;
    assert_eq!(nets.truncated_values(&second), before.next_values[cut]);
    let returns = vec![0.0; ROWS];
    let batch = TrainingBatch::of(&second, &returns, &before);
    let order = (0..ROWS as u32).map(|k| k * 7 % ROWS as u32).collect();
    let epoch = Epoch { order, advantages: returns.clone() };
    let means = nets.learn(batch, 5, &mut std::iter::once(epoch), &Change);
    assert!(means.loss < 1e-10, "{means:?}");
    let mut state = StateWriter::new();
    nets.save(&mut state);
    let mut loaded = PolicyValueNets::new(plan, &mut Rng::from_seed(2), &Compute::kernels(1));
    loaded.load(&mut StateReader::new(&state.into_bytes())).unwrap();
    let [found, expected] = [loaded, nets].map(|mut nets| nets.evaluate(&first));
    assert_eq!(found.values, expected.values);
    assert_eq!(found.next_values, expected.next_values);
    assert_eq!(found.log_probs, expected.log_probs);
}

#[test]
fn chunks_of_a_rollout_are_seen_as_the_whole_is() {
    let still = TrainPlan { lr: 0.0, ..rms_prop() };
    for (cell, other) in [(Cell::Gru, Cell::Rnn), (Cell::Lstm, Cell::Gru), (Cell::Rnn, Cell::Lstm)]
    {
        let (dist, train) = (Dist::Categorical { n: 3 }, still.clone());
        let actor = recurrent_net(&[3, 1], cell);
        let critic = CriticPlan::Shared;
        let plan = NetsPlan { dist: dist.clone(), actor, train: train.clone(), critic };
        assert_chunks_agree_with_the_whole(&plan);
        let actor = recurrent_net(&[3], cell);
        for critic in [recurrent_net(&[1], other), net(&[1], None)] {
            let critic = CriticPlan::Separate(critic.into(), train.clone().into());
            let (dist, actor, train) = (dist.clone(), actor.clone(), train.clone());
            assert_chunks_agree_with_the_whole(&NetsPlan { dist, actor, train, critic });
        }
    }
}

#[test]
fn a_recurrent_policy_with_a_log_std_of_its_own_is_seen_as_a_whole() {
    let dist = Dist::Continuous { family: Family::Normal, k: 2 };
    let actor = NetPlan { log_std_init: Some(-0.3), ..recurrent_net(&[2, 1], Cell::Gru) };
    let train = TrainPlan { lr: 0.0, ..rms_prop() };
    let critic = CriticPlan::Shared;
    assert_chunks_agree_with_the_whole(&NetsPlan { dist, actor, train, critic });
}

/// Running statistics are of the batches learned from, whatever the policy beside the critic is.
#[test]
fn a_critic_that_carries_nothing_normalizes_batches_beside_a_recurrent_policy() {
    let train = TrainPlan { lr: 0.0, ..rms_prop() };
    let trunk = vec![LayerPlan::Linear { width: 7, bias: true }, batch_norm(7)];
    let critic = Box::new(plain(OBS, trunk, &[1]));
    let plan = NetsPlan {
        dist: Dist::Categorical { n: 3 },
        actor: recurrent_net(&[3], Cell::Gru),
        train: train.clone(),
        critic: CriticPlan::Separate(critic, train.into()),
    };
    let mut nets = PolicyValueNets::new(&plan, &mut Rng::from_seed(1), &Compute::kernels(1));
    let rollout = rollout(&plan.dist, &plan.actor, &mut Rng::from_seed(2));
    let before = nets.evaluate(&rollout);
    let batch = TrainingBatch::of(&rollout, &before.values, &before);
    let epoch = Epoch { order: (0..ROWS as u32).collect(), advantages: vec![0.0; ROWS] };
    let means = nets.learn(batch, ROWS, &mut std::iter::once(epoch), &Change);
    // The values of the batch by its own statistics are not those by the first running ones, 0 and 1.
    assert!(means.loss > 1e-4, "{means:?}");
    assert_ne!(nets.evaluate(&rollout).values, before.values);
}

const HEADS: usize = 4;
const NUM_ENVS: usize = ROWS / 4;

/// Three logits and a value, learned by plain steps of size 1.
fn plain_steps(cell: Cell, seq_len: usize) -> NetsPlan {
    let sgd = Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
    let train = TrainPlan { lr: 1.0, clip_grad: None, ..train(OptimPlan::Sgd(sgd)) };
    let actor = NetPlan { seq_len, ..recurrent_net(&[3, 1], cell) };
    NetsPlan { dist: Dist::Categorical { n: 3 }, actor, train, critic: CriticPlan::Shared }
}

/// [`EveryColumn`] of output rows `[rows, 4]`, with as many advantages as rows.
fn loss_of(outputs: &[f32], batch: TrainingBatch<'_>, advantages: &[f32]) -> f64 {
    let (mut log_prob, mut entropy, mut value) = (Vec::new(), Vec::new(), Vec::new());
    for (row, action) in outputs.chunks_exact(HEADS).zip(batch.actions) {
        let sum: f32 = row[..3].iter().map(|x| x.exp()).sum();
        let logs = [0, 1, 2].map(|k| row[k] - sum.ln());
        log_prob.push(logs[*action as usize]);
        entropy.push(-logs.iter().map(|log| log.exp() * log).sum::<f32>());
        value.push(row[3]);
    }
    let rows = Rows {
        log_prob: &*log_prob,
        entropy: &*entropy,
        value: Some(&*value),
        advantage: advantages,
        return_: batch.returns,
        old_value: batch.old_values,
        old_log_prob: batch.old_log_probs,
    };
    let mut gradients = RowGradients::default();
    gradients.resize(value.len());
    let losses = EveryColumn.on_host(&rows, &mut gradients);
    losses.policy + losses.value.unwrap()
}

/// Checks that `nets` learn from `batch` by a step down the gradient that central differences find of
/// the rows that `outputs` says networks give; returns the length of the step.
fn assert_step(
    plan: &NetsPlan,
    nets: &mut PolicyValueNets,
    batch: TrainingBatch<'_>,
    outputs: impl Fn(&Network) -> Vec<f32>,
) -> f64 {
    let advantages: Vec<f32> = (0..batch.returns.len()).map(|k| (k as f32).cos()).collect();
    let before = nets.actor_params().to_vec();
    let order = (0..advantages.len() as u32).collect();
    let mut epochs = std::iter::once(Epoch { order, advantages: advantages.clone() });
    nets.learn(batch, advantages.len(), &mut epochs, &EveryColumn);
    let after = nets.actor_params().to_vec();
    let loss = |k: usize, by: f32| {
        let mut params = before.clone();
        params[k] += by;
        loss_of(&outputs(&acting_network(&plan.actor, &params, HEADS)), batch, &advantages)
    };
    let (mut error, mut length) = (0.0, 0.0);
    for k in 0..before.len() {
        let found = f64::from(before[k] - after[k]);
        let expected = (loss(k, 0.01) - loss(k, -0.01)) / 0.02;
        error += (found - expected).powi(2);
        length += expected.powi(2);
    }
    assert!(error < 1e-4 * length, "{error} of {length}");
    length.sqrt()
}

/// Output rows of a rollout where each chunk begins in the state that `old` is in there.
fn rows_in_chunks(old: &Network, new: &Network, rollout: &Rollout, seq_len: usize) -> Vec<f32> {
    let (width, starts) = (new.state_width(), rollout.starts());
    let obs = rollout.obs.values().f32s();
    let none = vec![0.0; NUM_ENVS * width];
    let left = unroll(old, Sequences { count: NUM_ENVS, obs, starts: &starts }, &none).states;
    let (mut states, mut scratch, mut outputs) = (none, Scratch::default(), Vec::new());
    for (t, obs) in obs.chunks_exact(NUM_ENVS * OBS).enumerate() {
        if t > 0 && t % seq_len == 0 {
            states.copy_from_slice(&left[(t - 1) * NUM_ENVS * width..t * NUM_ENVS * width]);
        }
        forget(&mut states, starts[t * NUM_ENVS..(t + 1) * NUM_ENVS].iter().copied());
        outputs.extend_from_slice(new.step(obs, NUM_ENVS, &mut states, &mut scratch));
    }
    outputs
}

#[test]
fn gradients_go_back_through_each_chunk_and_no_further() {
    let step = |cell, seq_len| {
        let plan = plain_steps(cell, seq_len);
        let mut nets = PolicyValueNets::new(&plan, &mut Rng::from_seed(7), &Compute::kernels(1));
        let rollout = rollout(&plan.dist, &plan.actor, &mut Rng::from_seed(8));
        let old = acting_network(&plan.actor, &nets.actor_params(), HEADS);
        let before = nets.evaluate(&rollout);
        let returns: Vec<f32> = (0..ROWS).map(|k| (k as f32).sin()).collect();
        let batch = TrainingBatch::of(&rollout, &returns, &before);
        assert_step(&plan, &mut nets, batch, |new| rows_in_chunks(&old, new, &rollout, seq_len))
    };
    let lengths = [3, 2, 1].map(|seq_len| step(Cell::Gru, seq_len));
    assert!(lengths.windows(2).all(|pair| (pair[0] - pair[1]).abs() > 1e-3), "{lengths:?}");
    // The whole rollout is one chunk, whose first three steps are an episode of their own.
    assert!((step(Cell::Gru, 4) - lengths[0]).abs() < 1e-6);
    step(Cell::Lstm, 4);
    step(Cell::Rnn, 3);
}

#[test]
fn of_a_history_the_later_half_is_learned_from() {
    let plan = plain_steps(Cell::Lstm, 2);
    let mut nets = PolicyValueNets::new(&plan, &mut Rng::from_seed(7), &Compute::kernels(1));
    let mut rng = Rng::from_seed(9);
    assert_eq!(nets.history_len(), Some(4));
    // As many histories of four steps as environments: another kind of rollout.
    let seen = rollout(&plan.dist, &plan.actor, &mut rng);
    let starts: Vec<bool> = (0..ROWS).map(|row| row % 7 == 3).collect();
    let obs = seen.obs.values().f32s();
    let histories = Sequences { count: NUM_ENVS, obs, starts: &starts };
    let (returns, old) = ([0.5; NUM_ENVS], [-1.0; NUM_ENVS]);
    let last = ObsBatch::F32(obs[3 * NUM_ENVS * OBS..].to_vec());
    let batch = TrainingBatch {
        obs: &last,
        on_device: None,
        actions: &seen.actions[3 * NUM_ENVS..],
        returns: &returns,
        old_values: &old,
        old_log_probs: &old,
        histories: Some(histories),
    };
    let network = acting_network(&plan.actor, &nets.actor_params(), HEADS);
    let [first, second] = histories.halves();
    let states = unroll_to_end(&network, first).states;
    let rows = |new: &Network| unroll(new, second, &states).outputs[NUM_ENVS * HEADS..].to_vec();
    let values: Vec<f32> = rows(&network).chunks_exact(HEADS).map(|row| row[3]).collect();
    assert_eq!(nets.values(batch), values);
    assert_step(&plan, &mut nets, batch, rows);
}
