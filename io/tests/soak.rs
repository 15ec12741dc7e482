//! A web server for minutes, under clients that come, go, are reset and stall: every request has its answer unless its
//! connection was broken on purpose, memory does not grow, and no descriptor is left. `cargo xtask soak-io SECONDS`.

#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fastrand::Rng;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, client, server};
use rejoin::{TaskGroup, Wait, WaitGroup, spawn};
use rejoin_io::hyper::OnRejoin;
use rejoin_io::{TcpListener, TcpStream, sleep, timeout};

/// Connections at a time, of each version.
const CLIENTS: u64 = 200;

/// The server sends away who does not get on with a header for so long.
const HEADER: Duration = Duration::from_secs(3);

/// Nothing takes so long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much larger the process may be at the end than after a tenth of the time: a quarter, and this in KiB.
const GROWTH: u64 = 8 * 1024;

type Failure = Box<dyn Error + Send + Sync>;

/// What clients did.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    answers: u64,
    resets: u64,
    stalls: u64,
    departures: u64,
    no_port: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.answers += other.answers;
        self.resets += other.resets;
        self.stalls += other.stalls;
        self.departures += other.departures;
        self.no_port += other.no_port;
    }
}

/// Sends the body back, as often as the path says.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let times = request.uri().path().trim_matches('/').parse().unwrap_or(1);
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::new(Full::from(body.repeat(times))))
}

/// Lets connections in and serves each as `version` says; who is in has a place behind `door`.
async fn serve(listener: TcpListener, version: u8, door: Wait) -> Result<Infallible, Failure> {
    let mut incoming = listener.incoming();
    loop {
        let (stream, _) = incoming.next().await?;
        let place = door.try_join().ok_or("closed")?;
        if version == 1 {
            let mut builder = server::conn::http1::Builder::new();
            builder.timer(OnRejoin).header_read_timeout(HEADER);
            let served = builder.serve_connection(stream, service_fn(answer));
            spawn(place.track(served)).detach();
        } else {
            let mut builder = server::conn::http2::Builder::new(OnRejoin);
            builder.timer(OnRejoin);
            let served = builder.serve_connection(stream, service_fn(answer));
            spawn(place.track(served)).detach();
        }
    }
}

/// Bytes, and how often they are to come back.
fn some(rng: &mut Rng) -> (Bytes, usize) {
    let len = 1 << rng.u32(0..14);
    let begin = rng.u8(..);
    let body = (0..len).map(|place: usize| begin.wrapping_add((place * 31 % 251) as u8));
    (body.collect(), rng.usize(1..8))
}

fn request(body: &Bytes, times: usize) -> Request<Full<Bytes>> {
    let request = Request::post(format!("http://here/{times}")).body(Full::new(body.clone()));
    request.expect("a valid request")
}

async fn is_right(answer: Response<Incoming>, body: Bytes, times: usize) -> Result<(), Failure> {
    let got = answer.into_body().collect().await?.to_bytes();
    if got == body.repeat(times) {
        Ok(())
    } else {
        Err(format!(
            "{} bytes, {times} times, came back as {}",
            body.len(),
            got.len()
        )
        .into())
    }
}

/// One client: connections of all kinds, one after another, until it is time.
async fn client(at: SocketAddr, version: u8, seed: u64, end: Instant) -> Result<Tally, Failure> {
    let mut rng = Rng::with_seed(seed);
    let mut tally = Tally::default();
    while Instant::now() < end {
        sleep(Duration::from_micros(rng.u64(0..20_000))).await;
        let stream = match timeout(PATIENCE, TcpStream::connect(at)).await? {
            Ok(stream) => stream,
            // All are in use, or have been a moment ago.
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                tally.no_port += 1;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let connection = connection(stream, version, &mut rng);
        tally.add(timeout(PATIENCE, connection).await??);
    }
    Ok(tally)
}

async fn connection(stream: TcpStream, version: u8, rng: &mut Rng) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    match (rng.u32(0..20), version) {
        (0, _) => {
            drop(stream);
            tally.departures = 1;
        }
        (1..=3, _) => {
            reset(stream, rng).await?;
            tally.resets = 1;
        }
        (4, 1) => {
            stall(stream).await?;
            tally.stalls = 1;
        }
        (_, 1) => tally.answers = asks_in_turn(stream, rng).await?,
        _ => tally.answers = asks_at_once(stream, rng).await?,
    }
    Ok(tally)
}

