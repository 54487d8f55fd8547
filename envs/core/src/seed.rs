//! `SeedSequence` of `NumPy`: well-mixed seeds from small integers, and independent child sequences.

/// Words of the entropy pool.
const POOL: usize = 4;
const XSHIFT: u32 = 16;
const INIT_A: u32 = 0x43b0_d7e5;
const MULT_A: u32 = 0x931e_8875;
const INIT_B: u32 = 0x8b51_f9dd;
const MULT_B: u32 = 0x58f3_8ded;
const MIX_MULT_L: u32 = 0xca01_f9dd;
const MIX_MULT_R: u32 = 0x4973_f715;

/// A source of seeds, equal to `numpy.random.SeedSequence(entropy, spawn_key=...)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedSequence {
    entropy: u128,
    spawn_key: Vec<u64>,
    pool: [u32; POOL],
}

impl SeedSequence {
    /// The sequence of an integer.
    pub fn new(entropy: impl Into<u128>) -> Self {
        Self::with_key(entropy.into(), Vec::new())
    }

    /// The child of this sequence for stream `index` of `name`: the spawn key grows by the 64-bit FNV-1a
    /// hash of the name and by the index. Children of different names or indices are independent.
    pub fn child(&self, name: &str, index: u64) -> Self {
        let mut spawn_key = self.spawn_key.clone();
        spawn_key.extend([fnv1a(name.as_bytes()), index]);
        Self::with_key(self.entropy, spawn_key)
    }

    /// The first 64-bit word of the state: a seed for whatever takes an integer.
    pub fn generate_u64(&self) -> u64 {
        self.generate::<1>()[0]
    }

    /// The first `N` 64-bit words, `generate_state(N, numpy.uint64)`.
    pub fn generate<const N: usize>(&self) -> [u64; N] {
        let mut hash = INIT_B;
        let mut next = 0;
        let mut word = || {
            let mut value = self.pool[next % POOL] ^ hash;
            hash = hash.wrapping_mul(MULT_B);
            value = value.wrapping_mul(hash);
            next += 1;
            u64::from(value ^ (value >> XSHIFT))
        };
        std::array::from_fn(|_| word() | (word() << 32))
    }

    fn with_key(entropy: u128, spawn_key: Vec<u64>) -> Self {
        let mut words = little_words(entropy);
        if !spawn_key.is_empty() {
            words.resize(words.len().max(POOL), 0);
            for &key in &spawn_key {
                words.extend(little_words(u128::from(key)));
            }
        }
        Self { entropy, spawn_key, pool: mix_pool(&words) }
    }
}

/// The 64-bit FNV-1a hash of `bytes`.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The 32-bit words of a number, least significant first; one word for zero.
fn little_words(mut number: u128) -> Vec<u32> {
    let mut words = vec![number as u32];
    number >>= 32;
    while number > 0 {
        words.push(number as u32);
        number >>= 32;
    }
    words
}

fn mix_pool(words: &[u32]) -> [u32; POOL] {
    let mut hash = INIT_A;
    let mut hashed = |value: u32| {
        let mut value = value ^ hash;
        hash = hash.wrapping_mul(MULT_A);
        value = value.wrapping_mul(hash);
        value ^ (value >> XSHIFT)
    };
    let mut pool: [u32; POOL] = std::array::from_fn(|i| hashed(words.get(i).copied().unwrap_or(0)));
    for from in 0..POOL {
        for to in (0..POOL).filter(|&to| to != from) {
            pool[to] = mix(pool[to], hashed(pool[from]));
        }
    }
    for &word in words.iter().skip(POOL) {
        for slot in &mut pool {
            *slot = mix(*slot, hashed(word));
        }
    }
    pool
}

fn mix(x: u32, y: u32) -> u32 {
    let mixed = MIX_MULT_L.wrapping_mul(x).wrapping_sub(MIX_MULT_R.wrapping_mul(y));
    mixed ^ (mixed >> XSHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use serde_json::Value;

    #[test]
    fn sequences_and_their_children_are_numpys() {
        let text = include_str!("../../../tests/data/env/numpy_rng.json");
        let file: Value = serde_json::from_str(text).unwrap();
        for case in file["sequences"].as_array().unwrap() {
            let entropy: u128 = case["entropy"].as_str().unwrap().parse().unwrap();
            let mut sequence = SeedSequence::new(entropy);
            for child in case["path"].as_array().unwrap() {
                let index = child[1].as_str().unwrap().parse().unwrap();
                sequence = sequence.child(child[0].as_str().unwrap(), index);
            }
            let words = sequence.generate::<4>().map(|word| format!("{word:016x}"));
            assert_eq!(Value::from(words.to_vec()), case["u64"]);
            assert_eq!(format!("{:016x}", sequence.generate_u64()), words[0]);
            let random = Rng::from_sequence(&sequence).random();
            assert_eq!(format!("{:016x}", random.to_bits()), case["random"].as_str().unwrap());
        }
    }

    #[test]
    fn children_of_other_names_and_indices_differ() {
        let root = SeedSequence::new(1u64);
        let seeds: Vec<u64> = [("env", 0), ("env", 1), ("eval", 0), ("act", 0)]
            .map(|(name, index)| root.child(name, index).generate_u64())
            .to_vec();
        let distinct: std::collections::BTreeSet<_> = seeds.iter().collect();
        assert_eq!(distinct.len(), seeds.len());
    }
}
