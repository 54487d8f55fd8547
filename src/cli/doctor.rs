//! `slm-lab doctor`: what this program finds on this machine.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;

use slm_env::EnvOptions;
use slm_lab::{device, experiment, registry};

use super::args::DoctorArgs;
use super::failure::Outcome;
use super::terminal::{columns, print};
use super::window::{self, Viewer};

/// Prints what was found, one line each.
pub(super) fn run(args: &DoctorArgs) -> Outcome {
    let mut rows = vec![
        row("version", env!("CARGO_PKG_VERSION").to_owned()),
        row("formats", format!("checkpoint {}", experiment::FORMAT_VERSION)),
        row("machine", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
        row("cores", thread::available_parallelism().map_or(1, usize::from).to_string()),
        row("algorithms", registry::ALGORITHMS.len().to_string()),
        row("environments", registry::envs().count().to_string()),
        row("features", features()),
        row("window", window()),
        row("data folder", data_folder(&args.data_dir)),
    ];
    // Of the environments of this build those of MuJoCo alone have any.
    let pictures = registry::envs().find_map(registry::pictures);
    rows.extend(pictures.map(|pictures| row("MuJoCo", format!("drawn {}", pictures.how))));
    rows.extend(device::list().into_iter().map(|line| row("device", line)));
    rows.extend(missing().into_iter().map(|what| row("missing", what)));
    Ok(print(&columns(&rows))?)
}

fn row(name: &str, value: String) -> [String; 2] {
    [name.to_owned(), value]
}

/// What this build was asked for beyond the default.
fn features() -> String {
    let features: Vec<&str> = device::features().into_iter().chain(registry::features()).collect();
    if features.is_empty() { "none".to_owned() } else { features.join(", ") }
}

/// Why some environments can not be made, each reason once.
fn missing() -> BTreeSet<String> {
    let errors = registry::envs().filter_map(|def| def.make(&EnvOptions::default()).err());
    errors.map(|error| error.to_string()).collect()
}

fn window() -> String {
    match Viewer::open("slm-lab doctor") {
        Ok(_) => format!("yes ({})", window::SUPPORT),
        Err(reason) => format!("no: {reason}"),
    }
}

/// Whether runs can be written, tried with a file of its own.
fn data_folder(folder: &Path) -> String {
    let existing = folder.ancestors().find(|f| f.as_os_str().is_empty() || f.is_dir());
    let existing = existing.filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let probe = existing.join(format!(".slm-lab-doctor-{}", std::process::id()));
    let shown = folder.display();
    match std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => format!("{shown} can be written"),
        Err(error) => format!("{shown} can not be written: {error}"),
    }
}
