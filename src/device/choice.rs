//! A device by name, and which cards the sessions of a run take.

use std::fmt;
use std::str::FromStr;

use super::DeviceError;

/// A device by name, as `--device` takes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first card that this build can use, or the one of this number; else the processor.
    Auto(Option<usize>),
    /// The processor.
    #[default]
    Cpu,
    /// The processor under Burn's own kernels: the path of graphics cards, without one.
    Flex,
    /// NVIDIA's cards through CUDA: all of them in turn, or the one of this number.
    Cuda(Option<usize>),
    /// Graphics cards through WGPU (Vulkan, Metal or DirectX): those of the best kind in turn, or the
    /// one of this number.
    Wgpu(Option<usize>),
}

impl DeviceChoice {
    /// What `--device` takes, in words.
    pub const NAMES: &'static str = "auto, cpu, cuda, cuda:N, wgpu, wgpu:N or flex";

    /// Whether it may come to a graphics card.
    pub fn counts_cards(self) -> bool {
        !matches!(self, Self::Cpu | Self::Flex)
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, index) = match self {
            Self::Auto(index) => ("auto", index),
            Self::Cpu => ("cpu", &None),
            Self::Flex => ("flex", &None),
            Self::Cuda(index) => ("cuda", index),
            Self::Wgpu(index) => ("wgpu", index),
        };
        match index {
            Some(index) => write!(f, "{kind}:{index}"),
            None => f.write_str(kind),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let folded = text.to_ascii_lowercase();
        let unknown = || DeviceError::Unknown(text.to_owned());
        let (kind, index) = match folded.split_once(':') {
            Some((kind, index)) => (kind, Some(index.parse().map_err(|_| unknown())?)),
            None => (folded.as_str(), None),
        };
        match (kind, index) {
            ("auto", _) => Ok(Self::Auto(index)),
            ("cpu", None) => Ok(Self::Cpu),
            ("flex", None) => Ok(Self::Flex),
            ("cuda", _) => Ok(Self::Cuda(index)),
            ("wgpu", _) => Ok(Self::Wgpu(index)),
            _ => Err(unknown()),
        }
    }
}

/// The cards that so many sessions take in turn, of `alike` cards that are as good as the first: as in
/// SLM-Lab, session s takes card (s + `offset`) mod `alike`.
pub(super) fn turns(alike: usize, offset: usize, sessions: usize) -> Vec<usize> {
    (0..sessions.min(alike)).map(|session| (session + offset) % alike).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_read_back_from_what_it_prints() {
        let cards = [None, Some(0), Some(3)].map(|index| {
            [DeviceChoice::Auto(index), DeviceChoice::Cuda(index), DeviceChoice::Wgpu(index)]
        });
        for choice in [DeviceChoice::Cpu, DeviceChoice::Flex].into_iter().chain(cards.concat()) {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert_eq!("WGPU".parse(), Ok(DeviceChoice::Wgpu(None)));
        assert_eq!("Cuda:1".parse(), Ok(DeviceChoice::Cuda(Some(1))));
    }

    #[test]
    fn an_unknown_name_or_number_is_refused() {
        for text in ["tpu", "wgpu:x", "cuda:-1", "cuda:", "cpu:1", "flex:0", ""] {
            assert_eq!(text.parse::<DeviceChoice>(), Err(DeviceError::Unknown(text.to_owned())));
        }
    }

    #[test]
    fn sessions_take_cards_in_turn_from_the_offset_on() {
        assert_eq!(turns(4, 0, 3), [0, 1, 2]);
        assert_eq!(turns(4, 3, 3), [3, 0, 1]);
        // Session 2 takes the first of the two again.
        assert_eq!(turns(2, 1, 4), [1, 0]);
        assert_eq!(turns(1, 5, 4), [0]);
    }
}
