//! `slm-lab run`: every spelling, every option, every exit code.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::cli_program::{Ran, Workplace, files_ending, saved_spec, wait_for};

/// Settings that make the demo take a fraction of a second.
const SHORT: &str = "-s env.max_frame=1024 -s meta.log_frequency=256";
/// Settings that make it take longer than any test.
const ENDLESS: &str = "-s env.max_frame=1000000000 -s meta.log_frequency=256";

fn short(rest: &str) -> String {
    format!("{rest} {SHORT}")
}

/// The policies that a run's sessions ended with.
fn learned(run: &Path) -> Vec<Vec<u8>> {
    files_ending(run, "policy.safetensors").iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn the_program_alone_runs_the_demo_in_an_empty_folder() {
    let place = Workplace::new();
    let ran = place.run(&short("")).ok();
    let run = place.only_run();
    let spec = saved_spec(&run);
    assert_eq!((&spec["name"], &spec["meta"]["lab_mode"]), (&"ppo_cartpole".into(), &"dev".into()));
    let folder = run.file_name().unwrap().to_str().unwrap();
    for text in
        ["total_reward_ma", "results  data/", &format!("play     slm-lab enjoy@data/{folder}")]
    {
        assert!(ran.out.contains(text), "no {text:?} in {}", ran.out);
    }
    assert!(ran.err.contains("INFO session 0: stopped at frame 1024"), "{}", ran.err);
}

#[test]
fn slm_labs_commands_run_as_they_stand() {
    for words in [
        "slm_lab/spec/demo.json ppo_cartpole train",
        "run demo.json ppo_cartpole train",
        "demo.json train",
    ] {
        let place = Workplace::new();
        place.run(&short(&format!("{words} -s meta.max_session=2"))).ok();
        let spec = saved_spec(&place.only_run());
        assert_eq!(
            (&spec["meta"]["lab_mode"], &spec["meta"]["max_session"]),
            (&"train".into(), &2.into())
        );
    }
}

#[test]
fn a_run_without_kernels_for_its_network_says_so_once() {
    let place = Workplace::new();
    place.write("short.json", &crate::specs::file().to_string());
    let ran = place.run("short.json ppo_recurrent train").ok();
    let text = "a RecurrentNet learns as Burn tensors";
    assert_eq!(ran.err.matches(text).count(), 1, "{}", ran.err);
    assert!(!place.run("short.json ppo train").ok().err.contains(text));
}

#[test]
fn wrong_requests_say_what_would_be_right() {
    let place = Workplace::new();
    place.run("demo.jso").refused("did you mean `demo.json`?");
    place.run("chekc").refused("did you mean the command `slm-lab check`?");
    place.run("trian demo.json").refused("`slm-lab SPEC_FILE SPEC_NAME train`");
    place.run("demo.json ppo_cartpol").refused("did you mean `ppo_cartpole`?");
    place.run("demo.json ppo_cartpole trian").refused("did you mean `train`?");
    place.run("demo.json ppo_cartpole search").refused("search is not built yet");
    let nowhere = place.run("zzz.json").refused("built in are ").err;
    assert!(nowhere.lines().all(|line| line.chars().count() <= 100), "{nowhere}");
    place.run("demo.json ppo_cartpole -s gamma").refused("--> -s:1:1");
    place.run("demo.json ppo_cartpole --set gamma").refused("--> --set:1:1");
    place.run_with("SET", "gamma", "demo.json").refused("--> SET:1:1");
    place.run("cont_test.json").refused("which spec of cont_test.json? It has ");
    place.run("train@latest").refused("there is no run in data");
    place.run("demo.json ppo_cartpole enjoy@latest").refused("there is no run of ppo_cartpole");
    place.run("train@nowhere").refused("nowhere: there is no such folder");
    let wide = "demo.json ppo_cartpole train -s agent.net.hid_layers=[1000000,1000000]";
    place.run(wide).refused("a network of 100000");
    place.run(wide).refused("GB of memory, and there are ");
    place.run(&wide.replace(" train", " enjoy@latest")).refused("there is no run of ppo_cartpole");
    let land = "demo.json ppo_cartpole train -s env.name=LunarLander-v3";
    place.run(&format!("{land} -s env.enable_winds=true")).refused("did you mean `enable_wind`?");
    place.run(&format!("{land} -s env.gravity=1")).refused("should be between -12 and 0");
    place.write("bad.json", "{\"x\": {\n  \"agent\": {},\n  \"env\": {},\n  \"meta\": {}\n}}");
    place.run("bad.json").refused("bad.json:2:12");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing but bad.json");
}

#[test]
fn settings_reach_the_spec_from_flags_and_from_the_environment() {
    let set = "env.max_frame=512;meta.log_frequency=256;agent.algorithm.gamma=0.25";
    let place = Workplace::new();
    place.run_with("SET", set, "").ok();
    let spec = saved_spec(&place.only_run());
    assert_eq!(spec["env"]["max_frame"], 512);
    assert_eq!(spec["agent"]["algorithm"]["gamma"], 0.25);
    // A flag takes the place of its environment variable.
    let place = Workplace::new();
    place.run_with("SET", set, &short("-s agent.algorithm.gamma=0.5")).ok();
    let spec = saved_spec(&place.only_run());
    assert_eq!(spec["env"]["max_frame"], 1024);
    assert_eq!(spec["agent"]["algorithm"]["gamma"], 0.5);
    Workplace::new().run("-s gamma").refused("expected KEY=VALUE");
}

#[test]
fn the_seed_decides_what_is_learned_and_threads_do_not() {
    let train = |arguments: &str| {
        let place = Workplace::new();
        place
            .run(&short(&format!("demo.json ppo_cartpole train -s meta.max_session=2 {arguments}")))
            .ok();
        let run = place.only_run();
        (saved_spec(&run)["meta"]["random_seed"].clone(), learned(&run))
    };
    let (seed, policies) = train("--seed 5 --threads 1");
    assert_eq!((seed, policies.len()), (5.into(), 4));
    assert_eq!(train("--seed 5 --threads 2").1, policies);
    assert_ne!(train("--seed 6").1, policies);
    let place = Workplace::new();
    place.run_with("SEED", "7", &short("")).ok();
    assert_eq!(saved_spec(&place.only_run())["meta"]["random_seed"], 7);
}

#[test]
fn one_thread_trains_one_session_at_a_time() {
    let place = Workplace::new();
    let words = format!("demo.json ppo_cartpole train --threads 1 -s meta.max_session=2 {ENDLESS}");
    let child = start(place.program(&words));
    wait_for(|| files_ending(&place.path().join("data"), ".ckpt").pop());
    interrupt(&child);
    let ran = Ran::new(child.wait_with_output());
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert!(ran.err.contains("session 0: stopped"), "{}", ran.err);
    assert!(!ran.err.contains("session 1:"), "session 1 had not begun: {}", ran.err);
}

#[test]
fn devices_are_opened_or_refused_in_one_line() {
    let place = Workplace::new();
    place.run(&short("--device cpu --data-dir a")).ok();
    place.run_with("DEVICE", "auto", &short("--data-dir b")).ok();
    place
        .run(&short("--device tpu"))
        .refused("no device is called `tpu`; it takes auto, cpu, cuda");
    if !cfg!(feature = "cuda") {
        place.run(&short("--device cuda")).refused("build with `cargo build --profile gpu");
        place.run(&short("--device cuda:1")).refused("cuda is not in this build");
    }
    if !cfg!(feature = "wgpu") {
        place.run(&short("--device wgpu:1")).refused("build with `cargo build");
        place.run_with("DEVICE", "wgpu", &short("")).refused("wgpu is not in this build");
    }
    let ran = place.run(&short("--cuda-offset 2 --data-dir c")).ok();
    assert!(ran.err.contains("--cuda-offset counts graphics cards"), "{}", ran.err);
    let ran = place.run_with("CUDA_OFFSET", "2", &short("--data-dir d")).ok();
    assert!(ran.err.contains("--cuda-offset counts graphics cards"), "{}", ran.err);
    assert_eq!(place.runs("data").len(), 0, "a refused device leaves no folder");
}

#[test]
fn a_spec_that_asks_for_a_card_trains_on_the_processor_where_there_is_none() {
    let place = Workplace::new();
    let ran = place.run(&short("--data-dir a -s agent.net.gpu=true")).ok();
    assert!(ran.err.contains("training on "), "{}", ran.err);
    let ran = place.run(&short("--data-dir b -s agent.net.gpu=true --device cpu")).ok();
    assert!(!ran.err.contains("training on "), "an option decides alone: {}", ran.err);
    let ran = place.run(&short("--data-dir c -s agent.net.gpu=auto")).ok();
    assert!(!ran.err.contains("training on "), "small networks stay: {}", ran.err);
    place
        .run(&short("-s agent.net.gpu=yes"))
        .refused("agent.net.gpu: expected true, false, \"auto\" or");
}

#[test]
fn profiling_prints_phases_and_writes_a_trace() {
    for (name, value, flag) in
        [("UNUSED", "", "--profile"), ("UNUSED", "", "--profile=gpu"), ("PROFILE", "cpu", "")]
    {
        let place = Workplace::new();
        let ran = place.run_with(name, value, &short(flag)).ok();
        assert!(ran.out.contains("env step  ") && ran.out.contains("µs"), "{}", ran.out);
        let trace = &files_ending(&place.only_run(), "_trace.json")[0];
        let trace: serde_json::Value = serde_json::from_slice(&fs::read(trace).unwrap()).unwrap();
        assert!(trace["traceEvents"].as_array().unwrap().len() > 100);
    }
    let place = Workplace::new();
    let ran = place.run(&short("--profile=false")).ok();
    assert!(!ran.out.contains("env step"));
    assert_eq!(files_ending(place.path(), "_trace.json").len(), 0);
}

#[test]
fn the_log_level_decides_how_much_is_said() {
    let place = Workplace::new();
    let quiet = place.run(&short("--log-level=ERROR")).ok();
    assert_eq!(quiet.err, "");
    let quiet = place.run_with("LOG_LEVEL", "warning", &short("")).ok();
    assert_eq!(quiet.err, "");
    let talkative = place.run(&short("--log-level DEBUG")).ok();
    assert!(talkative.err.contains("INFO session 0"), "{}", talkative.err);
    place.run(&short("--log-level LOUD")).refused("possible values: DEBUG, INFO, WARNING, ERROR");
}

#[test]
fn slm_labs_compile_switch_says_what_it_comes_to() {
    let place = Workplace::new();
    for flag in ["--torch-compile=auto", "--compile=false", "--torch-compile"] {
        let ran = place.run(&short(flag)).ok();
        assert!(ran.err.contains("networks are compiled into this program"), "{}", ran.err);
    }
    let ran = place.run_with("TORCH_COMPILE", "true", &short("")).ok();
    assert!(ran.err.contains("networks are compiled into this program"), "{}", ran.err);
    place.run(&short("--compile=maybe")).refused("possible values: auto, true, false");
}

#[test]
fn slm_labs_other_options_say_what_they_come_to() {
    let place = Workplace::new();
    let ran = place.run(&short("--no-optimize-perf --log-extra --keep -1")).ok();
    for text in ["the same as --threads 1", "--log-extra: ", "--keep: "] {
        assert!(ran.err.contains(text), "no {text:?} in {}", ran.err);
    }
    place.run(&short("--upload-hf")).refused("not built yet");
}

#[test]
fn strict_refuses_what_is_otherwise_a_warning() {
    let place = Workplace::new();
    let odd = short("-s agent.algorithm.gama=0.9");
    assert!(place.run(&odd).ok().err.contains("unknown key `gama`"));
    place.run(&format!("{odd} --strict")).refused("unknown key `gama`");
    place.run_with("STRICT", "1", &odd).refused("unknown key `gama`");
    assert!(place.run_with("STRICT", "false", &odd).ok().err.contains("unknown key `gama`"));
}

#[test]
fn results_go_where_the_data_folder_is() {
    let place = Workplace::new();
    place.run(&short("--data-dir a/b")).ok();
    place.run_with("DATA_DIR", "c", &short("")).ok();
    assert_eq!(
        (place.runs("a/b").len(), place.runs("c").len(), place.runs("data").len()),
        (1, 1, 0)
    );
    place.run("enjoy@latest --data-dir a/b --episodes 1").ok();
}

#[test]
fn a_job_file_runs_one_after_another() {
    let place = Workplace::new();
    place.write("job.json", r#"{"demo.json": {"ppo_cartpole": "dev"},
        "slm_lab/spec/cont_test.json": {"nope": "dev"}, "./demo.json": {"ppo_cartpole": "train@latest"}}"#);
    let ran = place.run(&short("--job job.json")).refused("1 of 3 failed");
    assert!(
        ran.err.contains("job 3 of 3") && ran.err.contains("nothing left to do"),
        "{}",
        ran.err
    );
    place.only_run();
    place.write("bad.json", "{\"demo.json\": {\n\"ppo_cartpole\": \"trian\"}}");
    place.run_with("JOB", "bad.json", "").refused("bad.json:2:17");
    place.run("--job nowhere.json").refused("nowhere.json");
    place.run("demo.json --job nowhere.json").refused("cannot be used with");
    // A spec on the command line counts more than a variable.
    place.run_with("JOB", "bad.json", "demo.json nope").refused("there is no spec `nope`");
}

#[test]
fn checkpoints_are_as_rare_as_asked() {
    let place = Workplace::new();
    let checkpoint = |data: &str| files_ending(&place.path().join(data), ".ckpt").pop();
    let words = |data: &str| format!("--data-dir {data} {ENDLESS} --checkpoint-interval");
    let mut often = start(place.program(&(words("often") + " 0")));
    wait_for(|| checkpoint("often"));
    let mut rarely = start(place.program(&words("rarely")).args(["1e9"]));
    // When the second run has a log folder, give it as long as the first took for many checkpoints.
    wait_for(|| place.runs("rarely").pop());
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(checkpoint("rarely"), None);
    for child in [&mut often, &mut rarely] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    place.run("--checkpoint-interval=-3").refused("expected seconds");
}

#[test]
fn ctrl_c_writes_a_checkpoint_from_which_the_run_goes_on() {
    let place = Workplace::new();
    let child = start(place.program(&format!("--seed 3 {ENDLESS}")));
    wait_for(|| files_ending(&place.path().join("data"), ".ckpt").pop());
    interrupt(&child);
    let ran = Ran::new(child.wait_with_output());
    assert_eq!(ran.code, Some(130), "{ran:?}");
    let run = place.only_run();
    assert!(ran.err.contains("stopping after a checkpoint"), "{}", ran.err);
    assert!(
        ran.err.contains(&format!("train@data/{}", run.file_name().unwrap().to_str().unwrap()))
    );
    // It goes on from there, under each of its names, and says so.
    let written = || {
        let checkpoint = files_ending(&run, ".ckpt").pop()?;
        fs::metadata(checkpoint).ok()?.modified().ok()
    };
    for words in ["train@latest".to_owned(), format!("train@{}", run.display())] {
        let before = written();
        let words = format!("{words} --seed 4 --checkpoint-interval 0");
        let child = start(place.program(&words));
        wait_for(|| written().filter(|time| Some(*time) > before));
        interrupt(&child);
        let ran = Ran::new(child.wait_with_output());
        assert_eq!(ran.code, Some(130), "{ran:?}");
        assert!(ran.err.contains("session 0: goes on at frame"), "{}", ran.err);
        assert!(ran.err.contains("--seed changes nothing"), "{}", ran.err);
    }
    place.only_run();
}

#[test]
fn a_run_goes_on_with_its_own_spec_or_not_at_all() {
    let place = Workplace::new();
    place.run(&short("")).ok();
    place.run("train@latest -s agent.algorithm.gamma=0.5").refused("-s sets nothing here");
    let other = "demo.json ppo_cartpole train@latest -s env.max_frame=9000";
    place.run(other).refused("`env.max_frame` was");
    place.run(other).refused("a new run with the same --seed and more frames");
    let run = place.only_run();
    let other = format!("benchmark/ppo/ppo_acrobot.json ppo_acrobot train@{}", run.display());
    place.run(&other).refused("this is a run of ppo_cartpole, not of ppo_acrobot");
    let other = other.replace("train@", "enjoy@");
    place.run(&other).refused("this is a run of ppo_cartpole, not of ppo_acrobot");
    place.run("enjoy@latest --set env.max_t=5").refused("--set sets nothing here");
    place.run("demo.json ppo_cartpole train@latest").ok();
}

#[test]
fn the_log_level_debug_adds_the_spec_with_every_default() {
    let said = |level: &str| Workplace::new().run_with("LOG_LEVEL", level, &short("")).ok().err;
    let (debug, info) = (said("DEBUG"), said("INFO"));
    assert!(debug.contains("DEBUG the spec with every default: {"), "{debug}");
    assert!(!info.contains("DEBUG"), "{info}");
}

#[test]
fn options_that_a_mode_has_no_use_for_are_named() {
    let place = Workplace::new();
    let training = place.run(&short("demo.json ppo_cartpole dev --sample --gif x.gif")).ok().err;
    for option in ["--sample", "--gif"] {
        assert!(training.contains(&format!("{option} is for playback")), "{training}");
    }
    assert!(!training.contains("--episodes"), "{training}");
    let playback = place.run("enjoy@latest --episodes 1 --device cuda:7 --profile").ok().err;
    for option in ["--device", "--profile"] {
        assert!(playback.contains(&format!("{option} is for training")), "{playback}");
    }
    assert!(!playback.contains("--threads"), "{playback}");
}

#[test]
fn a_saved_spec_is_a_spec() {
    let place = Workplace::new();
    place.run(&short("demo.json ppo_cartpole dev")).ok();
    let saved = files_ending(&place.only_run(), "_t0_spec.json").pop().unwrap();
    place.run(&format!("check {} --strict", saved.display())).ok();
}

#[test]
fn an_empty_environment_variable_is_as_good_as_unset() {
    let place = Workplace::new();
    for name in ["SEED", "LOG_LEVEL", "THREADS", "EPISODES", "DEVICE"] {
        place.run_with(name, "", &short("demo.json ppo_cartpole dev")).ok();
    }
}

#[test]
fn errors_in_a_network_hide_none_in_the_algorithm() {
    let place = Workplace::new();
    let demo = include_str!("../../specs/demo.json");
    let wrong = demo.replace("\"tanh\"", "\"tahn\"").replace("\"lam\": 0.9112", "\"lam\": \"x\"");
    place.write("wrong.json", &wrong);
    place.run("check wrong.json").refused("agent.net.hid_layers_activation");
    place.run("check wrong.json").refused("agent.algorithm.lam");
}

#[test]
fn a_run_outlives_whoever_reads_its_messages() {
    let place = Workplace::new();
    let mut command = place.program(&short("demo.json ppo_cartpole train --data-dir d"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

fn start(mut command: impl std::borrow::BorrowMut<Command>) -> Child {
    command.borrow_mut().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Ctrl-C.
fn interrupt(child: &Child) {
    let id = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
}
