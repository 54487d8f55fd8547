//! Preprocessing against recordings of Gymnasium's wrappers, and what it must keep.

use serde_json::Value;
use slm_env::{
    ActionBatch, EnvOptions, PreprocessedEnv, Preprocessing, Rng, Space, StateReader, StateWriter,
    StepBatch, VecEnv,
};

/// Gymnasium subtracts in single precision where we do in double.
const TOLERANCE: f64 = 2e-5;

const NORMALIZE: Preprocessing = Preprocessing {
    normalize_obs: true,
    clip_obs: None,
    normalize_reward: Some(0.99),
    clip_reward: None,
    rescale_action: true,
};

fn make(id: &str, options: &EnvOptions) -> Box<dyn VecEnv> {
    let def = slm_env_classic::ENVS.iter().find(|def| def.id == id).expect("it is listed");
    def.make(options).expect("the options are valid")
}

fn preprocessed(id: &str, num_envs: usize, wanted: &Preprocessing) -> PreprocessedEnv {
    let env = make(id, &EnvOptions::new(num_envs, 3));
    PreprocessedEnv::new(env, wanted).expect("observations are features")
}

/// Steps of random actions; what they wrote.
fn steps(env: &mut dyn VecEnv, n: usize, rng: &mut Rng) -> Vec<StepBatch> {
    let (mut batch, mut actions) = (env.new_batch(), env.new_actions());
    (0..n)
        .map(|_| {
            for i in 0..env.num_envs() {
                env.action_space().sample(rng, &mut actions, i);
            }
            env.step(&actions, &mut batch);
            batch.clone()
        })
        .collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().map(|v| v.as_f64().expect("a number")).collect(),
        number => vec![number.as_f64().expect("a number")],
    }
}

fn assert_close(found: &[f64], expected: &[f64], at: &str) {
    for (found, expected) in found.iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(error <= TOLERANCE * expected.abs().max(1.0), "{at}: {found} for {expected}");
    }
}

