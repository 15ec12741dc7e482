//! Clients that send a message and wait until it is back: a thread with a blocking socket each.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// The length of a message.
const MESSAGE: usize = 64;

/// A server that does not answer for so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// The times of all round trips in microseconds, from `connections` clients in `time`. Every message is compared.
pub(crate) fn run(
    address: SocketAddr,
    connections: usize,
    time: Duration,
) -> Result<Vec<f64>, String> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = connect(address).map_err(|error| format!("a connect: {error}"))?;
        streams.push(stream);
    }
    let begin = Barrier::new(connections);
    let trips = thread::scope(|scope| {
        let client = |stream| scope.spawn(|| client(stream, &begin, time));
        let clients: Vec<_> = streams.into_iter().map(client).collect();
        let ended = clients
            .into_iter()
            .map(|client| client.join().expect("no client panics"));
        ended.collect::<io::Result<Vec<Vec<f64>>>>()
    });
    let trips = trips
        .map_err(|error| format!("a client: {error}"))?
        .concat();
    if trips.is_empty() {
        Err("no message came back".to_owned())
    } else {
        Ok(trips)
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn client(mut stream: TcpStream, begin: &Barrier, time: Duration) -> io::Result<Vec<f64>> {
    let mut trips = Vec::with_capacity(1 << 16);
    let (mut message, mut answer) = ([0; MESSAGE], [0; MESSAGE]);
    begin.wait();
    let start = Instant::now();
    while start.elapsed() < time {
        message[..8].copy_from_slice(&(trips.len() as u64 + 1).to_le_bytes());
        let sent = Instant::now();
        stream.write_all(&message)?;
        stream.read_exact(&mut answer)?;
        trips.push(sent.elapsed().as_secs_f64() * 1e6);
        if answer != message {
            return Err(io::Error::other("a message came back changed"));
        }
    }
    Ok(trips)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// What comes of a server that does so with each message of its only client.
    fn with_server(answer: impl Fn(&mut [u8]) + Send + 'static) -> Result<Vec<f64>, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut message = [0; MESSAGE];
            while stream.read_exact(&mut message).is_ok() {
                answer(&mut message);
                let _ = stream.write_all(&message);
            }
        });
        run(address, 1, Duration::from_millis(20))
    }

    #[test]
    fn a_message_that_comes_back_changed_is_an_error() {
        assert!(with_server(|_| {}).is_ok_and(|trips| !trips.is_empty()));
        let error = with_server(|message| message[0] ^= 1).unwrap_err();
        assert!(error.contains("changed"), "{error}");
    }
}
