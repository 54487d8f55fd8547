//! `slm-lab schema`: the JSON schema of spec files.

use slm_lab::config::json_schema;
use slm_lab::registry;

use super::failure::{Failure, Outcome};
use super::terminal::print;

/// Prints the schema, with the algorithms of this build.
pub(super) fn run() -> Outcome {
    let algorithms = registry::ALGORITHMS.iter().map(|def| (def.schema)()).collect();
    let schema = serde_json::to_string_pretty(&json_schema(algorithms));
    Ok(print(&schema.map_err(|error| Failure::Run(error.to_string()))?)?)
}
