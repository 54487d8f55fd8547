//! The track: a road through random checkpoints around the middle of the field, closed after a lap.

use std::f64::consts::PI;

use slm_env::{Rng, StateError, StateReader, StateWriter};

use super::SCALE;

/// Distance between two points of the road.
const DETAIL: f64 = 21.0 / SCALE;
/// Most that the road turns between two points, rad.
const TURN_RATE: f64 = 0.31;
/// Half the width of the road.
const WIDTH: f64 = 40.0 / SCALE;
/// Width of the curb.
const CURB: f64 = 8.0 / SCALE;
/// Points in a row that must turn the same way for a curb.
const CURB_RUN: usize = 4;
/// Radius of the field in which the road lies.
const RADIUS: f64 = 900.0 / SCALE;
const CHECKPOINTS: usize = 12;
/// Points after which a road that does not close is given up.
const MOST_POINTS: usize = 2500;

/// A point of the road.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    /// Direction as seen from the middle of the field, rad.
    around: f64,
    /// Direction across the road, rad.
    pub(super) beta: f64,
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A quadrangle.
pub(super) type Quad = [(f64, f64); 4];

/// The points of a lap; behind the last one comes the first.
pub(super) struct Track {
    points: Vec<Point>,
    has_curb: Vec<bool>,
}

/// A place that the road is led through.
#[derive(Clone, Copy, Default)]
struct Checkpoint {
    around: f64,
    x: f64,
    y: f64,
}

impl Track {
    pub(super) fn new() -> Self {
        Self { points: Vec::with_capacity(MOST_POINTS), has_curb: Vec::with_capacity(MOST_POINTS) }
    }

    /// The points of the lap.
    pub(super) fn points(&self) -> &[Point] {
        &self.points
    }

    /// Draws tracks until one closes.
    pub(super) fn draw(&mut self, rng: &mut Rng) {
        while !self.draw_one(rng) {}
        self.find_curbs();
    }

    /// Draws a track; whether its end meets its beginning.
    fn draw_one(&mut self, rng: &mut Rng) -> bool {
        let checkpoints = draw_checkpoints(rng);
        self.drive(&checkpoints);
        let Some((first, last)) = self.lap() else { return false };
        self.points.truncate(last);
        self.points.drain(..first);
        let (start, end) = (self.points[0], self.points[self.points.len() - 1]);
        let (sin, cos) = start.beta.sin_cos();
        let (dx, dy) = (cos * (start.x - end.x), sin * (start.y - end.y));
        (dx * dx + dy * dy).sqrt() <= DETAIL
    }

    /// Follows the checkpoints for five laps.
    fn drive(&mut self, checkpoints: &[Checkpoint; CHECKPOINTS]) {
        self.points.clear();
        let (mut x, mut y, mut beta) = (1.5 * RADIUS, 0.0_f64, 0.0_f64);
        let (mut next, mut laps, mut was_below) = (0, 0, false);
        while laps <= 4 && self.points.len() < MOST_POINTS {
            let mut around = y.atan2(x);
            if was_below && around > 0.0 {
                laps += 1;
                was_below = false;
            }
            if around < 0.0 {
                was_below = true;
                around += 2.0 * PI;
            }
            let goal = seek(checkpoints, &mut next, &mut around);
            let (sin, cos) = beta.sin_cos();
            let offset = (cos * (goal.x - x) + sin * (goal.y - y)) * SCALE;
            beta = unwind(beta, around);
            let before = beta;
            if offset > 0.3 {
                beta -= TURN_RATE.min((0.001 * offset).abs());
            }
            if offset < -0.3 {
                beta += TURN_RATE.min((0.001 * offset).abs());
            }
            x += -sin * DETAIL;
            y += cos * DETAIL;
            self.points.push(Point { around, beta: before * 0.5 + beta * 0.5, x, y });
        }
    }

    /// The last whole lap: its first point, and the one after its last.
    fn lap(&self) -> Option<(usize, usize)> {
        let start = 2.0 * PI * -0.5 / CHECKPOINTS as f64;
        let passes =
            |i: &usize| self.points[*i].around > start && self.points[*i - 1].around <= start;
        let mut passages = (1..self.points.len()).rev().filter(passes);
        let last = passages.next()?;
        Some((passages.next()?, last - 1))
    }

