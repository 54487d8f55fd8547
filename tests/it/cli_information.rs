//! Commands that only tell: lists, descriptions, schema, completions, checks.

use std::path::Path;

use serde_json::Value as Json;
use slm_lab::registry;

use crate::cli_program::Workplace;

#[test]
fn version_and_help_start_from_an_empty_folder() {
    let place = Workplace::new();
    let version = place.run("--version").ok();
    assert_eq!(version.out, concat!("slm-lab ", env!("CARGO_PKG_VERSION"), "\n"));
    let help = place.run("--help").ok().out;
    assert!(help.contains("slm-lab demo.json ppo_cartpole train"), "{help}");
    let options = place.run("run --help").ok().out;
    for option in ["--render", "--device", "--set", "--profile", "--seed", "--torch-compile"] {
        assert!(options.contains(option), "{option}");
    }
}

#[test]
fn lists_name_everything_there_is() {
    let place = Workplace::new();
    let envs = place.run("env list").ok().out;
    assert!(registry::env_names().iter().all(|name| envs.contains(name)), "{envs}");
    let algorithms = place.run("algorithm list").ok().out;
    assert!(registry::algorithm_names().iter().all(|name| algorithms.contains(name)));
}

#[test]
fn an_environment_is_described_and_a_wrong_name_gives_the_nearest() {
    let place = Workplace::new();
    let shown = place.run("env show Pendulum-v1").ok().out;
    for fact in ["1 number: [-2, 2]", "200 steps", "option g"] {
        assert!(shown.contains(fact), "no {fact:?} in {shown}");
    }
    place.run("env show Pendulum-v2").refused("did you mean `Pendulum-v1`?");
}

#[test]
fn the_schema_is_json_with_every_algorithm() {
    let schema: Json = serde_json::from_str(&Workplace::new().run("schema").ok().out).unwrap();
    let algorithms = schema["$defs"]["algorithm"]["oneOf"].as_array().unwrap();
    assert_eq!(algorithms.len(), registry::ALGORITHMS.len());
}

#[test]
fn completions_are_written_for_a_shell() {
    let place = Workplace::new();
    let script = place.run("completions bash").ok().out;
    assert!(script.contains("complete -F") && script.contains("rollout"));
    place.run("completions tcsh").refused("possible values");
}

