//! I/O beside computation, other executors, threads, and the end of an executor.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rejoin::{Spawner, TaskGroup, spawn, yield_now};
use rejoin_io::{TcpListener, TcpStream, sleep};

use crate::support::{executor, pattern, read_all, watched, with_workers};
use crate::watchdog::step;

/// Two ends of one connection.
async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    Ok((client, listener.accept().await?.0))
}

/// Sends a byte to and fro, so often.
async fn ping_pong(rounds: u32) -> io::Result<()> {
    let (one, other) = pair().await?;
    let answers = spawn(async move {
        for _ in 0..rounds {
            let mut byte = [0];
            read_all(&other, &mut byte).await?;
            other.write_all(&byte).await?;
        }
        Ok::<(), io::Error>(())
    });
    for round in 0..rounds {
        let byte = [round as u8];
        one.write_all(&byte).await?;
        let mut answer = [0];
        read_all(&one, &mut answer).await?;
        assert_eq!(answer, byte);
    }
    answers.await
}

/// Computes for so long.
fn compute(length: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < length {
        std::hint::spin_loop();
    }
}

#[test]
fn computation_that_gives_way_does_not_starve_io() {
    with_workers(|| async {
        let (stop, turns) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let busy = TaskGroup::new();
        // More than there are workers.
        for _ in 0..8 {
            let (stop, turns) = (Arc::clone(&stop), Arc::clone(&turns));
            busy.spawn(async move {
                while !stop.load(Relaxed) {
                    compute(Duration::from_micros(50));
                    turns.fetch_add(1, Relaxed);
                    yield_now().await;
                }
            });
        }
        spawn(ping_pong(200)).await?;
        sleep(Duration::from_millis(1)).await;
        stop.store(true, Relaxed);
        busy.join().await;
        assert!(turns.load(Relaxed) > 8, "and computation went on");
        Ok(())
    });
}

#[test]
fn io_that_is_always_ready_does_not_starve_tasks() {
    with_workers(|| async {
        let (from, to) = pair().await?;
        let flood = TaskGroup::new();
        flood.spawn(async move {
            let bytes = pattern(1 << 14);
            while from.write_all(&bytes).await.is_ok() {}
        });
        flood.spawn(async move {
            let mut buffer = vec![0; 1 << 16];
            while to.read(&mut buffer).await.is_ok() {}
        });
        for _ in 0..100 {
            spawn(yield_now()).await;
            ping_pong(1).await?;
        }
        flood.cancel();
        Ok(())
    });
}

#[test]
fn a_poll_that_does_not_end_keeps_only_its_own_worker_from_io() {
    watched(|| {
        let executor = executor(2);
        let (stop, stops) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let stuck = executor.spawn(async move {
            tell.send(()).unwrap();
            // Blocking that no executor sees.
            let _ = stops.recv();
        });
        told.recv().unwrap();
        executor.block_on(executor.spawn(ping_pong(100))).unwrap();
        drop(stop);
        executor.block_on(stuck);
    });
}

#[test]
fn a_poll_that_an_event_began_and_that_blocks_for_another_event_gets_it() {
    watched(|| {
        let executor = executor(2);
        for _ in 0..100 {
            let ((one, wakes_one), (other, wakes_other)) = executor
                .block_on(async { io::Result::Ok((pair().await?, pair().await?)) })
                .unwrap();
            let (tell, told) = mpsc::channel();
            let blocks = executor.spawn(async move {
                read_all(&one, &mut [0]).await?;
                // The worker that was in the poller is here now.
                wakes_other.write_all(b"!").await?;
                told.recv().expect("the other one comes to it");
                io::Result::Ok(())
            });
            let frees = executor.spawn(async move {
                read_all(&other, &mut [0]).await?;
                tell.send(()).expect("it is waited for");
                io::Result::Ok(())
            });
            executor.block_on(wakes_one.write_all(b"!")).unwrap();
            executor.block_on(blocks).unwrap();
            executor.block_on(frees).unwrap();
        }
    });
}

#[test]
fn events_that_never_cease_keep_no_worker_from_what_another_has_left() {
    watched(|| {
        let executor = executor(2);
        let flood = executor.block_on(async {
            let flood = TaskGroup::new();
            // Several, so that each look into the poller finds something.
            for _ in 0..4 {
                flood.spawn(ping_pong(u32::MAX));
            }
            ping_pong(100).await.map(|()| flood)
        });
        step("slow polls that leave two tasks behind");
        for _ in 0..50 {
            let slow = executor.spawn(async {
                let (tell, told) = mpsc::channel();
                // The older one makes room for the newer one in the worker's slot.
                for _ in 0..2 {
                    let tell = tell.clone();
                    spawn(async move { tell.send(()).expect("it is waited for") }).detach();
                }
                // Blocking that no executor sees.
                told.recv().expect("it is run by the other worker");
                told
            });
            drop(executor.block_on(slow));
        }
        flood.unwrap().cancel();
    });
}

