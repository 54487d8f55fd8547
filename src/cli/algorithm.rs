//! `slm-lab algorithm list`.

use slm_lab::registry;

use super::failure::Outcome;
use super::terminal::{columns, print};

/// Prints every algorithm with what it is.
pub(super) fn list() -> Outcome {
    let row = |name: &str, summary: &str| [name.to_owned(), summary.to_owned()];
    let rows: Vec<[String; 2]> =
        registry::ALGORITHMS.iter().map(|def| row(def.name, def.summary)).collect();
    Ok(print(&columns(&rows))?)
}
