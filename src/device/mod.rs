//! Where networks train: a value chosen at run time, probed before it is made.

#[cfg_attr(
    not(all(feature = "cuda", feature = "wgpu")),
    allow(dead_code, reason = "no driver is asked without its feature")
)]
mod answer;
#[cfg_attr(
    not(all(feature = "cuda", feature = "wgpu")),
    allow(dead_code, reason = "no driver is asked without its feature")
)]
mod cards;
mod choice;
mod cuda;
#[cfg(feature = "cuda")]
mod cuda_start;
mod open;
#[cfg(feature = "wgpu")]
mod wgpu;

use burn::tensor::Device;

use self::cards::CardApi;
pub use self::choice::DeviceChoice;
pub use self::open::{Opened, open, open_for};
use crate::net::Compute;

/// Why a device can not be used, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No device has this name.
    #[error("no device is called `{0}`; it takes {names}", names = DeviceChoice::NAMES)]
    Unknown(String),
    /// The device exists, but this program was built without it.
    #[error("{device} is not in this build; {help}")]
    NotInBuild {
        /// The kind of device.
        device: &'static str,
        /// What to do about it.
        help: &'static str,
    },
    /// The machine has no such device, or its driver does not answer.
    #[error("no device {choice} on this machine: {reason}; --device auto takes what there is")]
    Missing {
        /// What was asked for.
        choice: DeviceChoice,
        /// What was found instead.
        reason: String,
    },
}

/// A device that is ready.
#[derive(Clone, Debug, PartialEq)]
pub enum TrainDevice {
    /// The processor under fused kernels.
    Cpu,
    /// A device of Burn's.
    Burn(Device),
}

impl TrainDevice {
    /// What trains one agent's networks; on the processor with so many threads.
    pub fn compute(&self, threads: usize) -> Compute {
        match self {
            Self::Cpu => Compute::kernels(threads),
            Self::Burn(device) => Compute::burn(device.clone()),
        }
    }
}

/// The devices that the sessions of a run take in turn; at least one, all of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Devices(Vec<TrainDevice>);

impl Devices {
    /// That of session `index`.
    pub fn of_session(&self, index: usize) -> &TrainDevice {
        &self.0[index % self.0.len()]
    }

    /// Whether they are the processor under fused kernels.
    pub fn are_cpu(&self) -> bool {
        self.0[0] == TrainDevice::Cpu
    }
}

impl From<TrainDevice> for Devices {
    fn from(device: TrainDevice) -> Self {
        Self(vec![device])
    }
}

/// What there is to choose from and what it needs, one line each: a name for `--device`, then what it is.
pub fn list() -> Vec<String> {
    let mut lines =
        vec!["cpu".to_owned(), "flex: the processor under Burn's own kernels, slower".to_owned()];
    lines.extend(CardApi::ALL.into_iter().flat_map(of_api));
    lines
}

/// The cards of one api, or why there are none.
fn of_api(api: CardApi) -> Vec<String> {
    let kind = api.name();
    let mut lines = match api.cards() {
        _ if !api.is_built() => vec![format!("{kind}: not in this build (feature `{kind}`)")],
        Ok(cards) => {
            cards.iter().enumerate().map(|(i, card)| format!("{kind}:{i}: {}", card.name)).collect()
        }
        Err(reason) => vec![format!("{kind}: {reason}")],
    };
    if api == CardApi::Cuda && api.is_built() {
        lines.extend(cuda::details());
    }
    lines
}

/// The features of this build that choose devices.
pub fn features() -> Vec<&'static str> {
    CardApi::ALL.into_iter().filter(|api| api.is_built()).map(CardApi::name).collect()
}

/// A build without CUDA.
#[cfg(not(feature = "cuda"))]
mod cuda_start {
    use std::path::PathBuf;

    use burn::tensor::Device;

    pub(super) fn toolkit() -> Option<PathBuf> {
        None
    }

    pub(super) fn start(_index: usize) -> Result<Device, String> {
        Err("not in this build".to_owned())
    }
}

/// A build without WGPU.
#[cfg(not(feature = "wgpu"))]
mod wgpu {
    use super::cards::Card;

    pub(super) fn cards() -> Result<Vec<Card>, String> {
        Err("not in this build".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_always_there() {
        assert_eq!(open(DeviceChoice::Cpu), Ok(TrainDevice::Cpu));
        let opened = open_for(DeviceChoice::Cpu, 3, 4).unwrap();
        assert!(opened.devices.are_cpu() && opened.notice.is_none());
        assert_eq!(list()[0], "cpu");
    }

    #[test]
    fn auto_never_fails_and_says_what_it_took() {
        let notice = open_for(DeviceChoice::Auto(Some(7)), 0, 1).unwrap().notice.unwrap();
        assert!(notice.starts_with("training on "), "{notice}");
        for api in CardApi::ALL.into_iter().filter(|api| !api.is_built()) {
            let absent = format!("{}: not in this build", api.name());
            assert!(notice.contains(&absent), "{notice}");
        }
    }

    #[test]
    fn what_is_not_in_this_build_says_how_to_build_it() {
        for api in CardApi::ALL.into_iter().filter(|api| !api.is_built()) {
            let error = open(api.choice(None)).unwrap_err().to_string();
            assert!(error.contains("is not in this build; build with `cargo build"), "{error}");
        }
    }
}
