//! Percentiles of a stream of values in fixed memory: log-linear buckets, each less than 0.8 % wide.

/// Values below this have a bucket each.
const LINEAR: u64 = 256;
/// Buckets of each power of two above.
const HALF: u64 = LINEAR / 2;
/// Enough buckets for every `u64`.
const BUCKETS: u64 = LINEAR + HALF * 56;

/// Counts of values in log-linear buckets.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    largest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; usize::try_from(BUCKETS).unwrap_or(usize::MAX)], total: 0, largest: 0 }
    }
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        if let Some(count) = self.counts.get_mut(bucket(value)) {
            *count = count.saturating_add(1);
            self.total = self.total.saturating_add(1);
            self.largest = self.largest.max(value);
        }
    }

    /// How many values were counted.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The largest value, exactly.
    #[must_use]
    pub const fn largest(&self) -> u64 {
        self.largest
    }

    /// The value that `per_mille` of all values do not exceed, at most 0.8 % too high; 0 where there are none.
    #[must_use]
    pub fn per_mille(&self, per_mille: u64) -> u64 {
        let wanted = self.total.saturating_mul(per_mille).div_ceil(1000).max(1);
        let mut seen = 0_u64;
        for (index, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(*count);
            if seen >= wanted {
                return upper_edge(index as u64).min(self.largest);
            }
        }
        self.largest
    }
}

fn bucket(value: u64) -> usize {
    if value < LINEAR {
        return usize::try_from(value).unwrap_or(usize::MAX);
    }
    let shift = u64::from(value.ilog2()).saturating_sub(7);
    let index = LINEAR + (shift - 1) * HALF + (value >> shift) - HALF;
    usize::try_from(index).unwrap_or(usize::MAX)
}

const fn upper_edge(index: u64) -> u64 {
    if index < LINEAR {
        return index;
    }
    let shift = (index - LINEAR) / HALF + 1;
    let within = (index - LINEAR) % HALF + HALF;
    ((within + 1) << shift).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_known_values_are_near_the_truth() {
        let mut histogram = Histogram::default();
        for value in 1..=100_000 {
            histogram.record(value);
        }
        for (per_mille, truth) in [(500, 50_000), (900, 90_000), (990, 99_000), (999, 99_900)] {
            let found = histogram.per_mille(per_mille);
            assert!(found >= truth && found - truth <= truth / 128 + 1, "{per_mille}: {found} for {truth}");
        }
        assert_eq!((histogram.total(), histogram.largest()), (100_000, 100_000));
    }

    #[test]
    fn every_value_lies_in_its_bucket() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1_u64 << shift) | (1 << (shift / 2)), (1_u64 << shift).wrapping_sub(1)] {
                let index = bucket(value) as u64;
                assert!(value <= upper_edge(index), "{value}");
                assert!(index == 0 || value > upper_edge(index - 1), "{value}");
                assert!(index < BUCKETS, "{value}");
            }
        }
    }

    #[test]
    fn nothing_recorded_is_zero() {
        assert_eq!(Histogram::default().per_mille(500), 0);
    }
}
