//! `slm-lab env list` and `slm-lab env show`.

use slm_env::{EnvDef, EnvOptions, nearest_name};
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
        ["observations".to_owned(), obs.to_string()],
        ["actions".to_owned(), actions.to_string()],
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_an_id_names_the_nearest() {
        let failure = find("CartPol-v1").unwrap_err();
        assert!(failure.message().unwrap().contains("did you mean `CartPole-v1`?"));
    }
}
