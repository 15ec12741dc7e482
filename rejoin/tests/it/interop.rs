//! Leaf futures of others, unchanged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::channel::{mpsc, oneshot};
use futures::stream::FuturesUnordered;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use rejoin::{block_on, spawn};

use crate::support::with_workers;
use crate::watchdog::step;

#[test]
fn futures_channels_carry_values_between_tasks() {
    with_workers(|executor| {
        let (sender, receiver) = mpsc::channel::<u64>(3);
        for start in 0..4 {
            let mut sender = sender.clone();
            executor
                .spawn(async move {
                    for n in 0..250 {
                        futures::SinkExt::send(&mut sender, start * 250 + n)
                            .await
                            .unwrap();
                    }
                })
                .detach();
        }
        drop(sender);
        let sum = executor.spawn(receiver.fold(0, |sum, n| async move { sum + n }));
        assert_eq!(block_on(sum), 1_000 * 999 / 2);
        let (send, receive) = oneshot::channel();
        executor
            .spawn(async move { send.send(7).unwrap() })
            .detach();
        assert_eq!(block_on(receive), Ok(7));
    });
}

#[test]
fn async_channel_feeds_many_consumers() {
    with_workers(|executor| {
        let (sender, receiver) = async_channel::bounded::<u64>(8);
        let consumers: Vec<_> = (0..8)
            .map(|_| {
                let receiver = receiver.clone();
                executor.spawn(async move {
                    let mut sum = 0;
                    while let Ok(n) = receiver.recv().await {
                        sum += n;
                    }
                    sum
                })
            })
            .collect();
        executor.block_on(async move {
            for n in 0..2_000 {
                sender.send(n).await.unwrap();
            }
        });
        assert_eq!(
            consumers.into_iter().map(block_on).sum::<u64>(),
            2_000 * 1_999 / 2
        );
    });
}

#[test]
fn a_timer_of_async_io_runs_on_its_own_thread_and_wakes_the_task() {
    with_workers(|executor| {
        let pause = Duration::from_millis(3);
        let begun = Instant::now();
        let timers: Vec<_> = (0..20)
            .map(|_| executor.spawn(async move { async_io::Timer::after(pause).await }))
            .collect();
        step("the timers");
        for timer in timers {
            block_on(timer);
        }
        assert!(begun.elapsed() >= pause);
    });
}

#[test]
fn sockets_of_async_net_carry_bytes_between_tasks() {
    with_workers(|executor| {
        let listener = async_net::TcpListener::bind("127.0.0.1:0");
        let listener = block_on(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let server = executor.spawn(async move {
            for _ in 0..20 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut text = Vec::new();
                stream.read_to_end(&mut text).await.unwrap();
                text.reverse();
                stream.write_all(&text).await.unwrap();
            }
        });
        let client = |number: usize| async move {
            let mut stream = async_net::TcpStream::connect(address).await.unwrap();
            let sent: Vec<_> = (0..100_000).map(|place| (place * number) as u8).collect();
            stream.write_all(&sent).await.unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).await.unwrap();
            assert!(got.iter().eq(sent.iter().rev()), "client {number}");
        };
        let clients: Vec<_> = (0..20)
            .map(|number| executor.spawn(client(number)))
            .collect();
        step("the clients");
        clients.into_iter().for_each(block_on);
        block_on(server);
    });
}

#[test]
fn files_of_async_fs_are_written_and_read_in_tasks() {
    with_workers(|executor| {
        let name = format!("rejoin-interop-{}-{:?}", std::process::id(), Instant::now());
        let path = std::env::temp_dir().join(name.replace(' ', ""));
        let (written, read) = (path.clone(), path.clone());
        let text = executor.spawn(async move {
            async_fs::write(&written, "what was written").await.unwrap();
            async_fs::read_to_string(&read).await.unwrap()
        });
        assert_eq!(block_on(text), "what was written");
        let gone = executor.spawn(async move {
            async_fs::remove_file(&path).await.unwrap();
            async_fs::metadata(&path).await.unwrap_err().kind()
        });
        assert_eq!(block_on(gone), std::io::ErrorKind::NotFound);
    });
}

