//! The session table as a CSV file, as pandas' `to_csv(index=False)` writes it, and back.

use std::fmt::Write;

use super::session_table::{CORE_COLUMNS, SessionTable, TIME_COLUMNS};

/// Why a CSV text is not a session table.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum TableError {
    /// The header lacks the core columns or has them in another order.
    #[error("the header must begin with {}, found `{found}`", CORE_COLUMNS.join(","))]
    Header {
        /// The first line of the text.
        found: String,
    },
    /// A line has too few or too many fields.
    #[error("line {line}: expected {expected} fields, found {found}")]
    FieldCount {
        /// Line number, from 1.
        line: usize,
        /// Number of columns in the header.
        expected: usize,
        /// Number of fields in the line.
        found: usize,
    },
    /// A field is not a number.
    #[error("line {line}, column {column}: `{text}` is not a number")]
    Number {
        /// Line number, from 1.
        line: usize,
        /// Name of the column.
        column: String,
        /// What stands there.
        text: String,
    },
}

impl SessionTable {
    /// The table as CSV, as pandas' `to_csv(index=False)` writes it: shortest exact numbers, NaN as
    /// an empty field.
    pub fn to_csv(&self) -> String {
        self.write_csv(|_| true)
    }

    /// The same CSV without [`TIME_COLUMNS`]: equal runs give equal bytes.
    pub fn to_deterministic_csv(&self) -> String {
        self.write_csv(|name| !TIME_COLUMNS.contains(&name))
    }

    /// Reads a table back from [`to_csv`](Self::to_csv)'s text, or from SLM-Lab's file.
    ///
    /// # Errors
    /// When the header or a line does not fit; the error names the line and column.
    pub fn from_csv(text: &str) -> Result<Self, TableError> {
        let mut lines = text.lines();
        let header = lines.next().unwrap_or_default();
        let columns: Vec<String> = header.split(',').map(str::to_owned).collect();
        if columns.len() < CORE_COLUMNS.len() || columns[..CORE_COLUMNS.len()] != CORE_COLUMNS {
            return Err(TableError::Header { found: header.to_owned() });
        }
        let mut table = Self { columns, values: Vec::new() };
        for (i, line) in lines.enumerate() {
            table.push_csv_line(line, i + 2)?;
        }
        Ok(table)
    }

    fn write_csv(&self, keep: impl Fn(&str) -> bool) -> String {
        let kept: Vec<usize> =
            (0..self.columns.len()).filter(|&k| keep(&self.columns[k])).collect();
        let mut out = String::new();
        let names: Vec<&str> = kept.iter().map(|&k| self.columns[k].as_str()).collect();
        out.push_str(&names.join(","));
        out.push('\n');
        for row in (0..self.len()).map(|i| self.row(i)) {
            for (position, &k) in kept.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_number(&mut out, row[k]);
            }
            out.push('\n');
        }
        out
    }

    fn push_csv_line(&mut self, text: &str, line: usize) -> Result<(), TableError> {
        let fields: Vec<&str> = text.split(',').collect();
        let (expected, found) = (self.columns.len(), fields.len());
        if expected != found {
            return Err(TableError::FieldCount { line, expected, found });
        }
        for (column, text) in self.columns.iter().zip(fields) {
            let value = if text.is_empty() { Ok(f64::NAN) } else { text.parse() };
            self.values.push(value.map_err(|_| TableError::Number {
                line,
                column: column.clone(),
                text: text.to_owned(),
            })?);
        }
        Ok(())
    }
}

/// Writes a float as Python's `repr` does (`500.0`, `0.0003`, `1e-05`, `1e+16`), NaN as nothing.
fn write_number(out: &mut String, value: f64) {
    if value.is_nan() {
        return;
    }
    let magnitude = value.abs();
    let is_plain = magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) || value.is_infinite();
    let written = if is_plain {
        write!(out, "{value:?}")
    } else {
        let digits = format!("{value:e}");
        let (mantissa, exponent) = digits.split_once('e').expect("{:e} writes an exponent");
        let exponent: i32 = exponent.parse().expect("{:e} writes an integer exponent");
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{mantissa}e{sign}{:02}", exponent.abs())
    };
    written.expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::session_table::SessionRow;
    use crate::analysis::session_table::tests::row;

    #[test]
    fn csv_is_what_pandas_writes() {
        let mut table = SessionTable::new(&["clip_eps", "entropy"]);
        table.push(&SessionRow { variables: vec![0.2, f64::NAN], ..row(500, f64::NAN) });
        table.push(&SessionRow { variables: vec![1e-5, 0.69], lr: 1.5e-7, ..row(1000, 22.5) });
        // Recorded with pandas 3.1.1: DataFrame(...).to_csv(index=False).
        assert_eq!(
            table.to_csv(),
            "total_reward,total_reward_ma,loss,fps,frame,wall_t,t,epi,opt_step,lr,clip_eps,entropy\n\
             ,,0.5,1000.0,500.0,2.0,125.0,,5.0,0.0003,0.2,\n\
             22.5,22.5,0.5,1000.0,1000.0,2.0,250.0,,10.0,1.5e-07,1e-05,0.69\n"
        );
    }

    #[test]
    fn numbers_are_written_as_python_writes_them() {
        // repr() of Python 3.11.
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1e-4, "0.0001"),
            (9.999e-5, "9.999e-05"),
            (123_456_789.0, "123456789.0"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (1e16, "1e+16"),
            (-2.5e120, "-2.5e+120"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, ""),
        ];
        for (value, expected) in cases {
            let mut out = String::new();
            write_number(&mut out, value);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn deterministic_csv_omits_times_only() {
        let mut table = SessionTable::new(&["alpha"]);
        table.push(&SessionRow { variables: vec![0.1], ..row(8, 1.0) });
        let mut slower = SessionTable::new(&["alpha"]);
        slower.push(&SessionRow { variables: vec![0.1], fps: 3.0, wall_t: 99.0, ..row(8, 1.0) });
        assert_eq!(table.to_deterministic_csv(), slower.to_deterministic_csv());
        assert_ne!(table.to_csv(), slower.to_csv());
        let header = table.to_deterministic_csv();
        let names = "total_reward,total_reward_ma,loss,frame,t,epi,opt_step,lr,alpha";
        assert_eq!(header.lines().next(), Some(names));
    }

    #[test]
    fn bad_csv_names_line_and_column() {
        let header = CORE_COLUMNS.join(",");
        assert_eq!(
            SessionTable::from_csv(&format!("{header}\n1,1,1,1,1,1,1,1,1,x\n")).unwrap_err(),
            TableError::Number { line: 2, column: "lr".to_owned(), text: "x".to_owned() }
        );
        assert_eq!(
            SessionTable::from_csv(&format!("{header}\n1,2\n")).unwrap_err(),
            TableError::FieldCount { line: 2, expected: 10, found: 2 }
        );
        assert!(matches!(SessionTable::from_csv("epi,t\n"), Err(TableError::Header { .. })));
    }

    proptest! {
        #[test]
        fn every_number_survives_writing_and_reading(bits in proptest::num::u64::ANY) {
            let value = f64::from_bits(bits);
            let mut table = SessionTable::new(&["x"]);
            table.push(&SessionRow { variables: vec![value], ..row(1, 1.0) });
            let back = SessionTable::from_csv(&table.to_csv()).unwrap().column("x").unwrap()[0];
            prop_assert!(back.to_bits() == bits || (back.is_nan() && value.is_nan()));
        }
    }
}
