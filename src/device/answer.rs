//! Questions to drivers, which may panic or never answer.

use std::panic;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// What `ask` returns from a thread of its own, or in one line why it did not.
pub(super) fn answer<T: Send + 'static>(
    patience: Duration,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let (sender, receiver) = mpsc::channel();
    let spawned = thread::Builder::new().name("device probe".to_owned()).spawn(move || {
        // Whoever asked may have lost patience.
        let _ = sender.send(ask());
    });
    spawned.map_err(|error| error.to_string())?;
    receiver.recv_timeout(patience).map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => "its driver does not answer".to_owned(),
        mpsc::RecvTimeoutError::Disconnected => "its driver failed".to_owned(),
    })
}

/// Who replaces the hook of panics for a while; two at a time would put back the wrong ones.
static HOOK: Mutex<()> = Mutex::new(());

/// As [`answer`], where threads of the driver's own may panic too: what the first of them says is the
/// reason, and nothing of it is printed.
pub(super) fn quiet_answer<T: Send + 'static>(
    patience: Duration,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let _turn = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let said: Arc<Mutex<Option<String>>> = Arc::default();
    let heard = Arc::clone(&said);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.get_or_insert_with(|| one_line(info.payload_as_str().unwrap_or_default()));
    }));
    let result = answer(patience, ask);
    panic::set_hook(before);
    let said = said.lock().unwrap_or_else(PoisonError::into_inner).take();
    result.map_err(|reason| match said {
        Some(said) if !said.is_empty() => format!("{reason}: {said}"),
        _ => reason,
    })
}

/// The first lines of a message, up to what a terminal shows at a glance.
pub(super) fn one_line(text: &str) -> String {
    const LENGTH: usize = 200;
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn an_answer_comes_back_and_a_late_one_is_not_waited_for() {
        assert_eq!(answer(PATIENCE, || 7), Ok(7));
        let (_open, never) = mpsc::channel::<u8>();
        let late = answer(Duration::from_millis(1), move || never.recv());
        assert_eq!(late, Err("its driver does not answer".to_owned()));
    }

    #[test]
    fn a_panic_is_a_reason_in_one_line() {
        let ask = || -> u8 { panic!("no\n  kernel") };
        assert_eq!(quiet_answer(PATIENCE, ask), Err("its driver failed: no kernel".to_owned()));
    }

    #[test]
    fn a_long_message_is_cut() {
        assert_eq!(one_line(" a\n\tb "), "a b");
        assert_eq!(one_line(&"é".repeat(201)), "é".repeat(200) + "…");
    }
}
