//! Test: a replay agrees with a list of whole transitions, whatever the sizes.

use proptest::prelude::*;
use slm_env::{ObsBatch, Rng, StateReader, StateWriter, Step};

use super::replay::{Replay, ReplayPlan};
use super::{Batch, SequenceBatch};

/// Numbers of an observation and of an action.
const WIDTH: usize = 2;

/// A transition with all that the replay should give back for it.
#[derive(Clone, Debug, PartialEq)]
struct Transition {
    obs: Vec<f32>,
    action: f32,
    reward: f32,
    terminated: bool,
    ended: bool,
    next_obs: Vec<f32>,
}

/// Random sizes: environments, transitions held, rows of a page, vector steps, seed.
type Sizes = (usize, usize, usize, usize, u64);

fn sizes() -> impl Strategy<Value = Sizes> {
    (1..6_usize, 1..40_usize, 1..12_usize, 1..60_usize, any::<u64>())
}

fn plan(num_envs: usize, max_size: usize, obs_u8: bool) -> ReplayPlan {
    ReplayPlan {
        num_envs,
        obs_width: WIDTH,
        obs_u8,
        action_width: 1,
        max_size,
        batch_size: 16,
        use_cer: false,
        priorities: None,
    }
}

fn random_obs(rng: &mut Rng, n: usize, is_u8: bool) -> ObsBatch {
    let values: Vec<u8> = (0..n * WIDTH).map(|_| rng.integers(0, 256) as u8).collect();
    if is_u8 {
        ObsBatch::U8(values)
    } else {
        ObsBatch::F32(values.into_iter().map(|value| f32::from(value) / 3.0).collect())
    }
}

fn row(obs: &ObsBatch, i: usize) -> Vec<f32> {
    obs.row_f64(i, WIDTH).into_iter().map(|value| value as f32).collect()
}

fn random_step(rng: &mut Rng) -> Step {
    let (terminated, truncated) = (rng.random() < 0.2, rng.random() < 0.2);
    Step { reward: rng.integers(-9, 9) as f64, terminated, truncated }
}

/// Stores `steps` vector steps of random numbers; the list of all transitions.
fn fill(replay: &mut Replay, steps: usize, rng: &mut Rng) -> Vec<Transition> {
    let (n, is_u8) = (replay.plan().num_envs, replay.plan().obs_u8);
    let mut all = Vec::new();
    let mut obs = random_obs(rng, n, is_u8);
    for _ in 0..steps {
        let actions: Vec<f32> = (0..n).map(|_| rng.integers(0, 5) as f32).collect();
        replay.push_acted(&obs, &actions);
        let (next, last) = (random_obs(rng, n, is_u8), random_obs(rng, n, is_u8));
        let steps: Vec<Step> = (0..n).map(|_| random_step(rng)).collect();
        replay.push_observed(&next, &last, &steps);
        all.extend((0..n).map(|i| Transition {
            obs: row(&obs, i),
            action: actions[i],
            reward: steps[i].reward as f32,
            terminated: steps[i].terminated,
            ended: steps[i].is_last(),
            next_obs: row(if steps[i].is_last() { &last } else { &next }, i),
        }));
        obs = next;
    }
    all
}

/// Row k of a batch `[b]`; whether the episode ended is not in it.
fn transition(batch: &Batch, k: usize, ended: bool) -> Transition {
    let of = |values: &[f32]| values[k * WIDTH..(k + 1) * WIDTH].to_vec();
    Transition {
        obs: of(&batch.obs),
        action: batch.actions[k],
        reward: batch.rewards[k],
        terminated: batch.terminated[k],
        ended,
        next_obs: of(&batch.next_obs),
    }
}

fn assert_holds_the_latest(replay: &Replay, all: &[Transition]) {
    let max_size = replay.plan().max_size;
    assert_eq!((replay.len(), replay.seen()), (all.len().min(max_size), all.len() as u64));
    for (number, expected) in all.iter().enumerate().skip(all.len() - replay.len()) {
        assert_eq!(replay.number_at(number % max_size), number as u64);
        let mut batch = Batch::default();
        replay.gather(number as u64, &mut batch.columns());
        assert_eq!(transition(&batch, 0, expected.ended), *expected, "number {number}");
    }
}

fn saved(replay: &Replay) -> Vec<u8> {
    let mut out = StateWriter::new();
    replay.save(&mut out);
    out.into_bytes()
}

fn check_storage((n, max_size, page_rows, steps, seed): Sizes, is_u8: bool) {
    let mut replay = Replay::with_page_rows(plan(n, max_size, is_u8), page_rows);
    let mut rng = Rng::from_seed(seed);
    let all = fill(&mut replay, steps, &mut rng);
    assert_holds_the_latest(&replay, &all);
    let bytes = saved(&replay);
    let mut copy = Replay::with_page_rows(plan(n, max_size, is_u8), page_rows);
    let mut from = StateReader::new(&bytes);
    copy.load(&mut from).unwrap();
    assert_eq!(from.finish(), Ok(()));
    assert_holds_the_latest(&copy, &all);
    assert_eq!(saved(&copy), bytes);
    // What a snapshot holds does not change while the replay goes on.
    let mut snapshot = StateWriter::new();
    replay.save(&mut snapshot);
    fill(&mut replay, steps, &mut rng);
    assert_eq!(snapshot.into_bytes(), bytes);
}

fn check_sequences((n, max_size, page_rows, steps, seed): Sizes, len: usize) {
    let mut replay = Replay::with_page_rows(plan(n, max_size, false), page_rows);
    let mut rng = Rng::from_seed(seed);
    let all = fill(&mut replay, steps, &mut rng);
    assert_eq!(replay.has_sequences(len), replay.len() > (len - 1) * n);
    if !replay.has_sequences(len) {
        return;
    }
    let mut batch = SequenceBatch::default();
    replay.sample_sequences(&mut rng, len, &mut batch);
    let b = batch.firsts.len();
    for (k, reward) in batch.rewards.iter().enumerate() {
        let (t, j) = (k / b, k % b);
        let number = batch.firsts[j] as usize + t * n;
        assert!(number + replay.len() >= all.len(), "{number} is no longer held");
        let expected = &all[number];
        assert_eq!(*reward, expected.reward);
        assert_eq!(batch.obs[k * WIDTH..(k + 1) * WIDTH], expected.obs);
        assert_eq!(batch.next_obs[k * WIDTH..(k + 1) * WIDTH], expected.next_obs);
        assert_eq!(batch.starts[k], t == 0 || all[number - n].ended);
    }
    assert_eq!((b, batch.rewards.len()), (16, len * 16));
}

proptest! {
    #[test]
    fn every_transition_held_comes_back_exactly_with_features(sizes in sizes()) {
        check_storage(sizes, false);
    }

    #[test]
    fn every_transition_held_comes_back_exactly_with_pixels(sizes in sizes()) {
        check_storage(sizes, true);
    }

    #[test]
    fn sequences_are_of_one_environment_and_say_where_episodes_start(
        sizes in sizes(), len in 1..7_usize,
    ) {
        check_sequences(sizes, len);
    }
}
