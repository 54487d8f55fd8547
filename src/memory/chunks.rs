//! A rollout cut into pieces of time, each of one environment.

/// A rollout `[T, n]`, row t·n + i, cut into chunks of at most `len` steps of one environment.
///
/// Chunk c·n + i is of environment i from step c·`len` on; only the last of an environment may be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunks {
    /// Number of environments n.
    pub num_envs: usize,
    /// Steps T.
    pub steps: usize,
    /// Steps of a chunk.
    pub len: usize,
}

impl Chunks {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.steps.div_ceil(self.len) * self.num_envs
    }

    /// The rows of a chunk, in order of time.
    pub fn rows(&self, chunk: usize) -> impl Iterator<Item = u32> + use<> {
        let end = self.steps * self.num_envs;
        let rows = (self.first_row(chunk)..end).step_by(self.num_envs).take(self.len);
        rows.map(|row| row as u32)
    }

    /// Its first row.
    pub fn first_row(&self, chunk: usize) -> usize {
        let (n, len) = (self.num_envs, self.len);
        chunk / n * len * n + chunk % n
    }

    /// The chunk of a row, and its step in it.
    pub fn place_of(&self, row: usize) -> (usize, usize) {
        let (t, i) = (row / self.num_envs, row % self.num_envs);
        (t / self.len * self.num_envs + i, t % self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five steps of two environments, rows 0 and 1, 2 and 3, …, in chunks of two steps.
    #[test]
    fn every_row_is_in_one_chunk_of_its_environment() {
        let chunks = Chunks { num_envs: 2, steps: 5, len: 2 };
        let rows: Vec<Vec<u32>> = (0..chunks.count()).map(|c| chunks.rows(c).collect()).collect();
        assert_eq!(rows, [vec![0, 2], vec![1, 3], vec![4, 6], vec![5, 7], vec![8], vec![9]]);
        for (chunk, rows) in rows.iter().enumerate() {
            assert_eq!(chunks.first_row(chunk), rows[0] as usize);
            for (step, &row) in rows.iter().enumerate() {
                assert_eq!(chunks.place_of(row as usize), (chunk, step));
            }
        }
    }

    #[test]
    fn chunks_of_one_step_are_the_rows() {
        let chunks = Chunks { num_envs: 3, steps: 4, len: 1 };
        let rows: Vec<u32> = (0..chunks.count()).flat_map(|c| chunks.rows(c)).collect();
        assert_eq!(rows, (0..12).collect::<Vec<u32>>());
    }
}
