//! The little JSON a policy file needs: a bounded reader and an escaping writer.

use crate::error::LoadError;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// Nesting beyond this is refused, so that a hostile file can not exhaust the stack.
const MAX_DEPTH: usize = 16;

/// A JSON value; numbers keep their text until someone knows which kind they must be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(String),
    Array(Vec<Value<'a>>),
    Object(BTreeMap<String, Value<'a>>),
}

impl<'a> Value<'a> {
    /// Parses `text`; `what` names it in errors.
    pub(crate) fn parse(text: &'a str, what: &'static str) -> Result<Self, LoadError> {
        let mut reader = Reader { text, at: 0, what };
        let value = reader.value(0)?;
        reader.skip_space();
        if reader.at == text.len() { Ok(value) } else { Err(reader.expected("the end")) }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self { Some(*value) } else { None }
    }

    pub(crate) fn as_array(&self) -> Option<&[Value<'a>]> {
        if let Value::Array(items) = self { Some(items) } else { None }
    }

    pub(crate) fn as_object(&self) -> Option<&BTreeMap<String, Value<'a>>> {
        if let Value::Object(members) = self { Some(members) } else { None }
    }

    /// A number of the wanted kind: `number::<usize>()`, `number::<f64>()`.
    pub(crate) fn number<T: core::str::FromStr>(&self) -> Option<T> {
        if let Value::Number(text) = self { text.parse().ok() } else { None }
    }

    /// A member of an object.
    pub(crate) fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.as_object()?.get(key)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    what: &'static str,
}

impl<'a> Reader<'a> {
    fn expected(&self, expected: &'static str) -> LoadError {
        LoadError::Json { what: self.what, offset: self.at, expected }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over `byte` after white space if it is next.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, LoadError> {
        self.skip_space();
        match self.peek() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(self.expected("less nesting")),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, LoadError> {
        self.at += 1;
        let mut members = BTreeMap::new();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key"));
            }
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.expected("`:`"));
            }
            if members.insert(key, self.value(depth + 1)?).is_some() {
                return Err(self.expected("each key once"));
            }
            if self.take(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.take(b',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, LoadError> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.take(b',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn word(&mut self) -> Result<Value<'a>, LoadError> {
        let words =
            [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
        for (word, value) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.expected("a value"))
    }

    fn digits(&mut self) -> Result<(), LoadError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.expected("a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value<'a>, LoadError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let leading_zero = self.peek() == Some(b'0');
        let first = self.at;
        self.digits()?;
        if leading_zero && self.at > first + 1 {
            return Err(self.expected("no leading zero"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(Value::Number(&self.text[start..self.at]))
    }

    fn string(&mut self) -> Result<String, LoadError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            out.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.expected("the end of a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, LoadError> {
        self.at += 1;
        let letter = self.peek().ok_or_else(|| self.expected("an escape"))?;
        let simple = match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        Ok(simple)
    }

    /// `uXXXX`, or two of them for a character beyond the basic plane.
    fn unicode(&mut self) -> Result<char, LoadError> {
        let mut code = self.hex()?;
        if (0xd800..0xdc00).contains(&code) && self.text[self.at..].starts_with("\\u") {
            self.at += 1;
            let low = self.hex()?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(self.expected("the second half of a surrogate pair"));
            }
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        char::from_u32(code).ok_or_else(|| self.expected("a character"))
    }

    fn hex(&mut self) -> Result<u32, LoadError> {
        let digits = self.text.get(self.at + 1..self.at + 5);
        let digits = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        let code = code.ok_or_else(|| self.expected("four hexadecimal digits"))?;
        self.at += 5;
        Ok(code)
    }
}

/// Appends `text` as a JSON string.
pub(crate) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\u{0}'..='\u{1f}' => {
                write!(out, "\\u{:04x}", c as u32).expect("writing to a string can not fail");
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Value<'_>, LoadError> {
        Value::parse(text, "test")
    }

    #[test]
    fn reads_every_kind_of_value() {
        let value =
            parse(r#" {"a": [1, -2.5e3, true, false, null], "b": {"c": "d"}, "e": []} "#).unwrap();
        let items = value.get("a").and_then(Value::as_array).unwrap();
        assert_eq!(items[0].number::<usize>(), Some(1));
        assert_eq!(items[1].number::<f64>(), Some(-2500.0));
        assert_eq!(items[1].number::<usize>(), None);
        assert_eq!(&items[2..], [Value::Bool(true), Value::Bool(false), Value::Null]);
        assert_eq!(value.get("b").and_then(|b| b.get("c")).and_then(Value::as_text), Some("d"));
    }

    #[test]
    fn strings_survive_writing_and_reading() {
        for text in ["", "plain", "quote \" slash \\ line \n tab \t nul \0", "π 🦀 \u{7f}"] {
            let mut out = String::new();
            write_text(&mut out, text);
            assert_eq!(parse(&out).unwrap().as_text(), Some(text));
        }
        assert_eq!(parse(r#""\ud83e\udd80\u00e9\/""#).unwrap().as_text(), Some("🦀é/"));
    }

    #[test]
    fn malformed_texts_name_the_byte() {
        let cases = [
            ("", 0),
            ("{", 1),
            ("[1,]", 3),
            ("[1 2]", 3),
            ("{\"a\" 1}", 5),
            ("{\"a\":1,}", 7),
            ("01", 2),
            ("1.", 2),
            ("1e", 2),
            ("-", 1),
            ("\"abc", 4),
            ("\"\\x\"", 2),
            ("\"\\ud800\"", 7),
            ("\"\\u12g4\"", 2),
            ("tru", 0),
            ("1 1", 2),
            ("{\"a\":1,\"a\":2}", 12),
            ("\"\n\"", 1),
            ("[", 1),
        ];
        for (text, at) in cases {
            match parse(text) {
                Err(LoadError::Json { offset, .. }) => assert_eq!(offset, at, "{text}"),
                other => panic!("{text} gave {other:?}"),
            }
        }
    }

    #[test]
    fn deep_nesting_is_an_error_instead_of_a_stack_overflow() {
        let bomb = "[".repeat(1_000_000);
        assert!(matches!(parse(&bomb), Err(LoadError::Json { expected: "less nesting", .. })));
    }
}
