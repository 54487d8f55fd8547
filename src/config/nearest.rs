//! The name that was probably meant.

/// The name among `names` closest to `wrong`, if one is close enough to be a slip of the pen.
pub fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(wrong);
    names
        .into_iter()
        .map(|name| (score(&folded, &fold(name)), name))
        .filter(|(score, _)| *score > 0.0)
        .fold(None, |best: Option<(f64, &str)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        })
        .map(|(_, name)| name)
}

/// ``did you mean `gamma`?``, if there is a close name.
pub fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wrong, names).map(|name| format!("did you mean `{name}`?"))
}

/// A hint for a name out of a fixed list: the nearest, and all of them unless they are many.
pub fn hint<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    /// More names than this are only listed when none of them is near.
    const MANY: usize = 12;
    let names: Vec<&str> = names.into_iter().collect();
    let all = format!("one of {}", names.join(", "));
    let few = names.len() <= MANY;
    match did_you_mean(wrong, names) {
        Some(question) if few => format!("{question} ({all})"),
        Some(question) => question,
        None => all,
    }
}

fn fold(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// 0 for names that have nothing to do with each other, 1 for the same name.
fn score(wrong: &str, name: &str) -> f64 {
    let edits = strsim::damerau_levenshtein(wrong, name);
    let longer = wrong.chars().count().max(name.chars().count());
    if longer == 0 || edits * 3 > longer + 1 {
        return 0.0;
    }
    1.0 - edits as f64 / (longer + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_but_does_not_guess() {
        let names = ["gamma", "lam", "minibatch_size", "training_epoch"];
        assert_eq!(nearest("gama", names), Some("gamma"));
        assert_eq!(nearest("minibatchSize", names), Some("minibatch_size"));
        assert_eq!(nearest("training_epochs", names), Some("training_epoch"));
        assert_eq!(nearest("color", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn a_hint_names_the_nearest_and_all() {
        assert_eq!(hint("Adm", ["Adam", "SGD"]), "did you mean `Adam`? (one of Adam, SGD)");
        assert_eq!(hint("Lion", ["Adam", "SGD"]), "one of Adam, SGD");
    }
}
