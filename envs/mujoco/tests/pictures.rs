//! Pictures, however they are made: of any thread, in any order, and without a trace in what they show.

use std::thread;

use slm_env::{Env, EnvOptions, Frame, Rng, StateWriter};
use slm_env_mujoco::{Robot, pictures};

/// How many pictures of each environment are drawn.
const PICTURES: usize = 3;
/// Environments that differ in what they show.
const IDS: [&str; 4] = ["Hopper-v5", "Reacher-v5", "Swimmer-v5", "InvertedPendulum-v5"];

/// An environment at the start of an episode, with small pictures.
fn start(id: &str) -> Robot {
    let options = EnvOptions::default().with("width", 64.0).with("height", 48.0);
    let made = slm_env_mujoco::robot(id, &options).expect("it is listed");
    let mut robot = made.expect("MuJoCo's library is here");
    let mut obs = vec![0.0; robot.obs_space().width()];
    robot.reset(&mut Rng::from_seed(0), &mut obs);
    robot
}

/// Whether MuJoCo's library is here, and what its pictures are drawn with.
#[allow(clippy::print_stderr, reason = "what a test leaves out, or not, is said")]
fn has_mujoco() -> bool {
    let how = pictures();
    match &how {
        Some(how) => eprintln!("pictures are drawn {how}"),
        None => eprintln!("not tested: MuJoCo's library is missing"),
    }
    how.is_some()
}

fn step(robot: &mut Robot) -> Vec<f32> {
    let mut obs = vec![0.0; robot.obs_space().width()];
    let action = vec![0.3; robot.action_space().width()];
    robot.step(&action, &mut Rng::from_seed(0), &mut obs);
    obs
}

/// The pictures of an episode's start.
fn play(id: &str) -> Vec<Frame> {
    let mut robot = start(id);
    let pictures = (0..PICTURES).map(|_| {
        let mut frame = Frame::new();
        robot.render(&mut frame);
        step(&mut robot);
        frame
    });
    pictures.collect()
}

#[test]
fn threads_draw_what_one_draws_alone() {
    if !has_mujoco() {
        return;
    }
    let alone = IDS.map(play);
    for round in 0..2 {
        let threads = IDS.map(|id| thread::spawn(move || play(id)));
        let together = threads.map(|thread| thread.join().expect("it draws"));
        assert!(together == alone, "round {round}");
    }
}

/// A picture is of a simulation, whichever were drawn and dropped before.
#[test]
fn environments_are_drawn_in_turns_and_dropped_in_any_order() {
    if !has_mujoco() {
        return;
    }
    let first = IDS.map(|id| play(id).swap_remove(0));
    let mut robots: Vec<_> = IDS.into_iter().enumerate().map(|(i, id)| (i, start(id))).collect();
    for dropped in [2, 0, 1, 0] {
        for (i, robot) in &robots {
            let mut frame = Frame::new();
            robot.render(&mut frame);
            assert!(frame == first[*i], "{}", IDS[*i]);
        }
        robots.remove(dropped);
    }
}

#[test]
fn a_picture_has_the_size_that_is_asked_for() {
    if !has_mujoco() {
        return;
    }
    // The second is larger than what MuJoCo keeps for a picture by itself.
    for (width, height) in [(33, 7), (900, 700)] {
        let (w, h) = (f64::from(width), f64::from(height));
        let options = EnvOptions::default().with("width", w).with("height", h);
        let made = slm_env_mujoco::robot("InvertedPendulum-v5", &options).expect("it is listed");
        let mut frame = Frame::new();
        made.expect("MuJoCo is here").render(&mut frame);
        assert_eq!((frame.width(), frame.height()), (width as usize, height as usize));
        let corner = frame.pixel(frame.width() - 1, frame.height() - 1);
        assert!(frame.rgb().chunks_exact(3).any(|pixel| pixel != corner), "it is empty");
    }
}

#[test]
fn a_picture_leaves_no_trace_in_the_simulation() {
    if !has_mujoco() {
        return;
    }
    for id in IDS {
        let (mut drawn, mut other) = (start(id), start(id));
        for _ in 0..5 {
            drawn.render(&mut Frame::new());
            assert_eq!(step(&mut drawn), step(&mut other), "{id}");
        }
        let state = |robot: &Robot| {
            let mut out = StateWriter::new();
            robot.save(&mut out);
            out.into_bytes()
        };
        assert_eq!(state(&drawn), state(&other), "{id}");
    }
}
