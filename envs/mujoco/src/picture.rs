//! Pictures of a simulation: by MuJoCo with OpenGL where it can be used, otherwise by rays.

use slm_env::Frame;

use crate::engine::{Pose, Shot, Simulation};
use crate::rays::{self, Vector};

/// Where a free camera looks.
#[derive(Clone, Copy)]
pub(crate) struct View {
    /// Meters from what it looks at; none for the model's size.
    pub(crate) distance: Option<f64>,
    /// What it looks at; none for the middle of all shapes.
    pub(crate) look_at: Option<Vector>,
    /// The body that it looks at instead, wherever that goes.
    pub(crate) follow: Option<usize>,
    /// Degrees that it is turned from x toward y.
    pub(crate) azimuth: f64,
    /// Degrees that it looks upward.
    pub(crate) elevation: f64,
}

/// How pictures are taken.
pub(crate) struct Camera {
    /// Width and height in pixels.
    pub(crate) size: (usize, usize),
    /// A camera of the model.
    pub(crate) fixed: Option<usize>,
    /// Where it is if it is none of the model's.
    pub(crate) view: View,
}

impl View {
    /// MuJoCo's free camera.
    pub(crate) const FREE: Self =
        Self { distance: None, look_at: None, follow: None, azimuth: 90.0, elevation: -45.0 };

    /// Where the camera is now.
    fn pose(&self, simulation: &Simulation) -> Pose {
        let followed = self.follow.map(|body| simulation.subtree_com()[body]);
        Pose::Free {
            look_at: followed.or(self.look_at).unwrap_or_else(|| middle(simulation.geom_xpos())),
            distance: self.distance.unwrap_or(simulation.model().extent().1),
            azimuth: self.azimuth,
            elevation: self.elevation,
        }
    }
}

impl Camera {
    /// Draws what the camera sees.
    pub(crate) fn draw(&self, simulation: &Simulation, frame: &mut Frame) {
        let (width, height) = self.size;
        frame.clear(width, height, [0; 3]);
        let shot = self.shot(simulation);
        match simulation.photograph(shot) {
            Some(picture) => frame.rgb_mut().copy_from_slice(&picture),
            None => rays::draw(simulation, &shot, frame),
        }
    }

    /// What it sees now.
    fn shot(&self, simulation: &Simulation) -> Shot {
        let pose = self.fixed.map_or_else(|| self.view.pose(simulation), Pose::Fixed);
        Shot { size: self.size, pose }
    }
}

/// The median of points, coordinate by coordinate.
fn middle(points: &[Vector]) -> Vector {
    [0, 1, 2].map(|i| {
        let mut values: Vec<f64> = points.iter().map(|point| point[i]).collect();
        values.sort_by(f64::total_cmp);
        let half = values.len() / 2;
        match values.len() {
            0 => 0.0,
            n if n % 2 == 1 => values[half],
            _ => f64::midpoint(values[half - 1], values[half]),
        }
    })
}

#[cfg(test)]
mod tests {
    use slm_env::{Env, EnvOptions, Rng};

    use super::*;
    use crate::robot::Robot;
    use crate::{ENVS, Pictures, pictures};

    /// An environment at the start of an episode; none without MuJoCo's library.
    fn start(id: &str) -> Option<Robot> {
        let mut robot = crate::robot(id, &EnvOptions::default()).expect("it is listed").ok()?;
        let mut obs = vec![0.0; robot.obs_space().width()];
        robot.reset(&mut Rng::from_seed(0), &mut obs);
        Some(robot)
    }

    /// Takes steps with all actuators driven at once.
    fn drive(robot: &mut Robot, steps: u32) {
        let width = robot.action_space().width();
        let (mut obs, mut rng) = (vec![0.0; robot.obs_space().width()], Rng::from_seed(0));
        for _ in 0..steps {
            robot.step(&vec![0.4; width], &mut rng, &mut obs);
        }
    }

    #[allow(clippy::print_stderr, reason = "what a test leaves out is said")]
    fn has_opengl() -> bool {
        match pictures() {
            Some(Pictures::OpenGl(_)) => return true,
            Some(how) => eprintln!("not tested: pictures are drawn {how}"),
            None => eprintln!("not tested: MuJoCo's library is missing"),
        }
        false
    }

    /// Where two pictures differ by more than a shade.
    fn changes(before: &[u8], after: &[u8]) -> Vec<bool> {
        let pixels = before.chunks_exact(3).zip(after.chunks_exact(3));
        let differs = |(a, b): (&[u8], &[u8])| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > 8);
        pixels.map(differs).collect()
    }

    /// A picture of each kind, by OpenGL and by rays.
    fn both(simulation: &Simulation, shot: &Shot) -> [Vec<u8>; 2] {
        let mut frame = Frame::new();
        frame.clear(shot.size.0, shot.size.1, [0; 3]);
        rays::draw(simulation, shot, &mut frame);
        [simulation.photograph(*shot).expect("there is OpenGL"), frame.rgb().to_vec()]
    }

    /// From a camera that stands still, what moves is what the task moves, and a picture by rays shows the same.
    #[test]
    fn both_kinds_of_pictures_show_the_same_bodies() {
        if !has_opengl() {
            return;
        }
        for def in ENVS {
            let mut robot = start(def.id).expect("MuJoCo is here");
            let pose = View::FREE.pose(robot.simulation());
            let shot = Shot { size: (160, 120), pose };
            let before = both(robot.simulation(), &shot);
            drive(&mut robot, 12);
            let after = both(robot.simulation(), &shot);
            let [gl, by_rays] = [0, 1].map(|kind| changes(&before[kind], &after[kind]));
            let count = |mask: &[bool]| mask.iter().filter(|is_set| **is_set).count() as f64;
            let common: Vec<bool> = gl.iter().zip(&by_rays).map(|(a, b)| *a && *b).collect();
            let shares = [&by_rays, &gl].map(|mask| count(&common) / count(mask));
            // Measured: at least 0.61 and 0.38, of Pusher, whose arm is gray on gray. Lights, shadows and reflections
            // move beside the bodies.
            assert!(count(&by_rays) > 30.0, "{}: {} pixels move", def.id, count(&by_rays));
            assert!(shares[0] > 0.5 && shares[1] > 0.3, "{}: {shares:?}", def.id);
        }
    }

    /// Hopper's body 1 is its torso, of which all other bodies hang.
    #[test]
    fn a_camera_that_follows_a_body_looks_at_its_mass() {
        let Some(mut robot) = start("Hopper-v5") else { return };
        drive(&mut robot, 20);
        let simulation = robot.simulation();
        let look_at = |view: View| match view.pose(simulation) {
            Pose::Free { look_at, .. } => look_at,
            Pose::Fixed(camera) => panic!("camera {camera} is the model's"),
        };
        let still = View { look_at: Some([0.0, 0.0, 1.15]), ..View::FREE };
        let follows = View { follow: Some(1), ..still };
        assert_eq!(look_at(still), [0.0, 0.0, 1.15]);
        assert_eq!(look_at(follows), simulation.subtree_com()[1]);
        assert!(look_at(follows)[0].abs() > 1e-3, "it has moved");
    }

    #[test]
    fn the_middle_is_the_median() {
        let points = [[0.0, 1.0, 5.0], [2.0, 0.0, 6.0], [9.0, 9.0, 7.0], [4.0, 3.0, 8.0]];
        assert_eq!(middle(&points), [3.0, 2.0, 6.5]);
    }
}
