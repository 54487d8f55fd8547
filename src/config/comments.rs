//! Comments that a text written as JSON has of another language, to be pointed at.

/// Line and column, from 1, of the first `//` or `/*` that begins a comment in a text that is written as JSON.
pub(super) fn slashes(text: &str) -> Option<(u32, u32)> {
    if !text.trim_start().starts_with(['{', '[', '/']) {
        return None;
    }
    let (mut inside, mut before, mut at) = (Inside::Nothing, ' ', (1, 1));
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let is_start = before.is_whitespace() || ",{}[]\"'".contains(before);
        let next = signs.peek().copied();
        if inside == Inside::Nothing && is_start && is_comment(sign, next) {
            return Some(at);
        }
        inside = inside.after(sign, before, is_start || before == ':');
        at = if sign == '\n' { (at.0 + 1, 1) } else { (at.0, at.1 + 1) };
        // A backslash that is itself escaped escapes nothing.
        before = if (before, sign) == ('\\', '\\') { ' ' } else { sign };
    }
    None
}

fn is_comment(sign: char, next: Option<char>) -> bool {
    sign == '/' && matches!(next, Some('/' | '*'))
}

/// Where slashes are no comments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// Text in such quotes.
    Quotes(char),
    /// A comment of YAML.
    Comment,
}

impl Inside {
    fn after(self, sign: char, before: char, is_start: bool) -> Self {
        match (self, sign) {
            (Self::Nothing, '"' | '\'') if is_start => Self::Quotes(sign),
            (Self::Nothing, '#') if before.is_whitespace() => Self::Comment,
            (Self::Quotes(quote), sign) if sign == quote && (quote, before) != ('"', '\\') => {
                Self::Nothing
            }
            (Self::Comment, '\n') => Self::Nothing,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn a_comment_of_another_language_is_an_error_where_it_begins() {
        for (text, place) in [
            ("{\n  // a pole\n  \"a\": 1}", (2, 3)),
            ("{\"a\": 1, // one\n \"b\": 2}", (1, 10)),
            ("{\"a\": 1 /* one */}", (1, 9)),
            ("// a pole\n{}", (1, 1)),
            ("{\"a\": \"x\\\\\", // one\n \"b\": 2}", (1, 14)),
        ] {
            let error = parse("t.json", text).unwrap_err();
            assert_eq!((error.at.line, error.at.column), place, "{text}");
            assert!(error.message.contains("no comment begins so"), "{}", error.message);
        }
        let text = "{\"a\": \"http://x // \\\" // \", # one\n b: http://y}";
        assert_eq!(parse("t.json", text).unwrap().get("b").unwrap().as_str(), Some("http://y"));
        assert!(parse("t.yaml", "a: b // c").is_ok());
        let text = "{\"a\":\"// x\",\"b\":\"x // y\"}";
        assert_eq!(parse("t.json", text).unwrap().get("b").unwrap().as_str(), Some("x // y"));
        let text = "{a: 'it // is', # see \"// this\n \"b\": [x] # /* that\n}";
        assert_eq!((slashes(text), parse("t.yaml", text).is_ok()), (None, true));
    }
}
