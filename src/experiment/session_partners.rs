//! What a session that trains in lockstep with others asks of them.

use super::error::RunError;
use super::session::Session;
use super::team::{Partners, Team};

impl Session<'_> {
    /// The others, where this session is a worker in lockstep.
    pub(super) fn partners(&self) -> Option<Partners<'_>> {
        let joint = self.setup.team.and_then(Team::joint)?;
        Some(Partners { worker: self.worker.as_ref()?, joint })
    }

    /// # Errors
    /// When one of the others has failed: what the rest would come to is not what was asked for.
    pub(super) fn check_partners(&self) -> Result<(), RunError> {
        match self.partners() {
            Some(partners) if partners.worker.group().has_failed() => {
                Err(RunError::PartnerFailed { session: self.setup.index })
            }
            _ => Ok(()),
        }
    }

    /// Leaves the other workers, who are not to wait until the last files are written.
    pub(super) fn leave_partners(&self, has_failed: bool) {
        if let Some(worker) = &self.worker {
            worker.leave(has_failed);
        }
    }

    /// Whether to take a snapshot here. A session of its own does when it wants to; one in lockstep
    /// asks all for one after their next update, and takes part when one was asked for.
    pub(super) fn takes_snapshot(&self, wants: bool) -> bool {
        let Some(Partners { worker, joint }) = self.partners() else { return wants };
        if wants {
            joint.request(worker.ends());
        }
        joint.is_due(self.setup.index, || worker.ends())
    }
}
