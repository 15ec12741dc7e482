//! More sockets with events at a time than a worker's ring holds. No other executor may take some of these.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use rejoin::{Executor, TaskGroup, yield_now};
use rejoin_io::UnixStream;

use crate::passes;
use crate::watchdog::step;

/// Sends the byte back that comes, until there were `enough` in all or the other end has gone.
async fn answer(end: UnixStream, turns: &AtomicUsize, all: &AtomicUsize, enough: usize) {
    while matches!(end.read(&mut [0]).await, Ok(1)) {
        if all.fetch_add(1, SeqCst) >= enough || end.write_all(b"!").await.is_err() {
            return;
        }
        turns.fetch_add(1, SeqCst);
    }
}

#[test]
fn of_many_connections_that_are_busy_none_waits_for_long() {
    passes("busy connections", 4_096);
}

pub(crate) fn busy_connections() {
    const PAIRS: usize = 400;
    const ROUNDS: usize = 20;
    let executor = Executor::builder().threads(1).build().unwrap();
    let turns: Arc<Vec<_>> = Arc::new((0..PAIRS).map(|_| AtomicUsize::new(0)).collect());
    let seen = Arc::clone(&turns);
    executor.block_on(executor.spawn(async move {
        let (all, ends) = (Arc::new(AtomicUsize::new(0)), TaskGroup::new());
        for pair in 0..PAIRS {
            let (one, other) = UnixStream::pair().unwrap();
            one.write_all(b"!").await.unwrap();
            for end in [one, other] {
                let (turns, all) = (Arc::clone(&seen), Arc::clone(&all));
                ends.spawn(async move {
                    answer(end, &turns[pair], &all, PAIRS * ROUNDS).await;
                });
            }
        }
        step("waiting for the connections");
        ends.join().await;
    }));
    let turns: Vec<_> = turns.iter().map(|turns| turns.load(SeqCst)).collect();
    let (least, most) = (turns.iter().min(), turns.iter().max());
    assert!(least >= Some(&(ROUNDS / 2)), "{least:?} to {most:?}");
}

#[test]
fn sockets_are_served_in_the_order_of_their_events_however_many() {
    passes("many events", 4_096);
}

pub(crate) fn many_events() {
    const SOCKETS: usize = 1_000;
    let executor = Executor::builder().threads(1).build().unwrap();
    let order = executor.block_on(executor.spawn(async move {
        let (served, readers) = (Arc::new(Mutex::new(Vec::new())), TaskGroup::new());
        let (mut writers, waiting) = (Vec::new(), Arc::new(AtomicUsize::new(0)));
        for socket in 0..SOCKETS {
            let (reader, writer) = UnixStream::pair().unwrap();
            writers.push(writer);
            let (served, waits) = (Arc::clone(&served), Arc::clone(&waiting));
            readers.spawn(async move {
                let mut buffer = [0];
                let mut read = pin!(reader.read(&mut buffer));
                assert!(poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).is_pending())).await);
                waits.fetch_add(1, SeqCst);
                read.await.unwrap();
                served.lock().unwrap().push(socket);
            });
        }
        while waiting.load(SeqCst) < SOCKETS {
            yield_now().await;
        }
        for writer in &writers {
            writer.write_all(b"!").await.unwrap();
        }
        readers.join().await;
        Arc::into_inner(served).unwrap().into_inner().unwrap()
    }));
    let late = order
        .iter()
        .enumerate()
        .map(|(turn, &socket)| turn.saturating_sub(socket));
    let latest = late.max().unwrap();
    // A third of a ring, which ran beside what found no room in it; with the oldest moved aside it was 200 and more.
    assert!(latest < 190, "{latest} turns late");
}
