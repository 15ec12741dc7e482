//! How many processors this process may use.

use std::num::NonZeroUsize;
use std::sync::LazyLock;

/// Asked once: the answer comes out of several files.
static PROCESSORS: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get));

/// So many processors, or one if nobody knows.
pub(crate) fn processors() -> usize {
    *PROCESSORS
}