#[test]
fn processes_of_async_process_are_fed_and_waited_for_in_tasks() {
    use async_process::{Command, Stdio};
    with_workers(|executor| {
        let children: Vec<_> = (0..8)
            .map(|number| {
                executor.spawn(async move {
                    let mut command = Command::new("sh");
                    command.args(["-c", &format!("cat; exit {number}")]);
                    let mut child = command
                        .stdin(Stdio::piped())
                        .stdout(Stdio::piped())
                        .spawn()
                        .unwrap();
                    let mut input = child.stdin.take().unwrap();
                    input.write_all(b"to be sent back").await.unwrap();
                    drop(input);
                    let output = child.output().await.unwrap();
                    assert_eq!(output.stdout, b"to be sent back");
                    output.status.code()
                })
            })
            .collect();
        step("the children");
        for (number, child) in children.into_iter().enumerate() {
            assert_eq!(block_on(child), Some(number as i32));
        }
    });
}

#[test]
fn tokio_sync_primitives_work_without_a_runtime() {
    with_workers(|executor| {
        let mutex = Arc::new(tokio::sync::Mutex::new(0));
        let (started, _) = tokio::sync::broadcast::channel::<u32>(4);
        let semaphore = Arc::new(tokio::sync::Semaphore::new(2));
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let (mutex, semaphore) = (Arc::clone(&mutex), Arc::clone(&semaphore));
                let mut go = started.subscribe();
                executor.spawn(async move {
                    let _permit = semaphore.acquire().await.unwrap();
                    assert_eq!(go.recv().await, Ok(1));
                    *mutex.lock().await += 1;
                })
            })
            .collect();
        started.send(1).unwrap();
        tasks.into_iter().for_each(block_on);
        assert_eq!(*block_on(mutex.lock()), 20);
        let notify = Arc::new(tokio::sync::Notify::new());
        let waiting = Arc::clone(&notify);
        let task = executor.spawn(async move { waiting.notified().await });
        notify.notify_one();
        block_on(task);
    });
}

#[test]
fn handles_work_in_the_combinators_of_futures() {
    with_workers(|executor| {
        let joined = executor.block_on(async {
            futures::future::join_all((0..50).map(|n| spawn(async move { n }))).await
        });
        assert_eq!(joined, (0..50).collect::<Vec<_>>());
        let mut any: FuturesUnordered<_> =
            (0..50).map(|n| executor.spawn(async move { n })).collect();
        let mut sum = 0;
        executor.block_on(async {
            while let Some(n) = any.next().await {
                sum += n;
            }
        });
        assert_eq!(sum, 50 * 49 / 2);
        let slow = executor.spawn(std::future::pending::<u32>());
        let fast = executor.spawn(async { 7 });
        let either = block_on(futures::future::select(slow, fast));
        let futures::future::Either::Right((7, slow)) = either else {
            panic!("the pending one was first");
        };
        assert_eq!(block_on(slow.cancel()), None);
    });
}

#[test]
fn messages_go_round_through_long_chains_of_tasks_and_come_out() {
    const LENGTH: usize = 100;
    const ROUNDS: usize = 5;
    for workers in crate::support::SIZES {
        let _watchdog = crate::watchdog::watchdog("messages through chains of tasks");
        let executor = crate::support::executor(workers);
        let mut ends = Vec::new();
        for _ in 0..30 {
            let (first, mut last) = async_channel::bounded::<usize>(10);
            for _ in 0..LENGTH {
                let (next, received) = async_channel::bounded(10);
                let from = std::mem::replace(&mut last, received);
                executor
                    .spawn(async move {
                        while let Ok(hops) = from.recv().await {
                            next.send(hops + 1).await.unwrap();
                        }
                    })
                    .detach();
            }
            let (out, comes_out) = async_channel::bounded(1);
            let back = first.clone();
            executor
                .spawn(async move {
                    for _ in 1..ROUNDS {
                        let hops = last.recv().await.unwrap();
                        back.send(hops).await.unwrap();
                    }
                    out.send(last.recv().await.unwrap()).await.unwrap();
                })
                .detach();
            ends.push((first, comes_out));
        }
        step("all messages");
        executor.block_on(async {
            for (first, _) in &ends {
                first.send(0).await.unwrap();
            }
            for (_, comes_out) in &ends {
                assert_eq!(comes_out.recv().await, Ok(LENGTH * ROUNDS));
            }
        });
        step("the end of the executor, whose tasks wait for one another");
        drop(executor);
    }
}
