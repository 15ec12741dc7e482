//! Watch a fan-out end at its deadline with the replies it has, and say who did not answer.
//!
//! `cargo run -p rejoin-wait-group --features trace --example deadline`

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rejoin_wait_group::WaitGroup;
use smol::Timer;

/// A replica that answers after its delay.
async fn ask(replica: usize, delay: Duration) -> String {
    Timer::after(delay).await;
    format!("replica {replica}: 42")
}

fn main() {
    let delays = [5, 2_000, 8, 3_000, 3].map(Duration::from_millis);
    smol::block_on(async {
        let replies = Arc::new(Mutex::new(Vec::new()));
        let group = WaitGroup::new();
        for (replica, delay) in delays.into_iter().enumerate() {
            // The worker has the replica's name; it is done when the task is, however that ends.
            let worker = group.named(format!("replica {replica}"));
            let replies = Arc::clone(&replies);
            smol::spawn(async move {
                let reply = ask(replica, delay).await;
                replies.lock().unwrap().push(reply);
                drop(worker);
            })
            .detach();
        }

        let deadline = Timer::after(Duration::from_millis(100));
        let outcome = group.wait().or(deadline).await;
        println!("replies:");
        for reply in replies.lock().unwrap().iter() {
            println!("  {reply}");
        }
        if let Err((_, waiter)) = outcome {
            println!("{} did not answer in time:", waiter.workers());
            for missing in waiter.outstanding() {
                let name = missing.name().unwrap_or("?");
                println!("  {name}, asked at {}", missing.location());
            }
        }
    });
}
