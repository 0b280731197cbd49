//! How long to wait before the next try, and how far a schedule strays. Pure arithmetic: the seed is the only chance in it.

use std::time::Duration;

/// Exponential backoff with full jitter, bounded in length and number.
///
/// Full jitter (anything between nothing and the step) spreads a crowd best; see
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first failure.
    pub first: Duration,
    /// By how much it grows with each failure.
    pub factor: u32,
    /// The longest wait of all.
    pub cap: Duration,
    /// How many tries a change gets before it has to change or somebody says `driftless retry`.
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), factor: 2, cap: Duration::from_secs(300), attempts: 10 }
    }
}

impl Backoff {
    /// The wait after so many tries (1 after the first); none: no further try of the same content.
    pub fn next(&self, attempts: u32, seed: u64) -> Option<Duration> {
        (attempts < self.attempts)
            .then(|| part(self.longest(attempts), draw(seed ^ u64::from(attempts).rotate_left(32))))
    }

    /// The longest wait that may come after so many tries.
    pub fn longest(&self, attempts: u32) -> Duration {
        let grown = self.factor.checked_pow(attempts.saturating_sub(1)).and_then(|by| self.first.checked_mul(by));
        grown.unwrap_or(Duration::MAX).min(self.cap)
    }
}

/// An interval that strays by up to this share of itself, either way, so that many controllers do not look at once.
///
/// A share of 0.1 makes 5 minutes 4½ to 5½. Shares outside of 0 to 1 count as the nearer of both.
pub fn jitter(interval: Duration, share: f64, seed: u64) -> Duration {
    let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    let reach = Duration::try_from_secs_f64(interval.as_secs_f64() * share).unwrap_or(interval).min(interval);
    (interval - reach).saturating_add(part(reach.saturating_mul(2), draw(seed)))
}

/// A share of `whole` as large as `chance` is of its range.
fn part(whole: Duration, chance: u64) -> Duration {
    let nanos = |d: Duration| (u128::from(d.as_secs()) * 1_000_000_000) + u128::from(d.subsec_nanos());
    // Whole fits in 94 bits; 32 bits of chance keep the product within 128 and are plenty.
    let product = nanos(whole) * u128::from(chance >> 32) / u128::from(u32::MAX);
    let seconds = u64::try_from(product / 1_000_000_000).unwrap_or(u64::MAX);
    let rest = u32::try_from(product % 1_000_000_000).unwrap_or(0);
    Duration::new(seconds, rest)
}

/// SplitMix64: spreads a seed over all its bits. Not for secrets. Source: <https://prng.di.unimi.it/splitmix64.c>.
fn draw(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_longest_wait_doubles_from_a_second_to_five_minutes() {
        let backoff = Backoff::default();
        let longest: Vec<u64> = (1..=10).map(|n| backoff.longest(n).as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(backoff.longest(u32::MAX), backoff.cap);
    }

    #[test]
    fn the_tenth_try_is_the_last_of_the_same_content() {
        let backoff = Backoff::default();
        assert!(backoff.next(9, 1).is_some());
        assert_eq!(backoff.next(10, 1), None);
        assert_eq!(backoff.next(u32::MAX, 1), None);
    }

    #[test]
    fn waits_of_many_seeds_fill_the_whole_step() {
        let backoff = Backoff::default();
        let waits: Vec<f64> = (0..2_000).filter_map(|seed| backoff.next(9, seed)).map(|d| d.as_secs_f64()).collect();
        let mean = waits.iter().sum::<f64>() / 2_000.0;
        assert!((118.0..138.0).contains(&mean), "half of 256 s, and it is {mean}");
        assert!(waits.iter().any(|w| *w < 5.0) && waits.iter().any(|w| *w > 251.0));
    }

    proptest! {
        #[test]
        fn a_wait_is_the_same_for_the_same_seed_and_never_beyond_its_step(attempts: u32, seed: u64) {
            let backoff = Backoff { attempts: u32::MAX, ..Backoff::default() };
            let wait = backoff.next(attempts, seed);
            prop_assert_eq!(wait, backoff.next(attempts, seed));
            prop_assert!(wait.is_none_or(|w| w <= backoff.longest(attempts)));
        }

        #[test]
        fn jitter_stays_within_its_share(seconds in 0u64..1_000_000, share in 0.0f64..=1.0, seed: u64) {
            let interval = Duration::from_secs(seconds);
            let reach = interval.mul_f64(share);
            let strayed = jitter(interval, share, seed);
            prop_assert!(strayed >= interval - reach && strayed <= interval + reach);
        }
    }

    #[test]
    fn jitter_with_a_senseless_share_does_not_panic() {
        let minute = Duration::from_secs(60);
        assert_eq!(jitter(minute, f64::NAN, 1), minute);
        assert_eq!(jitter(minute, -3.0, 1), minute);
        assert!(jitter(minute, 7.0, 1) <= minute * 2);
        assert_eq!(jitter(Duration::MAX, 0.0, 1), Duration::MAX);
        assert!(jitter(Duration::MAX, 1.0, 1) > Duration::ZERO);
    }
}
