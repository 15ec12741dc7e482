//! The load on the web servers, by wrk.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::service::HELLO;

/// What a run of wrk is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) connections: usize,
    pub(crate) keep_alive: bool,
    pub(crate) seconds: u64,
}

/// What wrk has seen: no error, or the run is none.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
    /// Microseconds at 50, 99 and 99.9 %.
    pub(crate) latencies: [f64; 3],
}

const ERRORS: [&str; 5] = [
    "connects failed",
    "reads failed",
    "writes failed",
    "statuses were bad",
    "timeouts",
];

/// wrk's version, or what to do about it.
pub(crate) fn version() -> Result<String, String> {
    match Command::new("wrk").arg("-v").output() {
        // It goes on with its usage, as a failure.
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            Ok(words.join(" "))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(
            "wrk is not there (apt-get install wrk); without it only the rows `echo` and `timers` can be run".to_owned(),
        ),
        Err(error) => Err(format!("wrk: {error}")),
    }
}

/// Puts load on a server. Any error, and any answer of another length than that of the one that is looked at, makes the
/// run invalid.
pub(crate) fn run(address: SocketAddr, plan: Plan) -> Result<Seen, String> {
    let answer = look(address, plan.keep_alive)?;
    let mut script = NamedTempFile::with_suffix(".lua").map_err(|error| error.to_string())?;
    script
        .write_all(include_bytes!("wrk.lua"))
        .map_err(|error| error.to_string())?;
    let mut command = Command::new("wrk");
    command.args(["-t", "1", "-c", &plan.connections.to_string()]);
    command.args(["-d", &format!("{}s", plan.seconds)]);
    if !plan.keep_alive {
        command.args(["-H", "Connection: close"]);
    }
    command.arg("-s").arg(script.path());
    command.arg(format!("http://{address}/"));
    let output = command.output().map_err(|error| format!("wrk: {error}"))?;
    let numbers = numbers(&output)?;
    let amiss: Vec<String> = ERRORS
        .iter()
        .zip(&numbers[6..])
        .filter(|(_, count)| **count > 0.0)
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    if !amiss.is_empty() {
        return Err(amiss.join(", "));
    }
    let (requests, bytes) = (numbers[0], numbers[2]);
    if requests == 0.0 {
        return Err("no request was answered".to_owned());
    }
    // Those that were under way at the end have been read in part.
    let expected = requests * answer as f64;
    if (bytes - expected).abs() > (plan.connections * answer) as f64 {
        return Err(format!(
            "{requests} answers of {answer} bytes are {bytes} bytes"
        ));
    }
    Ok(Seen {
        requests,
        seconds: numbers[1] / 1e6,
        latencies: [numbers[3], numbers[4], numbers[5]],
    })
}

/// What the script says at the end.
fn numbers(output: &Output) -> Result<[f64; 11], String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("seen "));
    let numbers = line.map(|line| line.split(' ').flat_map(str::parse).collect::<Vec<f64>>());
    numbers
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            format!("wrk, {}: {} {}", output.status, text.trim(), errors.trim())
        })
}

/// Asks once, looks at the whole answer and gives its length.
fn look(address: SocketAddr, keep_alive: bool) -> Result<usize, String> {
    let connection = if keep_alive {
        ""
    } else {
        "Connection: close\r\n"
    };
    let asked = (|| {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(
            format!("GET / HTTP/1.1\r\nHost: {address}\r\n{connection}\r\n").as_bytes(),
        )?;
        let (mut answer, mut some) = (Vec::new(), [0; 1024]);
        // The server closes it, or its end is known.
        while !(keep_alive && answer.ends_with(HELLO.as_bytes())) {
            match stream.read(&mut some)? {
                0 => break,
                len => answer.extend_from_slice(&some[..len]),
            }
        }
        Ok::<_, std::io::Error>(answer)
    })();
    let answer = asked.map_err(|error| format!("the first request: {error}"))?;
    let text = String::from_utf8_lossy(&answer);
    let closes = text.to_lowercase().contains("connection: close");
    if text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with(HELLO) && closes != keep_alive {
        Ok(answer.len())
    } else {
        Err(format!("the first answer is {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// A server that answers its first connection right and the others as `then` says.
    fn liar(then: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let right = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!";
            let mut answers = std::iter::once(right).chain(std::iter::repeat(then));
            for stream in listener.incoming() {
                let (mut stream, answer) = (stream.unwrap(), answers.next().unwrap());
                // As long as there are requests, which are not looked at; the client may be gone.
                thread::spawn(move || {
                    while stream.read(&mut [0; 1024]).is_ok_and(|len| len > 0) {
                        if answer.is_empty() || stream.write_all(answer.as_bytes()).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        address
    }

    #[test]
    fn a_wrong_answer_a_bad_status_and_none_make_a_run_invalid() {
        if let Err(error) = version() {
            eprintln!("SKIPPED: {error}");
            return;
        }
        let plan = Plan {
            connections: 2,
            keep_alive: true,
            seconds: 1,
        };
        let shorter = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno";
        assert!(run(liar(shorter), plan).unwrap_err().contains("bytes are"));
        let bad = "HTTP/1.1 500 No\r\nContent-Length: 13\r\n\r\nHello, World!";
        assert!(run(liar(bad), plan).unwrap_err().contains("statuses"));
        assert!(run(liar(""), plan).unwrap_err().contains("reads failed"));
    }

    #[test]
    fn the_first_answer_is_looked_at() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
        });
        let error = look(address, true).unwrap_err();
        assert!(error.contains("the first answer is"), "{error}");
    }
}
