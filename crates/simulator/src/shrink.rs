//! The shortest history that still fails.

use pipeline::Bugs;

use crate::run::run;
use crate::scenario::Scenario;

/// Runs that are spent on it.
const TRIES_MAX: usize = 400;

/// Leaves out faults and records as long as the run fails without them.
pub fn shrink(scenario: &Scenario, bugs: Bugs) -> Scenario {
    let mut shortest = scenario.clone();
    let mut tries = 0;
    let mut is_smaller = true;
    while is_smaller && tries < TRIES_MAX {
        is_smaller = false;
        for part in [Part::Faults, Part::Records] {
            let mut size = part.len(&shortest).div_ceil(2).max(1);
            while size > 0 && tries < TRIES_MAX {
                let mut from = 0;
                while from < part.len(&shortest) && tries < TRIES_MAX {
                    let shorter = part.without(&shortest, from, size);
                    tries += 1;
                    if run(&shorter, bugs).failure.is_some() {
                        shortest = shorter;
                        is_smaller = true;
                    } else {
                        from += size;
                    }
                }
                size /= 2;
            }
        }
    }
    shortest
}

#[derive(Clone, Copy)]
enum Part {
    Faults,
    Records,
}

impl Part {
    fn len(self, scenario: &Scenario) -> usize {
        match self {
            Part::Faults => scenario.faults.len(),
            Part::Records => scenario.records.len(),
        }
    }

    fn without(self, scenario: &Scenario, from: usize, count: usize) -> Scenario {
        let mut shorter = scenario.clone();
        let end = (from + count).min(self.len(scenario));
        match self {
            Part::Faults => drop(shorter.faults.drain(from..end)),
            Part::Records => drop(shorter.records.drain(from..end)),
        }
        shorter
    }
}
