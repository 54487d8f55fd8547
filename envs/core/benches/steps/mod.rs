//! Measures steps, for the benches of the crates that have environments.
#![allow(clippy::print_stdout, reason = "the output is the result")]

use std::time::Instant;

use slm_env::{EnvDef, EnvOptions, Rng};

const NUM_ENVS: usize = 64;
const ROUNDS: usize = 9;

/// Prints the nanoseconds that a step of each environment takes: the median and the least of some rounds of so many
/// steps in a batch of 64.
pub(crate) fn print_nanos(defs: &[EnvDef], steps: usize) {
    for def in defs {
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
                for t in 0..steps {
                    env.step(&sets[t % sets.len()], &mut batch);
                }
                start.elapsed().as_nanos() as f64 / (steps * NUM_ENVS) as f64
            })
            .collect();
        nanos.sort_by(f64::total_cmp);
        println!("{:26} {:7.1} ns (best {:.1})", def.id, nanos[ROUNDS / 2], nanos[0]);
    }
}
