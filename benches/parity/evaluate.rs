//! Returns of a policy file in this lab's environment, its likeliest actions, as JSON: `evaluate POLICY [EPISODES] [SEED]`.
#![allow(clippy::print_stdout, reason = "the output is the result")]

use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;

use slm_lab::experiment::{EnjoyOptions, EnjoySource, RunOptions, Silent, enjoy};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("usage: evaluate POLICY [EPISODES] [SEED]")?;
    let episodes = args.next().map_or(Ok(200), |text| text.parse())?;
    let seed = args.next().map_or(Ok(0), |text| text.parse())?;
    let options = EnjoyOptions {
        episodes,
        sample: false,
        seed,
        render: false,
        progress_interval: RunOptions::PROGRESS_INTERVAL,
    };
    let source = EnjoySource::Policy(PathBuf::from(path));
    let report = enjoy(&source, &options, &mut |_| ControlFlow::Continue(()), &Silent)?;
    println!("{}", serde_json::json!({ "env": report.env, "returns": report.returns }));
    Ok(())
}
