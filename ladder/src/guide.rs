//! From a future to an executor, in ten pages.
//!
//! Each page takes a question that every executor has to answer, shows the answer of the smallest step of the
//! ladder that has one, and says what rejoin does about it. Read them in order the first time. All code in them
//! runs as a test.
//!
//! | page | the question |
//! |---|---|
//! | 1 [From a future to a waker](ch01_wakers) | when shall somebody poll it again? |
//! | 2 [Where a task is](ch02_task_states) | what does a wake do at which moment? |
//! | 3 [Queues and stealing](ch03_queues) | who runs it? |
//! | 4 [Sleeping](ch04_sleeping) | who wakes the one who would run it? |
//! | 5 [Joins and panics](ch05_joins_and_panics) | how does the output come back, and what if there is none? |
//! | 6 [Cancellation](ch06_cancellation) | how does a task stop before its end? |
//! | 7 [Wait groups](ch07_wait_groups) | how does one wait for many? |
//! | 8 [Structured groups](ch08_structured_groups) | how does nothing stay behind? |
//! | 9 [Testing with seeds](ch09_seeds) | how does one find what happens once in a million runs? |
//! | 10 [Choosing](ch10_choosing) | and which executor shall I take? |

#[doc = "# From a future to a waker"]
#[doc = include_str!("../pictures/path.svg")]
#[doc = ""]
#[doc = include_str!("../guide/wakers.md")]
pub mod ch01_wakers {}

#[doc = "# Where a task is, in two bits"]
#[doc = include_str!("../pictures/states.svg")]
#[doc = ""]
#[doc = include_str!("../guide/task_states.md")]
pub mod ch02_task_states {}

#[doc = "# Queues and stealing"]
#[doc = include_str!("../pictures/queues.svg")]
#[doc = ""]
#[doc = include_str!("../guide/queues.md")]
pub mod ch03_queues {}

#[doc = "# Sleeping and waking without losing anyone"]
#[doc = include_str!("../pictures/sleep.svg")]
#[doc = ""]
#[doc = include_str!("../guide/sleeping.md")]
pub mod ch04_sleeping {}

#[doc = "# Joins and panics"]
#[doc = ""]
#[doc = include_str!("../guide/joins_and_panics.md")]
pub mod ch05_joins_and_panics {}

#[doc = "# Cancellation"]
#[doc = ""]
#[doc = include_str!("../guide/cancellation.md")]
pub mod ch06_cancellation {}

#[doc = "# Wait groups"]
#[doc = include_str!("../pictures/groups.svg")]
#[doc = ""]
#[doc = include_str!("../guide/wait_groups.md")]
pub mod ch07_wait_groups {}

#[doc = "# Structured groups"]
#[doc = ""]
#[doc = include_str!("../guide/structured_groups.md")]
pub mod ch08_structured_groups {}

#[doc = "# Testing with seeds"]
#[doc = ""]
#[doc = include_str!("../guide/seeds.md")]
pub mod ch09_seeds {}

#[doc = "# Choosing between rejoin, tokio, smol and rayon"]
#[doc = ""]
#[doc = include_str!("../guide/choosing.md")]
pub mod ch10_choosing {}
