//! Whether a spec is the one that a run was started with.

use std::path::Path;

use serde_json::Value as Json;

use super::error::RunError;
use super::plan::Plan;
use super::run_folder::RunFolder;
use super::snapshot::difference;

/// Why a run can not be made longer. Its last row, evaluation and policy are those of its last frame, and
/// it no longer has the replay.
const MORE_FRAMES: &str = ", and ends where that says; a new run with the same --seed and more frames \
                           repeats it and goes further";

/// Sees that the run in `root` was started with the spec of `plan`, seed and number of sessions aside.
///
/// # Errors
/// When `root` holds no run, or one of another spec: then with the first difference.
pub fn check_same_spec(root: &Path, plan: &Plan) -> Result<(), RunError> {
    let (_, saved) = RunFolder::open(root)?;
    match difference("", &comparable(&saved), &comparable(plan)) {
        None => Ok(()),
        Some(difference) => {
            let mut reason =
                format!("{difference}; a run goes on with the spec it was started with");
            if difference.starts_with("`env.max_frame`") {
                reason += MORE_FRAMES;
            }
            Err(RunError::Unusable { path: root.to_owned(), reason })
        }
    }
}

/// Sees that the run in `root` is one of the spec called `name`.
///
/// # Errors
/// When `root` holds no run, or one of another spec.
pub fn check_same_name(root: &Path, name: &str) -> Result<(), RunError> {
    let (_, saved) = RunFolder::open(root)?;
    if saved.spec.name == name {
        return Ok(());
    }
    let reason = format!("this is a run of {}, not of {name}", saved.spec.name);
    Err(RunError::Unusable { path: root.to_owned(), reason })
}

/// The expanded spec without what a run may differ in and still be of it.
fn comparable(plan: &Plan) -> Json {
    let mut spec = plan.expanded();
    if let Some(meta) = spec["meta"].as_object_mut() {
        for key in ["random_seed", "seed", "max_session", "max_trial"] {
            meta.remove(key);
        }
    }
    spec
}
