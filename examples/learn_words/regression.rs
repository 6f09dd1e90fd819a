//! Multinomial logistic regression over groups that are there or not.

use argmin::core::{CostFunction, Error, Executor, Gradient, State as _};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
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
    /// One a class.
    pub base: Vec<f64>,
    pub weights: BTreeMap<String, Vec<f64>>,
}

impl Model {
    pub fn likeliest(&self, groups: &BTreeSet<String>) -> usize {
        let mut sums = self.base.clone();
        for weights in groups.iter().filter_map(|g| self.weights.get(g)) {
            sums.iter_mut().zip(weights).for_each(|(sum, w)| *sum += w);
        }
        (0..sums.len()).max_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap_or_default()
    }
}

/// Examples as places in the list of groups; the parameters are the base, then a weight for every class and group.
struct Problem {
    rows: Vec<(Vec<usize>, usize)>,
    classes: usize,
    /// Every example but its class counts against the penalty of half the squared weights so strongly.
    penalty: f64,
}

impl Problem {
    /// Sums of one row, as probabilities.
    fn probabilities(&self, row: &[usize], p: &[f64]) -> Vec<f64> {
        let mut sums = p[..self.classes].to_vec();
        for place in row {
            let weights = &p[(place + 1) * self.classes..][..self.classes];
            sums.iter_mut().zip(weights).for_each(|(sum, w)| *sum += w);
        }
        let most = sums.iter().copied().fold(f64::MIN, f64::max);
        let all: f64 = sums.iter().map(|s| (s - most).exp()).sum();
        sums.iter_mut().for_each(|s| *s = (*s - most).exp() / all);
        sums
    }
}

impl CostFunction for Problem {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, p: &Vec<f64>) -> Result<f64, Error> {
        let likely: f64 = self.rows.iter().map(|(row, class)| self.probabilities(row, p)[*class].max(1e-12).ln()).sum();
        let squares: f64 = p[self.classes..].iter().map(|w| w * w).sum();
        Ok(self.penalty * squares / 2.0 - likely)
    }
}

impl Gradient for Problem {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, p: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let mut g: Vec<f64> =
            p.iter().enumerate().map(|(at, w)| if at < self.classes { 0.0 } else { self.penalty * w }).collect();
        for (row, class) in &self.rows {
            let mut off = self.probabilities(row, p);
            off[*class] -= 1.0;
            for (class, off) in off.iter().enumerate() {
                g[class] += off;
                row.iter().for_each(|place| g[(place + 1) * self.classes + class] += off);
            }
        }
        Ok(g)
    }
}

/// Learns the groups that are seen often enough, for so many classes.
///
/// # Errors
/// The search along a line fails, which it does for examples that are not numbers.
pub fn learn(examples: &[Example], classes: usize, penalty: f64) -> anyhow::Result<Model> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for group in examples.iter().flat_map(|e| &e.groups) {
        *seen.entry(group).or_default() += 1;
    }
    let groups: Vec<&str> = seen.into_iter().filter(|(_, n)| *n >= SEEN_MIN).map(|(group, _)| group).collect();
    let row = |e: &Example| (e.groups.iter().filter_map(|g| groups.binary_search(&g.as_str()).ok()).collect(), e.class);
    let problem = Problem { rows: examples.iter().map(row).collect(), classes, penalty };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_cost(1e-6)?;
    let start = vec![0.0; (groups.len() + 1) * classes];
    let found = Executor::new(problem, solver).configure(|state| state.param(start).max_iters(STEPS)).run()?;
    let p = found.state().get_best_param().ok_or_else(|| anyhow::anyhow!("no weights were found"))?.clone();
    let of = |at: usize| p[at * classes..][..classes].to_vec();
    let weights = groups.iter().enumerate().map(|(at, group)| ((*group).to_string(), of(at + 1))).collect();
    Ok(Model { base: of(0), weights })
}
