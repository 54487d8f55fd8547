//! Cycles of the velocity iterations: what comes again need not be computed again.
//!
//! An iteration is a function of velocities, motor impulses and contact impulses: the impulses of pins and limits are
//! only summed (a limit's sign aside). Rounding leaves small constant changes in these sums long after the velocities
//! came to rest, so they are left out of the state that is compared, and are summed alone once it comes again.

use super::solver::Velocity;
use super::solver::contact::ContactConstraint;
use super::solver::joint::{JointChange, JointConstraint};

/// The constraints of an island and the velocities of its bodies.
pub(super) struct Iteration<'a> {
    pub(super) velocities: &'a mut [Velocity],
    pub(super) joints: &'a mut [JointConstraint],
    pub(super) contacts: &'a mut [ContactConstraint],
}

/// A state of the iterations, to see whether it comes again, and the changes of joint impulses over a cycle.
#[derive(Clone, Debug, Default)]
pub(super) struct Cycle {
    velocities: Vec<Velocity>,
    motors: Vec<f32>,
    contacts: Vec<[f32; 4]>,
    /// Limit impulses at the beginning of the recorded cycle.
    limits: Vec<f32>,
    /// By iteration and joint.
    changes: Vec<JointChange>,
}

impl Iteration<'_> {
    /// Solves every constraint once.
    #[inline]
    fn run(&mut self) {
        for joint in &mut *self.joints {
            joint.solve(self.velocities);
        }
        for contact in &mut *self.contacts {
            contact.solve(self.velocities);
        }
    }
}

impl Cycle {
    /// Takes memory for so many contacts.
    pub(super) fn reserve(&mut self, contacts: usize) {
        self.velocities.reserve(contacts);
        self.contacts.reserve(contacts);
    }

    /// Solves the velocities in a number of iterations. `comes_again` says that the present state does within a few.
    pub(super) fn solve(
        &mut self,
        mut iteration: Iteration<'_>,
        iterations: u32,
        comes_again: bool,
    ) {
        self.changes.clear();
        self.changes.reserve(iteration.joints.len() * iterations as usize);
        let (mut i, mut saved_at, mut save_after) = (0, None, 0);
        if comes_again {
            self.save(&iteration);
            (saved_at, save_after) = (Some(0), iterations);
        }
        while i < iterations {
            iteration.run();
            i += 1;
            let period = saved_at.filter(|_| self.is_at(&iteration)).map(|saved_at| i - saved_at);
            if let Some(period) = period.filter(|period| i + 2 * period < iterations) {
                i += self.run_cycles(&mut iteration, period, iterations - i);
                (saved_at, save_after) = (None, 0);
            }
            if i > save_after {
                self.save(&iteration);
                (saved_at, save_after) = (Some(i), i + i / 4);
            }
        }
    }

    fn save(&mut self, iteration: &Iteration<'_>) {
        self.velocities.clear();
        self.velocities.extend_from_slice(iteration.velocities);
        self.motors.clear();
        self.motors.extend(iteration.joints.iter().map(|joint| joint.impulse.motor));
        self.contacts.clear();
        self.contacts.extend(iteration.contacts.iter().map(ContactConstraint::impulses));
    }

    #[inline]
    fn is_at(&self, iteration: &Iteration<'_>) -> bool {
        let has = |(a, b): (&Velocity, &Velocity)| a.is(b);
        iteration.velocities.iter().zip(&self.velocities).all(has) && self.has_impulses(iteration)
    }

    fn has_impulses(&self, iteration: &Iteration<'_>) -> bool {
        let mut motors = iteration.joints.iter().zip(&self.motors);
        let mut contacts = iteration.contacts.iter().zip(&self.contacts);
        motors.all(|(joint, motor)| joint.impulse.motor.to_bits() == motor.to_bits())
            && contacts.all(|(contact, impulses)| {
                contact.impulses().map(f32::to_bits) == impulses.map(f32::to_bits)
            })
    }

    /// Runs one cycle, and sums the impulses of as many more as are sure to be the same. Returns how many iterations
    /// that was.
    fn run_cycles(&mut self, iteration: &mut Iteration<'_>, period: u32, left: u32) -> u32 {
        self.limits.clear();
        self.limits.extend(iteration.joints.iter().map(|joint| joint.impulse.limit));
        self.changes.clear();
        for _ in 0..period {
            iteration.run();
            self.changes.extend(iteration.joints.iter().map(|joint| joint.change));
        }
        if !self.is_at(iteration) {
            return period;
        }
        let count = (left - period) / period;
        let joints = iteration.joints.len();
        let changes = |joint: usize| self.changes.iter().skip(joint).step_by(joints.max(1));
        let mut same = count;
        for (i, joint) in iteration.joints.iter().enumerate() {
            same = joint.cycles_without_pull(&changes(i), self.limits[i], same);
        }
        for (i, joint) in iteration.joints.iter_mut().enumerate() {
            joint.sum(&changes(i), same);
        }
        period + same * period
    }
}
