//! What a schedule did, as one number, and as lines for whoever replays it.

use crate::hooks::TaskInfo;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    switches: u64,
    last: usize,
    aloud: bool,
}

/// How a step enters the hash, so that a switch to thread 3 is not a poll of task 3.
const SWITCH: u64 = 1;
const POLL: u64 = 2;

impl Trace {
    /// An empty trace; one that is `aloud` writes each step to stderr.
    pub(crate) fn new(aloud: bool) -> Self {
        Self {
            hash: 0xCBF2_9CE4_8422_2325,
            switches: 0,
            last: 0,
            aloud,
        }
    }

    /// The baton goes to this thread, or stays there.
    pub(crate) fn switch(&mut self, thread: usize, name: &str) {
        self.add(SWITCH, thread as u64);
        if thread != self.last {
            self.switches += 1;
            self.last = thread;
            if self.aloud {
                eprintln!("sim: {name} goes on");
            }
        }
    }

    /// A task is about to be polled.
    pub(crate) fn poll(&mut self, task: u64, info: &TaskInfo) {
        self.add(POLL, task);
        if self.aloud {
            eprintln!(
                "sim: task #{task} {}is polled, spawned at {}",
                quoted(info),
                info.location()
            );
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn switches(&self) -> u64 {
        self.switches
    }

    /// FNV-1a over whole words, with a shift that carries high bits down.
    fn add(&mut self, kind: u64, what: u64) {
        for word in [kind, what] {
            let mixed = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01B3);
            self.hash = mixed ^ (mixed >> 29);
        }
    }
}

/// A task's name and a space, or nothing.
pub(crate) fn quoted(info: &TaskInfo) -> String {
    info.name()
        .map_or_else(String::new, |name| format!("{name:?} "))
}
