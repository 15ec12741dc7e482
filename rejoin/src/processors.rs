//! How many processors this process may use.

use std::num::NonZeroUsize;
use std::sync::LazyLock;

/// Asked once: the answer comes out of several files.
static PROCESSORS: LazyLock<usize> = LazyLock::new(processors_now);

/// So many processors when this was first asked, or one if nobody knows.
pub(crate) fn processors() -> usize {
    *PROCESSORS
}

/// So many at the moment.
pub(crate) fn processors_now() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
