//! Findings as a compiler prints them: place, dotted path, the line with a caret, what to do.

use std::fmt::Write as _;

use super::error::SpecError;
use super::node::Location;

/// Characters of a source line that a snippet shows; longer lines are cut around the caret.
const SNIPPET_WIDTH: usize = 100;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    Error,
    Warning,
}

impl Severity {
    fn label(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }

    fn paint(self) -> &'static str {
        match self {
            Self::Error => "\x1b[1;31m",
            Self::Warning => "\x1b[1;33m",
        }
    }
}

/// All findings, and how many there are.
pub(super) fn report(warnings: &[SpecError], errors: &[SpecError], color: bool) -> String {
    let mut out = String::new();
    for warning in warnings {
        out += &issue(Severity::Warning, warning, color);
        out.push('\n');
    }
    for error in errors {
        out += &issue(Severity::Error, error, color);
        out.push('\n');
    }
    let counts: Vec<String> = [(errors.len(), "error"), (warnings.len(), "warning")]
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}{}", if *n == 1 { "" } else { "s" }))
        .collect();
    if !counts.is_empty() {
        let _ = writeln!(out, "{}", counts.join(", "));
    }
    out
}

/// One finding with its snippet.
pub(super) fn issue(severity: Severity, issue: &SpecError, color: bool) -> String {
    let paint = if color { severity.paint() } else { "" };
    let mut out = paint.to_owned() + severity.label() + end(paint) + ": ";
    if !issue.path.is_empty() {
        let _ = write!(out, "{}: ", issue.path);
    }
    out += &issue.message;
    out.push('\n');
    let gutter = gutter_width(issue);
    snippet(&mut out, "-->", &issue.at, gutter, paint);
    if let Some(defined) = &issue.defined {
        snippet(&mut out, "::: written here:", defined, gutter, paint);
    }
    if let Some(help) = &issue.help {
        let indent = " ".repeat(gutter + " = help: ".len());
        let _ = writeln!(out, "{:gutter$} = help: {}", "", wrapped(help, &indent));
    }
    out
}

/// `text` in lines of at most 100 characters, where its words allow; those after the first begin with `indent`.
pub fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut width = indent.chars().count();
    for (i, word) in text.split(' ').enumerate() {
        let word_width = word.chars().count();
        if i > 0 && width + 1 + word_width > SNIPPET_WIDTH {
            out += "\n";
            out += indent;
            width = indent.chars().count();
        } else if i > 0 {
            out.push(' ');
            width += 1;
        }
        out += word;
        width += word_width;
    }
    out
}

fn end(paint: &str) -> &'static str {
    if paint.is_empty() { "" } else { "\x1b[0m" }
}

fn gutter_width(issue: &SpecError) -> usize {
    let defined = issue.defined.as_ref().map_or(0, |at| at.line);
    issue.at.line.max(defined).to_string().len()
}

fn snippet(out: &mut String, arrow: &str, at: &Location, gutter: usize, paint: &str) {
    let _ = writeln!(out, "{:gutter$}{arrow} {at}", "");
    let line: Vec<char> = at.line_text().chars().collect();
    if line.is_empty() {
        return;
    }
    let caret = (at.column as usize).saturating_sub(1).min(line.len());
    let (first, last) = window(caret, line.len());
    let shown: String = line[first..last].iter().collect();
    let dots = |cut: bool| if cut { "…" } else { "" };
    let (head, tail) = (dots(first > 0), dots(last < line.len()));
    let blank = |c: &char| if *c == '\t' { '\t' } else { ' ' };
    let pad: String = line[first..caret].iter().map(blank).collect();
    let indent = if first > 0 { " " } else { "" };
    let marks = "^".repeat(token_width(&line[caret..last]));
    let _ = writeln!(out, "{:gutter$} |", "");
    let _ = writeln!(out, "{:>gutter$} | {head}{shown}{tail}", at.line);
    let _ = writeln!(out, "{:gutter$} | {indent}{pad}{paint}{marks}{}", "", end(paint));
}

/// The part of a line to show so that the caret is seen.
fn window(caret: usize, len: usize) -> (usize, usize) {
    if len <= SNIPPET_WIDTH {
        return (0, len);
    }
    let first = caret.saturating_sub(SNIPPET_WIDTH / 2).min(len - SNIPPET_WIDTH);
    (first, first + SNIPPET_WIDTH)
}

