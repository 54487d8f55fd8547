//! A small world in six kinds: numbers or pictures to see, one choice, several or a box to act with.

use std::marker::PhantomData;

use slm_env::{
    Action, Element, Env, EnvDef, EnvRows, Frame, Rng, Space, StateError, StateReader, StateWriter,
    Step,
};

/// Places of the world.
const PLACES: u32 = 4;
/// Side of a picture; each quadrant is a place.
const SIDE: usize = 6;
/// Channels of a picture, which lie last.
const CHANNELS: usize = 2;
/// Share of steps that end an episode.
const END: f64 = 0.125;

/// What an agent sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Three numbers.
    Numbers,
    /// A picture `[6, 6, 2]` of bytes.
    Picture,
}

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acts {
    /// One of three.
    Choice,
    /// One of two and one of three.
    Choices,
    /// Two numbers.
    Box,
}

/// A walk over a few places, with noise in what is seen; the generator decides when it ends.
struct Probe<O, A: ?Sized> {
    place: u32,
    sees: PhantomData<O>,
    does: PhantomData<A>,
}

/// The world of such a kind, whose episodes are cut after six steps.
pub(super) fn world(sight: Sight, acts: Acts) -> &'static EnvDef {
    match (sight, acts) {
        (Sight::Numbers, Acts::Choice) => const { &def::<f32, u32>() },
        (Sight::Numbers, Acts::Choices) => const { &def::<f32, [u32]>() },
        (Sight::Numbers, Acts::Box) => const { &def::<f32, [f32]>() },
        (Sight::Picture, Acts::Choice) => const { &def::<u8, u32>() },
        (Sight::Picture, Acts::Choices) => const { &def::<u8, [u32]>() },
        (Sight::Picture, Acts::Box) => const { &def::<u8, [f32]>() },
    }
}

const fn def<O: Seen, A: Done + ?Sized + 'static>() -> EnvDef {
    EnvDef {
        id: "Probe",
        summary: "A walk over a few places.",
        max_episode_steps: 6,
        reward_threshold: None,
        render_fps: 1,
        options: &[],
        make: |options| {
            EnvRows::boxed(&def::<O, A>(), options, |_| {
                Ok(Probe::<O, A> { place: 0, sees: PhantomData, does: PhantomData })
            })
        },
    }
}

/// What a place looks like.
trait Seen: Element {
    fn space() -> Space;
    fn show(place: u32, noise: f64, obs: &mut [Self]);
}

impl Seen for f32 {
    fn space() -> Space {
        Space::symmetric(&[f32::INFINITY; 3])
    }

    fn show(place: u32, noise: f64, obs: &mut [Self]) {
        let angle = f64::from(place) + noise;
        obs.copy_from_slice(&[angle.sin(), angle.cos(), noise].map(|number| number as f32));
    }
}

impl Seen for u8 {
    fn space() -> Space {
        let (low, high) = ([0.0; SIDE * SIDE * CHANNELS], [255.0; SIDE * SIDE * CHANNELS]);
        Space::Box { low: low.into(), high: high.into(), shape: vec![SIDE, SIDE, CHANNELS] }
    }

    fn show(place: u32, noise: f64, obs: &mut [Self]) {
        for (at, pixel) in obs.chunks_exact_mut(CHANNELS).enumerate() {
            let (lower, right) = (at / SIDE >= SIDE / 2, at % SIDE >= SIDE / 2);
            let is_bright = u32::from(lower) * 2 + u32::from(right) == place;
            let noise = (55.0 * noise) as Self;
            pixel.copy_from_slice(&[noise + if is_bright { 200 } else { 0 }, 2 * noise]);
        }
    }
}

/// What an action is worth.
trait Done: Action + Send {
    fn space() -> Space;
    fn worth(&self) -> f64;
}

impl Done for u32 {
    fn space() -> Space {
        Space::Discrete { n: 3 }
    }

    fn worth(&self) -> f64 {
        f64::from(*self)
    }
}

impl Done for [u32] {
    fn space() -> Space {
        Space::MultiDiscrete { nvec: vec![2, 3] }
    }

    fn worth(&self) -> f64 {
        f64::from(self[0]) - f64::from(self[1])
    }
}

impl Done for [f32] {
    fn space() -> Space {
        Space::symmetric(&[1.0, 1.0])
    }

    fn worth(&self) -> f64 {
        f64::from(self[0]) - f64::from(self[1]).powi(2)
    }
}

impl<O: Seen, A: Done + ?Sized + 'static> Env for Probe<O, A> {
    type Obs = O;
    type Action = A;

    // So much that two rows are worth two threads.
    const STEP_NANOS: u64 = 1_000_000_000;

    fn obs_space(&self) -> Space {
        O::space()
    }

    fn action_space(&self) -> Space {
        A::space()
    }

    fn reset(&mut self, rng: &mut Rng, obs: &mut [O]) {
        self.place = 0;
        O::show(self.place, rng.random(), obs);
    }

    fn step(&mut self, action: &A, rng: &mut Rng, obs: &mut [O]) -> Step {
        let reward = action.worth() * f64::from(1 + self.place);
        self.place = (self.place + rng.integers(0, 3) as u32) % PLACES;
        O::show(self.place, rng.random(), obs);
        Step { reward, terminated: rng.random() < END, truncated: false }
    }

    fn render(&self, _frame: &mut Frame) {}

    fn save(&self, out: &mut StateWriter) {
        out.u32(self.place);
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.place = from.u32()?;
        Ok(())
    }
}
