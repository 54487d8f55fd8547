//! A vector step allocates nothing: counted.
#![allow(unsafe_code, reason = "an allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use slm_env::{EnvError, EnvOptions, PreprocessedEnv, Preprocessing, Rng, VecEnv};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of 60 steps with episode ends among them. The least of three counts: the test harness's own
/// thread may allocate beside one of them, a step that allocates would do so in all.
fn allocations(mut env: Box<dyn VecEnv>) -> u64 {
    let (mut batch, mut actions) = (env.new_batch(), env.new_actions());
    let mut rng = Rng::from_seed(1);
    env.reset(&mut batch);
    env.step(&actions, &mut batch);
    let mut count = || {
        let (before, episodes) = (ALLOCATIONS.load(Ordering::Relaxed), env.episode_stats().count());
        for _ in 0..60 {
            for i in 0..env.num_envs() {
                env.action_space().sample(&mut rng, &mut actions, i);
            }
            env.step(&actions, &mut batch);
        }
        assert!(env.episode_stats().count() > episodes, "episodes ended");
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    count().min(count()).min(count())
}

/// One test, so that no other test allocates meanwhile.
#[test]
#[allow(clippy::print_stderr, reason = "what a test leaves out is said")]
fn a_vector_step_allocates_nothing_plain_or_preprocessed_or_threaded() {
    let everything = Preprocessing {
        normalize_obs: true,
        clip_obs: Some(10.0),
        normalize_reward: Some(0.99),
        clip_reward: Some((-10.0, 10.0)),
        rescale_action: true,
    };
    for def in slm_env_mujoco::ENVS {
        let short = EnvOptions { max_episode_steps: Some(40), ..EnvOptions::new(4, 0) };
        if let Err(error @ EnvError::Missing { .. }) = def.make(&short) {
            return eprintln!("not tested: {error}");
        }
        let make = |options: &EnvOptions| def.make(options).expect("the defaults are valid");
        assert_eq!(allocations(make(&short)), 0, "{}", def.id);
        let preprocessed = PreprocessedEnv::new(make(&short), &everything).expect("features");
        assert_eq!(allocations(Box::new(preprocessed)), 0, "{} preprocessed", def.id);
        let threaded = EnvOptions { threads: 2, min_envs_per_thread: Some(1), ..short };
        assert_eq!(allocations(make(&threaded)), 0, "{} on two threads", def.id);
    }
}
