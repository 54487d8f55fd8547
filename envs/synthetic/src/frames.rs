//! A block falls down a column; naming the column is rewarded. Stacked frames of an Atari game's size.
//!
//! For measuring, not a benchmark of learning: whoever sees the block knows the right action, so that a curve only
//! tells whether images are learned from at all. The observations are what an Atari game's are after the usual
//! preprocessing (Mnih et al. 2015, "Human-level control through deep reinforcement learning"): the last four
//! frames, 84 pixels square, in shades of gray.

use slm_env::{
    Env, EnvDef, EnvError, EnvOptions, EnvRows, Frame, OptionDef, OptionKind, Rng, Space,
    StateError, StateReader, StateWriter, Step, VecEnv,
};

pub(crate) const DEF: EnvDef = EnvDef {
    id: "SyntheticFrames-v0",
    summary: "Name the column that a block falls down; frames of an Atari game's size, for measuring.",
    max_episode_steps: 128,
    reward_threshold: None,
    render_fps: 15,
    options: OPTIONS,
    make,
};

const OPTIONS: &[OptionDef] = &[OptionDef {
    name: "actions",
    kind: OptionKind::Count,
    summary: "how many columns there are to name, from 2 to 21 (default 6)",
}];

/// Frames of an observation, the oldest first.
const STACK: usize = 4;
const SIDE: usize = 84; // pixels
/// Heights that a block falls through, a frame each.
const HEIGHTS: u8 = 7;
const BLOCK_HEIGHT: usize = SIDE / HEIGHTS as usize; // pixels
const DARK: u8 = 40;
const BRIGHT: u8 = 220;

/// The block of a frame, and those of the frames before.
#[derive(Clone, Debug)]
struct Frames {
    blocks: [Block; STACK],
    columns: u8,
}

/// Where a block is.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    column: u8,
    height: u8,
}

fn make(options: &EnvOptions) -> Result<Box<dyn VecEnv>, EnvError> {
    EnvRows::boxed(&DEF, options, |options| {
        let columns = options.number("actions", 6.0);
        if !(2.0..=21.0).contains(&columns) {
            return Err(DEF.wrong_option("actions", "a whole number from 2 to 21", columns));
        }
        Ok(Frames { blocks: [Block::default(); STACK], columns: columns as u8 })
    })
}

impl Block {
    fn at_the_top(columns: u8, rng: &mut Rng) -> Self {
        Self { column: rng.integers(0, i64::from(columns)) as u8, height: 0 }
    }

    /// Pixels from the left, and from the top, of one of so many columns.
    fn corner(self, columns: u8) -> (usize, usize) {
        let left = usize::from(self.column) * block_width(columns);
        (left, usize::from(self.height) * BLOCK_HEIGHT)
    }
}

fn block_width(columns: u8) -> usize {
    SIDE / usize::from(columns)
}

impl Frames {
    fn block(&self) -> Block {
        self.blocks[STACK - 1]
    }

    fn write(&self, obs: &mut [u8]) {
        obs.fill(DARK);
        let width = block_width(self.columns);
        for (block, frame) in self.blocks.iter().zip(obs.chunks_exact_mut(SIDE * SIDE)) {
            let (left, top) = block.corner(self.columns);
            for line in frame.chunks_exact_mut(SIDE).skip(top).take(BLOCK_HEIGHT) {
                line[left..left + width].fill(BRIGHT);
            }
        }
    }
}

impl Env for Frames {
    type Obs = u8;
    type Action = u32;

    const STEP_NANOS: u64 = 500;

