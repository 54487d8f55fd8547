//! Experience replay: the latest transitions in a ring, drawn at random to learn from. Lin (1992).
//!
//! Observations are stored once: the next one of a transition is that of the same environment's next row.
//! It differs where an episode ended, whose final observation is kept beside the row, and is not
//! there yet for the newest rows, whose next observations are kept apart.
//!
//! Combined experience replay (Zhang & Sutton, 2017, arXiv:1712.01275) puts what is new since the
//! last draw into the next batch, whatever else is drawn.
//!
//! Unlike SLM-Lab 5: its look-up takes stored rows for those of the newest whose next observations
//! are kept apart once they lie across the ring's end, it stores features in half precision, and
//! pairs the end of an episode with the next one's beginning where several environments step.

use std::sync::Arc;

use slm_env::{ObsBatch, StateError, StateReader, StateWriter, Step};

use super::batch::Columns;
use super::obs_arena::{ObsArena, ObsRows};
use super::page::{Finals, Page, RowShape};
use super::priorities::{Priorities, PriorityPlan};

/// What a [`Replay`] holds and how it is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayPlan {
    /// Number of environments n.
    pub num_envs: usize,
    /// Numbers of an observation.
    pub obs_width: usize,
    /// Whether they are pixels.
    pub obs_u8: bool,
    /// Numbers of a stored action; a discrete action is its index.
    pub action_width: usize,
    /// Transitions it holds at most.
    pub max_size: usize,
    /// Transitions of a batch.
    pub batch_size: usize,
    /// Whether each batch includes what was stored since the last one.
    pub use_cer: bool,
    /// Priorities to draw by; `None` draws uniformly.
    pub priorities: Option<PriorityPlan>,
}

/// Transitions `(obs, action, reward, terminated, next obs)` in the order in which they were stored:
/// vector step by vector step, in each by environment.
///
/// Number s of all ever stored, from 0, lies at s mod `max_size`. Memory is taken page by page as it fills.
#[derive(Clone, Debug)]
pub struct Replay {
    pub(super) plan: ReplayPlan,
    pages: Vec<Arc<Page>>,
    page_rows: usize,
    /// What the page that is being overwritten still holds of the lap before.
    old_finals: Finals,
    /// Observations after the newest n rows `[n, obs_width]`, of the next episode where one ended.
    newest_obs: ObsArena,
    pub(super) seen: u64,
    /// How many had been seen at the last draw.
    pub(super) sampled_at: u64,
    pub(super) priorities: Option<Priorities>,
}

/// Rows that lie side by side in a page.
struct Run {
    page: usize,
    row: usize,
    /// The environment of the first of them.
    first: usize,
    len: usize,
}

impl Replay {
    /// An empty replay.
    ///
    /// # Panics
    /// When the plan has a size of 0, or more transitions than a `u32` numbers.
    pub fn new(plan: ReplayPlan) -> Self {
        let page_rows = plan.row_shape().page_rows();
        Self::with_page_rows(plan, page_rows)
    }

    /// As [`new`](Self::new), with pages of another size.
    pub(super) fn with_page_rows(plan: ReplayPlan, page_rows: usize) -> Self {
        let ReplayPlan { num_envs, obs_width, max_size, batch_size, .. } = plan;
        assert!(num_envs.min(obs_width).min(max_size).min(batch_size) > 0, "sizes are positive");
        assert!(u32::try_from(max_size).is_ok(), "places are numbered by u32");
        let priorities = plan.priorities.clone().map(Priorities::new);
        Self {
            pages: Vec::new(),
            old_finals: Finals::new(plan.row_shape()),
            page_rows: page_rows.min(max_size),
            newest_obs: ObsArena::zeros(num_envs, obs_width, plan.obs_u8),
            seen: 0,
            sampled_at: 0,
            priorities,
            plan,
        }
    }

    /// Number of transitions held.
    pub fn len(&self) -> usize {
        self.seen.min(self.plan.max_size as u64) as usize
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.seen == 0
    }

    /// Number of transitions ever stored.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// What it holds and how it is drawn from.
    pub fn plan(&self) -> &ReplayPlan {
        &self.plan
    }

    /// Moves the exponent of importance weights on to `frame`.
    pub fn advance(&mut self, frame: u64) {
        if let Some(priorities) = &mut self.priorities {
            priorities.advance(frame);
        }
    }

    /// First half of a vector step: observations `[n, obs_width]` and the actions taken on them
    /// `[n, action_width]`. Nothing is drawn or saved until the second half.
    pub fn push_acted(&mut self, obs: &ObsBatch, actions: &[f32]) {
        let mut first = 0;
        while first < self.plan.num_envs {
            let run = self.run(first);
            self.page_mut(run.page).set_acted(run.row, (obs, actions), run.first, run.len);
            first += run.len;
        }
    }

