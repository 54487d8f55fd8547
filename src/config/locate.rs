//! Where spec files are found: as given, under `specs/`, or built into the program.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::builtin::BUILT_IN;
use super::node::{Location, Source};
use super::{SpecError, SpecErrors, SpecFile, nearest};

/// The folder of spec files beside the program.
const FOLDER: &str = "specs";
/// Where SLM-Lab keeps its specs; ignored at the start of a path, since people paste its commands.
const SLM_LAB_FOLDER: &str = "slm_lab/spec/";

/// Reads the spec file that `path` names.
///
/// # Errors
/// When there is no such file, or it can not be read or parsed.
pub fn locate(path: &str) -> Result<SpecFile, SpecErrors> {
    let short = short_path(path);
    let below = format!("{FOLDER}/{short}");
    for candidate in [path, short, below.as_str()] {
        if Path::new(candidate).is_file() {
            return match fs::read_to_string(candidate) {
                Ok(text) => SpecFile::parse(candidate, &text),
                Err(error) => Err(whole_file(candidate, format!("can not be read: {error}"), None)),
            };
        }
    }
    let inside = short.strip_prefix("specs/").unwrap_or(short);
    match BUILT_IN.iter().find(|(name, _)| *name == inside) {
        Some((name, text)) => SpecFile::parse(&format!("{FOLDER}/{name} (built in)"), text),
        None => Err(not_found(path, inside)),
    }
}

/// Paths of the spec files that are built in, below `specs/`.
pub fn built_in_paths() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

fn short_path(path: &str) -> &str {
    let path = path.strip_prefix("./").unwrap_or(path);
    path.strip_prefix(SLM_LAB_FOLDER).unwrap_or(path)
}

fn not_found(path: &str, inside: &str) -> SpecErrors {
    let file = |path: &'static str| path.rsplit('/').next().unwrap_or(path);
    let wanted = inside.rsplit('/').next().unwrap_or(inside);
    let by_name = || {
        let close = nearest(wanted, built_in_paths().map(file))?;
        built_in_paths().find(|path| file(path) == close)
    };
    let help = match nearest(inside, built_in_paths()).or_else(by_name) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("built in are {}", built_in_paths().collect::<Vec<_>>().join(", ")),
    };
    let message = format!(
        "there is no such spec file, neither at this path, nor under {FOLDER}/, nor built in"
    );
    whole_file(path, message, Some(help))
}

fn whole_file(path: &str, message: String, help: Option<String>) -> SpecErrors {
    let source = Arc::new(Source { name: path.to_owned(), text: String::new() });
    let at = Location::new(&source, 0, 0);
    SpecError { path: String::new(), message, at, defined: None, help }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_spec_is_found_by_slm_labs_path_too() {
        for path in ["demo.json", "slm_lab/spec/demo.json", "./slm_lab/spec/demo.json"] {
            assert!(locate(path).unwrap().names().contains(&"ppo_cartpole"), "{path}");
        }
    }

    #[test]
    fn a_file_at_the_given_path_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.json");
        fs::write(&path, "{\"mine\": {}}").unwrap();
        assert_eq!(locate(path.to_str().unwrap()).unwrap().names(), ["mine"]);
    }

    #[test]
    fn an_unknown_file_names_the_nearest_one() {
        let help = |path| locate(path).unwrap_err().0[0].help.clone().unwrap();
        assert_eq!(help("dem.json"), "did you mean `demo.json`?");
        assert_eq!(help("ppo_cartpole.json"), "did you mean `benchmark/ppo/ppo_cartpole.json`?");
    }

    #[test]
    fn every_built_in_file_parses() {
        for path in built_in_paths() {
            assert!(!locate(&format!("slm_lab/spec/{path}")).unwrap().names().is_empty());
        }
    }
}
