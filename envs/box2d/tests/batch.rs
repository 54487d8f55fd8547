//! Copies that are stepped together, side by side in vectors, go their ways bit for bit as they would alone.

use slm_env::{ActionBatch, EnvDef, EnvOptions, Rng, StepBatch, VecEnv};

const SEED: u64 = 77;

fn make(def: &EnvDef, num_envs: usize, seed: u64, threads: usize) -> (Box<dyn VecEnv>, StepBatch) {
    let mut options = EnvOptions::new(num_envs, seed);
    (options.threads, options.min_envs_per_thread) = (threads, Some(1));
    let mut env = def.make(&options).expect("the defaults are valid");
    let mut batch = env.new_batch();
    env.reset(&mut batch);
    (env, batch)
}

fn row(actions: &ActionBatch, i: usize, num_envs: usize) -> ActionBatch {
    match actions {
        ActionBatch::Discrete(values) => ActionBatch::Discrete(vec![values[i]]),
        ActionBatch::Continuous(values) => {
            let width = values.len() / num_envs;
            ActionBatch::Continuous(values[i * width..(i + 1) * width].to_vec())
        }
        ActionBatch::Multi(_) => panic!("no environment here has several choices"),
    }
}

/// Bits of a row: observation, last observation, reward, flags.
fn bits(batch: &StepBatch, i: usize) -> Vec<u64> {
    let width = batch.obs.f32s().len() / batch.steps.len();
    let (obs, step) = (i * width..(i + 1) * width, batch.steps[i]);
    let mut bits: Vec<u64> =
        batch.obs.f32s()[obs.clone()].iter().map(|value| u64::from(value.to_bits())).collect();
    if step.is_last() {
        bits.extend(batch.final_obs.f32s()[obs].iter().map(|value| u64::from(value.to_bits())));
    }
    bits.extend([step.reward.to_bits(), step.terminated.into(), step.truncated.into()]);
    bits
}

/// Steps copies together and alone. Every fourth copy repeats its actions, so that bodies come to rest.
fn assert_same_as_alone(id: &str, num_envs: usize, threads: usize, steps: usize) {
    let def = slm_env_box2d::ENVS.iter().find(|def| def.id == id).expect("it is ours");
    let (mut env, mut batch) = make(def, num_envs, SEED, threads);
    let mut alone: Vec<_> = (0..num_envs).map(|i| make(def, 1, SEED + i as u64, 1)).collect();
    let (mut actions, mut rng) = (env.new_actions(), Rng::from_seed(5));
    for t in 0..steps {
        for i in (0..num_envs).filter(|i| i % 4 != 0 || t == 0) {
            env.action_space().sample(&mut rng, &mut actions, i);
        }
        env.step(&actions, &mut batch);
        for (i, (one, out)) in alone.iter_mut().enumerate() {
            one.step(&row(&actions, i, num_envs), out);
            assert_eq!(bits(&batch, i), bits(out, 0), "{id}: copy {i} of {num_envs}, step {t}");
        }
    }
    assert!(env.episode_stats().count() > 0, "{id}: episodes ended");
}

#[test]
fn landers_together_fly_as_alone() {
    assert_same_as_alone("LunarLander-v3", 2, 1, 300);
    assert_same_as_alone("LunarLander-v3", 70, 1, 300);
    assert_same_as_alone("LunarLanderContinuous-v3", 37, 2, 300);
}

#[test]
fn walkers_together_walk_as_alone() {
    assert_same_as_alone("BipedalWalker-v3", 3, 1, 400);
    assert_same_as_alone("BipedalWalker-v3", 65, 1, 400);
    assert_same_as_alone("BipedalWalkerHardcore-v3", 33, 2, 400);
}