    /// Second half: what came of the actions. `obs` and `final_obs` are `[n, obs_width]`.
    pub fn push_observed(&mut self, obs: &ObsBatch, final_obs: &ObsBatch, steps: &[Step]) {
        let mut first = 0;
        while first < self.plan.num_envs {
            let run = self.run(first);
            let page = Arc::make_mut(&mut self.pages[run.page]);
            for k in 0..run.len {
                let i = run.first + k;
                page.set_observed(run.row + k, steps[i], (final_obs, i), &mut self.old_finals);
            }
            first += run.len;
        }
        self.newest_obs.set(0, obs, 0, self.plan.num_envs);
        if let Some(priorities) = &mut self.priorities {
            let max_size = self.plan.max_size as u64;
            let numbers = self.seen..self.seen + steps.len() as u64;
            numbers.for_each(|number| priorities.insert((number % max_size) as usize));
        }
        self.seen += steps.len() as u64;
    }

    /// Number, among all ever stored, of the transition at a place of the ring.
    pub(super) fn number_at(&self, index: usize) -> u64 {
        let max_size = self.plan.max_size as u64;
        let newest = self.seen - 1;
        newest - (newest + max_size - index as u64) % max_size
    }

    /// Place of a transition in the ring.
    pub(super) fn index_of(&self, number: u64) -> usize {
        (number % self.plan.max_size as u64) as usize
    }

    /// Whether the episode ended with the transition.
    pub(super) fn ended(&self, number: u64) -> bool {
        let (page, row) = self.place(number);
        page.ended(row)
    }

    /// Appends the observation acted on.
    pub(super) fn gather_obs(&self, number: u64, out: &mut Vec<f32>) {
        let (page, row) = self.place(number);
        page.gather_obs(row, out);
    }

    /// Appends a transition.
    #[inline]
    pub(super) fn gather<O: ObsRows>(&self, number: u64, out: &mut Columns<'_, O>) {
        let (page, row) = self.place(number);
        page.gather_obs(row, out.obs);
        page.gather_action(row, out.actions);
        out.rewards.push(page.reward(row));
        out.terminated.push(page.terminated(row));
        let next = number + self.plan.num_envs as u64;
        if page.ended(row) {
            page.gather_final(row, &self.old_finals, out.next_obs);
        } else if next >= self.seen {
            self.newest_obs.gather((next - self.seen) as usize, out.next_obs);
        } else {
            let (page, row) = self.place(next);
            page.gather_obs(row, out.next_obs);
        }
    }

    /// Writes the transitions and priorities; pages by shared value, so that a checkpoint writes only those
    /// that have changed since the one before.
    pub fn save(&self, out: &mut StateWriter) {
        out.u64(self.seen);
        out.u64(self.sampled_at);
        self.newest_obs.save(out);
        self.old_finals.save(out);
        for page in &self.pages {
            out.segment(Arc::<Page>::clone(page));
        }
        if let Some(priorities) = &self.priorities {
            priorities.save(self.len(), out);
        }
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the state is that of another plan or ends early.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        self.seen = from.u64()?;
        self.sampled_at = from.u64()?;
        self.newest_obs.load(from)?;
        if self.newest_obs.len() != self.plan.num_envs {
            let (n, found) = (self.plan.num_envs, self.newest_obs.len());
            return Err(StateError::mismatch("the newest observations", n, found));
        }
        self.old_finals.load(from)?;
        self.pages.clear();
        for page in 0..self.len().div_ceil(self.page_rows) {
            let mut page = self.new_page(page);
            from.segment(|from| page.load(from))?;
            page.check(&self.old_finals)?;
            self.pages.push(Arc::new(page));
        }
        let len = self.len();
        self.priorities.as_mut().map_or(Ok(()), |priorities| priorities.load(len, from))
    }

    /// Where the rows of environment `first` and, side by side, the following ones go.
    fn run(&self, first: usize) -> Run {
        let index = self.index_of(self.seen + first as u64);
        let (page, row) = (index / self.page_rows, index % self.page_rows);
        let end = self.page_rows.min(self.plan.max_size - page * self.page_rows);
        Run { page, row, first, len: (end - row).min(self.plan.num_envs - first) }
    }

    /// A page to write to, no longer shared with a snapshot.
    fn page_mut(&mut self, page: usize) -> &mut Page {
        if page == self.pages.len() {
            self.pages.push(Arc::new(self.new_page(page)));
        }
        Arc::make_mut(&mut self.pages[page])
    }

    fn new_page(&self, page: usize) -> Page {
        let rows = self.page_rows.min(self.plan.max_size - page * self.page_rows);
        Page::new(self.plan.row_shape(), rows)
    }

    fn place(&self, number: u64) -> (&Page, usize) {
        let index = self.index_of(number);
        (&self.pages[index / self.page_rows], index % self.page_rows)
    }
}

impl ReplayPlan {
    /// Bytes that the first `frames` transitions take at most, of those that it holds.
    pub fn bytes(&self, frames: u64) -> u64 {
        // Leaf, sum above it, and as much again while the tree grows.
        let priority = if self.priorities.is_some() { 32 } else { 0 };
        let row = self.row_shape().row_bytes() + priority;
        frames.min(self.max_size as u64).saturating_mul(row as u64)
    }

    fn row_shape(&self) -> RowShape {
        let Self { obs_width, obs_u8, action_width, .. } = *self;
        RowShape { obs_width, obs_u8, action_width }
    }
}
