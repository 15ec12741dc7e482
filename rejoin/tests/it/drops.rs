//! The drop of a future, an output or a payload panics.

use std::panic::panic_any;

use rejoin::{Builder, PanicStrategy, block_on};

use crate::support::{Count, OnDrop, pending_with, watched, with_workers};
use crate::watchdog::step;

/// A payload whose drop panics, with a payload whose drop panics too.
struct Grenade(Count, u32);

impl Drop for Grenade {
    fn drop(&mut self) {
        self.0.add();
        if self.1 > 0 {
            panic_any(Self(self.0.clone(), self.1 - 1));
        }
    }
}

#[test]
fn a_future_whose_drop_panics_after_it_was_ready_has_panicked() {
    with_workers(|executor| {
        // A future made by `async` drops what it captured in its last poll; one made by hand later.
        let bad_drop = OnDrop(|| panic!("in drop"));
        let handle = executor.spawn(async move {
            let _kept = &bad_drop;
            7
        });
        let error = block_on(handle.join()).unwrap_err();
        assert_eq!(error.to_string(), "the task panicked: in drop");
        let outputs = Count::new();
        let (mut output, bad_drop) = (Some(outputs.on_drop()), OnDrop(|| panic!("later")));
        let handle = executor.spawn(std::future::poll_fn(move |_| {
            let _kept = &bad_drop;
            std::task::Poll::Ready(output.take().unwrap())
        }));
        let error = block_on(handle.join()).map(drop).unwrap_err();
        assert_eq!(error.to_string(), "the task panicked: later");
        step("the output that nobody gets");
        outputs.wait_for(1);
    });
}

#[test]
fn a_future_whose_drop_panics_when_it_is_cancelled_harms_nobody() {
    with_workers(|executor| {
        let handle = executor.spawn(pending_with(OnDrop(|| panic!("in drop"))));
        assert_eq!(block_on(handle.cancel()), None);
        let stuck: Vec<_> = (0..50)
            .map(|_| executor.spawn(pending_with(OnDrop(|| panic!("in drop")))))
            .collect();
        let neighbour = executor.spawn(async { 7 });
        for handle in stuck {
            drop(handle.cancel());
        }
        assert_eq!(block_on(neighbour), 7);
    });
}

#[test]
fn futures_whose_drops_panic_at_shutdown_are_all_dropped() {
    watched(|| {
        for workers in crate::support::SIZES {
            let executor = crate::support::executor(workers);
            let (dropped, polled) = (Count::new(), Count::new());
            for _ in 0..100 {
                let (guard, polled) = (dropped.on_drop(), polled.clone());
                let bad = OnDrop(|| panic!("in drop"));
                let future = async move {
                    let _kept = (guard, bad);
                    polled.add();
                    std::future::pending::<()>().await;
                };
                executor.spawn(future).detach();
            }
            polled.wait_for(100);
            step("the executor's end");
            drop(executor);
            assert_eq!(dropped.get(), 100);
        }
    });
}

#[test]
fn an_output_whose_drop_panics_is_contained_with_and_without_a_handle() {
    with_workers(|executor| {
        let make = || OnDrop(|| panic!("output's drop"));
        executor.spawn(async move { make() }).detach();
        let handle = executor.spawn(async move { make() });
        crate::support::spin_until(|| handle.is_finished());
        drop(handle);
        let handle = executor.spawn(async move { make() });
        crate::support::spin_until(|| handle.is_finished());
        drop(handle.cancel());
        assert_eq!(block_on(executor.spawn(async { 7 })), 7);
    });
}

#[test]
fn a_payload_whose_drop_panics_goes_off_harmlessly() {
    with_workers(|executor| {
        for strategy in [PanicStrategy::Ignore, PanicStrategy::Propagate] {
            let gone = Count::new();
            let grenade = Grenade(gone.clone(), 1_000_000);
            let builder = Builder::new().on(executor).panic_strategy(strategy);
            builder.spawn(async move { panic_any(grenade) }).detach();
            step("the payload's drop");
            gone.wait_for(1);
        }
        let grenade = Grenade(Count::new(), 3);
        let handle = Builder::new()
            .on(executor)
            .spawn_result(async move { panic_any(grenade) });
        crate::support::spin_until(|| handle.is_finished());
        drop(handle);
        let grenade = Grenade(Count::new(), 3);
        let join = executor.spawn(async move { panic_any(grenade) }).join();
        drop(block_on(join));
        assert_eq!(block_on(executor.spawn(async { 7 })), 7);
    });
}

#[test]
fn a_panic_on_a_panic_of_the_same_futures_drop_keeps_the_first() {
    with_workers(|executor| {
        let bad = OnDrop(|| panic!("second"));
        let handle = executor.spawn(std::future::poll_fn(move |_| {
            let _kept = &bad;
            if true {
                panic!("first");
            }
            std::task::Poll::Ready(())
        }));
        let error = block_on(handle.join()).unwrap_err();
        assert_eq!(error.to_string(), "the task panicked: first");
    });
}
