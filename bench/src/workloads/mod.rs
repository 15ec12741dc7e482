//! The rows: each says what it stresses, has its parameters, its body and a checked answer.
//!
//! A row named after another project does what that project's public benchmark does, with its
//! parameters; where one iteration would last seconds, the row says by how much it is scaled.

mod spawn;
mod join;
mod group;
mod wake;
mod messages;
mod web_server;
mod remote;
mod hand_off;
mod teardown;
mod memory;
mod latency;
mod load;
mod slow_poll;
mod growth;
mod machine;
mod common;

use crate::peers::{Id, Need};
use crate::session::Session;

/// What a row's figure is about. The means are taken within families first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Spawn,
    Join,
    /// Enters no mean: half of the peers are no executors.
    Group,
    Wake,
    Remote,
    HandOff,
    Teardown,
    /// One worker against the bare floor.
    Floor,
    Memory,
    Latency,
    Load,
    SlowPoll,
    Growth,
    Machine,
}

impl Family {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Family::Spawn => "spawn",
            Family::Join => "join",
            Family::Group => "group",
            Family::Wake => "wake",
            Family::Remote => "remote",
            Family::HandOff => "hand-off",
            Family::Teardown => "teardown",
            Family::Floor => "floor",
            Family::Memory => "memory",
            Family::Latency => "latency",
            Family::Load => "load",
            Family::SlowPoll => "slow poll",
            Family::Growth => "growth",
            Family::Machine => "machine",
        }
    }
}

/// One row of the benchmark.
#[derive(Debug)]
pub(crate) struct Row {
    /// `where it comes from/workload/parameter`.
    pub(crate) name: &'static str,
    pub(crate) family: Family,
    pub(crate) stresses: &'static str,
    pub(crate) needs: &'static [Need],
    /// The number in the name; 0 where there is none.
    pub(crate) parameter: usize,
    /// Runs with one worker, whatever `--threads` says.
    pub(crate) one_worker: bool,
    /// Runs in the program whose allocator counts.
    pub(crate) counting: bool,
    /// Runs only when it is named.
    pub(crate) extra: bool,
    pub(crate) body: fn(Id, &mut Session),
}

impl Row {
    const fn new(
        name: &'static str,
        family: Family,
        body: fn(Id, &mut Session),
        stresses: &'static str,
    ) -> Self {
        Self {
            name,
            family,
            stresses,
            needs: &[Need::General],
            parameter: 0,
            one_worker: false,
            counting: false,
            extra: false,
            body,
        }
    }

    const fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    const fn parameter(mut self, parameter: usize) -> Self {
        self.parameter = parameter;
        self
    }

    const fn one_worker(mut self) -> Self {
        self.one_worker = true;
        self
    }

    const fn counting(mut self) -> Self {
        self.counting = true;
        self
    }

    const fn extra(mut self) -> Self {
        self.extra = true;
        self
    }

    /// The workers of this row in a run with `threads`.
    pub(crate) fn threads(&self, threads: usize) -> usize {
        if self.one_worker { 1 } else { threads }
    }

    /// Why `peer` cannot run this row, if it cannot.
    pub(crate) fn cannot(&self, peer: Id, threads: usize) -> Option<&'static str> {
        peer.lacks(self.needs, self.threads(threads))
    }
}

/// Every row, in the order of the report.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    [
        spawn::ROWS,
        join::ROWS,
        group::ROWS,
        wake::ROWS,
        messages::ROWS,
        web_server::ROWS,
        remote::ROWS,
        hand_off::ROWS,
        teardown::ROWS,
        memory::ROWS,
        latency::ROWS,
        load::ROWS,
        slow_poll::ROWS,
        growth::ROWS,
        machine::ROWS,
    ]
    .into_iter()
    .flatten()
}

pub(crate) fn by_name(name: &str) -> Option<&'static Row> {
    all().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_fit_a_csv_field() {
        let names: BTreeSet<_> = all().map(|row| row.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(names.iter().all(|name| !name.contains([',', ' '])));
    }

    #[test]
    fn every_row_has_a_peer_that_can_run_it() {
        for row in all() {
            assert!(
                Id::ALL.iter().any(|&peer| row.cannot(peer, 2).is_none()),
                "{}",
                row.name
            );
        }
    }
}
