//! Watch a server stop: whoever was let in is served, whoever comes too late is refused.
//!
//! `cargo run -p rejoin-wait-group --example shutdown`

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::Duration;

use rejoin_wait_group::{Wait, WaitGroup};
use smol::Timer;

static CLOSING: AtomicBool = AtomicBool::new(false);
static SERVED: AtomicUsize = AtomicUsize::new(0);

/// Lets requests in until the server closes, and reports how many.
///
/// The server may have closed, and even finished, since this looked at `CLOSING`. Then `try_join` says
/// so: to join and to find the group finished is one step, so nobody slips in behind the wait.
async fn accept(door: Wait, report: mpsc::Sender<usize>) {
    let mut accepted = 0;
    while !CLOSING.load(Relaxed) {
        let Some(request) = door.try_join() else {
            break;
        };
        accepted += 1;
        smol::spawn(async move {
            Timer::after(Duration::from_millis(3)).await;
            SERVED.fetch_add(1, Relaxed);
            drop(request);
        })
        .detach();
        Timer::after(Duration::from_millis(5)).await;
    }
    report.send(accepted).unwrap();
}

fn main() {
    smol::block_on(async {
        // Keeps the server open while it has nothing to do.
        let open = WaitGroup::new();
        let door = open.waiter();

        let (report, reports) = mpsc::channel();
        for _ in 0..3 {
            smol::spawn(accept(door.clone(), report.clone())).detach();
        }
        drop(report);

        Timer::after(Duration::from_millis(61)).await;
        println!("closing with {} requests at work", open.workers() - 1);
        CLOSING.store(true, Relaxed);
        let closed = open.wait();
        closed.await;
        let served = SERVED.load(Relaxed);
        println!("the last one is served: {served} in all");

        println!("one more? {:?}", door.try_join());
        let accepted: usize = reports.iter().sum();
        assert_eq!(accepted, served, "everybody who was let in was served");
    });
}
