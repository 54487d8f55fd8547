//! Steps of several worlds at once: their islands are solved side by side.

mod solvers;

use std::cmp::Reverse;

use super::World;
use crate::physics::isa::{self, Isa};
use crate::physics::lanes::Structure;
use crate::physics::position_lanes::PositionLanes;
use crate::physics::velocity_lanes::VelocityLanes;
use solvers::{PositionSolver, VelocitySolver};

/// How many worlds are in the same part of a step.
const WORLDS: usize = 64;
/// Worlds that are stepped at once.
pub trait Worlds {
    /// How many there are.
    fn count(&self) -> usize;

    /// World `i`.
    fn world(&mut self, i: usize) -> &mut World;

    /// Steps every world, with the bits that [`World::step`] gives.
    fn step(&mut self, dt: f32, velocity_iterations: u32, position_iterations: u32) {
        if self.count() == 1 {
            self.world(0).step(dt, velocity_iterations, position_iterations);
        } else {
            step_with(self, isa::widest(), [velocity_iterations, position_iterations], dt);
        }
    }
}

impl Worlds for [World] {
    fn count(&self) -> usize {
        self.len()
    }

    fn world(&mut self, i: usize) -> &mut World {
        &mut self[i]
    }
}

/// A world with an island to be solved. In the order in which the islands are taken: the alike together, and of those
/// the ones with the most contacts first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// None for an island that is solved alone.
    structure: Option<Structure>,
    contacts: Reverse<usize>,
    world: usize,
}

/// What is in a lane.
#[derive(Clone, Copy)]
struct Task {
    world: usize,
    /// Iterations to go.
    left: u32,
}

/// Memory of both solvers.
#[derive(Default)]
struct Memory {
    velocities: VelocityLanes,
    positions: PositionLanes,
}

fn step_with<W: Worlds + ?Sized>(worlds: &mut W, isa: Isa, iterations: [u32; 2], dt: f32) {
    let mut memory = Memory::default();
    let mut entries = [Entry::default(); WORLDS];
    for first in (0..worlds.count()).step_by(WORLDS) {
        let mut open = worlds.count().min(first + WORLDS) - first;
        for (i, entry) in (first..).zip(&mut entries[..open]) {
            worlds.world(i).start_step(dt);
            entry.world = i;
        }
        loop {
            open = open_islands(worlds, &mut entries[..open]);
            if open == 0 {
                break;
            }
            for group in entries[..open].chunk_by(|a, b| a.structure == b.structure) {
                solve_group(worlds, &mut memory, isa, group, iterations);
            }
        }
    }
}

/// Brings worlds to their next islands. Those that have one come first then; returns how many.
fn open_islands<W: Worlds + ?Sized>(worlds: &mut W, entries: &mut [Entry]) -> usize {
    let mut open = 0;
    for i in 0..entries.len() {
        let number = entries[i].world;
        let world = worlds.world(number);
        if world.open_island() {
            entries[open] = Entry {
                structure: Structure::of(&world.island),
                contacts: Reverse(world.island.contacts.len()),
                world: number,
            };
            open += 1;
        }
    }
    entries[..open].sort_unstable();
    open
}

/// Solves islands of one structure and lets them go.
fn solve_group<W: Worlds + ?Sized>(
    worlds: &mut W,
    memory: &mut Memory,
    isa: Isa,
    group: &[Entry],
    iterations: [u32; 2],
) {
    let Some(structure) = group[0].structure else {
        for entry in group {
            worlds.world(entry.world).solve_island(iterations);
        }
        return;
    };
    let tasks = |left: u32| group.iter().map(move |entry| Task { world: entry.world, left });
    memory.velocities.begin(structure);
    memory.positions.begin(structure);
    VelocitySolver::new(worlds, &mut memory.velocities, isa).solve(&mut tasks(iterations[0]));
    PositionSolver::new(worlds, &mut memory.positions, isa).solve(&mut tasks(iterations[1]));
}

