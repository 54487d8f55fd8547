//! Round axis ticks and their labels.

/// The ticks of an axis: multiples of a round step inside the range.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ticks {
    pub(super) values: Vec<f64>,
    step: f64,
}

impl Ticks {
    /// About `wanted` ticks at most from `low` to `high`, with a step of 1, 2, 2.5 or 5 times a
    /// power of ten.
    pub(super) fn between(low: f64, high: f64, wanted: usize) -> Self {
        let rough = (high - low) / wanted as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0]
            .iter()
            .map(|factor| factor * power)
            .find(|step| *step >= rough * (1.0 - 1e-9))
            .unwrap_or(10.0 * power);
        let first = (low / step - 1e-9).ceil() as i64;
        let last = (high / step + 1e-9).floor() as i64;
        Self { values: (first..=last).map(|k| k as f64 * step).collect(), step }
    }

    /// The label of each tick: `0`, `50k`, `1.5M`, `−200`, `0.05`, `2e-5`.
    pub(super) fn labels(&self) -> Vec<String> {
        let largest = self.values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let (unit, suffix) = match largest {
            value if value >= 1e9 => (1e9, "B"),
            value if value >= 1e6 => (1e6, "M"),
            value if value >= 1e4 => (1e3, "k"),
            value if value < 1e-3 => (10_f64.powf(value.log10().floor()), "e"),
            _ => (1.0, ""),
        };
        self.values.iter().map(|value| self.label(*value, unit, suffix)).collect()
    }

    fn label(&self, value: f64, unit: f64, suffix: &str) -> String {
        if value.abs() < self.step / 2.0 {
            return "0".to_owned();
        }
        let decimals = decimals_of(self.step / unit);
        let number = format!("{:.decimals$}", value.abs() / unit);
        let sign = if value < 0.0 { "\u{2212}" } else { "" };
        match suffix {
            "e" => format!("{sign}{number}e{}", unit.log10().round()),
            _ => format!("{sign}{number}{suffix}"),
        }
    }
}

/// Decimals that tell two multiples of `step` apart: 0 for 2, 1 for 2.5, 2 for 0.05.
fn decimals_of(step: f64) -> usize {
    (0..12)
        .find(|&decimals| {
            let scaled = step * 10_f64.powi(decimals);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1.0)
        })
        .unwrap_or(12) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, wanted: usize) -> Vec<String> {
        Ticks::between(low, high, wanted).labels()
    }

    #[test]
    fn returns_are_plain_numbers() {
        assert_eq!(labels(0.0, 515.0, 6), ["0", "100", "200", "300", "400", "500"]);
        assert_eq!(labels(-1300.0, 0.0, 3), ["\u{2212}1000", "\u{2212}500", "0"]);
    }

    #[test]
    fn frames_are_thousands_and_millions() {
        assert_eq!(labels(0.0, 200_000.0, 4), ["0", "50k", "100k", "150k", "200k"]);
        assert_eq!(labels(0.0, 10e6, 5), ["0", "2M", "4M", "6M", "8M", "10M"]);
        assert_eq!(labels(0.0, 1e6, 4), ["0", "0.25M", "0.50M", "0.75M", "1.00M"]);
    }

    #[test]
    fn small_values_have_just_enough_decimals() {
        assert_eq!(labels(0.0, 0.1, 4), ["0", "0.025", "0.050", "0.075", "0.100"]);
        assert_eq!(labels(0.0, 3e-4, 3), ["0", "1e-4", "2e-4", "3e-4"]);
    }

    #[test]
    fn ticks_stay_inside_the_range() {
        for (low, high) in [(-3.7, 12.2), (0.013, 0.98), (-1e7, -3.0), (0.0, 1e-9)] {
            let ticks = Ticks::between(low, high, 6).values;
            let slack = (high - low) * 1e-8;
            assert!((2..=8).contains(&ticks.len()), "{low} {high}: {ticks:?}");
            assert!(ticks.iter().all(|tick| (low - slack..=high + slack).contains(tick)));
        }
    }
}
