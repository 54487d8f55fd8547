//! The spec files that are compiled into the program: everything under `specs/`.
//!
//! `UPDATE=1 cargo test built_in` rewrites the list after a file was added or removed.

macro_rules! built_in {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../specs/", $path)))),*]
    };
}

/// Path below `specs/` and text of every spec file.
#[rustfmt::skip]
pub(super) const BUILT_IN: &[(&str, &str)] = built_in![
    // begin
    "benchmark/a2c/a2c_gae_acrobot.json",
    "benchmark/a2c/a2c_gae_cartpole.json",
    "benchmark/a2c/a2c_gae_pendulum.json",
    "benchmark/a2c/a2c_mountaincar.json",
    "benchmark/crossq/crossq_box2d.yaml",
    "benchmark/crossq/crossq_classic.yaml",
    "benchmark/ppo/ppo_acrobot.json",
    "benchmark/ppo/ppo_cartpole.json",
    "benchmark/ppo/ppo_mountaincar.json",
    "benchmark/ppo/ppo_mountaincar_continuous.json",
    "benchmark/ppo/ppo_pendulum.json",
    "benchmark/reinforce/reinforce_cartpole.json",
    "benchmark/sil/ppo_sil_cartpole.json",
    "benchmark/synthetic/synthetic_frames.yaml",
    "benchmark/td3/ddpg_pendulum.yaml",
    "benchmark/td3/td3_pendulum.yaml",
    "benchmark_arc/a2c/a2c_classic_arc.yaml",
    "benchmark_arc/dqn/dqn_box2d_arc.yaml",
    "benchmark_arc/dqn/dqn_classic_arc.yaml",
    "benchmark_arc/ppo/ppo_box2d_arc.yaml",
    "benchmark_arc/ppo/ppo_classic_arc.yaml",
    "benchmark_arc/ppo/ppo_mujoco_arc.yaml",
    "benchmark_arc/reinforce/reinforce_arc.yaml",
    "benchmark_arc/sac/sac_box2d_arc.yaml",
    "benchmark_arc/sac/sac_classic_arc.yaml",
    "benchmark_arc/sac/sac_mujoco_arc.yaml",
    "benchmark_arc/sarsa/sarsa_arc.yaml",
    "benchmark_arc/sil/sil_arc.yaml",
    "cont_test.json",
    "demo.json",
    "experimental/misc/hydra_dqn.json",
    "experimental/misc/random.json",
    "experimental/ppo/ppo_bipedalwalker.yaml",
    "experimental/ppo/ppo_rnn_cartpole.json",
    "experimental/sil/sil_cartpole.json",
    // end
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn files(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
            if path.is_dir() {
                files(&path, out);
            } else if ["json", "yaml", "yml"].contains(&kind) && !path.ends_with("schema.json") {
                out.push(path);
            }
        }
    }

    fn folder_list() -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs");
        let mut paths = Vec::new();
        files(&folder, &mut paths);
        let name =
            |path: &PathBuf| path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
        let mut names: Vec<String> = paths.iter().map(name).collect();
        names.sort();
        names
    }

    fn rewrite_list(names: &[String]) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/builtin.rs");
        let text = fs::read_to_string(&path).unwrap();
        let (head, rest) = text.split_once("    // begin\n").unwrap();
        let (_, tail) = rest.split_once("    // end\n").unwrap();
        let lines: Vec<String> = names.iter().map(|name| format!("    {name:?},\n")).collect();
        let lines = lines.concat();
        fs::write(&path, format!("{head}    // begin\n{lines}    // end\n{tail}")).unwrap();
    }

    #[test]
    fn the_built_in_list_equals_the_folder() {
        let names = folder_list();
        if std::env::var_os("UPDATE").is_some() {
            rewrite_list(&names);
            return;
        }
        let built_in: Vec<&str> = BUILT_IN.iter().map(|(path, _)| *path).collect();
        assert_eq!(built_in, names, "run `UPDATE=1 cargo test built_in`");
    }

    #[test]
    fn the_built_in_text_stays_small() {
        let bytes: usize = BUILT_IN.iter().map(|(_, text)| text.len()).sum();
        assert!(bytes < 1_200_000, "{bytes}");
    }
}
