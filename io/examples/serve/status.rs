//! How the server is, as a page that reloads itself.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use rejoin::Wait;

pub(crate) struct Status {
    since: Instant,
    requests: AtomicU64,
    /// All that are open, and the server itself.
    connections: Wait,
}

impl Status {
    pub(crate) fn new(connections: Wait) -> Self {
        Self {
            since: Instant::now(),
            requests: AtomicU64::new(0),
            connections,
        }
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Whether the server itself still counts depends on who asks, and when: see there.
    pub(crate) fn connections(&self) -> usize {
        self.connections.workers()
    }

    pub(crate) fn page(&self) -> String {
        format!(
            "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"1\">\
             <title>status</title><h1>status</h1><table>\
             <tr><td>up for</td><td>{} s</td></tr>\
             <tr><td>connections</td><td>{}</td></tr>\
             <tr><td>requests</td><td>{}</td></tr></table>\n",
            self.since.elapsed().as_secs(),
            // Without the server.
            self.connections().saturating_sub(1),
            self.requests(),
        )
    }
}
