//! Short specs that exercise every algorithm, and runs of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::{Value as Json, json};
use slm_lab::config::{Available, Diagnostics, Spec, SpecFile};
use slm_lab::device::{DeviceChoice, open};
use slm_lab::experiment::{Mode, Plan, RunOptions, Silent, TrialReport, run_trial};
use slm_lab::registry::{algorithm_names, env_names};

/// Names of the specs of [`file`]: every family of algorithms, discrete and continuous, vector and
/// single, with and without batch statistics, with and without priorities, and what remembers.
pub(crate) const NAMES: [&str; 13] = [
    "ppo",
    "ppo_continuous",
    "a2c_separate",
    "a2c_nstep",
    "reinforce",
    "random",
    "sil",
    "dqn",
    "sac",
    "crossq",
    "td3",
    "ppo_recurrent",
    "dqn_recurrent",
];

/// The spec file with all of them; each takes a fraction of a second.
pub(crate) fn file() -> Json {
    let mut file = written();
    for (name, spec) in [("sil", sil()), ("dqn", dqn()), ("sac", sac())] {
        file[name] = spec;
    }
    file["ppo_recurrent"] = recurrent(file["ppo"].clone(), "GRU");
    file["dqn_recurrent"] = recurrent(dqn(), "LSTM");
    file["dqn_recurrent"]["agent"]["memory"] =
        json!({"name": "Replay", "batch_size": 16, "max_size": 500});
    file
}

/// The same with a network that remembers, in chunks that no rollout is a multiple of.
fn recurrent(mut spec: Json, cell: &str) -> Json {
    let net = &mut spec["agent"]["net"];
    net["type"] = "RecurrentNet".into();
    net["cell_type"] = cell.into();
    net["rnn_hidden_size"] = 8.into();
    net["seq_len"] = 3.into();
    net["fc_hid_layers"] = json!([6]);
    net.as_object_mut().unwrap().shift_remove("hid_layers");
    spec
}

/// Those that are written out.
fn written() -> Json {
    serde_json::from_str(include_str!("../data/short_specs.json")).unwrap()
}

/// The same for three workers that train together, each for as many frames.
pub(crate) fn distributed(mode: &str) -> Json {
    let mut file = file();
    for spec in file.as_object_mut().unwrap().values_mut() {
        spec["meta"]["distributed"] = mode.into();
        spec["meta"]["max_session"] = 3.into();
        spec["env"]["max_frame"] = 3600.into();
    }
    file
}

/// Advantage actor-critic that imitates its best transitions.
fn sil() -> Json {
    let mut spec = written()["ppo"].clone();
    spec["agent"]["algorithm"] = json!({
        "name": "SIL", "gamma": 0.99, "lam": 0.95, "training_frequency": 24, "training_iter": 2,
        "training_batch_iter": 1,
    });
    spec["agent"]["memory"] = json!({
        "name": "OnPolicyBatchReplay", "sil_replay_name": "PrioritizedReplay", "batch_size": 16,
        "max_size": 500, "alpha": 0.6, "epsilon": 0.01,
    });
    spec
}

/// Double DQN with priorities.
fn dqn() -> Json {
    let mut spec = written()["ppo"].clone();
    spec["agent"] = json!({
        "algorithm": {
            "name": "DoubleDQN", "gamma": 0.99, "training_start_step": 64,
            "training_frequency": 8, "training_iter": 2, "training_batch_iter": 1,
            "action_pdtype": "Argmax", "action_policy": "epsilon_greedy",
            "explore_var_spec": {
                "name": "linear_decay", "start_val": 1.0, "end_val": 0.1, "start_step": 0,
                "end_step": 1000,
            },
        },
        "memory": {
            "name": "PrioritizedReplay", "batch_size": 16, "max_size": 500, "use_cer": false,
            "alpha": 0.6, "epsilon": 0.01,
        },
        "net": {
            "type": "MLPNet", "hid_layers": [8], "hid_layers_activation": "relu",
            "clip_grad_val": 0.5, "loss_spec": {"name": "SmoothL1Loss"},
            "optim_spec": {"name": "Adam", "lr": 0.003}, "update_type": "replace",
            "update_frequency": 100,
        },
    });
    spec
}

fn sac() -> Json {
    let mut spec = written()["ppo_continuous"].clone();
    spec["agent"] = json!({
        "algorithm": {
            "name": "SoftActorCritic", "gamma": 0.99, "training_start_step": 64,
            "training_frequency": 16, "training_iter": 1,
        },
        "memory": {"name": "Replay", "batch_size": 16, "max_size": 500, "use_cer": false},
        "net": {
            "type": "MLPNet", "hid_layers": [8], "hid_layers_activation": "relu",
            "clip_grad_val": 0.5, "optim_spec": {"name": "GlobalAdam", "lr": 0.003},
            "update_type": "polyak", "update_frequency": 1, "polyak_coef": 0.005,
        },
    });
    spec
}

/// The meaning of one of them.
pub(crate) fn plan(name: &str) -> Plan {
    plan_of(name, &file())
}

/// The meaning of a spec of `file`.
pub(crate) fn plan_of(name: &str, file: &Json) -> Plan {
    let raw = SpecFile::parse("test.json", &file.to_string()).unwrap().choose(name).unwrap();
    let (algorithms, envs) = (algorithm_names(), env_names());
    let available = Available { algorithms: &algorithms, envs: &envs };
    let mut found = Diagnostics::new();
    let spec = Spec::read(&raw, &available, &mut found);
    let plan = spec.and_then(|spec| Plan::resolve(spec, &mut found));
    found.finish(plan).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Options of a run of seed 7 into `data`, with a checkpoint at every row and without graphs.
pub(crate) fn options(data: &Path) -> RunOptions {
    RunOptions {
        data_dir: data.to_owned(),
        seed: Some(7),
        checkpoint_interval: Duration::ZERO,
        progress_interval: Duration::ZERO,
        graphs: false,
        ..RunOptions::new(Mode::Train, open(DeviceChoice::Cpu).unwrap())
    }
}

/// Runs a spec to its end.
pub(crate) fn run(name: &str, options: &RunOptions) -> TrialReport {
    run_trial(&plan(name), options, &Silent, &AtomicBool::new(false)).unwrap()
}

/// A file of a run's folder by the end of its path.
pub(crate) fn find(folder: &Path, end: &str) -> PathBuf {
    let files = crate::comparison::files(folder);
    let found = files.iter().find(|path| path.to_string_lossy().ends_with(end));
    folder.join(found.unwrap_or_else(|| panic!("no {end} among {files:#?}")))
}
