//! Randomness without hidden state: a seed and what it is for enter, a generator or a number leaves.
//!
//! Every use has its own stream, so that a run can be continued at any epoch and step with the same numbers.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What random numbers are for.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// Starting values of the weight at this position.
    Weight(u32),
    /// Order of the training rows in an epoch.
    Order(u32),
    /// Negatives of a step of an epoch.
    Negatives(u32, u32),
    /// Dropout of a step of an epoch.
    Dropout(u32, u32),
}

impl Purpose {
    fn stream(self) -> u64 {
        let (kind, high, low) = match self {
            Self::Weight(position) => (1, position, 0),
            Self::Order(epoch) => (2, epoch, 0),
            Self::Negatives(epoch, step) => (3, epoch, step),
            Self::Dropout(epoch, step) => (4, epoch, step),
        };
        mix(mix(u64::from(high) | kind << 32) ^ u64::from(low))
    }
}

/// A generator for one purpose of a run.
pub fn generator(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(purpose.stream());
    random
}

/// One number for one purpose of a run.
pub fn number(seed: u64, purpose: Purpose) -> u64 {
    mix(seed ^ purpose.stream())
}

/// SplitMix64's step and finaliser (Steele, Lea, Flood 2014): neighbouring counters give independent bits.
pub fn mix(counter: u64) -> u64 {
    let mut bits = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Factors of inverted dropout: 0 for a share of `rate`, 1 / (1 - rate) for the others. Each 64-bit hash of `seed`
/// and a counter decides four values with 16 bits each.
pub fn dropout_factors(seed: u64, rate: f64, count: usize) -> Vec<f32> {
    // A rate below 1 gives a threshold below 65,536.
    let threshold = (rate * 65_536.0) as u64;
    let kept = (1.0 / (1.0 - rate)) as f32;
    let mut factors = Vec::with_capacity(count + 3);
    for counter in 0..count.div_ceil(4) as u64 {
        let bits = mix(seed ^ mix(counter));
        for shift in [0, 16, 32, 48] {
            factors.push(if (bits >> shift) & 0xffff < threshold { 0.0 } else { kept });
        }
    }
    factors.truncate(count);
    factors
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn dropout_drops_its_share_and_keeps_the_mean() {
        let factors = dropout_factors(7, 0.3, 100_001);
        let dropped = factors.iter().filter(|factor| **factor == 0.0).count() as f64 / 100_001.0;
        assert!((dropped - 0.3).abs() < 0.005, "{dropped}");
        let mean = factors.iter().map(|factor| f64::from(*factor)).sum::<f64>() / 100_001.0;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        assert_eq!(factors, dropout_factors(7, 0.3, 100_001));
        assert_ne!(factors, dropout_factors(8, 0.3, 100_001));
    }

    #[test]
    fn every_purpose_has_its_own_numbers() {
        let first = |purpose| generator(1, purpose).random::<u64>();
        let numbers = [
            first(Purpose::Order(0)),
            first(Purpose::Order(1)),
            first(Purpose::Negatives(0, 1)),
            first(Purpose::Negatives(1, 0)),
            first(Purpose::Weight(0)),
        ];
        for (position, number) in numbers.iter().enumerate() {
            assert!(!numbers[..position].contains(number));
        }
        assert_eq!(first(Purpose::Order(3)), first(Purpose::Order(3)));
    }
}
