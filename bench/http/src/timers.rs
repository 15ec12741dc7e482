//! 100,000 timers at a time: such as expire, each in a task of its own, and such as are taken back.

use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use std::{io, process};

use rejoin::WaitGroup;

use crate::arguments::Timers;
use crate::rows;
use crate::runtimes::{Runtime, on};
use crate::sample::Value;
use crate::statistics::quantile;
use crate::usage::Usage;

/// From the first moment that is due, and how long all of them take: long enough to have been created before.
const FIRST: Duration = Duration::from_millis(500);
const SPREAD: Duration = Duration::from_millis(900);

/// When those would be due that are taken back: never in this run.
const LONG: Duration = Duration::from_secs(10_000);

/// How often timers are created and taken back; the first time is for the caches.
const REPEATS: usize = 5;

/// Measures both rows in this process, and prints them.
pub(crate) fn print(timers: Timers) -> Result<(), String> {
    let values = on!(
        timers.runtime,
        timers::measure,
        timers.threads,
        timers.count
    );
    let mut out = io::stdout().lock();
    for (row, value) in values {
        writeln!(out, "{row},{}", value.to_line()).map_err(|error| error.to_string())?;
    }
    out.flush().map_err(|error| error.to_string())?;
    // Workers of all kinds may be left; nobody waits for them.
    process::exit(0);
}

/// Values, with the rows that they belong to.
pub(crate) fn measure<R: Runtime>(threads: usize, count: usize) -> Vec<(&'static str, Value)> {
    R::run(threads, async move {
        let expired = expire::<R>(count).await;
        let cancelled = cancel::<R>(count).await;
        let of = |row| move |value| (row, value);
        let expired = expired.into_iter().map(of(rows::EXPIRE));
        expired
            .chain(cancelled.into_iter().map(of(rows::CANCEL)))
            .collect()
    })
}

/// A task per timer. They are due at spread moments, in no order.
async fn expire<R: Runtime>(count: usize) -> Vec<Value> {
    let (tell, told) = mpsc::channel();
    let all = WaitGroup::new();
    let before = Usage::of_process();
    let begin = Instant::now();
    for number in 0..count {
        // A multiplier that has no factor in common with any count that is asked for.
        let place = (number * 7_919 % count) as u32;
        let due = begin + FIRST + SPREAD * place / count as u32;
        let (tell, one) = (tell.clone(), all.clone());
        R::spawn(async move {
            R::sleep_until(due).await;
            let now = Instant::now();
            let late = now.checked_duration_since(due);
            tell.send(late.expect("no timer expires early"))
                .expect("somebody listens");
            drop(one);
        });
    }
    let created = begin.elapsed();
    all.wait().await;
    let usage = Usage::of_process() - before;
    let late: Vec<f64> = told.try_iter().map(|late| late.as_secs_f64()).collect();
    assert_eq!(late.len(), count, "every timer expires, once");
    let count = count as f64;
    let late = |at| quantile(&late, at) * 1e3;
    vec![
        Value::new("spawn", "ns", created.as_nanos() as f64 / count),
        Value::new("cpu", "ns", usage.cpu / count),
        Value::new("late p50", "ms", late(0.5)),
        Value::new("late p99", "ms", late(0.99)),
        Value::new("late max", "ms", late(1.0)),
    ]
}

/// In one task, polled once each, then dropped in another order: what becomes of most timeouts.
async fn cancel<R: Runtime>(count: usize) -> Vec<Value> {
    let (mut created, mut cancelled) = (Duration::ZERO, Duration::ZERO);
    let mut before = Usage::of_process();
    for repeat in 0..=REPEATS {
        if repeat == 1 {
            (created, cancelled, before) = (Duration::ZERO, Duration::ZERO, Usage::of_process());
        }
        let mut timers = Vec::with_capacity(count);
        let begin = Instant::now();
        poll_fn(|cx| {
            for number in 0..count {
                let due = begin + LONG + Duration::from_micros(number as u64 * 7_919 % 1_000_000);
                let mut timer = Box::pin(R::sleep_until(due));
                assert!(is_pending(timer.as_mut(), cx), "nobody waits for so long");
                timers.push(Some(timer));
            }
            Poll::Ready(())
        })
        .await;
        created += begin.elapsed();
        let begin = Instant::now();
        for number in 0..count {
            timers[number * 7_919 % count] = None;
        }
        cancelled += begin.elapsed();
        assert!(
            timers.iter().all(Option::is_none),
            "every timer is taken back"
        );
    }
    let usage = Usage::of_process() - before;
    let each = (count * REPEATS) as f64;
    vec![
        Value::new("create", "ns", created.as_nanos() as f64 / each),
        Value::new("cancel", "ns", cancelled.as_nanos() as f64 / each),
        Value::new("cpu", "ns", usage.cpu / each),
    ]
}

fn is_pending(future: Pin<&mut impl Future<Output = ()>>, cx: &mut Context<'_>) -> bool {
    future.poll(cx).is_pending()
}
