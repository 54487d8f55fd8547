//! Every spec that SLM-Lab ships resolves to a plan, or says which named feature is not built yet.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use slm_lab::config::{Available, Diagnostics, RawSpec, Setting, Spec, SpecFile};
use slm_lab::experiment::Plan;
use slm_lab::registry::{algorithm_names, env_names};

use crate::comparison::files;

/// The environment that a spec with `${env}` is meant for, by its name.
pub(crate) fn env_for(name: &str) -> &'static str {
    let environments = [
        ("playground", "playground/CartpoleBalance"),
        ("mujoco", "Hopper-v5"),
        ("atari", "ALE/Pong-v5"),
        ("pendulum", "Pendulum-v1"),
    ];
    let meant = environments.iter().find(|(part, _)| name.contains(part));
    meant.map_or("CartPole-v1", |(_, env)| env)
}

/// Every spec of the files below `folder`, each with its file.
pub(crate) fn specs_below(folder: &Path) -> Vec<(PathBuf, RawSpec)> {
    let is_spec = |path: &PathBuf| path.extension().is_some_and(|e| e == "json" || e == "yaml");
    let mut specs = Vec::new();
    for path in files(folder).into_iter().filter(is_spec) {
        let text = fs::read_to_string(folder.join(&path)).unwrap();
        let file = SpecFile::parse(&path.to_string_lossy(), &text).unwrap();
        specs.extend(file.names().iter().map(|name| (path.clone(), file.choose(name).unwrap())));
    }
    specs
}

/// Resolves a spec as `slm-lab FILE NAME -s env=… -s max_frame=1e6` would.
fn resolve(raw: &RawSpec) -> (bool, Diagnostics) {
    let (plan, found) = plan(raw);
    (plan.is_some() && found.is_ok(), found)
}

/// What a spec means, with its variables set.
pub(crate) fn plan(raw: &RawSpec) -> (Option<Plan>, Diagnostics) {
    let mut raw = raw.clone();
    let text = raw.node.to_json().to_string();
    let env = format!("env={}", env_for(&raw.name));
    let settings: Vec<Setting> = [("${env}", env.as_str()), ("${max_frame}", "max_frame=1e6")]
        .iter()
        .filter(|(variable, _)| text.contains(variable))
        .map(|(_, setting)| Setting::parse(setting).unwrap())
        .collect();
    let mut found = Diagnostics::new();
    raw.set(&settings, &mut found);
    let (algorithms, envs) = (algorithm_names(), env_names());
    let available = Available { algorithms: &algorithms, envs: &envs };
    let spec = Spec::read(&raw, &available, &mut found);
    let plan = spec.and_then(|spec| Plan::resolve(spec, &mut found));
    (plan, found)
}

#[test]
fn all_specs_of_slm_lab_resolve_or_name_what_is_missing() {
    let Some(folder) = std::env::var_os("SLM_SPEC_DIR") else {
        writeln!(std::io::stderr(), "skipped: SLM_SPEC_DIR is not set").unwrap();
        return;
    };
    let all = specs_below(Path::new(&folder));
    let (mut resolved, mut wrong) = (0, Vec::new());
    let mut missing: BTreeMap<String, usize> = BTreeMap::new();
    for (path, raw) in &all {
        let (is_resolved, found) = resolve(raw);
        resolved += usize::from(is_resolved);
        if !is_resolved && (found.unavailable.is_empty() || !found.errors.is_empty()) {
            wrong.push(format!("{} {}: {}", path.display(), raw.name, found.render(false)));
        }
        for feature in found.unavailable {
            *missing.entry(feature.feature).or_default() += 1;
        }
    }
    let specs = all.len();
    writeln!(std::io::stderr(), "{resolved} of {specs} resolve; {missing:#?}").unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let files: BTreeSet<&PathBuf> = all.iter().map(|(path, _)| path).collect();
    assert_eq!((files.len(), specs), (161, 389));
}
