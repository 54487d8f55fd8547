//! The workers of a distributed run: sessions that train one set of networks together.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::error::RunError;
use super::joint_checkpoint::JointCheckpoint;
use super::options::RunOptions;
use super::plan::Plan;
use super::run_folder::RunFolder;
use crate::config::DistributedSpec;
use crate::net::{Sharing, Worker, WorkerGroup};

/// What says that an evaluation of workers in lockstep is not cut short: others may wait for it.
pub(super) static NEVER: AtomicBool = AtomicBool::new(false);

/// The workers of a distributed run.
pub(super) struct Team {
    group: Arc<WorkerGroup>,
    /// Of workers in lockstep.
    joint: Option<JointCheckpoint>,
}

/// A worker in lockstep with others: what its session needs of them.
#[derive(Clone, Copy)]
pub(super) struct Partners<'a> {
    pub(super) worker: &'a Worker,
    pub(super) joint: &'a JointCheckpoint,
}

impl Team {
    /// The workers of the run in `folder`; none where each session trains networks of its own.
    ///
    /// # Errors
    /// When their checkpoints do not belong together.
    pub(super) fn of(plan: &Plan, folder: &RunFolder) -> Result<Option<Self>, RunError> {
        let (sharing, joint) = match plan.spec.meta.distributed {
            DistributedSpec::Off => return Ok(None),
            DistributedSpec::Shared => (Sharing::Shared, None),
            DistributedSpec::Synced => (Sharing::Synced, Some(JointCheckpoint::open(folder)?)),
        };
        Ok(Some(Self { group: WorkerGroup::new(sharing, folder.sessions), joint }))
    }

    /// The worker that is session `index`.
    pub(super) fn worker(&self, index: usize) -> Worker {
        self.group.worker(index)
    }

    /// How those in lockstep save their states.
    pub(super) fn joint(&self) -> Option<&JointCheckpoint> {
        self.joint.as_ref()
    }

    /// Takes out a worker whose session is over.
    pub(super) fn leave(&self, index: usize, has_failed: bool) {
        if let Some(joint) = &self.joint {
            joint.leave(index);
        }
        self.worker(index).leave(has_failed);
    }
}

/// Refuses devices that workers can not train on together.
///
/// # Errors
/// [`RunError::Distributed`].
pub(super) fn check_device(plan: &Plan, options: &RunOptions) -> Result<(), RunError> {
    match plan.spec.meta.distributed {
        DistributedSpec::Off => Ok(()),
        _ if options.devices.are_cpu() => Ok(()),
        _ => Err(RunError::Distributed),
    }
}
