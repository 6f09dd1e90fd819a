//! Multinomial logistic regression over groups that are there or not.

use argmin::core::{CostFunction, Error, Executor, Gradient, State as _};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use huifang::domain::score::CLASSES;
use std::collections::{BTreeMap, BTreeSet};

/// A group that fewer examples have is not learned.
const SEEN_MIN: usize = 3;
const STEPS: u64 = 200;
/// Gradients that L-BFGS remembers.
const MEMORY: usize = 7;

pub struct Example {
    pub groups: BTreeSet<String>,
    pub class: usize,
}

pub struct Model {
    pub base: [f64; CLASSES],
    pub weights: BTreeMap<String, [f64; CLASSES]>,
}

impl Model {
    pub fn likeliest(&self, groups: &BTreeSet<String>) -> usize {
        let sums = self.sums(groups);
        (0..CLASSES).max_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap_or_default()
    }

    /// How much speaks for this class against none.
    pub fn odds(&self, groups: &BTreeSet<String>, class: usize) -> f64 {
        let sums = self.sums(groups);
        sums[class] - sums[0]
    }

    fn sums(&self, groups: &BTreeSet<String>) -> [f64; CLASSES] {
        let mut sums = self.base;
        for weights in groups.iter().filter_map(|g| self.weights.get(g)) {
            sums.iter_mut().zip(weights).for_each(|(sum, w)| *sum += w);
        }
        sums
    }
}

/// Examples as places in the list of groups; the parameters are the base, then six weights a group.
struct Problem {
    rows: Vec<(Vec<usize>, usize)>,
    /// Every example but its class counts against the penalty of half the squared weights so strongly.
    penalty: f64,
}

impl Problem {
    /// Sums of one row, as probabilities.
    fn probabilities(row: &[usize], p: &[f64]) -> [f64; CLASSES] {
        let mut sums: [f64; CLASSES] = std::array::from_fn(|class| p[class]);
        for place in row {
            for (class, sum) in sums.iter_mut().enumerate() {
                *sum += p[(place + 1) * CLASSES + class];
            }
        }
        let most = sums.iter().copied().fold(f64::MIN, f64::max);
        let all: f64 = sums.iter().map(|s| (s - most).exp()).sum();
        sums.map(|s| (s - most).exp() / all)
    }
}

impl CostFunction for Problem {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, p: &Vec<f64>) -> Result<f64, Error> {
        let likely: f64 =
            self.rows.iter().map(|(row, class)| Self::probabilities(row, p)[*class].max(1e-12).ln()).sum();
        let squares: f64 = p[CLASSES..].iter().map(|w| w * w).sum();
        Ok(self.penalty * squares / 2.0 - likely)
    }
}

impl Gradient for Problem {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, p: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let mut g: Vec<f64> =
            p.iter().enumerate().map(|(at, w)| if at < CLASSES { 0.0 } else { self.penalty * w }).collect();
        for (row, class) in &self.rows {
            let mut off = Self::probabilities(row, p);
            off[*class] -= 1.0;
            for (class, off) in off.iter().enumerate() {
                g[class] += off;
                row.iter().for_each(|place| g[(place + 1) * CLASSES + class] += off);
            }
        }
        Ok(g)
    }
}

/// Learns the groups that are seen often enough.
///
/// # Errors
/// The search along a line fails, which it does for examples that are not numbers.
pub fn learn(examples: &[Example], penalty: f64) -> anyhow::Result<Model> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for group in examples.iter().flat_map(|e| &e.groups) {
        *seen.entry(group).or_default() += 1;
    }
    let groups: Vec<&str> = seen.into_iter().filter(|(_, n)| *n >= SEEN_MIN).map(|(group, _)| group).collect();
    let row = |e: &Example| (e.groups.iter().filter_map(|g| groups.binary_search(&g.as_str()).ok()).collect(), e.class);
    let problem = Problem { rows: examples.iter().map(row).collect(), penalty };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_cost(1e-6)?;
    let start = vec![0.0; (groups.len() + 1) * CLASSES];
    let found = Executor::new(problem, solver).configure(|state| state.param(start).max_iters(STEPS)).run()?;
    let p = found.state().get_best_param().ok_or_else(|| anyhow::anyhow!("no weights were found"))?.clone();
    let of = |at: usize| std::array::from_fn(|class| p[at * CLASSES + class]);
    let weights = groups.iter().enumerate().map(|(at, group)| ((*group).to_string(), of(at + 1))).collect();
    Ok(Model { base: of(0), weights })
}
