//! Trained policies are played back from the files a run leaves.

use std::fs;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use slm_lab::experiment::{
    EnjoyOptions, EnjoyReport, EnjoySource, Observer, PlayProgress, RunError, Silent, enjoy,
    run_trial,
};

use crate::comparison::files;
use crate::specs::{find, options, plan, run};

const TWO_EPISODES: EnjoyOptions = EnjoyOptions {
    episodes: 2,
    sample: false,
    seed: 1,
    render: false,
    progress_interval: Duration::ZERO,
};

fn play(source: &EnjoySource, options: &EnjoyOptions) -> Result<EnjoyReport, RunError> {
    enjoy(source, options, &mut |_| ControlFlow::Continue(()), &Silent)
}

#[test]
fn folder_spec_and_policy_file_play_the_same_policy() {
    let data = tempfile::tempdir().unwrap();
    let run = run("ppo_continuous", &options(data.path()));
    let before: Vec<_> =
        files(&run.folder).iter().map(|f| fs::read(run.folder.join(f)).unwrap()).collect();
    let names = files(&run.folder);
    let of_folder = play(&EnjoySource::Folder(run.folder.clone()), &TWO_EPISODES).unwrap();
    let session = of_folder.session.unwrap();
    let scores: Vec<f64> = run.sessions.iter().map(|s| s.total_reward_ma).collect();
    assert!(scores.iter().all(|score| *score <= scores[session]), "{scores:?}, played {session}");
    let spec = find(&run.folder, &format!("t0_s{session}_spec.json"));
    let of_spec = play(&EnjoySource::Spec(spec), &TWO_EPISODES).unwrap();
    let policy = find(&run.folder, &format!("s{session}_ckpt-best_policy.safetensors"));
    assert_eq!(
        of_folder.policy.as_ref().unwrap().canonicalize().unwrap(),
        policy.canonicalize().unwrap()
    );
    let of_policy = play(&EnjoySource::Policy(policy), &TWO_EPISODES).unwrap();
    assert_eq!(of_folder.returns, of_spec.returns);
    assert_eq!(of_folder.returns, of_policy.returns);
    // The spec's max_t, also where only the policy's file says so.
    assert_eq!(of_policy.lengths, [60, 60]);
    let after: Vec<_> = names.iter().map(|f| fs::read(run.folder.join(f)).unwrap()).collect();
    assert!(before == after, "playing changes nothing that training wrote");
    assert_ne!(of_folder.output_stem, of_spec.output_stem);
}

#[test]
fn frames_are_shown_until_the_watcher_has_had_enough() {
    let data = tempfile::tempdir().unwrap();
    let run = run("a2c_separate", &options(data.path()));
    let mut frames = 0;
    let mut watch = |frame: &slm_env::Frame| {
        assert!(frame.width() > 0);
        frames += 1;
        if frames == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = EnjoyOptions { render: true, episodes: 100, ..TWO_EPISODES };
    let report = enjoy(&EnjoySource::Folder(run.folder), &options, &mut watch, &Silent).unwrap();
    assert_eq!(frames, 5);
    assert!(report.returns.len() < 5);
}

#[test]
fn sampling_follows_the_seed() {
    let data = tempfile::tempdir().unwrap();
    let folder = run("ppo", &options(data.path())).folder;
    let play = |seed| {
        let options = EnjoyOptions { sample: true, episodes: 5, seed, ..TWO_EPISODES };
        play(&EnjoySource::Folder(folder.clone()), &options).unwrap().returns
    };
    assert_eq!(play(1), play(1));
    assert_ne!(play(1), play(2));
}

#[test]
fn an_agent_without_a_policy_plays_at_random() {
    let data = tempfile::tempdir().unwrap();
    let run = run("random", &options(data.path()));
    let report = play(&EnjoySource::Folder(run.folder), &TWO_EPISODES).unwrap();
    assert_eq!((report.policy, report.lengths), (None, vec![40, 40]));
}

#[test]
fn a_missing_policy_is_an_error_that_says_so() {
    let data = tempfile::tempdir().unwrap();
    let run = run("ppo", &options(data.path()));
    for name in files(&run.folder).iter().filter(|f| f.to_string_lossy().ends_with(".safetensors"))
    {
        fs::remove_file(run.folder.join(name)).unwrap();
    }
    let error = play(&EnjoySource::Folder(run.folder), &TWO_EPISODES).unwrap_err();
    assert!(error.to_string().contains("has no policy"), "{error}");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn the_best_session_is_one_that_has_a_policy() {
    let data = tempfile::tempdir().unwrap();
    let run = run("ppo", &options(data.path()));
    let best = play(&EnjoySource::Folder(run.folder.clone()), &TWO_EPISODES).unwrap().session;
    let of_best = format!("_s{}_", best.unwrap());
    for name in files(&run.folder) {
        let name = name.to_string_lossy().into_owned();
        if name.contains(&of_best) && name.ends_with(".safetensors") {
            fs::remove_file(run.folder.join(name)).unwrap();
        }
    }
    let other = play(&EnjoySource::Folder(run.folder), &TWO_EPISODES).unwrap();
    assert_eq!(other.session, Some(1 - best.unwrap()));
}

/// Keeps what is told of policies at play.
#[derive(Default)]
struct Listener {
    evaluations: Mutex<Vec<PlayProgress>>,
    playbacks: Mutex<Vec<PlayProgress>>,
}

impl Observer for Listener {
    fn evaluating(&self, _session: usize, progress: &PlayProgress) {
        self.evaluations.lock().unwrap().push(*progress);
    }

    fn playing(&self, progress: &PlayProgress) {
        self.playbacks.lock().unwrap().push(*progress);
    }
}

#[test]
fn evaluation_and_playback_tell_how_far_they_are() {
    let data = tempfile::tempdir().unwrap();
    let listener = Listener::default();
    let run = run_trial(
        &plan("ppo_continuous"),
        &options(data.path()),
        &listener,
        &AtomicBool::new(false),
    );
    let source = EnjoySource::Folder(run.unwrap().folder);
    enjoy(&source, &TWO_EPISODES, &mut |_| ControlFlow::Continue(()), &listener).unwrap();
    // Episodes are of 60 steps: ten side by side in an evaluation, one after another in a playback.
    let evaluations = listener.evaluations.lock().unwrap();
    let whole = |p: &PlayProgress| (p.frame, p.episodes, p.max_episodes);
    assert_eq!(evaluations.first().map(whole), Some((10, 0, 10)));
    assert_eq!(evaluations.last().map(whole), Some((600, 10, 10)));
    let playbacks: Vec<_> = listener.playbacks.lock().unwrap().iter().map(whole).collect();
    assert_eq!((playbacks.len(), playbacks[59], playbacks[119]), (120, (60, 1, 2), (120, 2, 2)));
}
