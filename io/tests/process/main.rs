//! What needs a process of its own: few or many file descriptors, one executor and no other. This binary runs itself
//! again, with the case's name in the environment; the case must then end by itself.

#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod crowd;
#[path = "../../../rejoin/tests/it/watchdog.rs"]
mod watchdog;

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream as Blocking};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rejoin::{Executor, TaskGroup, block_on, spawn};
use rejoin_io::{TcpListener, TcpStream, interval, sleep, sleep_until};

use crate::watchdog::{step, watchdog};

const CASE: &str = "REJOIN_IO_TEST_CASE";

/// A case, as a process with so many file descriptors, or as many as it can have.
fn start(case: &str, descriptors: u32) -> Child {
    let limit = format!(
        "ulimit -n {descriptors} 2>/dev/null || ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\""
    );
    Command::new("sh")
        .args(["-c", &limit])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_case", "--ignored", "--nocapture"])
        .arg("--test-threads=1")
        .env(CASE, case)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// The port that a case prints among its first lines.
fn port(lines: &mut impl Iterator<Item = io::Result<String>>) -> u16 {
    let mut lines = lines.map(Result::unwrap);
    let port = lines.find_map(|line| Some(line.split_once("port ")?.1.parse().unwrap()));
    port.expect("a port")
}

/// Runs a case to its end.
fn passes(case: &str, descriptors: u32) {
    let _watchdog = watchdog(format!("process: {case}"));
    step("the child's end");
    let output = start(case, descriptors).wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("case done"),
        "{}: {text}",
        output.status
    );
    print!("{text}");
}

/// Not a test: what the children run.
#[test]
#[ignore = "run by the other tests, in processes of their own"]
fn a_case() {
    let Ok(case) = std::env::var(CASE) else {
        return;
    };
    let _watchdog = watchdog(format!("case: {case}"));
    match &*case {
        "few descriptors" => few_descriptors(),
        "idle connections" => idle_connections(),
        "adds no thread" => adds_no_thread(),
        "one worker" => one_worker(),
        "outlives its executor" => outlives_its_executor(),
        "foreign driver" => foreign_driver(),
        "stopped" => stopped(),
        "busy connections" => crowd::busy_connections(),
        "many events" => crowd::many_events(),
        other => panic!("no such case: {other}"),
    }
    println!("case done");
}

#[test]
fn a_server_without_descriptors_pauses_and_loses_no_connection() {
    const DESCRIPTORS: u32 = 40;
    const CLIENTS: usize = 100;
    let _watchdog = watchdog("few descriptors");
    let mut server = start("few descriptors", DESCRIPTORS);
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    step("the server's port");
    let port = port(&mut lines);
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| Blocking::connect(("127.0.0.1", port)).unwrap())
        .collect();
    step("the server's pause");
    let paused = |line: &str| line.contains("paused: Too many open files");
    assert!(lines.any(|line| paused(&line.unwrap())));
    step("every client's answer");
    // Each that has its answer leaves, and so makes room for one who waits.
    for client in &mut clients {
        client.read_exact(&mut [0]).unwrap();
        client.shutdown(Shutdown::Both).unwrap();
    }
    step("the server's end");
    drop(server.stdin.take());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(
        rest.iter().any(|line| line.contains("served 100")),
        "{rest:?}"
    );
    assert!(server.wait().unwrap().success());
}

fn few_descriptors() {
    let server = spawn(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("port {}", listener.local_addr()?.port());
        let mut incoming = listener
            .incoming()
            .on_pause(|error| println!("paused: {error}"));
        let connections = TaskGroup::new();
        for _ in 0..100 {
            let (stream, _) = incoming.next().await?;
            connections.spawn(async move {
                stream.write_all(b"x").await?;
                while stream.read(&mut [0; 8]).await? > 0 {}
                Ok::<(), io::Error>(())
            });
        }
        let served = connections.join().await.len();
        println!("served {served} after {} pauses", incoming.pauses());
        Ok::<(), io::Error>(())
    });
    block_on(server).unwrap();
}

#[test]
fn ten_thousand_connections_may_be_idle() {
    passes("idle connections", 24_000);
}

fn idle_connections() {
    let limit = fs::read_to_string("/proc/self/limits").unwrap();
    let limit = limit
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let limit = limit.unwrap().split_whitespace().nth(3).unwrap();
    // Both ends are here.
    let most = limit
        .parse()
        .map_or(10_000, |limit: usize| (limit - 100) / 2);
    let most = most.min(10_000);
    block_on(spawn(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let echoes = spawn(async move {
            let connections = TaskGroup::new();
            let mut incoming = listener.incoming();
            for _ in 0..most {
                let (stream, _) = incoming.next().await?;
                connections.spawn(async move {
                    let mut byte = [0];
                    while stream.read(&mut byte).await? > 0 {
                        stream.write_all(&byte).await?;
                    }
                    Ok::<(), io::Error>(())
                });
            }
            connections
                .join()
                .await
                .into_iter()
                .collect::<io::Result<()>>()
        });
        let mut clients = Vec::new();
        for _ in 0..most {
            clients.push(TcpStream::connect(address).await?);
        }
        let memory = fs::read_to_string("/proc/self/status")?;
        let memory = memory.lines().find(|line| line.starts_with("VmRSS"));
        println!("{most} connections, {}", memory.unwrap_or_default());
        // All of them are there, the first as well as the last.
        for client in clients.iter().step_by(97) {
            client.write_all(b"x").await?;
            assert_eq!(client.read(&mut [0]).await?, 1);
        }
        drop(clients);
        echoes.await
    }))
    .unwrap();
}

#[test]
fn no_thread_is_added() {
    passes("adds no thread", 256);
}