#[cfg(test)]
mod tests {
    use slm_env::{Rng, StateWriter};

    use super::*;
    use crate::physics::{
        BodyDef, BodyId, BodyType, Circle, Edge, FixtureDef, Polygon, Shape, Vec2,
    };

    fn number(rng: &mut Rng, low: f64, high: f64) -> f32 {
        rng.uniform(low, high) as f32
    }

    /// A body in the air, moving.
    fn thrown(world: &mut World, rng: &mut Rng, shape: impl Into<Shape>) -> BodyId {
        let body = world.create_body(&BodyDef {
            kind: BodyType::Dynamic,
            position: Vec2::new(number(rng, 2.0, 8.0), number(rng, 1.0, 4.0)),
            angle: number(rng, -3.0, 3.0),
            linear_velocity: Vec2::new(number(rng, -9.0, 9.0), number(rng, -20.0, 3.0)),
            angular_velocity: number(rng, -9.0, 9.0),
            bullet: rng.integers(0, 4) == 0,
            ..BodyDef::default()
        });
        let fixture = FixtureDef { density: 1.0, restitution: 0.2, ..FixtureDef::new(shape) };
        world.create_fixture(body, &fixture);
        body
    }

    fn boxed(rng: &mut Rng) -> Polygon {
        Polygon::new_box(number(rng, 0.1, 0.5), number(rng, 0.1, 0.5))
    }

    /// Uneven ground, under a chain of up to six boxes with motors and limits and some loose bodies.
    fn scene(rng: &mut Rng) -> World {
        let mut world = World::new(Vec2::new(0.0, -10.0));
        let ground = world.create_body(&BodyDef::default());
        let mut from = Vec2::new(-2.0, 2.0);
        for i in 0..12 {
            let to = Vec2::new(i as f32, number(rng, -0.4, 0.4));
            world.create_fixture(ground, &FixtureDef::new(Edge::new(from, to)));
            from = to;
        }
        let shape = boxed(rng);
        let mut last = thrown(&mut world, rng, shape);
        for _ in 0..rng.integers(0, 6) {
            let shape = boxed(rng);
            let next = thrown(&mut world, rng, shape);
            let mut def = world.revolute_joint_def(last, next);
            def.local_anchor_a = Vec2::new(0.3, 0.0);
            def.local_anchor_b = Vec2::new(-0.3, 0.1);
            (def.enable_limit, def.enable_motor) = (rng.integers(0, 3) > 0, rng.integers(0, 2) > 0);
            (def.lower_angle, def.upper_angle) = (number(rng, -1.0, 0.0), number(rng, 0.0, 0.5));
            (def.motor_speed, def.max_motor_torque) = (number(rng, -5.0, 5.0), 8.0);
            world.create_revolute_joint(&def);
            last = next;
        }
        for _ in 0..rng.integers(0, 3) {
            let shape = boxed(rng);
            thrown(&mut world, rng, shape);
        }
        if rng.integers(0, 4) == 0 {
            thrown(&mut world, rng, Circle::new(0.2));
        }
        world
    }

    fn bytes(world: &World) -> Vec<u8> {
        let mut out = StateWriter::new();
        world.save(&mut out);
        out.into_bytes()
    }

    #[test]
    fn worlds_stepped_together_have_the_bits_of_worlds_stepped_alone() {
        for isa in isa::available() {
            let mut rng = Rng::from_seed(3);
            let mut together: Vec<World> = (0..90).map(|_| scene(&mut rng)).collect();
            let mut alone = together.clone();
            for step in 0..90 {
                step_with(together.as_mut_slice(), isa, [31, 9], 0.02);
                for (i, world) in alone.iter_mut().enumerate() {
                    world.step(0.02, 31, 9);
                    assert!(bytes(world) == bytes(&together[i]), "{isa:?}: world {i}, step {step}");
                }
            }
        }
    }
}
