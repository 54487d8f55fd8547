//! Test: every spec file that SLM-Lab ships reads here, or says what is not built yet.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::spec::tests::AVAILABLE;
use super::{Diagnostics, Setting, Spec, SpecFile};

/// What SLM-Lab's own files need, gathered over all of them.
#[derive(Default)]
struct Tally {
    specs: usize,
    runnable: usize,
    errors: Vec<String>,
    unavailable: BTreeMap<String, usize>,
    warnings: BTreeMap<String, usize>,
}

fn spec_files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        if path.is_dir() {
            spec_files(&path, out);
        } else if kind == "json" || kind == "yaml" {
            out.push(path);
        }
    }
    out.sort();
}

/// The environment that a spec with `${env}` is meant for, by its name.
fn env_for(name: &str) -> &'static str {
    let has = |part: &str| name.contains(part);
    match () {
        () if has("playground") => "playground/CartpoleBalance",
        () if has("mujoco") => "Hopper-v5",
        () if has("atari") => "ALE/Pong-v5",
        () if has("pendulum") => "Pendulum-v1",
        () => "CartPole-v1",
    }
}

fn count_spec(file: &SpecFile, name: &str, tally: &mut Tally) {
    let mut raw = file.choose(name).unwrap();
    let mut found = Diagnostics::new();
    let uses = |variable: &str| raw.node.to_json().to_string().contains(variable);
    let mut settings = Vec::new();
    if uses("${env}") {
        settings.push(Setting::parse(&format!("env={}", env_for(name))).unwrap());
    }
    if uses("${max_frame}") {
        settings.push(Setting::parse("max_frame=1e6").unwrap());
    }
    raw.set(&settings, &mut found);
    let spec = Spec::read(&raw, &AVAILABLE, &mut found);
    tally.specs += 1;
    tally.runnable += usize::from(found.finish(spec.as_ref()).is_ok());
    tally.errors.extend(found.errors.iter().map(ToString::to_string));
    for missing in found.unavailable {
        *tally.unavailable.entry(missing.feature).or_default() += 1;
    }
    for warning in found.warnings {
        *tally.warnings.entry(format!("{}: {}", warning.path, warning.message)).or_default() += 1;
    }
}

#[test]
fn all_389_specs_parse_and_resolve_or_name_what_is_missing() {
    let Some(folder) = std::env::var_os("SLM_SPEC_DIR") else {
        writeln!(std::io::stderr(), "skipped: SLM_SPEC_DIR is not set").unwrap();
        return;
    };
    let mut paths = Vec::new();
    spec_files(Path::new(&folder), &mut paths);
    let mut tally = Tally::default();
    for path in &paths {
        let text = fs::read_to_string(path).unwrap();
        let file = SpecFile::parse(path.to_str().unwrap(), &text).unwrap();
        file.names().into_iter().for_each(|name| count_spec(&file, name, &mut tally));
    }
    let Tally { specs, runnable, errors, unavailable, warnings } = tally;
    let summary = format!("{runnable} of {specs} run\n{unavailable:#?}\n{warnings:#?}\n");
    std::io::stderr().write_all(summary.as_bytes()).unwrap();
    assert_eq!(errors, [] as [String; 0]);
    assert_eq!((paths.len(), specs), (161, 389));
}
