//! The table at the end of a run: every session, then the statistics over sessions.

use std::fmt::Write;

use super::bootstrap::{Interval, interval_95};
use super::stats::{iqm, mean, median, std_dev};

/// What one session achieved and used.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionReport {
    /// Session index.
    pub session: usize,
    /// Final `total_reward_ma`; NaN when no episode finished.
    pub total_reward_ma: f64,
    /// Highest `total_reward_ma` of any log row; NaN when no episode finished.
    pub best: f64,
    /// Mean return of the separate evaluation at the end, if there was one.
    pub eval: Option<f64>,
    /// Environment steps.
    pub frames: u64,
    /// Wall time in seconds up to the last row; the evaluation after it is not in it.
    pub wall_t: f64,
    /// Processor time in seconds of the thread that trains the session; those that write its files
    /// or step its environments beside it are not in it.
    pub cpu_t: f64,
}

/// What a trial achieved: the input of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialReport {
    /// Name of the spec.
    pub spec_name: String,
    /// Name of the environment.
    pub env: String,
    /// Trial index.
    pub trial: usize,
    /// The sessions in order.
    pub sessions: Vec<SessionReport>,
}

/// Column heads; `eval` is there only if a session has one.
const HEADS: [&str; 8] =
    ["session", "total_reward_ma", "best", "eval", "frames", "fps", "train wall", "thread cpu"];
const EVAL: usize = 3;

impl TrialReport {
    /// The table as text, at most 100 columns wide, ending with a newline.
    ///
    /// Statistics over sessions leave out those without a value and say how many remain.
    pub fn to_text(&self) -> String {
        let mut out = format!("{} · {} · trial {}\n", self.spec_name, self.env, self.trial);
        let has_eval = self.sessions.iter().any(|session| session.eval.is_some());
        let mut rows = vec![HEADS.map(str::to_owned)];
        rows.extend(self.sessions.iter().map(SessionReport::cells));
        write_table(&mut out, &rows, |column| column != EVAL || has_eval);
        out.push('\n');
        self.write_statistics(&mut out, has_eval);
        out
    }

    fn write_statistics(&self, out: &mut String, has_eval: bool) {
        let column = |value: fn(&SessionReport) -> f64| -> Vec<f64> {
            self.sessions.iter().map(value).filter(|value| !value.is_nan()).collect()
        };
        let mut rows = vec![
            ["over sessions", "n", "mean", "std", "median", "IQM", "95 % interval of the IQM"]
                .map(str::to_owned),
            statistics("total_reward_ma", &column(|session| session.total_reward_ma)),
            statistics("best", &column(|session| session.best)),
        ];
        if has_eval {
            let eval = column(|session| session.eval.unwrap_or(f64::NAN));
            rows.push(statistics("eval", &eval));
        }
        write_table(out, &rows, |_| true);
    }
}

impl SessionReport {
    /// Frames per second of wall time; 0 before the first.
    fn fps(&self) -> u64 {
        if self.wall_t > 0.0 { (self.frames as f64 / self.wall_t).round() as u64 } else { 0 }
    }

    fn cells(&self) -> [String; 8] {
        [
            self.session.to_string(),
            number(self.total_reward_ma),
            number(self.best),
            self.eval.map_or_else(|| "-".to_owned(), number),
            grouped(self.frames),
            grouped(self.fps()),
            duration(self.wall_t),
            duration(self.cpu_t),
        ]
    }
}

fn statistics(name: &str, values: &[f64]) -> [String; 7] {
    let interval = interval_95(values, iqm).map_or_else(
        || "-".to_owned(),
        |Interval { low, high }| format!("{} … {}", number(low), number(high)),
    );
    [
        name.to_owned(),
        values.len().to_string(),
        number(mean(values)),
        number(std_dev(values)),
        number(median(values)),
        number(iqm(values)),
        interval,
    ]
}

