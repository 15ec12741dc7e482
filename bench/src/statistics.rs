//! Medians, quantiles, intervals and geometric means.

use statrs::distribution::{Binomial, DiscreteCDF};
use statrs::statistics::{Data, OrderStatistics};

/// The quantile `at` (from 0 to 1) of `values`, interpolated.
pub(crate) fn quantile(values: &[f64], at: f64) -> f64 {
    Data::new(values.to_vec()).quantile(at)
}

/// The middle of `values`.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The geometric mean; 1 of nothing would be a claim, so nothing gives `None`.
pub(crate) fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_usize);
    for value in values {
        sum += value.ln();
        count += 1;
    }
    (count > 0).then(|| (sum / count as f64).exp())
}

/// A median with the interval that covers it with at least 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Whether there were enough values for 95 %; otherwise the interval is all there was.
    pub(crate) is_95: bool,
    pub(crate) count: usize,
}

/// The median of `values` and its sign-test interval: two order statistics, so no distribution is
/// assumed, and two-peaked samples are none of its worries.
pub(crate) fn median_interval(values: &[f64]) -> Option<Interval> {
    if values.is_empty() {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len();
    // The interval from the k-th lowest to the k-th highest misses the median with probability
    // 2 P(B < k), where B counts the values below the median. Take the largest k that keeps 5 %.
    let below = Binomial::new(0.5, count as u64).expect("one half is a probability");
    let k = (1..=count / 2)
        .take_while(|&k| 2.0 * below.cdf(k as u64 - 1) <= 0.05)
        .last();
    let (low, high) = match k {
        Some(k) => (sorted[k - 1], sorted[count - k]),
        None => (sorted[0], sorted[count - 1]),
    };
    Some(Interval {
        median: median(values),
        low,
        high,
        is_95: k.is_some(),
        count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_values_give_the_fourth_lowest_and_highest() {
        let values: Vec<f64> = (1..=15).rev().map(f64::from).collect();
        let interval = median_interval(&values).unwrap();
        assert_eq!(
            (interval.low, interval.median, interval.high),
            (4.0, 8.0, 12.0)
        );
        assert!(interval.is_95);
    }

    #[test]
    fn five_values_are_too_few_and_say_so() {
        let interval = median_interval(&[3.0, 1.0, 2.0, 5.0, 4.0]).unwrap();
        assert_eq!(
            (interval.low, interval.high, interval.is_95),
            (1.0, 5.0, false)
        );
    }

    #[test]
    fn a_geometric_mean_treats_double_and_half_alike() {
        assert!((geometric_mean([2.0, 0.5]).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(geometric_mean([]), None);
    }
}
