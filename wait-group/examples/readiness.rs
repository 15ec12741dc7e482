//! Watch the listener open only when every component is up, and the one that fails be named.
//!
//! `cargo run -p rejoin-wait-group --features trace --example readiness`

use std::future::Future;
use std::time::Duration;

use rejoin_wait_group::WaitGroup;
use tokio::time::sleep;

/// How a component starts: after so many milliseconds, or never.
async fn start(name: &'static str, takes: Option<u64>) {
    match takes {
        Some(milliseconds) => sleep(Duration::from_millis(milliseconds)).await,
        None => std::future::pending().await,
    }
    println!("  {name} is up");
}

/// Starts everything. What is not up keeps its handle.
fn start_all(components: &[(&'static str, Option<u64>)]) -> impl Future<Output = ()> + use<> {
    let starting = WaitGroup::new();
    for &(name, takes) in components {
        let worker = starting.named(name);
        tokio::spawn(async move {
            start(name, takes).await;
            worker.done();
        });
    }
    open_when_ready(starting)
}

async fn open_when_ready(starting: WaitGroup) {
    let patience = Duration::from_millis(200);
    match starting.wait().or(sleep(patience)).await {
        Ok(()) => println!("all are up: the listener opens"),
        Err(((), waiter)) => {
            println!("not opened after {patience:?}, still waiting for:");
            for missing in waiter.outstanding() {
                println!("  {missing}");
            }
        }
    }
}

#[tokio::main]
async fn main() {
    println!("A good morning:");
    start_all(&[
        ("database", Some(60)),
        ("cache", Some(20)),
        ("queue", Some(40)),
    ])
    .await;

    println!("\nA bad one:");
    start_all(&[("database", Some(60)), ("cache", None), ("queue", Some(40))]).await;
}