/// Begins a request, or makes one and does not want the answer; then breaks the connection.
async fn reset(stream: TcpStream, rng: &mut Rng) -> Result<(), Failure> {
    let text = format!(
        "POST /4 HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\n{:9}",
        7
    );
    // HTTP/2 takes it for an error and leaves; that may be before all is written.
    let _ = stream
        .write_all(&text.as_bytes()[..rng.usize(..=text.len())])
        .await;
    if rng.bool() {
        sleep(Duration::from_micros(rng.u64(0..3_000))).await;
    }
    // Closed so, it is reset.
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    Ok(())
}

/// Stops in the middle of a header, and is sent away.
async fn stall(stream: TcpStream) -> Result<(), Failure> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: he").await?;
    let mut buffer = [0; 1_000];
    while stream.read(&mut buffer).await.is_ok_and(|len| len > 0) {}
    Ok(())
}

async fn asks_in_turn(stream: TcpStream, rng: &mut Rng) -> Result<u64, Failure> {
    let (mut sender, driver) = client::conn::http1::handshake(stream).await?;
    let driver = spawn(driver);
    let requests = rng.u64(1..10);
    for _ in 0..requests {
        let (body, times) = some(rng);
        let answer = sender.send_request(request(&body, times)).await?;
        is_right(answer, body, times).await?;
        sender.ready().await?;
    }
    drop(sender);
    driver.await?;
    Ok(requests)
}

async fn asks_at_once(stream: TcpStream, rng: &mut Rng) -> Result<u64, Failure> {
    let (sender, driver) = client::conn::http2::handshake(OnRejoin, stream).await?;
    let driver = spawn(driver);
    let requests = TaskGroup::new();
    for _ in 0..rng.u64(1..10) {
        let (body, times) = some(rng);
        let mut sender = sender.clone();
        requests.spawn(async move {
            let answer = sender.send_request(request(&body, times)).await?;
            is_right(answer, body, times).await
        });
    }
    drop(sender);
    let answers = requests.join().await;
    let count = answers.len() as u64;
    answers.into_iter().collect::<Result<(), Failure>>()?;
    driver.await?;
    Ok(count)
}

/// KiB of this process that lie in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number of KiB")
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd")
        .expect("/proc is there")
        .count()
}

/// Clients of both versions for so long; gives what they did, and the memory after a tenth of the time and at the end.
async fn load(length: Duration, clients: u64, seed: u64) -> Result<(Tally, [u64; 2]), Failure> {
    let connections = WaitGroup::new();
    let (end, group) = (Instant::now() + length, TaskGroup::new());
    let mut servers = Vec::new();
    for version in [1, 2] {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let at = listener.local_addr()?;
        servers.push(spawn(serve(listener, version, connections.waiter())));
        for number in 0..clients {
            let seed = seed ^ number << 8 ^ u64::from(version);
            group.spawn(client(at, version, seed, end));
        }
    }
    sleep(length / 10).await;
    let early = resident();
    sleep(end.saturating_duration_since(Instant::now())).await;
    let late = resident();
    let mut tally = Tally::default();
    for one in timeout(2 * PATIENCE, group.join()).await? {
        tally.add(one?);
    }
    for server in servers {
        server.cancel().await;
    }
    // Whom clients have left, the server has let go.
    timeout(PATIENCE, connections.wait()).await?;
    Ok((tally, [early, late]))
}

#[test]
fn every_request_is_answered_and_nothing_is_left() {
    let seconds = std::env::var("REJOIN_SOAK").ok();
    let is_soak = seconds.is_some();
    let seconds = seconds.map_or(Ok(1), |text| text.parse());
    let length = Duration::from_secs(seconds.expect("REJOIN_SOAK is a number of seconds"));
    let seed = fastrand::u64(..);
    println!("seed {seed}, {length:?}, twice {CLIENTS} clients");
    rejoin::block_on(spawn(async move {
        // What is made once and kept is made before it counts.
        load(Duration::from_millis(100), 2, seed).await?;
        let before = descriptors();
        let (tally, [early, late]) = load(length, CLIENTS, seed).await?;
        println!("{tally:?}");
        println!("memory: {early} KiB after a tenth, {late} KiB at the end");
        assert_eq!(descriptors(), before, "descriptors are left");
        assert!(tally.answers > 0 && tally.resets > 0 && tally.departures > 0);
        // In a second it has not stopped growing yet.
        let bound = early + early / 4 + GROWTH;
        assert!(
            !is_soak || late <= bound,
            "{late} KiB are more than {bound}"
        );
        Ok::<(), Failure>(())
    }))
    .unwrap();
}
