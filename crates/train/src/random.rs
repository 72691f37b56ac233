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
    /// What a step of an epoch does not know of its shoppers.
    Users(u32, u32),
    /// Items whose own rows a step of an epoch does not see.
    Names(u32, u32),
}

impl Purpose {
    fn stream(self) -> u64 {
        let (kind, high, low) = match self {
            Self::Weight(position) => (1, position, 0),
            Self::Order(epoch) => (2, epoch, 0),
            Self::Negatives(epoch, step) => (3, epoch, step),
            Self::Dropout(epoch, step) => (4, epoch, step),
            Self::Users(epoch, step) => (5, epoch, step),
            Self::Names(epoch, step) => (6, epoch, step),
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

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

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
