//! Asks several replicas, takes the first answer, and stops asking the others.
//!
//! What to watch: a replica that fails does not end the race, because the group keeps going; when the group
//! is dropped the slow ones are cancelled; and when nobody answers in time, the report says who was asked.

use std::future::pending;
use std::time::Duration;

use async_io::Timer;
use rejoin::{TaskGroup, block_on};

/// One replica of a store. A real one would be asked over a network.
#[derive(Clone, Copy)]
enum Replica {
    Down,
    Answers(&'static str),
    Hangs,
}

async fn ask(replica: Replica) -> Result<&'static str, &'static str> {
    match replica {
        Replica::Down => Err("connection refused"),
        Replica::Answers(answer) => Ok(answer),
        Replica::Hangs => pending().await,
    }
}

/// The first answer of any replica; if there is none in time, why.
async fn first(replicas: &[(&'static str, Replica)], patience: Duration) -> Result<String, String> {
    let mut group = TaskGroup::fallible().keep_going();
    for &(name, replica) in replicas {
        group.named(name).spawn(ask(replica));
    }
    let answer = async {
        while let Some(answer) = group.next().await {
            if let Ok(answer) = answer {
                return Some(answer.to_owned());
            }
        }
        None
    };
    let timer = async {
        Timer::after(patience).await;
        None
    };
    if let Some(answer) = futures_first(answer, timer).await {
        return Ok(answer); // The group goes, and with it those that hang.
    }
    match group.deadline(async {}).await {
        Ok(()) => Err("all replicas failed".to_owned()),
        Err(late) => Err(late.to_string()),
    }
}

/// What is ready first.
async fn futures_first<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    use futures::future::{Either, select};

    match select(std::pin::pin!(one), std::pin::pin!(other)).await {
        Either::Left((output, _)) | Either::Right((output, _)) => output,
    }
}

fn main() {
    let (a, b, c) = (Replica::Down, Replica::Hangs, Replica::Answers("42"));
    let long = Duration::from_secs(3600);
    let answer = block_on(first(&[("a", a), ("b", b), ("c", c)], long));
    println!("the answer is {}", answer.as_ref().unwrap());
    assert_eq!(answer.as_deref(), Ok("42"));

    let failure = block_on(first(&[("a", a), ("b", b)], Duration::from_millis(20))).unwrap_err();
    println!("no answer: {failure}");
    assert!(failure.starts_with("1 task is late") && failure.contains("\"b\""));
}