    /// `[4, 84, 84]`.
    fn obs_space(&self) -> Space {
        let len = STACK * SIDE * SIDE;
        Space::Box { low: vec![0.0; len], high: vec![255.0; len], shape: vec![STACK, SIDE, SIDE] }
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: u32::from(self.columns) }
    }

    fn reset(&mut self, rng: &mut Rng, obs: &mut [u8]) {
        self.blocks = [Block::at_the_top(self.columns, rng); STACK];
        self.write(obs);
    }

    #[inline]
    fn step(&mut self, action: &u32, rng: &mut Rng, obs: &mut [u8]) -> Step {
        let Block { column, height } = self.block();
        let is_right = *action == u32::from(column);
        self.blocks.rotate_left(1);
        self.blocks[STACK - 1] = match height + 1 {
            HEIGHTS.. => Block::at_the_top(self.columns, rng),
            height => Block { column, height },
        };
        self.write(obs);
        Step::reward(f64::from(u8::from(is_right)))
    }

    fn render(&self, frame: &mut Frame) {
        const SCALE: f64 = 4.0;
        let side = SIDE * SCALE as usize;
        frame.clear(side, side, [DARK; 3]);
        let (left, top) = self.block().corner(self.columns);
        let size = (block_width(self.columns) as f64 * SCALE, BLOCK_HEIGHT as f64 * SCALE);
        let offset = (left as f64 * SCALE, top as f64 * SCALE);
        frame.rectangle(((0.0, 0.0), size), 0.0, offset, [BRIGHT; 3]);
    }

    fn save(&self, out: &mut StateWriter) {
        for block in self.blocks {
            out.u8(block.column);
            out.u8(block.height);
        }
    }

    fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        for block in &mut self.blocks {
            let (column, height) = (from.u8()?, from.u8()?);
            if column >= self.columns || height >= HEIGHTS {
                let known = format!("in one of {} columns, {HEIGHTS} heights", self.columns);
                let found = format!("in column {column}, height {height}");
                return Err(StateError::mismatch("a block", known, found));
            }
            *block = Block { column, height };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(columns: u8, block: Block) -> Frames {
        Frames { blocks: [block; STACK], columns }
    }

    /// Bright pixels of a frame of an observation: how many, and the first and the last as (x, y).
    fn bright(obs: &[u8], frame: usize) -> (usize, (usize, usize), (usize, usize)) {
        let pixels = obs[frame * SIDE * SIDE..][..SIDE * SIDE].iter().enumerate();
        let lit = pixels.filter(|(_, shade)| **shade == BRIGHT).map(|(i, _)| (i % SIDE, i / SIDE));
        let lit: Vec<(usize, usize)> = lit.collect();
        (lit.len(), lit[0], lit[lit.len() - 1])
    }

    #[test]
    fn the_column_in_the_newest_frame_is_the_rewarded_action() {
        let (mut obs, mut rng) = (vec![0; STACK * SIDE * SIDE], Rng::from_seed(0));
        let rewards = [0, 1, 2].map(|action| {
            let mut env = frames(3, Block { column: 1, height: 2 });
            env.blocks[STACK - 2].column = 2;
            env.step(&action, &mut rng, &mut obs)
        });
        assert_eq!(rewards, [0.0, 1.0, 0.0].map(Step::reward));
    }

    /// Six columns of 14 pixels, seven heights of 12: column 2 spans 28 to 41, height 3 spans 36 to 47.
    #[test]
    fn a_block_falls_by_its_height_and_the_frames_before_remain() {
        let (mut obs, mut rng) = (vec![0; STACK * SIDE * SIDE], Rng::from_seed(0));
        let mut env = frames(6, Block { column: 2, height: 2 });
        env.step(&0, &mut rng, &mut obs);
        assert_eq!(bright(&obs, 2), (14 * 12, (28, 24), (41, 35)));
        assert_eq!(bright(&obs, 3), (14 * 12, (28, 36), (41, 47)));
        let lit: usize = (0..STACK).map(|frame| bright(&obs, frame).0).sum();
        assert_eq!(lit, 4 * 14 * 12);
    }

    #[test]
    fn from_the_ground_a_new_block_starts_at_the_top_of_any_column() {
        let (mut obs, mut rng) = (vec![0; STACK * SIDE * SIDE], Rng::from_seed(0));
        let mut seen = [false; 3];
        for _ in 0..50 {
            let mut env = frames(3, Block { column: 0, height: HEIGHTS - 1 });
            env.step(&0, &mut rng, &mut obs);
            assert_eq!(env.block().height, 0);
            seen[usize::from(env.block().column)] = true;
        }
        assert_eq!(seen, [true; 3]);
    }

    #[test]
    fn a_block_outside_the_picture_is_refused() {
        let mut out = StateWriter::new();
        frames(6, Block { column: 5, height: 6 }).save(&mut out);
        let bytes = out.into_bytes();
        assert!(frames(6, Block::default()).load(&mut StateReader::new(&bytes)).is_ok());
        let error = frames(5, Block::default()).load(&mut StateReader::new(&bytes)).unwrap_err();
        assert!(error.to_string().contains("in column 5, height 6"), "{error}");
    }
}
