//! The models: Gymnasium's own by name, others by path.

use std::env;
use std::path::{Path, PathBuf};

use crate::engine::{Model, ModelError};

/// Gymnasium's models by name, in `models/` under their license.
const MODELS: &[(&str, &str)] = &[
    ("ant.xml", include_str!("../models/ant.xml")),
    ("half_cheetah.xml", include_str!("../models/half_cheetah.xml")),
    ("hopper.xml", include_str!("../models/hopper.xml")),
    ("humanoid.xml", include_str!("../models/humanoid.xml")),
    ("humanoidstandup.xml", include_str!("../models/humanoidstandup.xml")),
    ("inverted_double_pendulum.xml", include_str!("../models/inverted_double_pendulum.xml")),
    ("inverted_pendulum.xml", include_str!("../models/inverted_pendulum.xml")),
    ("pusher.xml", include_str!("../models/pusher.xml")),
    ("pusher_v5.xml", include_str!("../models/pusher_v5.xml")),
    ("reacher.xml", include_str!("../models/reacher.xml")),
    ("swimmer.xml", include_str!("../models/swimmer.xml")),
    ("walker2d.xml", include_str!("../models/walker2d.xml")),
    ("walker2d_v5.xml", include_str!("../models/walker2d_v5.xml")),
];

/// The model that an option names: a path where it starts with `.`, `/` or `~`, otherwise one of Gymnasium's.
///
/// # Errors
/// When MuJoCo's library is missing, or there is no such model, or it is wrong.
pub(crate) fn load(name: &str) -> Result<Model, ModelError> {
    if name.starts_with(['.', '/', '~']) {
        return Model::from_file(&expand(name)).map_err(|error| match error {
            ModelError::Wrong(reason) => {
                ModelError::Wrong(format!("a model that MuJoCo takes ({reason})"))
            }
            missing @ ModelError::Library(_) => missing,
        });
    }
    let Some((_, text)) = MODELS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = MODELS.iter().map(|(name, _)| *name).collect();
        return Err(
            format!("one of {}, or a path that starts with ., / or ~", known.join(", ")).into()
        );
    };
    Model::from_text(text)
}

/// A path with the user's folder in place of `~`.
fn expand(name: &str) -> PathBuf {
    match (name.strip_prefix("~/"), env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(name),
    }
}
