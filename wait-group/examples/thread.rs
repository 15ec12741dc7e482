//! Watch a plain thread wait for tasks of an executor: first too briefly, then to the end.
//!
//! `cargo run -p rejoin-wait-group --example thread`

use std::time::Duration;

use rejoin_wait_group::WaitGroup;
use smol::Timer;

fn main() {
    let group = WaitGroup::new();
    for part in 1..=4 {
        let work = async move {
            Timer::after(Duration::from_millis(25 * part)).await;
            println!("  part {part} is done");
        };
        // The tracked future is one more worker until it has been dropped.
        smol::spawn(group.track(work)).detach();
    }

    // Gives up this thread's own handle: it must not wait for itself.
    let waiter = group.wait();

    println!("waiting for 60 ms:");
    match waiter.wait_timeout(Duration::from_millis(60)) {
        Ok(()) => println!("all parts are done"),
        Err(error) => println!("after 60 ms: {error}"),
    }

    println!("waiting for as long as it takes:");
    waiter.wait_blocking();
    println!("all parts are done");
}
