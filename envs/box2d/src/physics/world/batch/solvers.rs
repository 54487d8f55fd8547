//! Islands of many worlds in few lanes: one that is solved makes room for the next.

use super::{Task, Worlds};
use crate::physics::isa::{self, Isa};
use crate::physics::position_lanes::{Correct, PositionLanes};
use crate::physics::solver::lanes::LANES;
use crate::physics::velocity_lanes::{Iterate, VelocityLanes};

/// Iterations after which a lane may go to another island. What comes again after 1, 2, 3, 4, 6 or all of them is
/// noticed.
const BLOCK: u32 = 12;

/// The velocities of islands, solved in lanes.
pub(super) struct VelocitySolver<'a, W: Worlds + ?Sized> {
    worlds: &'a mut W,
    lanes: &'a mut VelocityLanes,
    tasks: [Option<Task>; LANES],
    isa: Isa,
}

/// The positions of islands that moved, corrected in lanes.
pub(super) struct PositionSolver<'a, W: Worlds + ?Sized> {
    worlds: &'a mut W,
    lanes: &'a mut PositionLanes,
    tasks: [Option<Task>; LANES],
    isa: Isa,
}

impl<'a, W: Worlds + ?Sized> VelocitySolver<'a, W> {
    pub(super) fn new(worlds: &'a mut W, lanes: &'a mut VelocityLanes, isa: Isa) -> Self {
        Self { worlds, lanes, tasks: [None; LANES], isa }
    }

    pub(super) fn solve(mut self, tasks: &mut impl Iterator<Item = Task>) {
        while self.fill(tasks) > 1 {
            self.run();
        }
        self.finish_alone();
    }

    /// Gives free lanes to the next islands. Returns how many lanes are taken.
    fn fill(&mut self, tasks: &mut impl Iterator<Item = Task>) -> usize {
        let mut is_changed = false;
        for (lane, place) in self.tasks.iter_mut().enumerate().filter(|(_, place)| place.is_none())
        {
            *place = tasks.next();
            match place {
                Some(task) => self.lanes.load(lane, &self.worlds.world(task.world).island),
                None if self.lanes.is_free(lane) => continue,
                None => self.lanes.release(lane),
            }
            is_changed = true;
        }
        if is_changed {
            self.lanes.survey();
        }
        self.tasks.iter().flatten().count()
    }

    /// Runs some iterations; islands that are solved leave their lanes.
    fn run(&mut self) {
        let count = self.tasks.iter().flatten().fold(BLOCK, |count, task| count.min(task.left));
        let again = isa::run(self.isa, Iterate(self.lanes, count));
        for (lane, place) in self.tasks.iter_mut().enumerate() {
            let Some(task) = place else { continue };
            task.left -= count;
            if task.left == 0 || again[lane] != 0 {
                let island = &mut self.worlds.world(task.world).island;
                self.lanes.store(lane, island);
                island.solve_velocities(task.left, again[lane] != 0);
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
            island.solve_velocities(task.left, false);
        }
    }
}

impl<'a, W: Worlds + ?Sized> PositionSolver<'a, W> {
    pub(super) fn new(worlds: &'a mut W, lanes: &'a mut PositionLanes, isa: Isa) -> Self {
        Self { worlds, lanes, tasks: [None; LANES], isa }
    }

    pub(super) fn solve(mut self, tasks: &mut impl Iterator<Item = Task>) {
        while self.fill(tasks) > 1 {
            self.run();
        }
        self.finish_alone();
    }

    /// Gives free lanes to the next islands. Returns how many lanes are taken.
    fn fill(&mut self, tasks: &mut impl Iterator<Item = Task>) -> usize {
        let mut is_changed = false;
        for (lane, place) in self.tasks.iter_mut().enumerate().filter(|(_, place)| place.is_none())
        {
            *place = next_loose(self.worlds, tasks);
            match place {
                Some(task) => self.lanes.load(lane, &self.worlds.world(task.world).island),
                None if self.lanes.is_free(lane) => continue,
                None => self.lanes.release(lane),
            }
            is_changed = true;
        }
        if is_changed {
            self.lanes.survey();
        }
        self.tasks.iter().flatten().count()
    }

    /// Runs an iteration; islands that are solved leave their lanes.
    fn run(&mut self) {
        let is_solved = isa::run(self.isa, Correct(self.lanes));
        for (lane, place) in self.tasks.iter_mut().enumerate() {
            let Some(task) = place else { continue };
            task.left -= 1;
            if task.left == 0 || is_solved[lane] != 0 {
                let world = self.worlds.world(task.world);
                self.lanes.store(lane, &mut world.island);
                world.close_island(is_solved[lane] != 0);
                *place = None;
            }
        }
    }

    /// Solves what is left outside of the lanes.
    fn finish_alone(self) {
        for (lane, task) in self.tasks.iter().enumerate() {
            let Some(task) = task else { continue };
            let world = self.worlds.world(task.world);
            self.lanes.store(lane, &mut world.island);
            self.lanes.release(lane);
            let is_solved = world.island.solve_positions(task.left);
            world.close_island(is_solved);
        }
    }
}

/// Moves islands up to the next whose positions are to be corrected.
fn next_loose<W: Worlds + ?Sized>(
    worlds: &mut W,
    tasks: &mut impl Iterator<Item = Task>,
) -> Option<Task> {
    tasks.find(|task| {
        let world = worlds.world(task.world);
        world.move_island();
        let is_loose = world.has_loose_positions() && task.left > 0;
        if !is_loose {
            world.close_island(false);
        }
        is_loose
    })
}
