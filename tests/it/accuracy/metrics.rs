//! Shares, quadratic kappa and F1.

/// Level 1..5, or `None` for what stays unscored.
pub type Label = Option<u8>;

/// `None` for a share of nothing.
pub fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

pub fn percent(share: Option<f64>) -> String {
    share.map_or("–".into(), |s| format!("{:.1} %", s * 100.0))
}

/// Cohen's kappa with quadratic weights over pairs of levels (gold, got).
pub fn quadratic_kappa(pairs: &[(u8, u8)]) -> Option<f64> {
    let n = pairs.len() as f64;
    let count = |want: &dyn Fn(&(u8, u8)) -> bool| pairs.iter().filter(|p| want(p)).count() as f64;
    let (mut seen, mut expected) = (0.0, 0.0);
    for gold in 1..=5u8 {
        for got in 1..=5u8 {
            let weight = f64::from(gold.abs_diff(got)).powi(2) / 16.0;
            seen += weight * count(&|p| *p == (gold, got));
            expected += weight * count(&|p| p.0 == gold) * count(&|p| p.1 == got) / n;
        }
    }
    (expected > 0.0).then(|| 1.0 - seen / expected)
}

/// Of a flag: precision and recall in one figure; `None` where it is never true and never claimed.
pub fn f1(pairs: &[(bool, bool)]) -> Option<f64> {
    let hits = pairs.iter().filter(|(gold, got)| *gold && *got).count();
    let wrong = pairs.iter().filter(|(gold, got)| gold != got).count();
    share(2 * hits, 2 * hits + wrong)
}

#[test]
fn kappa_is_one_for_equals_zero_for_chance_and_f1_counts_both_errors() {
    assert_eq!(quadratic_kappa(&[(1, 1), (3, 3), (5, 5)]), Some(1.0));
    assert_eq!(quadratic_kappa(&[(1, 1), (1, 5), (5, 1), (5, 5)]), Some(0.0));
    assert_eq!(quadratic_kappa(&[]), None);
    assert_eq!(f1(&[(true, true), (true, false), (false, true), (false, false)]), Some(0.5));
    assert_eq!(f1(&[(false, false)]), None);
}
