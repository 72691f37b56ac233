//! Dropout without stored masks: a seed, a stream and the place of a value decide, so that the backward pass asks again.

/// Inverted dropout of embeddings, states, queries and transitions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dropout {
    seed: u64,
    /// Of 256 possible numbers, so many drop a value.
    dropped: u8,
}

impl Dropout {
    /// Drops a share of `rate`.
    pub(super) fn new(seed: u64, rate: f64) -> Self {
        Self { seed, dropped: (rate.clamp(0.0, 0.99) * 256.0) as u8 }
    }

    /// Drops or scales values; the same ones whenever it is asked again for the same stream.
    pub(super) fn apply(self, stream: u64, values: &mut [f32]) {
        if self.dropped == 0 {
            return;
        }
        let factor = 256.0 / (256.0 - f32::from(self.dropped));
        for (index, values) in (0_u64..).zip(values.chunks_mut(8)) {
            let bytes = mixed(self.seed ^ mixed((stream << 48) + index)).to_le_bytes();
            for (value, byte) in values.iter_mut().zip(bytes) {
                *value *= if byte < self.dropped { 0.0 } else { factor };
            }
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
