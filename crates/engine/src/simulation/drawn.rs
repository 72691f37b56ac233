//! Random numbers from a seed: SplitMix64.

use std::time::Duration;

use slirec_train::random::mix;

/// What SplitMix64's counter grows by.
const INCREMENT: u64 = 0x9e37_79b9_7f4a_7c15;

pub(super) struct Drawn(u64);

impl Drawn {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    fn next(&mut self) -> u64 {
        let next = mix(self.0);
        self.0 = self.0.wrapping_add(INCREMENT);
        next
    }

    /// From 0 to below 1.
    pub(super) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.share()
    }

    /// As many small as large orders of magnitude.
    pub(super) fn magnitude(&mut self, least: f64, most: f64) -> f64 {
        self.between(least.ln(), most.ln()).exp()
    }

    pub(super) fn count(&mut self, least: usize, most: usize) -> usize {
        least + (self.next() % (most - least + 1) as u64) as usize
    }

    pub(super) fn is(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// Time to the next of events that come by chance, this long apart in the mean.
    pub(super) fn gap(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.share()).ln())
    }
}
