//! The default random generator of `NumPy`: PCG64 (XSL-RR 128/64), and its ways from bits to numbers.
//!
//! O'Neill (2014), "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random
//! Number Generation". A generator of a seed gives the numbers `numpy.random.default_rng(seed)` gives.

use crate::seed::SeedSequence;
use crate::state::{StateError, StateReader, StateWriter};
use crate::ziggurat::{HEIGHT, INSIDE, TAIL, TAIL_INVERSE, WIDTH};

const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
/// 2^-53, the step of a random `f64` in [0, 1).
const STEP_53: f64 = 1.0 / 9_007_199_254_740_992.0;

/// A random generator whose state is a value: it can be cloned, compared, saved and loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    state: u128,
    increment: u128,
    /// Upper half of the last 64 bits that served a 32-bit draw, until the next one takes it.
    half: Option<u32>,
}

impl Rng {
    /// The generator `numpy.random.default_rng(seed)`.
    pub fn from_seed(seed: u64) -> Self {
        Self::from_sequence(&SeedSequence::new(seed))
    }

    /// The generator of a seed sequence, `numpy.random.Generator(PCG64(sequence))`.
    pub fn from_sequence(sequence: &SeedSequence) -> Self {
        let [state_high, state_low, increment_high, increment_low] = sequence.generate();
        let increment = (join(increment_high, increment_low) << 1) | 1;
        let mut rng = Self { state: 0, increment, half: None };
        rng.advance();
        rng.state = rng.state.wrapping_add(join(state_high, state_low));
        rng.advance();
        rng
    }

    /// 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.advance();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    /// 32 random bits: the lower half of the next 64, then their upper half.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        if let Some(half) = self.half.take() {
            return half;
        }
        let bits = self.next_u64();
        self.half = Some((bits >> 32) as u32);
        bits as u32
    }

    /// A number in [0, 1) of 53 random bits.
    #[inline]
    pub fn random(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * STEP_53
    }

    /// A number in [low, high).
    #[inline]
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.random()
    }

    /// An integer in [low, high).
    ///
    /// # Panics
    /// When the range is empty.
    pub fn integers(&mut self, low: i64, high: i64) -> i64 {
        assert!(low < high, "the range {low}..{high} has no integer");
        let last = high.wrapping_sub(low) as u64 - 1;
        low.wrapping_add(self.at_most(last) as i64)
    }

    /// A normal number of mean 0 and variance 1.
    pub fn standard_normal(&mut self) -> f64 {
        loop {
            let bits = self.next_u64();
            let strip = (bits & 0xff) as usize;
            let is_negative = bits >> 8 & 1 == 1;
            let fraction = (bits >> 9) & 0x000f_ffff_ffff_ffff;
            let size = fraction as f64 * WIDTH[strip];
            let x = if is_negative { -size } else { size };
            if fraction < INSIDE[strip] {
                return x;
            }
            if strip == 0 {
                return self.normal_tail(fraction >> 8 & 1 == 1);
            }
            let height = (HEIGHT[strip - 1] - HEIGHT[strip]) * self.random() + HEIGHT[strip];
            if height < (-0.5 * x * x).exp() {
                return x;
            }
        }
    }

    /// A normal number.
    pub fn normal(&mut self, mean: f64, std: f64) -> f64 {
        mean + std * self.standard_normal()
    }

    /// Puts a slice into a random order, as `numpy.random.Generator.shuffle` does an array.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.at_most_masked(i as u64) as usize;
            items.swap(i, j);
        }
    }

    /// Writes the state.
    pub fn save(&self, out: &mut StateWriter) {
        out.u128(self.state);
        out.u128(self.increment);
        out.bool(self.half.is_some());
        out.u32(self.half.unwrap_or(0));
    }

    /// Takes over a saved state.
    ///
    /// # Errors
    /// When the bytes are not those of a generator.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        let (state, increment) = (from.u128()?, from.u128()?);
        let has_half = from.bool()?;
        let half = from.u32()?;
        *self = Self { state, increment, half: has_half.then_some(half) };
        Ok(())
    }

    #[inline]
    fn advance(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }

    /// An integer in [0, last]: Lemire (2019), "Fast Random Integer Generation in an Interval", on 32 bits
    /// where they suffice, as `NumPy`.
    fn at_most(&mut self, last: u64) -> u64 {
        match last {
            0 => 0,
            u64::MAX => self.next_u64(),
            _ => match u32::try_from(last) {
                Ok(u32::MAX) => u64::from(self.next_u32()),
                Ok(last) => u64::from(self.at_most_u32(last)),
                Err(_) => self.at_most_u64(last),
            },
        }
    }

    fn at_most_u32(&mut self, last: u32) -> u32 {
        let count = last + 1;
        let mut product = u64::from(self.next_u32()) * u64::from(count);
        if (product as u32) < count {
            let threshold = (u32::MAX - last) % count;
            while (product as u32) < threshold {
                product = u64::from(self.next_u32()) * u64::from(count);
            }
        }
        (product >> 32) as u32
    }

    fn at_most_u64(&mut self, last: u64) -> u64 {
        let count = last + 1;
        let mut product = u128::from(self.next_u64()) * u128::from(count);
        if (product as u64) < count {
            let threshold = (u64::MAX - last) % count;
            while (product as u64) < threshold {
                product = u128::from(self.next_u64()) * u128::from(count);
            }
        }
        (product >> 64) as u64
    }

    /// An integer in [0, last], by drawing as many bits as `last` has until they are no more than it.
    fn at_most_masked(&mut self, last: u64) -> u64 {
        let mask = u64::MAX.checked_shr(last.leading_zeros()).unwrap_or(0);
        loop {
            let bits = if last > u64::from(u32::MAX) {
                self.next_u64()
            } else {
                u64::from(self.next_u32())
            };
            if bits & mask <= last {
                return bits & mask;
            }
        }
    }

    fn normal_tail(&mut self, is_negative: bool) -> f64 {
        loop {
            let x = -TAIL_INVERSE * (-self.random()).ln_1p();
            let y = -(-self.random()).ln_1p();
            if y + y > x * x {
                return if is_negative { -(TAIL + x) } else { TAIL + x };
            }
        }
    }
}

