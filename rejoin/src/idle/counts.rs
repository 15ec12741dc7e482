//! How many workers are in which state, and what guides their calls, in one word.

use crate::policy;

/// See the module's documentation. Numbers of workers, and flags above them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts(pub(super) u64);

impl Counts {
    /// Room for more threads than a process can have.
    const FIELD: u32 = 19;
    const MASK: u64 = (1 << Self::FIELD) - 1;
    pub(super) const PARKED: u64 = 1;
    pub(super) const SEARCHING: u64 = 1 << Self::FIELD;
    pub(super) const SEATED: u64 = 1 << (2 * Self::FIELD);
    pub(super) const WATCHED: u64 = 1 << (3 * Self::FIELD);
    /// The work at hand is not worth sharing; see `theft`.
    pub(super) const FINE: u64 = 2 * Self::WATCHED;
    /// Somebody waits until nothing is left; see `quiet`.
    pub(super) const AWAITED: u64 = 4 * Self::WATCHED;
    /// Sleepers are left to sleep; see `effort`. Never with the next one.
    pub(super) const THRIFTY: u64 = 8 * Self::WATCHED;
    /// Each task is worth a call.
    pub(super) const EAGER: u64 = 16 * Self::WATCHED;

    pub(super) fn parked(self) -> u32 {
        (self.0 & Self::MASK) as u32
    }

    pub(super) fn searching(self) -> u32 {
        (self.0 >> Self::FIELD & Self::MASK) as u32
    }

    /// Workers that hold a seat, whatever they do.
    pub(super) fn seated(self) -> u32 {
        (self.0 >> (2 * Self::FIELD) & Self::MASK) as u32
    }

    pub(super) fn watched(self) -> bool {
        self.0 & Self::WATCHED != 0
    }

    pub(super) fn fine(self) -> bool {
        self.0 & Self::FINE != 0
    }

    pub(super) fn awaited(self) -> bool {
        self.0 & Self::AWAITED != 0
    }

    pub(super) fn eager(self) -> bool {
        self.0 & Self::EAGER != 0
    }

    /// Whether a new task is left to those that are awake.
    pub(super) fn spares(self) -> bool {
        self.0 & (Self::FINE | Self::THRIFTY) != 0
    }

    /// Whether one more task is worth a call.
    pub(super) fn worth_waking(self) -> bool {
        policy::worth_waking(self.parked(), self.searching(), self.eager())
    }
}
