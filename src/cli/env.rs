//! `slm-lab env list` and `slm-lab env show`.

use slm_env::{EnvDef, EnvOptions, Space, nearest_name};
use slm_lab::registry;

use super::failure::{Failure, Outcome};
use super::terminal::{columns, print};

/// Prints every environment with what it is.
pub(super) fn list() -> Outcome {
    let rows: Vec<[String; 2]> =
        registry::envs().map(|def| [def.id.to_owned(), def.summary.to_owned()]).collect();
    Ok(print(&columns(&rows))?)
}

/// Prints what is known of an environment.
pub(super) fn show(name: &str) -> Outcome {
    let def = find(name)?;
    let (obs, actions) = def.spaces(&EnvOptions::default())?;
    let mut rows = vec![
        ["observations".to_owned(), describe(&obs)],
        ["actions".to_owned(), describe(&actions)],
        ["time limit".to_owned(), format!("{} steps", def.max_episode_steps)],
    ];
    if let Some(threshold) = def.reward_threshold {
        rows.push(["solved from".to_owned(), format!("mean return {threshold}")]);
    }
    rows.push(["played at".to_owned(), format!("{} frames a second", def.render_fps)]);
    rows.extend(def.options.iter().map(|option| {
        [format!("option {}", option.name), format!("{}: {}", option.kind, option.summary)]
    }));
    Ok(print(&format!("{}: {}\n{}", def.id, def.summary, columns(&rows)))?)
}

/// The environment of this id; a wrong one names the nearest.
pub(super) fn find(name: &str) -> Result<&'static EnvDef, Failure> {
    registry::find_env(name).ok_or_else(|| {
        let hint = match nearest_name(name, registry::env_names()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "`slm-lab env list` lists them".to_owned(),
        };
        Failure::Request(format!("no environment is called `{name}`; {hint}"))
    })
}

fn describe(space: &Space) -> String {
    match space {
        Space::Discrete { n } => format!("one of {n} choices"),
        Space::MultiDiscrete { nvec } => format!("{} choices, of {nvec:?} values", nvec.len()),
        Space::MultiBinary { n } => format!("{n} switches"),
        Space::Box { low, high, shape } => {
            let bounds = low.iter().zip(high).map(|(low, high)| format!("[{low:.4}, {high:.4}]"));
            let mut bounds: Vec<String> = bounds.collect();
            bounds.dedup();
            format!("{shape:?} numbers in {}", bounds.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_are_described_in_words() {
        assert_eq!(describe(&Space::Discrete { n: 2 }), "one of 2 choices");
        let space = Space::symmetric(&[1.0, 1.0]);
        assert_eq!(describe(&space), "[2] numbers in [-1.0000, 1.0000]");
        let space = Space::vector(&[f32::NEG_INFINITY], &[0.5]);
        assert_eq!(describe(&space), "[1] numbers in [-inf, 0.5000]");
    }

    #[test]
    fn a_slip_in_an_id_names_the_nearest() {
        let failure = find("CartPol-v1").unwrap_err();
        assert!(failure.message().unwrap().contains("did you mean `CartPole-v1`?"));
    }
}
