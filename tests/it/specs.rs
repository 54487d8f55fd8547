//! Short specs that exercise every algorithm, and runs of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::{Value as Json, json};
use slm_lab::config::{Available, Diagnostics, Spec, SpecFile};
use slm_lab::device::{DeviceChoice, open};
use slm_lab::experiment::{Mode, Plan, RunOptions, Silent, TrialReport, run_trial};
use slm_lab::registry::{algorithm_names, env_names};

/// Names of the specs of [`file`]: every algorithm, discrete and continuous, vector and single.
pub(crate) const NAMES: [&str; 6] =
    ["ppo", "ppo_continuous", "a2c_separate", "a2c_nstep", "reinforce", "random"];

/// A spec file with all of them; each takes a fraction of a second.
pub(crate) fn file() -> Json {
    let decay = json!({"name": "linear_decay", "start_val": 0.2, "end_val": 0.05,
                       "start_step": 0, "end_step": 1000});
    let net = |shared: bool| {
        json!({"type": "MLPNet", "hid_layers": [8], "hid_layers_activation": "tanh",
               "shared": shared, "use_same_optim": true, "clip_grad_val": 0.5,
               "optim_spec": {"name": "Adam", "lr": 0.003},
               "lr_scheduler_spec": {"name": "LinearToZero", "frame": 2000}})
    };
    let agent = |algorithm: Json, memory: &str, shared: bool| {
        json!({"name": "Test", "algorithm": algorithm, "memory": {"name": memory},
               "net": net(shared)})
    };
    let ppo = json!({"name": "PPO", "gamma": 0.99, "lam": 0.95, "clip_eps_spec": decay,
        "entropy_coef_spec": decay, "val_loss_coef": 0.5, "time_horizon": 20,
        "minibatch_size": 16, "training_epoch": 3, "normalize_v_targets": true});
    let a2c = json!({"name": "ActorCritic", "gamma": 0.99, "lam": 0.95,
        "entropy_coef_spec": decay, "val_loss_coef": 0.5, "training_frequency": 24});
    let nstep = json!({"name": "ActorCritic", "gamma": 0.98, "num_step_returns": 5,
        "entropy_coef_spec": decay, "val_loss_coef": 0.5, "training_frequency": 10});
    let reinforce = json!({"name": "Reinforce", "gamma": 0.99, "center_return": true,
        "entropy_coef_spec": decay, "training_frequency": 1});
    let random = json!({"name": "Random", "action_pdtype": "default", "action_policy": "random"});
    let batch = "OnPolicyBatchReplay";
    json!({
        "ppo": spec(agent(ppo.clone(), batch, true), json!({"name": "CartPole-v1", "num_envs": 4,
            "normalize_obs": true, "normalize_reward": true})),
        "ppo_continuous": spec(agent(ppo, batch, false), json!({"name": "Pendulum-v1",
            "num_envs": 2, "normalize_obs": true, "max_t": 60})),
        "a2c_separate": spec(agent(a2c, batch, false), json!({"name": "CartPole-v1",
            "num_envs": 2, "max_t": 30})),
        "a2c_nstep": spec(agent(nstep, batch, true), json!({"name": "Acrobot-v1",
            "num_envs": 2, "max_t": 50})),
        "reinforce": spec(agent(reinforce, "OnPolicyReplay", false),
            json!({"name": "CartPole-v1"})),
        "random": spec(agent(random, batch, false), json!({"name": "MountainCarContinuous-v0",
            "num_envs": 3, "max_t": 40})),
    })
}

fn spec(agent: Json, mut env: Json) -> Json {
    env["max_frame"] = json!(1200);
    let meta = json!({"distributed": false, "max_session": 2, "max_trial": 1, "log_frequency": 100,
                      "eval_frequency": 300, "rigorous_eval": 1});
    json!({"agent": agent, "env": env, "meta": meta})
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

/// Options of a run of seed 7 into `data`, with a checkpoint at every row.
pub(crate) fn options(data: &Path) -> RunOptions {
    RunOptions {
        data_dir: data.to_owned(),
        seed: Some(7),
        checkpoint_interval: Duration::ZERO,
        progress_interval: Duration::ZERO,
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
