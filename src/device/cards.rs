//! Graphics cards as they are found, and the order in which `auto` looks for them.

use burn::tensor::Device;

use super::{DeviceChoice, DeviceError, cuda, wgpu};

/// A way to graphics cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CardApi {
    Cuda,
    Wgpu,
}

/// What makes cards as good as each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CardKind {
    Cuda,
    Discrete,
    Integrated,
    Virtual,
    /// A processor that plays a card.
    Software,
}

/// A graphics card.
pub(super) struct Card {
    pub(super) name: String,
    pub(super) kind: CardKind,
    /// Makes it ready, or says why not.
    pub(super) start: Box<dyn Fn() -> Result<Device, String>>,
}

impl CardApi {
    /// In the order in which `auto` tries them.
    pub(super) const ALL: [Self; 2] = [Self::Cuda, Self::Wgpu];

    /// Its name in a choice.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Wgpu => "wgpu",
        }
    }

    /// A choice of its cards.
    pub(super) fn choice(self, index: Option<usize>) -> DeviceChoice {
        match self {
            Self::Cuda => DeviceChoice::Cuda(index),
            Self::Wgpu => DeviceChoice::Wgpu(index),
        }
    }

    /// Whether it is in this build.
    pub(super) fn is_built(self) -> bool {
        match self {
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Wgpu => cfg!(feature = "wgpu"),
        }
    }

    /// That it is not in this build.
    pub(super) fn not_in_build(self) -> DeviceError {
        DeviceError::NotInBuild {
            device: self.name(),
            help: match self {
                Self::Cuda => {
                    "build with `cargo build --profile gpu --features gpu`, or use --device cpu"
                }
                Self::Wgpu => {
                    "build with `cargo build --release --features wgpu`, or use --device cpu"
                }
            },
        }
    }

    /// Its cards, the best first, or why there are none.
    pub(super) fn cards(self) -> Result<Vec<Card>, String> {
        match self {
            Self::Cuda => cuda::cards(),
            Self::Wgpu => wgpu::cards(),
        }
    }
}

/// How many cards from the first on are as good as it.
pub(super) fn alike(kinds: &[CardKind]) -> usize {
    kinds.iter().take_while(|kind| Some(*kind) == kinds.first()).count()
}

/// What the first of `tries` that comes to something comes to; with their names, why those before it did not.
pub(super) fn first<T>(
    tries: impl IntoIterator<Item = (&'static str, Result<T, String>)>,
) -> (Option<T>, Vec<String>) {
    let mut reasons = Vec::new();
    for (name, result) in tries {
        match result {
            Ok(value) => return (Some(value), reasons),
            Err(reason) => reasons.push(format!("{name}: {reason}")),
        }
    }
    (None, reasons)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_cuda_before_wgpu_and_asks_no_further() {
        assert_eq!(CardApi::ALL.map(CardApi::name), ["cuda", "wgpu"]);
        assert_eq!(first([("cuda", Ok(1)), ("wgpu", Ok(2))]), (Some(1), Vec::new()));
        let mut asked = Vec::new();
        let tries = ["cuda", "wgpu"].into_iter().map(|name| {
            asked.push(name);
            (name, Ok(name))
        });
        assert_eq!(first(tries).0, Some("cuda"));
        assert_eq!(asked, ["cuda"]);
    }

    #[test]
    fn every_reason_against_a_card_is_kept() {
        let none = |reason: &str| Err(reason.to_owned());
        let said = first([("cuda", none("no NVRTC")), ("wgpu", Ok(2))]);
        assert_eq!(said, (Some(2), vec!["cuda: no NVRTC".to_owned()]));
        let said = first::<u8>([("cuda", none("no driver")), ("wgpu", none("no card"))]);
        assert_eq!(said, (None, vec!["cuda: no driver".to_owned(), "wgpu: no card".to_owned()]));
    }

    #[test]
    fn sessions_share_the_cards_of_the_best_kind() {
        use CardKind::{Discrete, Integrated, Software};
        assert_eq!(alike(&[Discrete, Discrete, Integrated, Software]), 2);
        assert_eq!(alike(&[Software]), 1);
        assert_eq!(alike(&[]), 0);
    }
}
