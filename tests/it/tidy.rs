//! The invariants of `ARCHITECTURE.md`, each as something that must not be found in the source.

use std::collections::BTreeSet;
use std::path::Path;

use slm_lab::registry::algorithm_names;

use crate::source::{CODE, Source, has_word, production, read, repository, sources};
use crate::spec_folder::{plan, specs_below};

/// The layers from the top: a folder of the library and the folders that it may use.
const LAYERS: [(&str, &[&str]); 9] = [
    (
        "experiment",
        &["registry", "algorithm", "net", "memory", "ops", "config", "analysis", "device"],
    ),
    ("registry", &["algorithm"]),
    ("algorithm", &["net", "memory", "ops", "config"]),
    ("net", &["ops"]),
    ("memory", &["ops"]),
    ("ops", &[]),
    ("config", &[]),
    ("analysis", &[]),
    ("device", &["net"]),
];

/// Files of the library that read or write files.
const READS_FILES: [&str; 13] = [
    "src/analysis/atomic_file.rs",
    "src/analysis/canvas.rs",
    "src/analysis/paths.rs",
    "src/analysis/run_folder.rs",
    "src/analysis/tensorboard.rs",
    "src/config/locate.rs",
    "src/experiment/",
    "src/cli/",
    "src/main.rs",
    "policy/examples/",
    "envs/mujoco/benches/",
    "envs/mujoco/src/engine/library.rs", // MuJoCo's library
    "cuda/src/compiler.rs",              // the version of CUDA's headers
];

/// Files of the library that read a clock.
const READS_CLOCKS: [&str; 10] = [
    "src/experiment/",
    "src/cli/",
    "src/device/",
    "envs/mujoco/src/engine/studio.rs",
    "benches/",
    "policy/benches/",
    "kernels/benches/",
    "envs/core/benches/",
    "envs/box2d/benches/",
    "envs/mujoco/benches/",
];

fn assert_absent<'a>(files: impl IntoIterator<Item = &'a Source>, banned: &[&str], why: &str) {
    for file in files {
        for word in banned {
            assert!(!has_word(&file.code, word), "{}: `{word}`: {why}", file.path);
        }
    }
}

/// The names that a manifest lists under `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<String> {
    let text = read(Path::new(manifest));
    let (_, after) = text.split_once("\n[dependencies]\n").expect("a manifest has dependencies");
    let lines = after.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', '=', ' ']).next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_leaf_crates_know_nothing_of_the_lab() {
    let files = sources(&["envs", "policy", "kernels", "cuda"]);
    assert_absent(&files, &["slm_lab", "burn"], "the lab uses them, they do not use the lab");
    assert_absent(&sources(&["envs"]), &["slm_policy"], "environments know no policies");
    assert_absent(&sources(&["policy", "kernels"]), &["slm_env"], "nor the other way round");
    for manifest in ["policy/Cargo.toml", "envs/core/Cargo.toml"] {
        assert_eq!(dependencies(manifest), [""; 0], "{manifest}");
    }
    assert_eq!(dependencies("envs/classic/Cargo.toml"), ["slm-env"]);
    assert_eq!(dependencies("envs/box2d/Cargo.toml"), ["slm-env"]);
    assert_eq!(dependencies("envs/mujoco/Cargo.toml"), ["libloading", "slm-env"]);
    assert_eq!(dependencies("envs/synthetic/Cargo.toml"), ["slm-env"]);
    assert_eq!(dependencies("kernels/Cargo.toml"), ["slm-policy"]);
    assert_eq!(dependencies("cuda/Cargo.toml"), ["libloading"]);
}

#[test]
fn no_layer_uses_one_above_it() {
    for (layer, below) in LAYERS {
        for file in sources(&["src"]) {
            if !file.is_below(&[&format!("src/{layer}/"), &format!("src/{layer}.rs")]) {
                continue;
            }
            for (other, _) in LAYERS.iter().filter(|(name, _)| *name != layer) {
                let used = has_word(&file.code, &format!("crate::{other}"));
                assert!(!used || below.contains(other), "{}: uses crate::{other}", file.path);
            }
        }
    }
    let mut files = sources(&["src"]);
    files.retain(|file| !file.is_below(&["src/cli/", "src/main.rs"]));
    assert_absent(&files, &["cli", "clap", "indicatif", "ctrlc"], "the library has no terminal");
}

#[test]
fn only_the_command_line_reads_environment_variables() {
    let mut files = production();
    // Where MuJoCo's library and models are is asked when an environment of it is made, and how it draws when it is drawn.
    let library = ["envs/mujoco/build.rs", "envs/mujoco/src/engine/", "envs/mujoco/src/models.rs"];
    files.retain(|file| !file.is_below(&["src/cli/", "policy/examples/"]));
    files.retain(|file| !file.is_below(&library));
    let banned = ["std::env", "env::var", "env::var_os", "IsTerminal", "is_terminal"];
    assert_absent(&files, &banned, "only src/cli asks the process's surroundings");
}

#[test]
fn only_a_few_named_places_touch_files_and_clocks() {
    let mut files = production();
    files.retain(|file| !file.is_below(&READS_FILES));
    assert_absent(&files, &["std::fs", "File::open", "File::create"], "no place for files");
    let mut files = production();
    files.retain(|file| !file.is_below(&READS_CLOCKS));
    assert_absent(&files, &["Instant", "SystemTime", "std::time"], "no place for clocks");
    assert_absent(&production(), &["use std::{"], "what is used of std is written out");
}

