//! A server that stops accepting, drains its connections, and names those that do not end in time.
//!
//! What to watch: connections live in a group within the server's, which keeps no outputs, so that it could
//! run for years; one that panics does not disturb the others; the limit pushes back on who connects.

use std::time::Duration;

use async_channel::{Receiver, Sender, bounded};
use async_io::Timer;
use rejoin::{TaskGroup, block_on};

/// Lines from a client, and where the answers go. A real one would be a socket.
struct Connection {
    name: &'static str,
    lines: Receiver<&'static str>,
    answers: Sender<String>,
}

async fn serve(connection: Connection) {
    while let Ok(line) = connection.lines.recv().await {
        assert_ne!(line, "crash", "a client found a bug");
        let _ = connection
            .answers
            .send(format!("{} said {line}", connection.name))
            .await;
    }
}

/// Serves whoever comes until nobody can come any more; then waits for those who are there, but not for
/// ever. Gives the names of those who were cut off.
async fn server(arrivals: Receiver<Connection>, patience: Duration) -> Vec<String> {
    let mut connections = TaskGroup::new().limit(100).discarding().keep_going();
    while let Ok(connection) = arrivals.recv().await {
        let task = connections.named(connection.name);
        task.spawn_when_free(serve(connection)).await;
    }
    match connections.deadline(Timer::after(patience)).await {
        Ok(()) => Vec::new(),
        Err(late) => {
            eprintln!("cut off: {late}");
            let names = late.tasks().iter().filter_map(|task| task.name());
            names.map(String::from).collect()
        }
    }
}

fn main() {
    let (arrive, arrivals) = bounded(4);
    let (answers, answered) = bounded(16);
    let server = rejoin::spawn(server(arrivals, Duration::from_millis(200)));

    let connect = |name| {
        let (say, lines) = bounded(4);
        let answers = answers.clone();
        let connection = Connection {
            name,
            lines,
            answers,
        };
        block_on(arrive.send(connection)).ok().unwrap();
        say
    };
    let (polite, buggy, endless) = (connect("polite"), connect("buggy"), connect("endless"));
    block_on(buggy.send("crash")).unwrap();
    block_on(buggy.closed());
    block_on(polite.send("hello")).unwrap();
    assert_eq!(block_on(answered.recv()).unwrap(), "polite said hello");

    arrive.close(); // The shutdown: nobody new.
    block_on(polite.send("goodbye")).unwrap(); // Who is there is served to the end.
    assert_eq!(block_on(answered.recv()).unwrap(), "polite said goodbye");
    drop((polite, buggy)); // They hang up; the third one does not.
    assert_eq!(block_on(server), ["endless"]);
    drop(endless);
    println!("drained");
}