    /// Marks the points of hard turns, and those before them.
    fn find_curbs(&mut self) {
        let n = self.points.len();
        let turn = |i: usize| self.points[i % n].beta - self.points[(i + n - 1) % n].beta;
        self.has_curb.clear();
        self.has_curb.extend((0..n).map(|i| {
            let turns = (0..CURB_RUN).map(|back| turn(i + n - back));
            let is_hard = turns.clone().all(|turn| turn.abs() > TURN_RATE * 0.2);
            let side: f64 = turns.map(|turn| if turn == 0.0 { 0.0 } else { turn.signum() }).sum();
            is_hard && side.abs() == CURB_RUN as f64
        }));
        for i in 0..n {
            for back in 0..CURB_RUN {
                self.has_curb[(i + n - back) % n] |= self.has_curb[i];
            }
        }
    }

    /// The piece of road between a point and the one before it.
    pub(super) fn tile(&self, i: usize) -> Quad {
        self.between(i, -WIDTH, WIDTH)
    }

    /// The curb beside that piece, if it has one.
    pub(super) fn curb(&self, i: usize) -> Option<Quad> {
        let side = (self.before(i).beta - self.points[i].beta).signum();
        self.has_curb[i].then(|| self.between(i, side * WIDTH, side * (WIDTH + CURB)))
    }

    /// The part of the road from one distance off its middle to another.
    fn between(&self, i: usize, from: f64, to: f64) -> Quad {
        let (a, b) = (self.points[i], self.before(i));
        let across = |p: Point, off: f64| (p.x + off * p.beta.cos(), p.y + off * p.beta.sin());
        [across(a, from), across(a, to), across(b, to), across(b, from)]
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        out.u64(self.points.len() as u64);
        for (point, &has_curb) in self.points.iter().zip(&self.has_curb) {
            out.f64s(&[point.around, point.beta, point.x, point.y]);
            out.bool(has_curb);
        }
    }

    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.points.clear();
        self.has_curb.clear();
        for _ in 0..from.u64()? {
            let mut values = [0.0; 4];
            from.f64s_into(&mut values)?;
            let [around, beta, x, y] = values;
            self.points.push(Point { around, beta, x, y });
            self.has_curb.push(from.bool()?);
        }
        Ok(())
    }

    fn before(&self, i: usize) -> Point {
        self.points[(i + self.points.len() - 1) % self.points.len()]
    }
}

fn draw_checkpoints(rng: &mut Rng) -> [Checkpoint; CHECKPOINTS] {
    std::array::from_fn(|i| {
        let noise = rng.uniform(0.0, 2.0 * PI / CHECKPOINTS as f64);
        let even = 2.0 * PI * i as f64 / CHECKPOINTS as f64;
        let radius = rng.uniform(RADIUS / 3.0, RADIUS);
        let is_end = i == 0 || i == CHECKPOINTS - 1;
        let (around, radius) = if is_end { (even, 1.5 * RADIUS) } else { (even + noise, radius) };
        Checkpoint { around, x: radius * around.cos(), y: radius * around.sin() }
    })
}

/// The next checkpoint ahead; where none of this round is, `around` goes back by a turn.
fn seek(checkpoints: &[Checkpoint; CHECKPOINTS], next: &mut usize, around: &mut f64) -> Checkpoint {
    loop {
        loop {
            let goal = checkpoints[*next % CHECKPOINTS];
            if *around <= goal.around {
                return goal;
            }
            *next += 1;
            if next.is_multiple_of(CHECKPOINTS) {
                break;
            }
        }
        *around -= 2.0 * PI;
    }
}

/// The angle brought within one and a half half-turns of another.
fn unwind(mut beta: f64, around: f64) -> f64 {
    while beta - around > 1.5 * PI {
        beta -= 2.0 * PI;
    }
    while beta - around < -1.5 * PI {
        beta += 2.0 * PI;
    }
    beta
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lap_is_closed_and_its_points_are_evenly_apart() {
        for seed in 0..5 {
            let mut track = Track::new();
            track.draw(&mut Rng::from_seed(seed));
            let apart = |a: Point, b: Point| ((a.x - b.x).powi(2) + (a.y - b.y).powi(2)).sqrt();
            let points = track.points();
            assert!(points.len() > 100, "{} points", points.len());
            for pair in points.windows(2) {
                assert!((apart(pair[0], pair[1]) - DETAIL).abs() < 1e-9);
            }
            // The ends may be off by a step along each axis across the start, and one along the road.
            assert!(apart(points[0], points[points.len() - 1]) < 3.0 * DETAIL);
        }
    }

    #[test]
    fn a_tile_is_as_wide_as_the_road() {
        let mut track = Track::new();
        track.draw(&mut Rng::from_seed(0));
        let [left, right, ..] = track.tile(7);
        let width = ((left.0 - right.0).powi(2) + (left.1 - right.1).powi(2)).sqrt();
        assert!((width - 80.0 / 6.0).abs() < 1e-9, "{width}");
    }
}
