//! How target networks follow: a copy now and then, or a moving average.

use crate::net::{NetLearner, TargetNet};

/// How a target network follows its network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TargetUpdate {
    /// Takes over all parameters every so many frames.
    Replace {
        /// Frames between copies.
        update_frequency: u64,
    },
    /// θ ← θ + coef·(θ_online − θ) every time.
    Polyak {
        /// Weight of the online network.
        coef: f64,
    },
}

impl TargetUpdate {
    /// Moves `target` on, at a vector step from frame `previous` to `frame`.
    pub fn apply(self, target: &mut TargetNet, online: &NetLearner, previous: u64, frame: u64) {
        match self {
            Self::Replace { update_frequency } => {
                if frame / update_frequency > previous / update_frequency {
                    target.copy_from(online);
                }
            }
            Self::Polyak { coef } => target.blend_from(online, coef),
        }
    }
}
