//! Serves a directory over HTTP/1, and at `/status` a page that tells how the server is. Stop it by Ctrl-C, and watch
//! it drain.
//!
//! ```text
//! cargo run -p rejoin-io --features hyper --example serve -- --port 8080 .
//! ```
//!
//! Its components say by a `WaitGroup` when they are ready; by another one, connections say when they are done.

#![forbid(unsafe_code)]

#[cfg(not(unix))]
fn main() {
    eprintln!("serve: this example stops by the signals of Unix");
}

#[cfg(unix)]
mod arguments;
#[cfg(unix)]
mod connection;
#[cfg(unix)]
mod files;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod status;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    let outcome = match arguments::Arguments::parse() {
        Ok(Some(arguments)) => rejoin::block_on(server::serve(arguments)),
        Ok(None) => {
            println!("{}", arguments::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(error) => Err(format!("{error}\n{}", arguments::USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("serve: {message}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(unix)]
mod server {
    use std::io;
    use std::path::PathBuf;
    use std::sync::Arc;

    use rejoin::{Wait, WaitGroup, spawn, spawn_blocking};
    use rejoin_io::{TcpListener, timeout};

    use crate::arguments::Arguments;
    use crate::connection::Connection;
    use crate::signals::Signals;
    use crate::status::Status;

    /// The server's life: start, serve, drain. An error is a sentence for who started it.
    pub(crate) async fn serve(arguments: Arguments) -> Result<(), String> {
        let Arguments {
            address,
            directory,
            patience,
            header_timeout,
        } = arguments;
        let ready = WaitGroup::new();
        let signals = spawn(ready.track(async { Signals::start() }));
        let root = spawn(ready.track(open(directory.clone())));
        let listener = spawn(ready.track(TcpListener::bind(address)));
        ready.wait().await;
        let mut signals = signals.await.map_err(|error| error.to_string())?;
        let root = root
            .await
            .map_err(|error| format!("cannot serve {}: {error}", directory.display()))?;
        let listener = listener
            .await
            .map_err(|error| format!("cannot listen at {address}: {error}"))?;
        let local = listener.local_addr().map_err(|error| error.to_string())?;
        println!(
            "serving {} at http://{local}/, status at http://{local}/status",
            root.display()
        );

        let (stop, connections) = (WaitGroup::new(), WaitGroup::new());
        let status = Arc::new(Status::new(connections.waiter()));
        let connection = Connection {
            root: Arc::new(root),
            status: Arc::clone(&status),
            header_timeout,
            stop: stop.waiter(),
        };
        let accepts = spawn(accept(listener, connections.waiter(), connection));
        let signal = signals.next().await;
        // Nobody is let in any more, and the port is free for whoever comes next.
        accepts.cancel().await;
        let left = connections.workers() - 1;
        println!("{signal}: {left} connections to drain; once more to end at once");
        drop(stop);
        match timeout(patience, connections.wait()).await {
            Ok(()) => println!(
                "drained {left} connections after {} requests",
                status.requests()
            ),
            Err(_) => println!(
                "drained {} of {left} connections, and waited long enough for the rest",
                left.saturating_sub(status.connections())
            ),
        }
        Ok(())
    }

    /// The directory, as it is called without links.
    async fn open(directory: PathBuf) -> io::Result<PathBuf> {
        spawn_blocking(move || {
            let root = directory.canonicalize()?;
            root.read_dir().map(|_| root)
        })
        .await
    }

    /// Lets connections in, each with a place in the group that the end waits for.
    async fn accept(listener: TcpListener, door: Wait, connection: Connection) {
        let mut incoming = listener
            .incoming()
            .on_pause(|error| eprintln!("serve: no connection can be let in: {error}"));
        loop {
            match incoming.next().await {
                Ok((stream, _)) => {
                    let Some(place) = door.try_join() else { return };
                    spawn(place.track(connection.clone().serve(stream))).detach();
                }
                Err(error) => return eprintln!("serve: the listener is broken: {error}"),
            }
        }
    }
}