/// Last observations are not compared: Gymnasium normalizes them before it has seen the next episode's first. Nor are
/// rewards from the first end on: the sum whose deviation they are divided by starts anew there, and at its termination
/// already or never in Gymnasium.
fn assert_replays(name: &str, id: &str) {
    let file = format!("{}/../../tests/data/env/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).expect("the recording is in the tree");
    let mut env = preprocessed(id, 1, &NORMALIZE);
    let (mut batch, mut actions) = (env.new_batch(), env.new_actions());
    let mut has_ended = false;
    for (i, line) in text.lines().enumerate() {
        let at = format!("{name}, line {}", i + 1);
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        if i == 0 {
            env.reset(&mut batch);
        } else if let Some(action) = line.get("action") {
            actions.set_row(0, &numbers(action));
            env.step(&actions, &mut batch);
            has_ended |= batch.steps[0].is_last();
            if !has_ended {
                assert_close(&[batch.steps[0].reward], &numbers(&line["reward"]), &at);
            }
        }
        if !batch.steps[0].is_last() || line.get("reset").is_some() {
            let obs = batch.obs.row_f64(0, env.obs_space().width());
            assert_close(&obs, &numbers(&line["obs"]), &at);
        }
    }
}

#[test]
fn normalized_cartpole_is_gymnasiums() {
    assert_replays("preprocessed_cartpole_3", "CartPole-v1");
}

#[test]
fn normalized_pendulum_with_rescaled_actions_is_gymnasiums() {
    assert_replays("preprocessed_pendulum_3", "Pendulum-v1");
}

#[test]
fn actions_are_stretched_onto_the_bounds() {
    let mut scaled = preprocessed(
        "Pendulum-v1",
        1,
        &Preprocessing { rescale_action: true, ..Preprocessing::default() },
    );
    let mut plain = make("Pendulum-v1", &EnvOptions::new(1, 3));
    assert_eq!(scaled.action_space(), &Space::vector(&[-1.0], &[1.0]));
    assert_eq!(scaled.action_scaling(), Some((&[-2.0f32][..], &[2.0f32][..])));
    let (mut a, mut b) = (plain.new_batch(), plain.new_batch());
    plain.reset(&mut a);
    scaled.reset(&mut b);
    plain.step(&ActionBatch::Continuous(vec![-1.5]), &mut a);
    scaled.step(&ActionBatch::Continuous(vec![-0.75]), &mut b);
    assert_eq!(a, b);
}

#[test]
fn a_box_of_unit_bounds_and_a_choice_need_no_scaling() {
    let wanted = Preprocessing { rescale_action: true, ..Preprocessing::default() };
    assert_eq!(preprocessed("MountainCarContinuous-v0", 1, &wanted).action_scaling(), None);
    assert_eq!(preprocessed("CartPole-v1", 1, &wanted).action_scaling(), None);
}

#[test]
fn frozen_statistics_stay_and_give_the_same_numbers_as_those_they_are_copied_from() {
    let mut training = preprocessed("CartPole-v1", 4, &NORMALIZE);
    let mut batch = training.new_batch();
    training.reset(&mut batch);
    steps(&mut training, 100, &mut Rng::from_seed(1));
    let learned = training.obs_normalizer().expect("observations are normalized").clone();

    let mut playing = preprocessed("CartPole-v1", 1, &NORMALIZE);
    playing.freeze_statistics(true);
    playing.copy_obs_statistics(&learned);
    let mut batch = playing.new_batch();
    playing.reset(&mut batch);
    let mut raw = make("CartPole-v1", &EnvOptions::new(1, 3));
    let mut expected = raw.new_batch();
    raw.reset(&mut expected);
    learned.apply(expected.obs.f32s_mut());
    assert_eq!(batch.obs, expected.obs);
    steps(&mut playing, 50, &mut Rng::from_seed(1));
    assert_eq!(playing.obs_normalizer(), Some(&learned));
}

#[test]
fn last_observations_are_normalized_with_the_statistics_of_the_step() {
    let mut env = preprocessed("CartPole-v1", 3, &NORMALIZE);
    let mut raw = make("CartPole-v1", &EnvOptions::new(3, 3));
    let (mut a, mut b, mut actions) = (env.new_batch(), raw.new_batch(), raw.new_actions());
    env.reset(&mut a);
    raw.reset(&mut b);
    let (mut rng, mut ended) = (Rng::from_seed(2), 0);
    for _ in 0..60 {
        (0..3).for_each(|i| raw.action_space().sample(&mut rng, &mut actions, i));
        env.step(&actions, &mut a);
        raw.step(&actions, &mut b);
        let normalizer = env.obs_normalizer().expect("observations are normalized");
        for (i, _) in b.steps.iter().enumerate().filter(|(_, step)| step.is_last()) {
            let row = i * 4..(i + 1) * 4;
            let expected = &mut b.final_obs.f32s_mut()[row.clone()];
            normalizer.apply(expected);
            assert_eq!(a.final_obs.f32s()[row], *expected);
            ended += 1;
        }
    }
    assert!(ended > 3, "{ended} episodes ended");
}

#[test]
fn a_loaded_state_goes_on_exactly() {
    let mut first = preprocessed("Pendulum-v1", 2, &NORMALIZE);
    let mut batch = first.new_batch();
    first.reset(&mut batch);
    let mut rng = Rng::from_seed(5);
    steps(&mut first, 70, &mut rng);
    let mut out = StateWriter::new();
    first.save(&mut out);
    let state = out.into_bytes();
    let mut second = preprocessed("Pendulum-v1", 2, &NORMALIZE);
    let mut reader = StateReader::new(&state);
    second.load(&mut reader).expect("a state loads into such a vector");
    reader.finish().expect("a vector reads all that it wrote");
    let expected = steps(&mut first, 200, &mut rng.clone());
    assert_eq!(steps(&mut second, 200, &mut rng), expected);
}

#[test]
fn returns_are_counted_in_raw_rewards() {
    let wanted = Preprocessing { clip_reward: Some((-0.1, 0.1)), ..NORMALIZE };
    let mut env = preprocessed("CartPole-v1", 2, &wanted);
    let mut batch = env.new_batch();
    env.reset(&mut batch);
    let rewards = steps(&mut env, 80, &mut Rng::from_seed(1));
    assert!(rewards.iter().flat_map(|batch| &batch.steps).all(|step| step.reward <= 0.1));
    let last = env.episode_stats().last().expect("random actions fall within 80 steps");
    assert_eq!(last.return_, f64::from(last.length));
}

#[test]
fn clipped_observations_lie_within_their_space() {
    let wanted = Preprocessing { clip_obs: Some(0.5), ..NORMALIZE };
    let mut env = preprocessed("Pendulum-v1", 2, &wanted);
    assert_eq!(env.obs_space(), &Space::symmetric(&[0.5; 3]));
    let mut batch = env.new_batch();
    env.reset(&mut batch);
    let batches = steps(&mut env, 50, &mut Rng::from_seed(1));
    let largest =
        batches.iter().flat_map(|batch| batch.obs.f32s()).fold(0.0f32, |m, v| m.max(v.abs()));
    assert_eq!(largest, 0.5);
}
