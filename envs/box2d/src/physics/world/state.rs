//! Saving and loading a world.

use slm_env::{StateError, StateReader, StateWriter};

use super::World;

impl World {
    /// Writes everything, so that a loaded copy goes on bit for bit.
    pub fn save(&self, _out: &mut StateWriter) {
        todo!()
    }

    /// Takes over a saved world, ids included.
    ///
    /// # Errors
    /// When the bytes are not those of a world.
    pub fn load(&mut self, _from: &mut StateReader<'_>) -> Result<(), StateError> {
        todo!()
    }
}
