//! Every spec that SLM-Lab ships resolves to a plan, or says which named feature is not built yet.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use slm_lab::config::{Available, Diagnostics, Setting, Spec, SpecFile};
use slm_lab::experiment::Plan;
use slm_lab::registry::{algorithm_names, env_names};

use crate::comparison::files;

/// The environment that a spec with `${env}` is meant for, by its name.
fn env_for(name: &str) -> &'static str {
    let environments = [
        ("playground", "playground/CartpoleBalance"),
        ("mujoco", "Hopper-v5"),
        ("atari", "ALE/Pong-v5"),
        ("pendulum", "Pendulum-v1"),
    ];
    let meant = environments.iter().find(|(part, _)| name.contains(part));
    meant.map_or("CartPole-v1", |(_, env)| env)
}

/// Resolves a spec as `slm-lab FILE NAME -s env=… -s max_frame=1e6` would.
fn resolve(file: &SpecFile, name: &str) -> (bool, Diagnostics) {
    let mut raw = file.choose(name).unwrap();
    let text = raw.node.to_json().to_string();
    let env = format!("env={}", env_for(name));
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
    (plan.is_some() && found.is_ok(), found)
}

#[test]
fn all_specs_of_slm_lab_resolve_or_name_what_is_missing() {
    let Some(folder) = std::env::var_os("SLM_SPEC_DIR") else {
        writeln!(std::io::stderr(), "skipped: SLM_SPEC_DIR is not set").unwrap();
        return;
    };
    let folder = Path::new(&folder);
    let (mut specs, mut resolved, mut wrong) = (0, 0, Vec::new());
    let mut missing: BTreeMap<String, usize> = BTreeMap::new();
    let is_spec = |path: &Path| path.extension().is_some_and(|e| e == "json" || e == "yaml");
    for path in files(folder).iter().filter(|path| is_spec(path)) {
        let text = fs::read_to_string(folder.join(path)).unwrap();
        let file = SpecFile::parse(&path.to_string_lossy(), &text).unwrap();
        for name in file.names() {
            let (is_resolved, found) = resolve(&file, name);
            specs += 1;
            resolved += usize::from(is_resolved);
            if !is_resolved && (found.unavailable.is_empty() || !found.errors.is_empty()) {
                wrong.push(format!("{} {name}: {}", path.display(), found.render(false)));
            }
            for feature in found.unavailable {
                *missing.entry(feature.feature).or_default() += 1;
            }
        }
    }
    writeln!(std::io::stderr(), "{resolved} of {specs} resolve; {missing:#?}").unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(specs, 389);
}
