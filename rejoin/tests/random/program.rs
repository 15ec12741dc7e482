//! Programs over the whole public surface, made up from a seed.
//!
//! Left out, because it is a known limit: a waker that panics when a `JoinHandle` is polled with it.

use crate::groups::Shape;

/// A task: what it does, one step after another, and how it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) steps: Vec<Step>,
    pub(crate) handling: Handling,
    /// After the last step.
    pub(crate) panics: bool,
    pub(crate) drop_panics: bool,
    pub(crate) output_drop_panics: bool,
}

/// How the task is spawned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Handling {
    #[default]
    Plain,
    Named,
    Ignore,
    Result,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The handle goes on the list of this task's children.
    Spawn(Node),
    Yield,
    /// Here a simulation may switch threads.
    Preempt,
    /// Each of these takes the youngest child off the list.
    Join,
    Await,
    Cancel,
    CancelAndWait,
    Detach,
    /// Makes a cancel handle of the youngest child, and keeps both.
    CancelHandle,
    /// Calls the youngest of those.
    CallCancelHandle,
    /// Waits for a message from a thread of its own.
    Foreign,
    /// Spawns in `block_on`, and joins there.
    BlockOn(Node),
    /// Children with a handle of a group, half of them of a child group; then waits for the group.
    Group(Vec<Node>),
    /// The same, with a waiter whose waker panics.
    GroupWithPanic(Vec<Node>),
    /// These in a task group, so many at a time (0: any number), half of them in one within it.
    TaskGroup {
        nodes: Vec<Node>,
        limit: usize,
        ending: Ending,
    },
    /// These in a task group of tasks that may fail without a panic, so many at a time.
    TryGroup {
        nodes: Vec<Node>,
        limit: usize,
        shape: Shape,
    },
    /// These on a local executor, in `block_on`.
    Local(Vec<Node>),
    /// An executor of its own for these, dropped when the first has been joined, or at once.
    Executor {
        nodes: Vec<Node>,
        joins: bool,
    },
}

/// How a task group ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Outcomes,
    /// Also if a task has failed.
    KeepGoing,
    Join,
    /// One outcome is taken, the rest cancelled.
    NextAndDrop,
    CancelAndDrop,
}

/// Where the choices come from.
#[derive(Debug)]
pub(crate) enum Choices {
    /// A small generator of numbers (xorshift), so that a seed means the same program everywhere, and whether there
    /// are task groups.
    Seed(u64, bool),
    /// From the last to the first; when there are no more, the first choice each time.
    Bytes(Vec<u8>),
}

impl Choices {
    pub(crate) fn new(seed: u64) -> Self {
        // Programs from before there were task groups keep their seeds.
        let mut choices = Self::Seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, seed % 4 != 3);
        choices.below(1);
        choices
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        match self {
            Self::Seed(state, _) => {
                *state ^= *state << 13;
                *state ^= *state >> 7;
                *state ^= *state << 17;
                (*state >> 20) % bound
            }
            Self::Bytes(bytes) => u64::from(bytes.pop().unwrap_or(0)) % bound,
        }
    }

    fn one_in(&mut self, bound: u64) -> bool {
        match self {
            Self::Seed(..) => self.below(bound) == 0,
            // Without bytes nothing panics.
            Self::Bytes(_) => self.below(bound) == bound - 1,
        }
    }

    fn has_task_groups(&self) -> bool {
        !matches!(self, Self::Seed(_, false))
    }
}

impl Node {
    /// The program that `seed` means, of about `size` tasks at most.
    pub(crate) fn from_seed(seed: u64, size: usize) -> Self {
        Self::from_choices(&mut Choices::new(seed), size)
    }

    /// The same of the choices that `bytes` stand for.
    pub(crate) fn from_bytes(bytes: &[u8], size: usize) -> Self {
        Self::from_choices(&mut Choices::Bytes(bytes.to_vec()), size)
    }