#[test]
fn doctor_tells_devices_window_and_data_folder_and_leaves_nothing_behind() {
    let place = Workplace::new();
    let found = place.run("doctor --data-dir runs").ok().out;
    for fact in ["cpu", "no: there is no display", "runs can be written"] {
        assert!(found.contains(fact), "no {fact:?} in {found}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn check_reports_every_error_of_every_spec_with_its_place() {
    let place = Workplace::new();
    place.write("bad.yaml", "a:\n  agent: 3\nb:\n  env: {name: CartPol-v1}\n");
    let checked = place.run("check bad.yaml").refused("bad.yaml:2:10");
    for text in ["bad.yaml:4:15", "did you mean `CartPole-v1`?", "`meta` is missing"] {
        assert!(checked.err.contains(text), "no {text:?} in {}", checked.err);
    }
    let verdicts: Vec<&str> = checked.out.lines().collect();
    assert!(verdicts[0].starts_with("a  ") && verdicts[0].contains("error"), "{verdicts:?}");
    assert!(verdicts[1].starts_with("b  "), "{verdicts:?}");
    let one = place.run("check bad.yaml a").refused("bad.yaml:2:10");
    assert!(!one.err.contains("CartPol-v1"), "only the named spec is checked");
}

#[test]
fn check_names_what_is_not_built_yet() {
    let place = Workplace::new();
    let asked = "check demo.json -s env.name=SLM-Sensorimotor-TC11-v0";
    let feature = "environment SLM-Sensorimotor-TC11-v0";
    let checked = place.run(asked).refused(&format!("{feature} is known but not built yet"));
    assert!(checked.out.contains(&format!("not built yet: {feature}")), "{}", checked.out);
}

#[test]
fn check_knows_what_others_call_algorithms_and_keys() {
    let place = Workplace::new();
    for (setting, help) in [
        ("agent.algorithm.name=SAC", "did you mean `SoftActorCritic`?"),
        ("agent.algorithm.name=ppo", "did you mean `PPO`?"),
        ("agent.algorithm.name=cross_q", "did you mean `CrossQ`?"),
        ("env.name=LunarLander-v2", "did you mean `LunarLander-v3`?"),
        ("agent.algorithm.learning_rate=1", "its name here is `agent.net.optim_spec.lr`"),
        ("env.total_timesteps=1", "did you mean `max_frame`? CartPole-v1 takes"),
    ] {
        place.run(&format!("check demo.json --strict -s {setting}")).refused(help);
    }
}

#[test]
fn check_passes_what_is_shipped_and_strict_refuses_unknown_keys() {
    let place = Workplace::new();
    assert_eq!(place.run("check demo.json").ok().out, "ppo_cartpole  ok\n");
    let odd = "check demo.json -s agent.algorithm.gama=0.9";
    let warned = place.run(odd).ok();
    assert!(warned.err.contains("did you mean `gamma`?"), "{}", warned.err);
    assert!(warned.out.contains("ok, 1 warning"), "{}", warned.out);
    place.run(&format!("{odd} --strict")).refused("did you mean `gamma`?");
    place.run_with("STRICT", "true", odd).refused("did you mean `gamma`?");
}

/// The lines of a recording, the program's name in place of Gymnasium's version.
fn recording(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let ours = concat!("\"gymnasium\": \"slm-lab ", env!("CARGO_PKG_VERSION"), "\"");
    text.lines().map(|line| line.replace("\"gymnasium\": \"1.4.0\"", ours)).collect()
}

/// Where Gymnasium computes in `f32` what we compute in `f64`, or with another `sin`, digits may differ:
/// the environments' own tests bound by how much. The format is compared letter by letter, the
/// reset and the first step also digit by digit.
#[test]
fn a_rollout_is_written_as_gymnasium_records_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/env");
    let place = Workplace::new();
    for name in ["cartpole_0", "mountain_car_0", "mountain_car_continuous_0", "pendulum_g_7"] {
        let path = folder.join(format!("{name}.jsonl"));
        let expected = recording(&path);
        let header: Json = serde_json::from_str(&expected[0]).unwrap();
        let mut program = place.program("env rollout");
        program.arg(header["env"].as_str().unwrap()).arg("--actions").arg(&path);
        program.arg("--seed").arg(header["seed"].to_string());
        program.arg("--kwargs").arg(header["kwargs"].to_string());
        let ran = super::cli_program::Ran::new(program.output()).ok();
        let lines: Vec<&str> = ran.out.lines().collect();
        assert_eq!(lines.len(), expected.len(), "{name}");
        assert_eq!(lines, expected, "{name}");
    }
}

#[test]
fn random_actions_are_those_of_gymnasiums_action_space() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/env/cartpole_42.jsonl");
    let expected = recording(&path);
    let steps = expected.iter().filter(|line| line.contains("action")).count();
    let command = format!("env rollout CartPole-v1 --seed 42 --random {steps} --action-seed 43");
    let ran = Workplace::new().run(&command).ok();
    assert_eq!(ran.out.lines().collect::<Vec<_>>(), expected);
    let other = Workplace::new().run("env rollout CartPole-v1 --seed 42 --random 9").ok();
    assert_ne!(other.out.lines().take(9).collect::<Vec<_>>(), &expected[..9], "seed 1 is another");
}

#[test]
fn digests_replace_observations_and_wrong_rollouts_are_refused() {
    let place = Workplace::new();
    let line = place.run("env rollout CartPole-v1 --random 0 --digest").ok().out;
    let header: Json = serde_json::from_str(&line).unwrap();
    assert_eq!(header["obs"].as_str().unwrap().len(), 16);
    place.write("actions.jsonl", "{\"action\": 0}\n{\"action\": 7}\n");
    place.run("env rollout CartPole-v1 --actions actions.jsonl").refused(
        "actions.jsonl:2: the action 7 is not in the action space: one of 2 choices, 0 to 1",
    );
    place.run("env rollout CartPole-v1 --actions nowhere.jsonl").refused("nowhere.jsonl");
    place.write("broken.jsonl", "{\"action\": 0}\n{\"action\":\n");
    place.run("env rollout CartPole-v1 --actions broken.jsonl").refused("broken.jsonl:2");
    place
        .run("env rollout Pendulum-v1 --random 1 --kwargs {\"gg\":1}")
        .refused("did you mean `g`?");
    place
        .run("env rollout Pendulum-v1 --random 1 --kwargs {\"gg\":null}")
        .refused("did you mean `g`?");
    let both = "env rollout LunarLander-v3 --random 1 --kwargs {\"gravity\":1,\"wind\":2}";
    place.run(both).refused("option `gravity` should be between -12 and 0");
    place.run(both).refused("error: LunarLander-v3 has no option `wind`");
    place.run("env rollout Pendulum-v1 --random 1 --kwargs [1]").refused("--kwargs");
}

#[test]
fn whoever_reads_only_the_first_lines_causes_no_error() {
    let place = Workplace::new();
    let mut program = place.program("env rollout CartPole-v1 --random 100000");
    let mut child = program.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
