//! Test: no spec, however broken, makes the reader panic or refuse without a reason.

use proptest::prelude::*;

use super::builtin::BUILT_IN;
use super::spec::tests::AVAILABLE;
use super::{Diagnostics, Setting, Spec, SpecFile};

/// Tokens to put in the place of others: right and wrong kinds, names and signs.
fn token() -> impl Strategy<Value = String> {
    let words = [
        "null",
        "true",
        "-1",
        "0",
        "1e99",
        "\"x\"",
        "[]",
        "{}",
        "[1, 2]",
        "{\"name\": 3}",
        "${env}",
        "\"${env}\"",
        "Adam",
        "PPO",
        ",",
        ":",
        "",
        "&a",
        "*a",
        "<<: *a",
        "\n",
        "~",
    ];
    prop_oneof![proptest::sample::select(words.to_vec()).prop_map(str::to_owned), ".{0,4}"]
}

/// `text` with the word that starts at or after `place` (a part of the whole) replaced.
fn replaced(text: &str, place: f64, token: &str) -> String {
    let words: Vec<(usize, &str)> = text.match_indices(|c: char| c.is_alphanumeric()).collect();
    let pick = ((words.len() as f64 * place) as usize).min(words.len() - 1);
    let start = words[pick].0;
    let rest = &text[start..];
    let end = rest.find(|c: char| " ,:\n\"]}".contains(c)).unwrap_or(rest.len());
    format!("{}{token}{}", &text[..start], &rest[end..])
}

proptest! {
    #[test]
    fn a_mutated_spec_is_read_or_refused_with_a_reason(
        file in 0..BUILT_IN.len(), edits in proptest::collection::vec((0.0..1.0, token()), 1..4)
    ) {
        let mut text = BUILT_IN[file].1.to_owned();
        for (place, token) in &edits {
            text = replaced(&text, *place, token);
        }
        let Ok(file) = SpecFile::parse("t.yaml", &text) else { return Ok(()) };
        for name in file.names() {
            let mut found = Diagnostics::new();
            let spec = Spec::read(&file.choose(name).unwrap(), &AVAILABLE, &mut found);
            prop_assert!(spec.is_some() || !found.is_ok(), "{text}");
            prop_assert!(found.render(true).is_empty() == (found.is_ok() && found.warnings.is_empty()));
        }
    }

    #[test]
    fn no_setting_makes_it_panic(key in "[a-z.0-9_]{0,20}", value in ".{0,12}") {
        let file = SpecFile::parse("demo.json", BUILT_IN[0].1).unwrap();
        let name = file.names()[0];
        if let Ok(setting) = Setting::parse(&format!("{key}={value}")) {
            let mut raw = file.choose(name).unwrap();
            raw.set(&[setting], &mut Diagnostics::new());
        }
    }
}