/// Writes rows with a rule below the first; the first column to the left, the others to the right.
fn write_table<const N: usize>(
    out: &mut String,
    rows: &[[String; N]],
    is_shown: impl Fn(usize) -> bool,
) {
    let width = |k: usize| rows.iter().map(|row| row[k].chars().count()).max().unwrap_or(0);
    let columns: Vec<(usize, usize)> =
        (0..N).filter(|&k| is_shown(k)).map(|k| (k, width(k))).collect();
    for (i, row) in rows.iter().enumerate() {
        let cell = |&(k, width): &(usize, usize)| {
            let text = &row[k];
            if k == 0 { format!("{text:<width$}") } else { format!("{text:>width$}") }
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        writeln!(out, " {}", cells.join("  ").trim_end()).expect("writing to a string cannot fail");
        if i == 0 {
            let length = columns.iter().map(|(_, width)| width + 2).sum();
            out.push_str(&"─".repeat(length));
            out.push('\n');
        }
    }
}

/// A score with two decimals, or `-` for none.
fn number(value: f64) -> String {
    match value {
        value if value.is_nan() => "-".to_owned(),
        value if value.abs() >= 1e7 => format!("{value:.3e}"),
        value => format!("{value:.2}"),
    }
}

/// A count with a comma between thousands: `1,234,567`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Seconds as `12.3s`, `4m05s` or `2h03m`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1}s"),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(session: usize, total_reward_ma: f64, eval: Option<f64>) -> SessionReport {
        let best = total_reward_ma + 1.0;
        SessionReport {
            session,
            total_reward_ma,
            best,
            eval,
            frames: 200_000,
            wall_t: 12.5,
            cpu_t: 125.0,
        }
    }

    fn report(sessions: Vec<SessionReport>) -> TrialReport {
        TrialReport {
            spec_name: "ppo_cartpole".to_owned(),
            env: "CartPole-v1".to_owned(),
            trial: 0,
            sessions,
        }
    }

    #[test]
    fn the_table_reads_like_this() {
        let sessions = [480.0, 490.0, 470.0, 500.0];
        let sessions = (0..).zip(sessions).map(|(i, score)| session(i, score, Some(500.0)));
        let text = report(sessions.collect()).to_text();
        // Mean 485, std sqrt(500 / 3) = 12.91, IQM (480 + 490) / 2. Of 4 draws at least 3 are the
        // lowest with probability 13/256 > 2.5 %, so the interval's lower end is the lowest score;
        // likewise the upper.
        let expected = "\
ppo_cartpole · CartPole-v1 · trial 0
 session  total_reward_ma    best    eval   frames     fps  train wall  thread cpu
───────────────────────────────────────────────────────────────────────────────────
 0                 480.00  481.00  500.00  200,000  16,000       12.5s       2m05s
 1                 490.00  491.00  500.00  200,000  16,000       12.5s       2m05s
 2                 470.00  471.00  500.00  200,000  16,000       12.5s       2m05s
 3                 500.00  501.00  500.00  200,000  16,000       12.5s       2m05s

 over sessions    n    mean    std  median     IQM  95 % interval of the IQM
─────────────────────────────────────────────────────────────────────────────
 total_reward_ma  4  485.00  12.91  485.00  485.00           470.00 … 500.00
 best             4  486.00  12.91  486.00  486.00           471.00 … 501.00
 eval             4  500.00   0.00  500.00  500.00           500.00 … 500.00
";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_eval_column_needs_an_evaluation() {
        let text = report(vec![session(0, 480.0, None)]).to_text();
        assert!(!text.contains("eval"), "{text}");
        let text = report(vec![session(0, 480.0, None), session(1, 480.0, Some(1.5))]).to_text();
        assert!(text.contains("1.50"), "{text}");
    }

    #[test]
    fn a_session_without_a_score_is_left_out_of_the_statistics() {
        let text = report(vec![session(0, f64::NAN, None), session(1, 20.0, None)]).to_text();
        assert!(text.lines().any(|line| line.starts_with(" total_reward_ma  1  20.00")), "{text}");
    }

    #[test]
    fn one_session_has_no_interval() {
        let text = report(vec![session(0, 480.0, None)]).to_text();
        assert!(text.lines().last().unwrap().ends_with('-'), "{text}");
    }

    #[test]
    fn wide_numbers_stay_within_a_hundred_columns() {
        let wide = SessionReport {
            frames: 12_345_678_901,
            wall_t: 1e6,
            cpu_t: 1e7,
            ..session(1000, -123_456_789.0, Some(-1_234_567.89))
        };
        let text = report(vec![wide.clone(), wide]).to_text();
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 100, "{longest}\n{text}");
    }

    #[test]
    fn durations_and_counts_are_for_people() {
        assert_eq!([9.94, 61.0, 7385.0].map(duration), ["9.9s", "1m01s", "2h03m"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
