//! What an action does with the car's controls.

use slm_env::{Action, Space};

use super::car::Controls;

/// Actions that a car understands.
pub(super) trait Pedals: Action + 'static {
    /// The actions.
    fn space() -> Space;

    /// What the driver does.
    fn controls(&self) -> Controls;
}

/// Nothing, right, left, gas, brake.
impl Pedals for u32 {
    fn space() -> Space {
        Space::Discrete { n: 5 }
    }

    fn controls(&self) -> Controls {
        Controls {
            steer: [0.0, -0.6, 0.6, 0.0, 0.0][*self as usize],
            gas: if *self == 3 { 0.2 } else { 0.0 },
            brake: if *self == 4 { 0.8 } else { 0.0 },
        }
    }
}

/// Steering from -1 for left to 1 for right, gas and brake from 0 to 1.
impl Pedals for [f32] {
    fn space() -> Space {
        Space::vector(&[-1.0, 0.0, 0.0], &[1.0; 3])
    }

    fn controls(&self) -> Controls {
        let [steer, gas, brake] = [self[0], self[1], self[2]].map(f64::from);
        Controls { steer: -steer, gas, brake }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_nothing_right_left_gas_brake() {
        let controls = [0, 1, 2, 3, 4].map(|action: u32| action.controls());
        assert_eq!(
            controls.map(|c| (c.steer, c.gas, c.brake)),
            [(0.0, 0.0, 0.0), (-0.6, 0.0, 0.0), (0.6, 0.0, 0.0), (0.0, 0.2, 0.0), (0.0, 0.0, 0.8)]
        );
    }

    #[test]
    fn steering_to_the_right_turns_the_wheels_clockwise() {
        let controls = [0.5_f32, 0.25, 0.0].as_slice().controls();
        assert_eq!((controls.steer, controls.gas, controls.brake), (-0.5, 0.25, 0.0));
    }
}