fn join(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Numbers drawn with `NumPy`, floats as bit patterns.
    fn recorded() -> Vec<Value> {
        let text = include_str!("../../../tests/data/env/numpy_rng.json");
        let file: Value = serde_json::from_str(text).unwrap();
        file["generators"].as_array().unwrap().clone()
    }

    fn texts(value: &Value) -> Vec<&str> {
        value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
    }

    fn bits(number: f64) -> String {
        format!("{:016x}", number.to_bits())
    }

    /// Compares draws with the recorded ones of `key`, for every recorded seed.
    fn assert_draws(key: &str, draw: impl Fn(&mut Rng) -> String) {
        for case in recorded() {
            let mut rng = Rng::from_seed(case["seed"].as_str().unwrap().parse().unwrap());
            let expected = texts(&case[key]);
            let found: Vec<String> = expected.iter().map(|_| draw(&mut rng)).collect();
            assert_eq!(found, expected, "{key} of seed {}", case["seed"]);
        }
    }

    #[test]
    fn bits_are_numpys() {
        assert_draws("u64", |rng| format!("{:016x}", rng.next_u64()));
    }

    #[test]
    fn fractions_are_numpys() {
        assert_draws("random", |rng| bits(rng.random()));
        assert_draws("uniform", |rng| bits(rng.uniform(-0.05, 0.05)));
    }

    #[test]
    fn normals_are_numpys() {
        assert_draws("normal", |rng| bits(rng.standard_normal()));
    }

    #[test]
    fn twenty_thousand_normals_through_every_branch_are_numpys() {
        for case in recorded() {
            let mut rng = Rng::from_seed(case["seed"].as_str().unwrap().parse().unwrap());
            let mut hash = 0xcbf2_9ce4_8422_2325_u64;
            for byte in (0..20_000).flat_map(|_| rng.standard_normal().to_le_bytes()) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
            assert_eq!(format!("{hash:016x}"), case["normal_digest"].as_str().unwrap());
        }
    }

    #[test]
    fn integers_of_every_width_are_numpys() {
        for case in recorded() {
            let mut rng = Rng::from_seed(case["seed"].as_str().unwrap().parse().unwrap());
            for range in case["integers"].as_array().unwrap() {
                let [low, high] = [0, 1].map(|i| range[i].as_str().unwrap().parse().unwrap());
                for expected in texts(&range[2]) {
                    assert_eq!(rng.integers(low, high).to_string(), expected, "{low}..{high}");
                }
            }
        }
    }

    #[test]
    fn a_shuffle_is_numpys_and_leaves_the_generator_where_it_does() {
        for case in recorded() {
            let mut rng = Rng::from_seed(case["seed"].as_str().unwrap().parse().unwrap());
            let mut items: Vec<u64> = (0..13).collect();
            rng.shuffle(&mut items);
            let expected: Vec<u64> =
                case["shuffle"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
            assert_eq!(items, expected);
            assert_eq!(bits(rng.random()), case["after_shuffle"].as_str().unwrap());
        }
    }

    #[test]
    fn a_buffered_half_survives_other_draws_and_a_save() {
        for case in recorded() {
            let mut rng = Rng::from_seed(case["seed"].as_str().unwrap().parse().unwrap());
            for expected in texts(&case["mixed"]).chunks(3) {
                let drawn = rng.integers(0, 7).to_string();
                let mut out = StateWriter::new();
                rng.save(&mut out);
                let bytes = out.into_bytes();
                rng = Rng::from_seed(0);
                rng.load(&mut StateReader::new(&bytes)).unwrap();
                let found = [drawn, bits(rng.random()), bits(rng.normal(1.5, 0.25))];
                assert_eq!(found, expected);
            }
        }
    }
}
