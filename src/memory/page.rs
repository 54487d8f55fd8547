//! A run of the replay's rows: what is allocated, copied and saved at once.

use slm_env::{ObsBatch, Segment, StateError, StateReader, StateWriter, Step};

use super::obs_arena::{ObsArena, ObsRows};

/// Bytes of a page, about: small enough to copy in passing, large enough to be few.
const PAGE_BYTES: usize = 1 << 20;

const TERMINATED: u8 = 1;
/// Terminated or truncated.
const ENDED: u8 = 2;

/// Widths of a page's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowShape {
    pub(super) obs_width: usize,
    pub(super) obs_u8: bool,
    pub(super) action_width: usize,
}

/// Transitions but for their next observations, which are the later rows of the same environment;
/// only where an episode ended does the page hold the final observation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Page {
    obs: ObsArena,
    actions: Vec<f32>,
    rewards: Vec<f32>,
    flags: Vec<u8>,
    /// Rows written since the ring came to this page; the others are a lap older.
    written: usize,
    finals: Finals,
}

/// Final observations of rows of a page, in ascending order of the rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finals {
    rows: Vec<u32>,
    obs: ObsArena,
}

impl RowShape {
    /// Rows that make a page.
    pub(super) fn page_rows(self) -> usize {
        (PAGE_BYTES / self.row_bytes()).max(1)
    }

    /// Bytes of a row but for the final observation that some have.
    pub(super) fn row_bytes(self) -> usize {
        let obs_bytes = self.obs_width * if self.obs_u8 { 1 } else { size_of::<f32>() };
        obs_bytes + (self.action_width + 1) * size_of::<f32>() + 1
    }
}

impl Page {
    pub(super) fn new(shape: RowShape, rows: usize) -> Self {
        Self {
            obs: ObsArena::zeros(rows, shape.obs_width, shape.obs_u8),
            actions: vec![0.0; rows * shape.action_width],
            rewards: vec![0.0; rows],
            flags: vec![0; rows],
            written: 0,
            finals: Finals::new(shape),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.flags.len()
    }

    /// Overwrites observations `[len, obs_width]` and actions `[len, action_width]` from `row` on,
    /// by those of `obs` and `actions` `[n, …]` from `first` on.
    pub(super) fn set_acted(
        &mut self,
        row: usize,
        (obs, actions): (&ObsBatch, &[f32]),
        first: usize,
        len: usize,
    ) {
        let k = self.actions.len() / self.rows();
        self.obs.set(row, obs, first, len);
        self.actions[row * k..(row + len) * k]
            .copy_from_slice(&actions[first * k..(first + len) * k]);
    }

    /// Overwrites what came of the action at `row`, which is environment `i`'s. What the page held
    /// the lap before stays in `old` until all of it is overwritten.
    pub(super) fn set_observed(
        &mut self,
        row: usize,
        step: Step,
        (final_obs, i): (&ObsBatch, usize),
        old: &mut Finals,
    ) {
        if row == 0 {
            std::mem::swap(old, &mut self.finals);
            self.finals.clear();
        }
        let ended = step.terminated || step.truncated;
        if ended {
            self.finals.rows.push(row as u32);
            self.finals.obs.push(final_obs, i);
        }
        self.rewards[row] = step.reward as f32;
        self.flags[row] = (u8::from(step.terminated) * TERMINATED) | (u8::from(ended) * ENDED);
        self.written = row + 1;
        if self.written == self.rows() {
            old.clear();
        }
    }

    pub(super) fn reward(&self, row: usize) -> f32 {
        self.rewards[row]
    }

    pub(super) fn terminated(&self, row: usize) -> bool {
        self.flags[row] & TERMINATED != 0
    }

    /// Whether the row's episode ended with it.
    pub(super) fn ended(&self, row: usize) -> bool {
        self.flags[row] & ENDED != 0
    }

    pub(super) fn gather_obs(&self, row: usize, out: &mut impl ObsRows) {
        self.obs.gather(row, out);
    }

    pub(super) fn gather_action(&self, row: usize, out: &mut Vec<f32>) {
        let k = self.actions.len() / self.rows();
        out.extend_from_slice(&self.actions[row * k..(row + 1) * k]);
    }

    /// Appends the final observation of a row that ended its episode.
    pub(super) fn gather_final(&self, row: usize, old: &Finals, out: &mut impl ObsRows) {
        let finals = if row < self.written { &self.finals } else { old };
        let slot = finals.rows.binary_search(&(row as u32));
        finals.obs.gather(slot.expect("a row that ended has its final observation"), out);
    }

    /// Reads a page of the same shape.
    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        let rows = self.rows();
        self.obs.load(from)?;
        if self.obs.len() != rows {
            return Err(StateError::mismatch("the rows of a page", rows, self.obs.len()));
        }
        from.f32s_into(&mut self.actions)?;
        from.f32s_into(&mut self.rewards)?;
        from.bytes_into(&mut self.flags)?;
        self.written = from.u64()? as usize;
        self.finals.load(from)
    }

    /// Whether each row that ended has its final observation, so that no look-up can fail.
    pub(super) fn check(&self, old: &Finals) -> Result<(), StateError> {
        let ended = (0..self.rows()).filter(|&row| self.ended(row)).map(|row| row as u32);
        // `old` is of the page that is being overwritten; in this one nothing of it may be left.
        let left = self.written as u32..self.rows() as u32;
        let old = old.rows.iter().filter(|row| left.contains(row));
        let held = self.finals.rows.iter().chain(old).copied();
        if ended.eq(held) {
            return Ok(());
        }
        Err(StateError::mismatch(
            "the final observations",
            "those of the rows that ended",
            "others",
        ))
    }
}

impl Segment for Page {
    fn save(&self, out: &mut StateWriter) {
        self.obs.save(out);
        out.f32s(&self.actions);
        out.f32s(&self.rewards);
        out.bytes(&self.flags);
        out.u64(self.written as u64);
        self.finals.save(out);
    }
}

impl Finals {
    pub(super) fn new(shape: RowShape) -> Self {
        Self { rows: Vec::new(), obs: ObsArena::new(shape.obs_width, shape.obs_u8) }
    }

    /// Forgets the rows but not their memory.
    fn clear(&mut self) {
        self.rows.clear();
        self.obs.clear();
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        out.u32s(&self.rows);
        self.obs.save(out);
    }

    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.rows = from.u32s()?;
        self.obs.load(from)?;
        if self.obs.len() == self.rows.len() {
            return Ok(());
        }
        Err(StateError::mismatch("the final observations", self.rows.len(), self.obs.len()))
    }
}
