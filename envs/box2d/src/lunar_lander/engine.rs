//! The engines: what an action asks of them, and the impulses they give.

use slm_env::{Action, Space};

use super::SCALE;
use super::picture::Exhaust;
use crate::physics::{BodyId, Vec2, World};

const MAIN_POWER: f64 = 13.0;
const SIDE_POWER: f64 = 0.6;
/// Where the main engine sits below the lander's origin, pixels.
const MAIN_DEPTH: f64 = 4.0;
/// Where the side engines sit, pixels; the code of Gymnasium has 17 where 14 is meant in x.
const SIDE_AWAY: f64 = 12.0;
const SIDE_HEIGHTS: (f64, f64) = (17.0, 14.0);

/// What the engines do in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Thrust {
    /// Share of the main engine's power.
    pub(super) main: f64,
    /// Share of a side engine's power.
    pub(super) side: f64,
    /// Which side engine: -1 left, 1 right.
    pub(super) direction: f64,
}

/// Actions that engines understand.
pub(super) trait Controls: Action + 'static {
    /// The actions.
    fn space() -> Space;

    /// The action that fires nothing.
    fn idle() -> &'static Self;

    /// What it asks of the engines.
    fn thrust(&self) -> Thrust;
}

/// Nothing, left engine, main engine, right engine.
impl Controls for u32 {
    fn space() -> Space {
        Space::Discrete { n: 4 }
    }

    fn idle() -> &'static Self {
        &0
    }

    fn thrust(&self) -> Thrust {
        let fires_side = *self == 1 || *self == 3;
        Thrust {
            main: if *self == 2 { 1.0 } else { 0.0 },
            side: if fires_side { 1.0 } else { 0.0 },
            direction: f64::from(*self) - 2.0,
        }
    }
}

/// Throttle of the main engine, from half power at 0 to all of it at 1; of the side engines, which need half.
impl Controls for [f32] {
    fn space() -> Space {
        Space::symmetric(&[1.0, 1.0])
    }

    fn idle() -> &'static Self {
        &[0.0, 0.0]
    }

    fn thrust(&self) -> Thrust {
        let [main, side] = [self[0], self[1]].map(|value| f64::from(value.clamp(-1.0, 1.0)));
        Thrust {
            main: if main > 0.0 { (main + 1.0) * 0.5 } else { 0.0 },
            side: if side.abs() > 0.5 { side.abs() } else { 0.0 },
            direction: side.signum(),
        }
    }
}

/// Gives the lander the impulses of its engines. `dispersion` is how far each is off, in world units.
pub(super) fn fire(
    world: &mut World,
    lander: BodyId,
    thrust: Thrust,
    dispersion: [f64; 2],
    exhaust: &mut Exhaust,
) {
    let (sin, cos) = f64::from(world.angle(lander)).sin_cos();
    let [along, across] = dispersion;
    if thrust.main > 0.0 {
        let depth = MAIN_DEPTH / SCALE + 2.0 * along;
        let offset = (sin * depth + -cos * across, -cos * depth - sin * across);
        let at = from_origin(world, lander, offset);
        exhaust.puff_main(at, offset, thrust.main);
        let power = |x: f64| -x * MAIN_POWER * thrust.main;
        push(world, lander, offset, at, power);
    }
    if thrust.side > 0.0 {
        let away = 3.0 * across + thrust.direction * SIDE_AWAY / SCALE;
        let offset = (sin * along + -cos * away, -cos * along - sin * away);
        let (x, y) = from_origin(world, lander, offset);
        let at = (x - sin * SIDE_HEIGHTS.0 / SCALE, y + cos * SIDE_HEIGHTS.1 / SCALE);
        exhaust.puff_side(at, offset, thrust.side);
        let power = |x: f64| -x * SIDE_POWER * thrust.side;
        push(world, lander, offset, at, power);
    }
}

fn from_origin(world: &World, lander: BodyId, offset: (f64, f64)) -> (f64, f64) {
    let origin = world.position(lander);
    (f64::from(origin.x) + offset.0, f64::from(origin.y) + offset.1)
}

fn push(
    world: &mut World,
    lander: BodyId,
    offset: (f64, f64),
    at: (f64, f64),
    power: impl Fn(f64) -> f64,
) {
    let impulse = Vec2::new(power(offset.0) as f32, power(offset.1) as f32);
    world.apply_linear_impulse(lander, impulse, Vec2::new(at.0 as f32, at.1 as f32));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(main: f32, side: f32) -> Thrust {
        [main, side].as_slice().thrust()
    }

    #[test]
    fn the_main_engine_runs_from_half_power_up_or_not_at_all() {
        assert_eq!(
            [-0.5, 0.0, 0.5, 1.0, 3.0].map(|main| of(main, 0.0).main),
            [0.0, 0.0, 0.75, 1.0, 1.0]
        );
    }

    #[test]
    fn a_side_engine_needs_more_than_half_throttle() {
        assert_eq!(
            [-2.0, -0.75, 0.5, 0.625].map(|side| of(0.0, side).side),
            [1.0, 0.75, 0.0, 0.625]
        );
        assert_eq!((of(0.0, -0.75).direction, of(0.0, 0.75).direction), (-1.0, 1.0));
    }

    #[test]
    fn actions_are_nothing_left_main_right() {
        let thrusts = [0, 1, 2, 3].map(|action: u32| action.thrust());
        assert_eq!(
            thrusts.map(|t| (t.main, t.side)),
            [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.0, 1.0)]
        );
        assert_eq!((thrusts[1].direction, thrusts[3].direction), (-1.0, 1.0));
    }
}