#[test]
fn spawns_from_outside_reach_workers_that_sleep_in_the_poller() {
    watched(|| {
        let executor = executor(1);
        // Something to wait for in the poller.
        let (_open, _other) = executor.block_on(pair()).unwrap();
        for round in 0..2_000 {
            let (tell, told) = mpsc::channel();
            executor
                .spawn(async move { tell.send(round).unwrap() })
                .detach();
            assert_eq!(told.recv(), Ok(round));
        }
    });
}

#[test]
fn wakes_from_outside_reach_tasks_beside_those_that_wait_for_sockets() {
    watched(|| {
        let executor = executor(1);
        let (mut client, server) = executor
            .block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let client = std::net::TcpStream::connect(listener.local_addr()?)?;
                Ok::<_, io::Error>((client, listener.accept().await?.0))
            })
            .unwrap();
        let echoes = executor.spawn(async move {
            for _ in 0..1_000 {
                let mut byte = [0];
                read_all(&server, &mut byte).await?;
                server.write_all(&byte).await?;
            }
            Ok::<(), io::Error>(())
        });
        for round in 0..1_000_u32 {
            // Now the one, now the other, now both at a time.
            let spawned = (round % 3 != 0).then(|| executor.spawn(async move { round }));
            client.write_all(&[round as u8]).unwrap();
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [round as u8]);
            if let Some(spawned) = spawned {
                assert_eq!(rejoin::block_on(spawned), round);
            }
        }
        executor.block_on(echoes).unwrap();
    });
}

#[test]
fn executors_talk_to_each_other() {
    watched(|| {
        let (left, right) = (executor(1), executor(2));
        let listener = left.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let server = left.spawn(async move {
            for _ in 0..50 {
                let (stream, _) = listener.accept().await?;
                let mut byte = [0];
                read_all(&stream, &mut byte).await?;
                stream.write_all(&byte).await?;
            }
            Ok::<(), io::Error>(())
        });
        let clients = right.spawn(async move {
            for round in 0..50 {
                let stream = TcpStream::connect(address).await?;
                stream.write_all(&[round]).await?;
                let mut byte = [0];
                read_all(&stream, &mut byte).await?;
                assert_eq!(byte, [round]);
            }
            Ok::<(), io::Error>(())
        });
        right.block_on(clients).unwrap();
        left.block_on(server).unwrap();
    });
}

#[test]
fn an_executor_that_is_dropped_closes_the_sockets_of_its_tasks() {
    watched(|| {
        let executor = executor(2);
        let (mut client, server) = executor
            .block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let client = std::net::TcpStream::connect(listener.local_addr()?)?;
                Ok::<_, io::Error>((client, listener.accept().await?.0))
            })
            .unwrap();
        executor
            .spawn(async move { server.read(&mut [0; 8]).await })
            .detach();
        executor.spawn(sleep(Duration::from_secs(100_000))).detach();
        step("the end of the executor");
        drop(executor);
        step("the end of the stream");
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    });
}

#[test]
fn sockets_go_from_one_executor_to_the_next() {
    watched(|| {
        let (one, other) = executor(1).block_on(pair()).unwrap();
        let next = executor(1);
        let reads = next.spawn(async move {
            let mut byte = [0];
            read_all(&other, &mut byte).await.map(|()| byte)
        });
        rejoin::block_on(one.write_all(b"x")).unwrap();
        assert_eq!(next.block_on(reads).unwrap(), *b"x");
    });
}

#[test]
fn threads_and_other_executors_read_and_write_too() {
    watched(|| {
        let (one, other) = rejoin::block_on(pair()).unwrap();
        let reads = thread::spawn(move || {
            let mut bytes = [0; 4];
            futures_lite::future::block_on(read_all(&other, &mut bytes)).map(|()| bytes)
        });
        for byte in b"four" {
            futures_lite::future::block_on(one.write_all(&[*byte])).unwrap();
        }
        assert_eq!(reads.join().unwrap().unwrap(), *b"four");
    });
}

#[test]
fn a_task_in_block_on_waits_for_a_socket_while_others_use_its_worker() {
    watched(|| {
        let executor = executor(1);
        let blocked = executor.spawn(async { rejoin::block_on(ping_pong(50)) });
        let spawner: Spawner = executor.spawner();
        assert!(spawner.is_alive());
        executor.block_on(executor.spawn(ping_pong(50))).unwrap();
        executor.block_on(blocked).unwrap();
    });
}