#[test]
fn features_choose_crates_and_not_lines() {
    let allowed = ["src/registry.rs", "src/device/", "src/cli/window.rs", "policy/src/isa.rs"];
    for file in production().iter().filter(|file| !file.is_below(&allowed)) {
        // The policy crate is `no_std` without its feature: its root says so.
        let lines = file.code.lines().filter(|line| !line.starts_with("#![cfg_attr("));
        let featured = lines.filter(|line| line.contains("cfg") && has_word(line, "feature"));
        assert_eq!(featured.collect::<Vec<_>>(), [""; 0], "{}", file.path);
    }
}

#[test]
fn no_type_parameter_names_a_backend() {
    let mut files = production();
    files.retain(|file| !file.is_below(&["src/analysis/canvas.rs"])); // there it is a canvas's
    assert_absent(&files, &["Backend", "AutodiffBackend"], "the device is a value");
}

#[test]
fn every_random_number_comes_from_a_seeded_stream() {
    let banned = [
        "Tensor::random",
        "random_like",
        "Distribution",
        "Initializer",
        "Device::seed",
        "seed_from_u64",
        "from_entropy",
        "rand",
        "thread_rng",
    ];
    assert_absent(&production(), &banned, "no checkpoint can save it, or no seed decides it");
    let leaves = ["envs/core", "envs/classic", "envs/box2d", "envs/mujoco", "envs/synthetic"]
        .map(|leaf| format!("{leaf}/Cargo.toml"));
    for manifest in leaves.iter().map(String::as_str).chain(["Cargo.toml"]) {
        assert!(dependencies(manifest).iter().all(|name| !name.starts_with("rand")), "{manifest}");
    }
}

#[test]
fn the_end_of_an_episode_is_terminated_or_truncated() {
    for file in sources(&["src", "envs"]) {
        if file.is_below(&["src/ops/", "src/memory/"]) {
            continue;
        }
        // What memory stores under that name may be handed on to ops.
        let code = file.code.replace("done: &rollout.done", "");
        assert!(!has_word(&code, "done"), "{}: `done` does not say which end", file.path);
    }
}

#[test]
fn nothing_is_printed_below_the_command_line() {
    let mut files = production();
    files.retain(|file| !file.is_below(&["src/cli/", "policy/examples/"]));
    files.retain(|file| !file.path.contains("/benches/"));
    files.retain(|file| !file.path.ends_with("/build.rs")); // how it talks to cargo
    let banned = ["println!", "eprintln!", "print!", "eprint!", "dbg!"];
    for file in &files {
        for word in banned {
            assert!(!file.code.contains(word), "{}: {word}", file.path);
        }
    }
}

#[test]
fn nothing_global_changes_and_no_struct_points_at_its_owner() {
    let banned =
        ["Rc", "RefCell", "OnceCell", "OnceLock", "LazyLock", "thread_local", "static mut"];
    let mut files = production();
    // A library is loaded once into a process.
    files.retain(|file| !file.is_below(&["envs/mujoco/src/engine/library.rs"]));
    assert_absent(&files, &banned, "data goes down as arguments and comes up as values");
}

#[test]
fn every_file_says_what_it_is_and_none_is_unfinished() {
    let unfinished = [concat!("TO", "DO"), concat!("FIX", "ME"), "todo!(", "unimplemented!("];
    for file in sources(&[&CODE[..], &["tests"]].concat()) {
        assert!(file.text.starts_with("//! "), "{}: the first line is no `//! …`", file.path);
        if file.path.ends_with("tidy.rs") {
            continue;
        }
        for mark in unfinished {
            assert!(!file.text.contains(mark), "{}: {mark}", file.path);
        }
    }
}

/// Folders with Rust files: those of the library, and crates without their inner folders.
fn code_folders() -> BTreeSet<String> {
    let inner = ["/src", "/tests", "/benches", "/examples"];
    let folder = |file: &Source| {
        let folder = Path::new(&file.path).parent().expect("a file lies in a folder");
        let folder = folder.to_string_lossy().into_owned();
        let outer = inner.iter().find_map(|inner| Some(folder.split_once(inner)?.0));
        format!("{}/", outer.unwrap_or(&folder))
    };
    sources(&CODE).iter().map(folder).collect()
}

#[test]
fn the_code_map_is_the_tree() {
    let text = read(Path::new("ARCHITECTURE.md"));
    let (_, map) = text.split_once("## Code map").expect("there is a code map");
    let map = map.split("\n## ").next().unwrap_or(map);
    let named: BTreeSet<String> = map
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|path| path.ends_with('/'))
        .filter(|path| CODE.iter().any(|root| path.starts_with(root)))
        .map(str::to_owned)
        .collect();
    assert_eq!(named, code_folders(), "ARCHITECTURE.md's code map against the folders");
}

#[test]
fn every_algorithm_has_a_spec_and_every_spec_is_free_of_errors() {
    let mut trained = BTreeSet::new();
    for (path, raw) in specs_below(&repository().join("specs")) {
        let (plan, found) = plan(&raw);
        assert_eq!(found.errors, [], "{}: {}", path.display(), raw.name);
        let is_known = plan.is_some() || !found.unavailable.is_empty();
        assert!(is_known, "{}: {} can not run", path.display(), raw.name);
        trained.extend(plan.map(|plan| plan.algorithm));
    }
    assert_eq!(trained, algorithm_names().into_iter().collect(), "algorithms that a spec trains");
}
