//! How the next thread is drawn.

use super::random::Random;

/// How a seed treats a thread that could go on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    /// It stays in so many of 16 cases; else the next one is drawn, each alike.
    Walk { stay: u64 },
    /// The one of the highest priority runs; once in so many points it becomes the lowest. Finds what
    /// needs one thread to be held up for long.
    Ranks { change: u64 },
}

impl Style {
    /// Either, as likely as the other.
    pub(crate) fn draw(random: &mut Random) -> Self {
        match random.below(2) {
            0 => Self::Walk {
                stay: [0, 8, 12, 15][random.index(4)],
            },
            _ => Self::Ranks {
                change: [4, 16, 64][random.index(3)],
            },
        }
    }
}
