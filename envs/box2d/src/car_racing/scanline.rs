//! Where the rows of a picture cross the edges of a polygon.

/// Most corners of a polygon.
pub(super) const CORNERS: usize = 8;

/// A corner in whole pixels.
pub(super) type Corner = (i32, i32);

/// Where a row crosses a polygon's edges.
#[derive(Default)]
pub(super) struct Crossings {
    at: [i32; CORNERS],
    pub(super) count: usize,
}

impl Crossings {
    /// Adds one.
    pub(super) fn push(&mut self, x: i32) {
        self.at[self.count] = x;
        self.count += 1;
    }

    /// The crossings from left to right, two by two.
    pub(super) fn pairs(mut self) -> impl Iterator<Item = (i32, i32)> {
        self.at[..self.count].sort_unstable();
        let count = self.count;
        (0..count / 2).map(move |i| (self.at[2 * i], self.at[2 * i + 1]))
    }
}

/// An edge of a polygon that is not level, from its smaller y to its larger.
pub(super) struct Edge {
    pub(super) from: Corner,
    pub(super) to: Corner,
}

impl Edge {
    /// Whether a row crosses it; that of its end does not.
    pub(super) fn has(&self, y: i32) -> bool {
        self.from.1 <= y && y < self.to.1
    }

    /// How far to the right of its beginning a row crosses it.
    pub(super) fn along(&self, y: i32) -> f32 {
        ((y - self.from.1) * (self.to.0 - self.from.0)) as f32 / (self.to.1 - self.from.1) as f32
    }

    /// Where a row crosses it, in 16-bit fixed point.
    pub(super) fn fixed(&self, y: i32) -> i32 {
        let share = 65536 * (y - self.from.1) / (self.to.1 - self.from.1);
        share * (self.to.0 - self.from.0) + 65536 * self.from.0
    }
}

/// The edges that are not level, in the order of the corners they end at.
pub(super) fn edges(corners: &[Corner]) -> impl Iterator<Item = Edge> {
    let n = corners.len();
    (0..n)
        .map(move |i| (corners[(i + n - 1) % n], corners[i]))
        .filter(|(a, b)| a.1 != b.1)
        .map(|(a, b)| if a.1 < b.1 { Edge { from: a, to: b } } else { Edge { from: b, to: a } })
}

/// The whole number nearest to one in 16-bit fixed point.
pub(super) fn nearest(fixed: i32) -> i32 {
    (fixed >> 16) + ((fixed & 0x8000) >> 15)
}
