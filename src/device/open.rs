//! Devices made ready, after seeing that they are there.

use burn::tensor::Device;

use super::cards::{Card, CardApi, CardKind, alike, first};
use super::choice::turns;
use super::{DeviceChoice, DeviceError, Devices, TrainDevice};

/// Devices that are ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The devices.
    pub devices: Devices,
    /// What was chosen and why, where there was a choice.
    pub notice: Option<String>,
    /// What the first card is, where it was chosen from several devices.
    pub card: Option<String>,
}

/// Makes one device ready, after seeing that it is there; of several cards the first.
///
/// # Errors
/// When the device is not in this build, not in this machine, or its driver does not answer.
pub fn open(choice: DeviceChoice) -> Result<TrainDevice, DeviceError> {
    open_for(choice, 0, 1).map(|opened| opened.devices.of_session(0).clone())
}

/// Makes devices ready for so many sessions, from card `offset` on.
///
/// # Errors
/// As [`open`].
pub fn open_for(
    choice: DeviceChoice,
    offset: usize,
    sessions: usize,
) -> Result<Opened, DeviceError> {
    let plain = |devices| Opened { devices, notice: None, card: None };
    match choice {
        DeviceChoice::Cpu => Ok(plain(TrainDevice::Cpu.into())),
        DeviceChoice::Flex => Ok(plain(TrainDevice::Burn(Device::flex()).into())),
        DeviceChoice::Cuda(index) => open_cards(CardApi::Cuda, index, offset, sessions).map(plain),
        DeviceChoice::Wgpu(index) => open_cards(CardApi::Wgpu, index, offset, sessions).map(plain),
        DeviceChoice::Auto(index) => Ok(auto(index, offset, sessions)),
    }
}

/// The cards of one kind, or the one that is asked for by number.
fn open_cards(
    api: CardApi,
    index: Option<usize>,
    offset: usize,
    sessions: usize,
) -> Result<Devices, DeviceError> {
    if !api.is_built() {
        return Err(api.not_in_build());
    }
    let choice = api.choice(index.map(|index| index.saturating_add(offset)));
    let missing = |reason| DeviceError::Missing { choice, reason };
    let cards = api.cards().map_err(missing)?;
    let Some(index) = index.map(|index| index.saturating_add(offset)) else {
        return start_in_turn(&cards, offset, sessions).map_err(missing);
    };
    let card = cards.get(index).ok_or_else(|| {
        let names: Vec<String> =
            cards.iter().enumerate().map(|(i, card)| format!("{i} ({})", card.name)).collect();
        missing(format!("it has {}", names.join(", ")))
    })?;
    Ok(TrainDevice::Burn((card.start)().map_err(missing)?).into())
}

/// Starts the cards that so many sessions take.
fn start_in_turn(cards: &[Card], offset: usize, sessions: usize) -> Result<Devices, String> {
    let kinds: Vec<CardKind> = cards.iter().map(|card| card.kind).collect();
    let taken = turns(alike(&kinds), offset, sessions.max(1));
    let started = taken.into_iter().map(|index| (cards[index].start)().map(TrainDevice::Burn));
    let started: Vec<TrainDevice> = started.collect::<Result<_, _>>()?;
    if started.is_empty() { Err("it has no card".to_owned()) } else { Ok(Devices(started)) }
}

/// The first api with a card that is no software, else the processor.
fn auto(index: Option<usize>, offset: usize, sessions: usize) -> Opened {
    let (built, others): (Vec<CardApi>, Vec<CardApi>) =
        CardApi::ALL.into_iter().partition(|api| api.is_built());
    let tries = built.into_iter().map(|api| (api.name(), auto_cards(api, index, offset, sessions)));
    let (found, mut reasons) = first(tries);
    let Some(AutoCards { devices, choice, card }) = found else {
        reasons.extend(others.iter().map(|api| format!("{}: not in this build", api.name())));
        return Opened {
            devices: TrainDevice::Cpu.into(),
            notice: Some(notice("the processor", &reasons)),
            card: None,
        };
    };
    let notice = Some(notice(&format!("{choice}: {card}"), &reasons));
    Opened { devices, notice, card: Some(card) }
}

/// What was chosen, and why what was looked at before it was not.
fn notice(chosen: &str, reasons: &[String]) -> String {
    match reasons {
        [] => format!("training on {chosen}"),
        _ => format!("training on {chosen} ({})", reasons.join("; ")),
    }
}

/// Cards that `auto` may take: the first as it is chosen by number, and what it is.
struct AutoCards {
    devices: Devices,
    choice: DeviceChoice,
    card: String,
}

/// The cards of one api for `auto`.
fn auto_cards(
    api: CardApi,
    index: Option<usize>,
    offset: usize,
    sessions: usize,
) -> Result<AutoCards, String> {
    let mut cards = api.cards()?;
    cards.retain(|card| card.kind != CardKind::Software);
    if cards.is_empty() {
        return Err("there is only a software card, which `--device wgpu` takes".to_owned());
    }
    // A number picks one card, as SLM-Lab does of those there are.
    let single = |index: usize| (index.saturating_add(offset), 1);
    let (offset, sessions) = index.map_or((offset, sessions), single);
    let kinds: Vec<CardKind> = cards.iter().map(|card| card.kind).collect();
    let number = offset % alike(&kinds);
    Ok(AutoCards {
        devices: start_in_turn(&cards, offset, sessions)?,
        choice: api.choice(Some(number)),
        card: cards.swap_remove(number).name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_before_the_card_is_said() {
        assert_eq!(notice("cuda:0: NVIDIA H200", &[]), "training on cuda:0: NVIDIA H200");
        let reasons = ["cuda: no NVRTC".to_owned()];
        assert_eq!(notice("wgpu:0: x", &reasons), "training on wgpu:0: x (cuda: no NVRTC)");
    }

    /// A card that starts as Burn's kernels on the processor, or not.
    fn card(kind: CardKind, starts: bool) -> Card {
        let start = move || if starts { Ok(Device::flex()) } else { Err("broken".to_owned()) };
        Card { name: "a card".to_owned(), kind, start: Box::new(start) }
    }

    #[test]
    fn as_many_cards_start_as_sessions_take() {
        let cards = [CardKind::Cuda, CardKind::Cuda, CardKind::Cuda].map(|kind| card(kind, true));
        let count = |offset, sessions| {
            start_in_turn(&cards, offset, sessions).map(|devices| devices.0.len())
        };
        assert_eq!([count(0, 1), count(2, 2), count(0, 9)], [Ok(1), Ok(2), Ok(3)]);
        let devices = start_in_turn(&cards, 0, 2).unwrap();
        assert_eq!(devices.of_session(3), devices.of_session(1));
        assert!(start_in_turn(&[], 0, 1).is_err());
    }

    #[test]
    fn a_card_that_does_not_start_is_an_error_unless_no_session_takes_it() {
        let cards = [card(CardKind::Discrete, true), card(CardKind::Discrete, false)];
        assert!(start_in_turn(&cards, 0, 1).is_ok());
        assert_eq!(start_in_turn(&cards, 0, 2), Err("broken".to_owned()));
        let cards = [card(CardKind::Discrete, true), card(CardKind::Integrated, false)];
        assert!(start_in_turn(&cards, 0, 2).is_ok(), "sessions share the discrete card");
    }
}
