//! Loads a policy file and acts greedily on observations given as arguments: `run_policy FILE 0.1,0,-0.2,0 ...`.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use slm_policy::{Action, Policy};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("usage: run_policy FILE OBSERVATION...")?;
    let mut policy = Policy::from_bytes(&std::fs::read(path)?)?;
    println!("{:?}, verified on {} recorded rows", policy.metadata, policy.verify()?);
    for text in args {
        let obs = text.split(',').map(|x| x.trim().parse()).collect::<Result<Vec<f32>, _>>()?;
        if obs.len() != policy.obs_width() {
            return Err(format!("an observation has {} numbers", policy.obs_width()).into());
        }
        match policy.act(&obs) {
            Action::Discrete(index) => println!("{text} -> {index}"),
            Action::Multi(indices) => println!("{text} -> {indices:?}"),
            Action::Continuous(values) => println!("{text} -> {values:?}"),
        }
    }
    Ok(())
}
