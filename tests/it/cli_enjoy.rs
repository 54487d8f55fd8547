//! Playback on the command line: returns, recordings, windows.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli_program::{Ran, Workplace, files_ending};

/// A run to play back.
const TRAIN: &str = "--seed 1 -s env.max_frame=1024 -s meta.log_frequency=256";

#[test]
fn playback_prints_returns_and_writes_a_gif_and_nothing_else() {
    let place = Workplace::new();
    place.run(TRAIN).ok();
    let run = place.only_run();
    let before = contents(&run);
    let folder = run.display();
    let spec = files_ending(&run, "_t0_s0_spec.json")[0].display().to_string();
    for words in [
        format!("enjoy@{folder}"),
        format!("demo.json ppo_cartpole enjoy@{spec}"),
        "enjoy@latest".to_owned(),
    ] {
        let ran = place.run(&format!("{words} --episodes 2")).ok();
        assert!(ran.out.starts_with("episode  return  length\n1  "), "{}", ran.out);
        assert_eq!(ran.out.lines().count(), 5, "two episodes, their mean, the GIF: {}", ran.out);
    }
    let gifs = files_ending(&run, ".gif");
    assert_eq!(gifs.len(), 3, "each playback has its own");
    assert!(fs::read(&gifs[0]).unwrap().starts_with(b"GIF89a"));
    let after = contents(&run);
    assert!(before.iter().all(|file| after.contains(file)), "training data is as it was");
}

#[test]
fn playback_obeys_its_options() {
    let place = Workplace::new();
    place.run(TRAIN).ok();
    let play = |options: &str| place.run(&format!("enjoy@latest {options}")).ok().out;
    let returns = |out: &str| {
        out.lines().take_while(|l| !l.starts_with("gif")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(returns(&play("--episodes 3")).len(), 5);
    assert_eq!(
        returns(&Ran::new(place.program("enjoy@latest").env("EPISODES", "1").output()).ok().out)
            .len(),
        3
    );
    let greedy = returns(&play("--episodes 3 --seed 9"));
    assert_eq!(returns(&play("--episodes 3 --seed 9")), greedy);
    let sampled = returns(&play("--episodes 3 --seed 9 --sample"));
    assert_ne!(sampled, greedy);
    let by_variable = place.run_with("SAMPLE", "yes", "enjoy@latest --episodes 3 --seed 9").ok();
    assert_eq!(returns(&by_variable.out), sampled);
    assert_ne!(returns(&play("--episodes 3 --seed 10")), greedy);
    play("--episodes 1 --gif a/play.gif");
    place.run_with("GIF", "b.gif", "enjoy@latest --episodes 1").ok();
    assert!(place.path().join("a/play.gif").is_file() && place.path().join("b.gif").is_file());
    place.run("enjoy@latest --gif data.json").refused("ends in .gif");
    place.run("enjoy@latest --episodes 0").refused("at least 1");
}

#[test]
fn rendering_without_a_display_says_so_and_writes_a_gif() {
    let place = Workplace::new();
    let ran = place.run(&format!("{TRAIN} --render --episodes 1")).ok();
    assert!(ran.err.contains("there is no display"), "{}", ran.err);
    assert_eq!(files_ending(&place.only_run(), ".gif").len(), 1);
    let ran = place.run_with("RENDER", "true", "enjoy@latest --episodes 1").ok();
    assert!(ran.err.contains("there is no display"), "{}", ran.err);
    // Nobody listens there: the program neither panics nor waits.
    let ran = place.run_with("DISPLAY", ":4711", "enjoy@latest --episodes 1 --render").ok();
    assert!(ran.err.contains("no window could be opened"), "{}", ran.err);
    let ran = place.run_with("RENDER", "0", "enjoy@latest --episodes 1").ok();
    assert!(!ran.err.contains("display"), "{}", ran.err);
}

/// Every file of a run with its bytes.
fn contents(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files_ending(run, "").into_iter().map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}
