//! The attributes, as they are used.

#![cfg(feature = "macros")]
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use rejoin::{sim, spawn, yield_now};

mod elsewhere {
    pub(crate) use rejoin as executor;
}

#[rejoin::test]
async fn a_plain_test_is_not_simulated_and_may_spawn() {
    assert!(!sim::is_simulated());
    assert_eq!(spawn(async { 7 }).await, 7);
}

#[rejoin::test(threads = 1)]
async fn a_test_may_return_a_result() -> Result<(), std::num::ParseIntError> {
    let number: u32 = spawn(async { "7".parse() }).await?;
    assert_eq!(number, 7);
    Ok(())
}

#[rejoin::test]
#[should_panic(expected = "on purpose")]
async fn other_attributes_stay() {
    yield_now().await;
    panic!("on purpose");
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[rejoin::test(seeds = 20)]
async fn a_test_with_seeds_is_simulated() {
    assert!(sim::is_simulated());
    RUNS.fetch_add(1, SeqCst);
}

#[test]
fn a_test_with_seeds_runs_once_for_each() {
    // Whether the harness has run it before or not.
    RUNS.store(0, SeqCst);
    a_test_with_seeds_is_simulated();
    assert!(RUNS.load(SeqCst) >= 20);
}

#[rejoin::test(seeds = [3, 5, 8], crate = "crate::elsewhere::executor")]
async fn seeds_may_be_any_collection() {
    assert!(sim::is_simulated());
}

#[rejoin::test(seeds = 0..500)]
#[should_panic(expected = "sold twice")]
async fn a_race_is_found() {
    use std::sync::Arc;
    let tickets = Arc::new(AtomicUsize::new(1));
    let buy = |tickets: Arc<AtomicUsize>| async move {
        let left = tickets.load(SeqCst);
        yield_now().await;
        tickets.store(left.saturating_sub(1), SeqCst);
        left
    };
    let other = spawn(buy(Arc::clone(&tickets)));
    let sold = buy(tickets).await + other.await;
    assert_eq!(sold, 1, "sold twice");
}
