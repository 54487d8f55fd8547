//! JSON as Python's `json.dumps` writes it, so that recordings compare line by line.

use std::fmt::Write;

use serde_json::{Number, Value};

/// `value` on one line: `", "` and `": "` between things, floats as Python prints them, ASCII only.
pub(super) fn dumps(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&write_number(number)),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(dumps).collect();
            let _ = write!(out, "[{}]", items.join(", "));
        }
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", dumps(&key.as_str().into()), dumps(value)))
                .collect();
            let _ = write!(out, "{{{}}}", entries.join(", "));
        }
    }
}

fn write_number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float_repr(float),
        _ => number.to_string(),
    }
}

/// As few digits as read back as `x`, as Python's `repr` chooses and arranges them: rounded to even where
/// two are as near (Rust's own shortest form rounds up), with an exponent below 1e-4 and from 1e16 on,
/// otherwise always with a decimal point.
pub(super) fn float_repr(x: f64) -> String {
    if !x.is_finite() {
        return if x.is_nan() {
            "NaN"
        } else if x > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .into();
    }
    let shortest = format!("{x:e}");
    let (digits, exponent) = shortest.split_once('e').expect("scientific notation has an e");
    let exponent: i32 = exponent.parse().expect("its exponent is a whole number");
    let decimals = digits.bytes().filter(u8::is_ascii_digit).count() - 1;
    if x == 0.0 || (-4..16).contains(&exponent) {
        let decimals = (decimals as i32 - exponent).max(1) as usize;
        return format!("{x:.decimals$}");
    }
    let rounded = format!("{x:.decimals$e}");
    let digits = rounded.split('e').next().unwrap_or(digits);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='\u{7e}' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Expected texts are those of CPython 3.11's `repr`.
    #[test]
    fn floats_look_as_python_prints_them() {
        for (x, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.234_567_890_123_456_7e20, "1.2345678901234567e+20"),
            (5e-324, "5e-324"),
            (f64::from(0.027_395_666_f32), "0.027395665645599365"),
            (-1.020_668_029_785_156_2, "-1.0206680297851562"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(float_repr(x), text);
        }
    }

    /// `json.dumps({"env": "é\n", "a": [1, 2.5, True, None], "o": {}})`
    #[test]
    fn lines_look_as_python_dumps_them() {
        let value = json!({"env": "é\n", "a": [1, 2.5, true, null], "o": {}});
        let expected = r#"{"env": "\u00e9\n", "a": [1, 2.5, true, null], "o": {}}"#;
        assert_eq!(dumps(&value), expected);
    }

    #[test]
    fn signs_beyond_16_bits_become_pairs_as_in_python() {
        assert_eq!(dumps(&json!("😀\u{7f}")), r#""\ud83d\ude00\u007f""#);
    }
}
