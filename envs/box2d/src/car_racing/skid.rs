//! The marks that slipping wheels leave; only a window shows them, not the observation.

use slm_env::{StateError, StateReader, StateWriter};

use crate::physics::{State, Vec2};

/// Marks kept; the oldest goes for a new one.
const MARKS: usize = 30;
/// Points of a mark.
const POINTS: usize = 30;

/// A mark on the ground.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    points: [Vec2; POINTS],
    count: usize,
    pub(super) is_on_grass: bool,
}

/// The marks of all wheels.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    /// A ring; mark k lies at k modulo its length.
    ring: [Mark; MARKS],
    /// How many there have been.
    made: u64,
}

/// What a wheel is leaving.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Skid {
    /// Where it began to slip, until it has slipped for another step.
    start: Option<Vec2>,
    /// Which mark it is drawing.
    mark: Option<u64>,
}

impl Default for Marks {
    fn default() -> Self {
        Self { ring: [Mark::default(); MARKS], made: 0 }
    }
}

impl Mark {
    /// Its points, two at least.
    pub(super) fn points(&self) -> &[Vec2] {
        &self.points[..self.count]
    }

    fn push(&mut self, at: Vec2) {
        self.points[self.count] = at;
        self.count += 1;
    }
}

impl Marks {
    /// The marks there are, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Mark> {
        let first = self.made.saturating_sub(MARKS as u64);
        (first..self.made).map(|k| &self.ring[k as usize % MARKS])
    }

    fn get(&mut self, k: u64) -> Option<&mut Mark> {
        let is_kept = self.made.saturating_sub(k) <= MARKS as u64;
        is_kept.then(|| &mut self.ring[k as usize % MARKS])
    }

    fn make(&mut self, from: Vec2, to: Vec2, is_on_grass: bool) -> u64 {
        let mark = &mut self.ring[self.made as usize % MARKS];
        *mark = Mark { is_on_grass, ..Mark::default() };
        mark.push(from);
        mark.push(to);
        self.made += 1;
        self.made - 1
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        out.u64(self.made);
        for mark in &self.ring {
            out.bool(mark.is_on_grass);
            out.u64(mark.count as u64);
            mark.points().iter().for_each(|point| point.save(out));
        }
    }

    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.made = from.u64()?;
        for mark in &mut self.ring {
            *mark = Mark { is_on_grass: from.bool()?, ..Mark::default() };
            let count = from.u64()?;
            if count > POINTS as u64 {
                let most = format!("at most {POINTS}");
                return Err(StateError::mismatch("the points of a mark", most, count));
            }
            for _ in 0..count {
                mark.push(Vec2::load(from)?);
            }
        }
        Ok(())
    }
}

impl Skid {
    /// The wheel slips at a place: its mark grows, or begins with the second step.
    pub(super) fn go_on(&mut self, marks: &mut Marks, at: Vec2, is_on_grass: bool) {
        if let Some(mark) = self.mark.and_then(|k| marks.get(k))
            && mark.is_on_grass == is_on_grass
            && mark.count < POINTS
        {
            return mark.push(at);
        }
        match self.start.take() {
            None => self.start = Some(at),
            Some(start) => self.mark = Some(marks.make(start, at, is_on_grass)),
        }
    }

    /// The wheel grips.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        out.bool(self.start.is_some());
        self.start.unwrap_or_default().save(out);
        out.bool(self.mark.is_some());
        out.u64(self.mark.unwrap_or(0));
    }

    pub(super) fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        let (has_start, start) = (from.bool()?, Vec2::load(from)?);
        let (has_mark, mark) = (from.bool()?, from.u64()?);
        Ok(Self { start: has_start.then_some(start), mark: has_mark.then_some(mark) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slip(skid: &mut Skid, marks: &mut Marks, steps: usize) {
        (0..steps).for_each(|i| skid.go_on(marks, Vec2::new(i as f32, 0.0), false));
    }

    #[test]
    fn a_mark_begins_with_the_second_step_and_ends_full() {
        let (mut skid, mut marks) = (Skid::default(), Marks::default());
        slip(&mut skid, &mut marks, 1);
        assert_eq!(marks.iter().count(), 0);
        slip(&mut skid, &mut marks, 1 + 28 + 1);
        // Two points and 28 more fill it; the next step is the first of another one.
        assert_eq!(marks.iter().map(|mark| mark.points().len()).collect::<Vec<_>>(), [30]);
        slip(&mut skid, &mut marks, 1);
        assert_eq!(marks.iter().map(|mark| mark.points().len()).collect::<Vec<_>>(), [30, 2]);
    }

    #[test]
    fn the_oldest_mark_goes_first() {
        let (mut skid, mut marks) = (Skid::default(), Marks::default());
        for _ in 0..40 {
            slip(&mut skid, &mut marks, 2);
            skid.end();
        }
        assert_eq!(marks.iter().count(), MARKS);
    }
}
