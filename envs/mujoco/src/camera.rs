//! The camera that the options ask for.

use std::collections::BTreeMap;

use slm_env::{EnvDef, EnvError, EnvOptions, nearest_name};

use crate::engine::Model;
use crate::picture::View;

/// Options that name a camera, of which one is enough.
const CHOICES: [&str; 3] = ["camera_id", "camera_name", "default_camera_config"];
/// What a free camera is set by, named as in MuJoCo.
const SETTINGS: [&str; 5] = ["azimuth", "distance", "elevation", "lookat", "trackbodyid"];

/// The model's camera by number if it is one of those, and otherwise the free one: the task's `view` where the
/// model has no camera `track` and nothing is asked for.
pub(crate) fn choose(
    def: &EnvDef,
    options: &EnvOptions,
    model: &Model,
    view: View,
) -> Result<(Option<usize>, View), EnvError> {
    let mut given = CHOICES.into_iter().filter(|name| options.kwargs.contains_key(*name));
    let choice = given.next();
    if let (Some(first), Some(second)) = (choice, given.next()) {
        let expected = format!("left out where there is {first}");
        return Err(def.wrong_option(second, expected, &options.kwargs[second]));
    }
    let fixed = match choice {
        None => model.camera("track"),
        Some("camera_id") => Some(by_number(def, options, model)?),
        Some("camera_name") => Some(by_name(def, options, model)?),
        Some(_) => return Ok((None, configured(def, options, model)?)),
    };
    Ok((fixed, view))
}

fn by_number(def: &EnvDef, options: &EnvOptions, model: &Model) -> Result<usize, EnvError> {
    let id = options.number(CHOICES[0], 0.0) as usize;
    let expected = format!("one of the model's {} cameras", model.ncam());
    Some(id)
        .filter(|id| *id < model.ncam())
        .ok_or_else(|| def.wrong_option(CHOICES[0], expected, id))
}

fn by_name(def: &EnvDef, options: &EnvOptions, model: &Model) -> Result<usize, EnvError> {
    let name = options.text(CHOICES[1], "");
    model.camera(name).ok_or_else(|| def.wrong_option(CHOICES[1], "a camera of the model", name))
}

/// MuJoCo's free camera with the settings of `default_camera_config`.
fn configured(def: &EnvDef, options: &EnvOptions, model: &Model) -> Result<View, EnvError> {
    let none = BTreeMap::new();
    let mut view = View::FREE;
    for (name, values) in options.numbers(CHOICES[2]).unwrap_or(&none) {
        let wrong = |expected: &str| def.wrong_option(CHOICES[2], expected, setting(name, values));
        match (name.as_str(), values.as_slice()) {
            ("azimuth", &[azimuth]) => view.azimuth = azimuth,
            ("elevation", &[elevation]) => view.elevation = elevation,
            ("distance", &[distance]) if distance > 0.0 => view.distance = Some(distance),
            ("distance", _) => return Err(wrong("a distance of more than 0")),
            ("lookat", &[x, y, z]) => view.look_at = Some([x, y, z]),
            ("lookat", _) => return Err(wrong("a point of three numbers to look at")),
            // As in MuJoCo, nothing is followed.
            ("trackbodyid", &[-1.0]) => view.follow = None,
            ("trackbodyid", &[body]) if is_index(body, model.nbody()) => {
                view.follow = Some(body as usize);
            }
            ("trackbodyid", _) => {
                let count = model.nbody();
                return Err(wrong(&format!("one of the model's {count} bodies, or -1 for none")));
            }
            _ => return Err(wrong(&known(name))),
        }
    }
    Ok(view)
}

fn is_index(number: f64, count: usize) -> bool {
    number >= 0.0 && number.fract() == 0.0 && number < count as f64
}

/// How a setting was written.
fn setting(name: &str, values: &[f64]) -> String {
    match values {
        [one] => format!("{name}: {one}"),
        several => format!("{name}: {several:?}"),
    }
}

/// What could have been meant.
fn known(name: &str) -> String {
    let all = format!("numbers for some of {}", SETTINGS.join(", "));
    match nearest_name(name, SETTINGS) {
        Some(nearest) if nearest != name => format!("{all} (did you mean `{nearest}`?)"),
        _ => all,
    }
}
