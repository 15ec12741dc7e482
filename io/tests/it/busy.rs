//! Sockets and timers beside tasks that never wait, in local tasks, in threads that block, and while an executor goes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use rejoin::{LocalExecutor, TaskGroup, spawn, spawn_local};
use rejoin_io::{TcpListener, TcpStream, UdpSocket, sleep};

use crate::support::{executor, read_all, watched, with_workers};
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
    for _ in 0..rounds {
        one.write_all(b"!").await?;
        read_all(&one, &mut [0]).await?;
    }
    answers.await
}

#[test]
fn tasks_that_wake_themselves_starve_neither_sockets_nor_timers() {
    with_workers(|| async {
        let stop = Arc::new(AtomicBool::new(false));
        let busy = TaskGroup::new();
        for _ in 0..100 {
            let stop = Arc::clone(&stop);
            busy.spawn(std::future::poll_fn(move |cx| {
                // No yield: it is woken in its own poll, each time.
                cx.waker().wake_by_ref();
                if stop.load(SeqCst) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }));
        }
        step("sockets beside tasks that wake themselves");
        spawn(ping_pong(20)).await?;
        step("a timer beside them");
        let begin = Instant::now();
        spawn(sleep(Duration::from_millis(2))).await;
        assert!(begin.elapsed() >= Duration::from_millis(2));
        stop.store(true, SeqCst);
        busy.join().await;
        Ok(())
    });
}

/// Not `Send`: a listener, a client and a timer on one thread.
async fn converse_locally() -> io::Result<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let said = Rc::new(7);
    let here = Rc::clone(&said);
    let server = spawn_local(async move {
        let (stream, _) = listener.accept().await?;
        sleep(Duration::from_millis(1)).await;
        stream.write_all(&[*here]).await
    });
    let client = TcpStream::connect(address).await?;
    let mut byte = [0];
    read_all(&client, &mut byte).await?;
    server.await?;
    drop(said);
    Ok(byte[0])
}

#[test]
fn local_tasks_wait_for_sockets_and_timers_wherever_they_are_driven() {
    watched(|| {
        step("on a thread without an executor");
        let local = LocalExecutor::new();
        assert_eq!(local.block_on(converse_locally()).unwrap(), 7);
        for workers in [1, 2] {
            let executor = executor(workers);
            step("in block_on of an executor");
            let conversed = executor.block_on(local.run(converse_locally()));
            assert_eq!(conversed.unwrap(), 7);
            step("in a task");
            let task = executor.spawn(async {
                let local = LocalExecutor::new();
                local.block_on(converse_locally()).unwrap()
            });
            assert_eq!(executor.block_on(task), 7);
        }
    });
}

#[test]
fn an_executor_goes_in_the_midst_of_events() {
    watched(|| {
        for round in 0..30 {
            let executor = executor(1 + round % 3);
            for _ in 0..3 {
                executor.spawn(ping_pong(u32::MAX)).detach();
            }
            let socket = executor.block_on(UdpSocket::bind("127.0.0.1:0")).unwrap();
            let socket = Arc::new(socket);
            let receives = Arc::clone(&socket);
            executor
                .spawn(async move { while receives.recv_from(&mut [0]).await.is_ok() {} })
                .detach();
            executor
                .spawn(async move {
                    let own = socket.local_addr().unwrap();
                    loop {
                        let _ = socket.send_to(b"!", own).await;
                        sleep(Duration::from_micros(100)).await;
                    }
                })
                .detach();
            step("events of an executor");
            executor.block_on(ping_pong(5)).unwrap();
            step("its end");
            drop(executor);
        }
        let next = executor(1);
        step("the one after");
        next.block_on(next.spawn(ping_pong(20))).unwrap();
    });
}

type Waits = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Drops the future that it was given with, when that is woken.
struct DropsWhatWaits(Mutex<Option<Waits>>, Mutex<mpsc::Sender<()>>);

impl Wake for DropsWhatWaits {
    fn wake(self: Arc<Self>) {
        let waits = self.0.lock().unwrap().take();
        drop(waits);
        self.1.lock().unwrap().send(()).unwrap();
    }
}

/// Polls `future` by a waker that drops it; who gets the other end hears of that.
fn dropped_when_woken(future: impl Future<Output = ()> + Send + 'static) -> mpsc::Receiver<()> {
    let (tell, told) = mpsc::channel();
    let drops = Arc::new(DropsWhatWaits(Mutex::new(None), Mutex::new(tell)));
    let waker = Waker::from(Arc::clone(&drops));
    let mut future: Waits = Box::pin(future);
    let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    *drops.0.lock().unwrap() = Some(future);
    told
}

#[test]
fn a_wake_by_an_event_may_drop_the_socket_or_the_timer_that_it_came_from() {
    watched(|| {
        for workers in [1, 2] {
            let executor = executor(workers);
            for _ in 0..20 {
                step("the drop of a listener in a wake");
                let listener = executor.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
                let address = listener.local_addr().unwrap();
                let told =
                    dropped_when_woken(async move { while listener.accept().await.is_ok() {} });
                let _client = std::net::TcpStream::connect(address).unwrap();
                told.recv().unwrap();
                step("the drop of a stream in a wake");
                let (one, other) = executor.block_on(pair()).unwrap();
                let told = dropped_when_woken(async move {
                    let _ = one.read(&mut [0]).await;
                });
                executor.block_on(other.write_all(b"!")).unwrap();
                told.recv().unwrap();
                step("the drop of a timer in a wake");
                let told = dropped_when_woken(sleep(Duration::from_millis(1)));
                told.recv().unwrap();
                step("others");
                executor.block_on(executor.spawn(ping_pong(2))).unwrap();
            }
        }
    });
}

#[test]
fn two_threads_in_block_on_wait_for_timers_and_for_each_other() {
    async fn side(stream: TcpStream) -> io::Result<()> {
        for _ in 0..3 {
            sleep(Duration::from_micros(500)).await;
            stream.write_all(b"!").await?;
            read_all(&stream, &mut [0]).await?;
        }
        Ok(())
    }
    watched(|| {
        for workers in [1, 2] {
            let executor = executor(workers);
            for _ in 0..10 {
                let (one, other) = executor.block_on(pair()).unwrap();
                thread::scope(|scope| {
                    scope.spawn(|| executor.block_on(side(one)).unwrap());
                    executor.block_on(side(other)).unwrap();
                });
            }
        }
    });
}