    fn from_choices(choices: &mut Choices, size: usize) -> Self {
        let mut left = size;
        let mut root = Self::make(choices, &mut left, 0);
        // The root is what the test itself runs: it returns.
        (root.panics, root.drop_panics, root.output_drop_panics) = (false, false, false);
        root
    }

    fn make(choices: &mut Choices, left: &mut usize, depth: u64) -> Self {
        let most = if depth == 0 { 12 } else { 7 };
        let steps = (0..choices.below(most))
            .map(|_| Step::make(choices, left, depth))
            .collect();
        Self {
            steps,
            handling: match choices.below(6) {
                0 => Handling::Ignore,
                1 => Handling::Result,
                2 => Handling::Named,
                _ => Handling::Plain,
            },
            panics: choices.one_in(8),
            drop_panics: choices.one_in(12),
            output_drop_panics: choices.one_in(12),
        }
    }

    fn some(choices: &mut Choices, left: &mut usize, depth: u64) -> Vec<Self> {
        let count = 1 + choices.below(3) as usize;
        let count = count.min(*left);
        *left -= count;
        (0..count)
            .map(|_| Self::make(choices, left, depth + 1))
            .collect()
    }
}

impl Step {
    fn make(choices: &mut Choices, left: &mut usize, depth: u64) -> Self {
        let kind = choices.below(24);
        if *left == 0 || depth > 5 {
            return Self::small(kind);
        }
        match kind {
            0..=7 => {
                *left -= 1;
                Self::Spawn(Node::make(choices, left, depth + 1))
            }
            8 => {
                *left -= 1;
                Self::BlockOn(Node::make(choices, left, depth + 1))
            }
            9 => Self::Group(Node::some(choices, left, depth)),
            10 => Self::GroupWithPanic(Node::some(choices, left, depth)),
            11 if depth < 3 => Self::Executor {
                nodes: Node::some(choices, left, depth),
                joins: choices.one_in(2),
            },
            12 if choices.has_task_groups() && choices.one_in(3) => {
                Self::Local(Node::some(choices, left, depth))
            }
            13 if choices.has_task_groups() && choices.one_in(2) => Self::TryGroup {
                nodes: Node::some(choices, left, depth),
                limit: choices.below(4) as usize,
                shape: Shape {
                    fallible: choices.below(3) > 0,
                    keep_going: choices.one_in(4),
                    outcomes: choices.one_in(2),
                },
            },
            12 | 13 if choices.has_task_groups() => Self::TaskGroup {
                nodes: Node::some(choices, left, depth),
                limit: choices.below(4) as usize,
                ending: match choices.below(5) {
                    0 => Ending::Outcomes,
                    1 => Ending::KeepGoing,
                    2 => Ending::Join,
                    3 => Ending::NextAndDrop,
                    _ => Ending::CancelAndDrop,
                },
            },
            _ => Self::small(kind),
        }
    }

    /// A step without children.
    fn small(kind: u64) -> Self {
        match kind {
            0 | 1 | 12 | 13 => Self::Yield,
            2 | 14 => Self::Preempt,
            3 | 15 => Self::Join,
            4 | 16 => Self::Await,
            5 | 17 => Self::Cancel,
            6 | 18 => Self::CancelAndWait,
            7 | 19 => Self::CancelHandle,
            8 | 20 => Self::CallCancelHandle,
            9 | 21 => Self::Foreign,
            10 | 22 => Self::Detach,
            _ => Self::Yield,
        }
    }

    /// The tasks that this step spawns.
    pub(crate) fn nodes_mut(&mut self) -> &mut [Node] {
        match self {
            Self::Spawn(node) | Self::BlockOn(node) => std::slice::from_mut(node),
            Self::Group(nodes)
            | Self::GroupWithPanic(nodes)
            | Self::TaskGroup { nodes, .. }
            | Self::TryGroup { nodes, .. }
            | Self::Local(nodes)
            | Self::Executor { nodes, .. } => nodes,
            _ => &mut [],
        }
    }
}
