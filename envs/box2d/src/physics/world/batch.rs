//! Steps of several worlds at once: their islands are solved side by side.

use std::cmp::Reverse;

use super::super::isa::{self, Isa};
use super::super::lanes::{Structure, VelocityLanes};
use super::super::solver::lanes::LANES;
use super::World;

/// How many worlds are in the same part of a step.
const WORLDS: usize = 64;
/// Iterations after which a lane may go to another island. What comes again after 1, 2, 3, 4, 6 or all of them is
/// noticed.
const BLOCK: u32 = 12;

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

/// The islands of some worlds, solved in lanes.
struct VelocitySolver<'a, W: Worlds + ?Sized> {
    worlds: &'a mut W,
    lanes: &'a mut VelocityLanes,
    tasks: [Option<Task>; LANES],
    isa: Isa,
}

fn step_with<W: Worlds + ?Sized>(worlds: &mut W, isa: Isa, iterations: [u32; 2], dt: f32) {
    let mut lanes = VelocityLanes::default();
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
                solve_velocities(worlds, &mut lanes, isa, group, iterations[0]);
            }
            for entry in &entries[..open] {
                let world = worlds.world(entry.world);
                world.move_island();
                let is_solved =
                    world.has_loose_positions() && world.island.solve_positions(iterations[1]);
                world.close_island(is_solved);
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

/// Solves the velocities of islands of one structure.
fn solve_velocities<W: Worlds + ?Sized>(
    worlds: &mut W,
    lanes: &mut VelocityLanes,
    isa: Isa,
    group: &[Entry],
    iterations: u32,
) {
    let Some(structure) = group[0].structure else {
        for entry in group {
            worlds.world(entry.world).island.solve_velocities(iterations);
        }
        return;
    };
    lanes.begin(structure);
    let mut solver = VelocitySolver { worlds, lanes, tasks: [None; LANES], isa };
    let mut tasks = group.iter().map(|entry| Task { world: entry.world, left: iterations });
    while solver.fill(&mut tasks) > 1 {
        solver.run();
    }
    solver.finish_alone();
}

impl<W: Worlds + ?Sized> VelocitySolver<'_, W> {
    /// Gives free lanes to the next islands. Returns how many lanes are taken.
    fn fill(&mut self, tasks: &mut impl Iterator<Item = Task>) -> usize {
        for (lane, place) in self.tasks.iter_mut().enumerate().filter(|(_, place)| place.is_none())
        {
            *place = tasks.next();
            match place {
                Some(task) => self.lanes.load(lane, &self.worlds.world(task.world).island),
                None => self.lanes.release(lane),
            }
        }
        self.tasks.iter().flatten().count()
    }

    /// Runs some iterations; islands that are solved leave their lanes.
    fn run(&mut self) {
        let count = self.tasks.iter().flatten().fold(BLOCK, |count, task| count.min(task.left));
        let again = isa::iterate(self.isa, self.lanes, count);
        for (lane, place) in self.tasks.iter_mut().enumerate() {
            let Some(task) = place else { continue };
            task.left -= count;
            if task.left == 0 || again[lane] != 0 {
                let island = &mut self.worlds.world(task.world).island;
                self.lanes.store(lane, island);
                island.solve_velocities(task.left); // Little to do where all comes again.
                *place = None;
            }
        }
    }

    /// Solves what is left outside of the lanes.
    fn finish_alone(self) {
        for (lane, task) in self.tasks.iter().enumerate() {
            let Some(task) = task else { continue };
            let island = &mut self.worlds.world(task.world).island;
            self.lanes.store(lane, island);
            self.lanes.release(lane);
            island.solve_velocities(task.left);
        }
    }
}