/// Sends a byte over a connection.
async fn one_byte() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    client.write_all(b"x").await?;
    assert_eq!(server.read(&mut [0]).await?, 1);
    sleep(Duration::from_millis(1)).await;
    Ok(())
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

fn adds_no_thread() {
    Executor::builder().threads(2).build_global().unwrap();
    block_on(spawn(async {}));
    let before = threads();
    block_on(spawn(one_byte())).unwrap();
    block_on(one_byte()).unwrap();
    assert_eq!(threads(), before);
}

#[test]
fn a_lone_worker_that_sleeps_in_the_poller_hears_of_everything() {
    passes("one worker", 256);
}

fn one_worker() {
    Executor::builder().threads(1).build_global().unwrap();
    block_on(one_byte()).unwrap();
    // It sleeps there, for good; each of these has to interrupt it.
    for round in 0..2_000 {
        let (tell, told) = mpsc::channel();
        spawn(async move { tell.send(round).unwrap() }).detach();
        assert_eq!(told.recv(), Ok(round));
    }
    for _ in 0..20 {
        block_on(one_byte()).unwrap();
        block_on(sleep(Duration::from_millis(1)));
    }
}

#[test]
fn who_waits_when_the_last_executor_goes_is_looked_after() {
    passes("outlives its executor", 256);
}

fn outlives_its_executor() {
    let executor = Executor::builder().threads(1).build().unwrap();
    let (mut client, server) = executor
        .block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let client = Blocking::connect(listener.local_addr()?)?;
            Ok::<_, io::Error>((client, listener.accept().await?.0))
        })
        .unwrap();
    let waits = thread::spawn(move || block_on(server.read(&mut [0; 8])));
    drop(executor);
    client.write_all(b"late").unwrap();
    assert_eq!(waits.join().unwrap().unwrap(), 4);
    // And once more, with nothing waiting at that moment.
    drop(Executor::builder().threads(1).build().unwrap());
    block_on(one_byte()).unwrap();
}

/// To a process that is stopped the clock jumps: what was to come one after the other is due all at once.
#[test]
fn timers_of_a_process_that_was_stopped_are_late_and_none_is_lost() {
    let _watchdog = watchdog("timers of a stopped process");
    let mut child = start("stopped", 256);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    step("the child's port");
    let port = port(&mut lines);
    let mut stream = Blocking::connect(("127.0.0.1", port)).unwrap();
    let signal = |name: &str| {
        let pid = child.id().to_string();
        let kill = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(kill.unwrap().success());
    };
    step("the first answer, when all timers are set");
    stream.read_exact(&mut [0]).unwrap();
    signal("STOP");
    // By then all of them are due; and something has come over the socket.
    thread::sleep(LAST_TIMER);
    stream.write_all(b"x").unwrap();
    signal("CONT");
    step("the answer after the stop");
    stream.read_exact(&mut [0]).unwrap();
    step("the child's end");
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("case done")));
}

/// When the last of the timers is due, and more than enough for all of them to be set.
const LAST_TIMER: Duration = Duration::from_millis(600);

fn stopped() {
    const TIMERS: u32 = 2_000;
    const PERIOD: Duration = Duration::from_millis(1);
    Executor::builder().threads(2).build_global().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    println!("port {}", listener.local_addr().unwrap().port());
    let (mut stream, _) = listener.accept().unwrap();
    let begin = Instant::now();
    let timers: Vec<_> = (1..=TIMERS)
        .map(|n| {
            let due = begin + LAST_TIMER * n / TIMERS;
            spawn(async move {
                sleep_until(due).await;
                Instant::now()
                    .checked_duration_since(due)
                    .expect("no timer is early")
            })
        })
        .collect();
    let ticks = spawn(async move {
        let (mut interval, mut ticks, mut last) = (interval(PERIOD), 0, begin);
        let mut longest = Duration::ZERO;
        while begin.elapsed() < LAST_TIMER + 50 * PERIOD {
            interval.tick().await;
            longest = longest.max(last.elapsed());
            (ticks, last) = (ticks + 1, Instant::now());
        }
        (ticks, (begin.elapsed() - longest).as_millis())
    });
    stream.write_all(b"x").unwrap();
    let answers = spawn(async move {
        stream.set_nonblocking(true)?;
        let stream = TcpStream::try_from(stream)?;
        stream.read(&mut [0]).await?;
        stream.write_all(b"x").await
    });
    step("timers that were due while the process was stopped");
    let late = timers.into_iter().map(block_on);
    let very_late = late.filter(|&late| late > LAST_TIMER / 10).count();
    assert!(
        very_late > 0,
        "the process was not stopped while they were due"
    );
    step("an answer");
    block_on(answers).unwrap();
    step("an interval");
    // Those that it has missed do not come all at once.
    let (ticks, running) = block_on(ticks);
    let most = running / PERIOD.as_millis() + 2;
    assert!(0 < ticks && ticks <= most, "{ticks} ticks in {running} ms");
}

#[test]
fn a_foreign_driver_is_named_in_the_error() {
    passes("foreign driver", 256);
}

/// A driver that is never of use.
struct Deaf;

impl rejoin::driver::Driver for Deaf {
    fn wait(&self, _: Option<Duration>, _: &mut Vec<std::task::Waker>) {
        thread::yield_now();
    }

    fn interrupt(&self) {}

    fn is_in_use(&self) -> bool {
        false
    }
}

fn foreign_driver() {
    rejoin::driver::install(&Deaf).unwrap();
    for _ in 0..2 {
        let error = block_on(TcpListener::bind("127.0.0.1:0")).unwrap_err();
        assert!(error.to_string().contains("another driver"), "{error}");
    }
}