/// How many characters the value at the start of `rest` takes; at least one.
fn token_width(rest: &[char]) -> usize {
    let width = match rest.first() {
        Some(&quote @ ('"' | '\'')) => quoted_width(rest, quote),
        Some('{' | '[') | None => 1,
        Some(_) => rest.iter().position(|c| ",]}:#".contains(*c)).unwrap_or(rest.len()),
    };
    let trimmed = rest[..width.min(rest.len())].iter().rev().skip_while(|c| c.is_whitespace());
    trimmed.count().max(1)
}

fn quoted_width(rest: &[char], quote: char) -> usize {
    let mut escaped = false;
    let closing = rest.iter().skip(1).position(|&c| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    closing.map_or(rest.len(), |i| i + 2)
}

#[cfg(test)]
mod tests {
    use super::super::error::Diagnostics;
    use super::super::parse::parse;
    use super::*;

    #[test]
    fn an_error_shows_place_path_line_caret_and_help() {
        let node = parse("specs/demo.json", "{\n  \"gamma\": 1.5,\n  \"x\": 0\n}").unwrap();
        let error = node.get("gamma").unwrap().error("expected a number from 0 to 1, found 1.5");
        let expected = "\
error: gamma: expected a number from 0 to 1, found 1.5
 --> specs/demo.json:2:12
  |
2 |   \"gamma\": 1.5,
  |            ^^^
  = help: try 0.99
";
        let error = error.with_help("try 0.99".to_owned());
        assert_eq!(issue(Severity::Error, &error, false), expected);
    }

    #[test]
    fn a_value_behind_an_anchor_shows_its_use_and_its_definition() {
        let text = "_m: &m\n  size: \"three\"\n# four\n# five\n# six\n# seven\n# eight\n# nine\n\
                    # ten\nspec: *m\n";
        let node = parse("a.yaml", text).unwrap();
        let error = node.lookup("spec.size").unwrap().error("expected a whole number");
        let expected = "\
error: spec.size: expected a whole number
  --> a.yaml:10:7
   |
10 | spec: *m
   |       ^^
  ::: written here: a.yaml:2:9
   |
 2 |   size: \"three\"
   |         ^^^^^^^
";
        assert_eq!(issue(Severity::Error, &error, false), expected);
    }

    #[test]
    fn a_report_puts_warnings_first_and_counts() {
        let node = parse("a.yaml", "a: 1").unwrap();
        let mut found = Diagnostics::new();
        found.error(node.error("bad"));
        found.error(node.error("worse"));
        found.warning(node.error("odd"));
        let text = found.render(false);
        assert!(text.starts_with("warning: odd\n"), "{text}");
        assert!(text.ends_with("\n2 errors, 1 warning\n"), "{text}");
        assert_eq!(Diagnostics::new().render(false), "");
    }

    #[test]
    fn color_paints_the_label_and_the_caret() {
        let node = parse("a.yaml", "a: 1").unwrap();
        let text = issue(Severity::Warning, &node.error("odd"), true);
        assert_eq!(
            text,
            "\x1b[1;33mwarning\x1b[0m: odd\n --> a.yaml:1:1\n  |\n1 | a: 1\n  | \x1b[1;33m^\x1b[0m\n"
        );
    }

    #[test]
    fn a_long_help_is_wrapped_between_words() {
        let names = ["a_name_of_30_characters_in_all"; 4].join(", ");
        let lines: Vec<usize> = wrapped(&names, "    ").lines().map(str::len).collect();
        // Three names with their commas and two spaces are 3 · 31 + 2 = 95, 99 with the indent.
        assert_eq!(lines, [95, 4 + 30]);
        assert_eq!(wrapped("a short one", "    "), "a short one");
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let text =
            format!("{{\"a\": \"{}\", \"b\": 7, \"c\": \"{}\"}}", "x".repeat(200), "y".repeat(200));
        let node = parse("a.json", &text).unwrap();
        let shown = issue(Severity::Error, &node.get("b").unwrap().error("no"), false);
        let lines: Vec<&str> = shown.lines().collect();
        let caret = lines[4].chars().position(|c| c == '^').unwrap();
        assert_eq!(lines[3].chars().nth(caret), Some('7'));
        assert!(lines[3].chars().count() < 110);
    }

    #[test]
    fn carets_cover_the_value_and_nothing_more() {
        let width = |text: &str| token_width(&text.chars().collect::<Vec<_>>());
        assert_eq!(width("1.5, \"b\": 2"), 3);
        assert_eq!(width("\"a, \\\" b\", 3"), 9);
        assert_eq!(width("{\"a\": 1}"), 1);
        assert_eq!(width("word  # comment"), 4);
        assert_eq!(width(""), 1);
    }
}
