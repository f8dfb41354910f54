//! Exact probabilities from what the kernel keeps of them.

/// `--probability 1` as the kernel keeps it (`struct xt_statistic_info`).
pub(super) const ONE: u32 = 1 << 31;

/// The simplest fraction that the kernel keeps as `threshold / 2^31`, give or take its resolution.
///
/// kube-proxy writes 1/3 with ten digits, the kernel rounds that to 31 bits: the simplest fraction within
/// one unit is what was meant, as long as its denominator is below about 30,000.
pub(super) fn fraction(threshold: u32) -> (u64, u64) {
    let exact = u64::from(threshold);
    simplest(
        (exact.saturating_sub(1), u64::from(ONE)),
        (exact.saturating_add(1), u64::from(ONE)),
    )
}

/// The fraction with the smallest denominator strictly between `low` and `high` (continued fractions).
fn simplest(low: (u64, u64), high: (u64, u64)) -> (u64, u64) {
    // Numerators and denominators of the last two convergents.
    let (mut before, mut last) = ((0u64, 1u64), (1u64, 0u64));
    let (mut low, mut high) = (low, high);
    loop {
        let whole = low.0.checked_div(low.1).unwrap_or(0);
        // A whole number strictly between them ends the search.
        if high.1 == 0 || (whole.saturating_add(1)).saturating_mul(high.1) < high.0 {
            let digit = whole.saturating_add(1);
            return step(before, last, digit);
        }
        let next = step(before, last, whole);
        (before, last) = (last, next);
        let rest_low = (low.0.saturating_sub(whole.saturating_mul(low.1)), low.1);
        let rest_high = (high.0.saturating_sub(whole.saturating_mul(high.1)), high.1);
        // 1/x turns the interval around.
        (low, high) = ((rest_high.1, rest_high.0), (rest_low.1, rest_low.0));
    }
}

fn step(before: (u64, u64), last: (u64, u64), digit: u64) -> (u64, u64) {
    (
        digit.saturating_mul(last.0).saturating_add(before.0),
        digit.saturating_mul(last.1).saturating_add(before.1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `lround(0x80000000 * p)` in libxt_statistic.c.
    fn kept(numerator: u128, denominator: u128) -> u32 {
        let scaled = (numerator * u128::from(ONE) * 2 + denominator) / (denominator * 2);
        scaled.try_into().unwrap()
    }

    /// As kube-proxy prints a probability: `%0.10f`.
    fn printed(n: u128) -> u32 {
        kept((20_000_000_000u128 / n).div_ceil(2), 10_000_000_000)
    }

    #[test]
    fn one_of_n_is_one_of_n() {
        for n in 2..=20_000u32 {
            assert_eq!(fraction(kept(1, n.into())), (1, n.into()));
            assert_eq!(fraction(printed(n.into())), (1, n.into()), "{n}");
        }
    }

    #[test]
    fn other_fractions_are_found_too() {
        assert_eq!(fraction(kept(2, 3)), (2, 3));
        assert_eq!(fraction(kept(999, 1000)), (999, 1000));
    }

    #[test]
    fn the_ends_do_not_hang() {
        for threshold in [0, 1, 2, ONE - 1, ONE, u32::MAX] {
            let (_, denominator) = fraction(threshold);
            assert!(denominator > 0, "{threshold}");
        }
    }
}
