//! Nanoseconds a step of each Box2D environment takes, in a batch of 64.
#![allow(clippy::print_stdout, reason = "the output is the result")]

use std::time::Instant;

use slm_env::{EnvOptions, Rng};

const NUM_ENVS: usize = 64;
const STEPS: usize = 100;
const ROUNDS: usize = 9;

fn main() {
    for def in slm_env_box2d::ENVS {
        let mut env = def.make(&EnvOptions::new(NUM_ENVS, 0)).expect("the defaults are valid");
        let (mut batch, mut rng) = (env.new_batch(), Rng::from_seed(1));
        let mut sets = vec![env.new_actions(); 64];
        for actions in &mut sets {
            (0..NUM_ENVS).for_each(|i| env.action_space().sample(&mut rng, actions, i));
        }
        env.reset(&mut batch);
        let mut nanos: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                for t in 0..STEPS {
                    env.step(&sets[t % sets.len()], &mut batch);
                }
                start.elapsed().as_nanos() as f64 / (STEPS * NUM_ENVS) as f64
            })
            .collect();
        nanos.sort_by(f64::total_cmp);
        println!("{:26} {:7.1} ns (best {:.1})", def.id, nanos[ROUNDS / 2], nanos[0]);
    }
}
