//! A server as a process: its own side, and that of whoever drives it.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{env, io, process, thread};

use socket2::{Domain, Socket, Type};

use crate::arguments::Serve;
use crate::runtimes::{Id, on};
use crate::service::Service;
use crate::usage::Usage;

/// Connections that may wait to be accepted: more than any row opens at a time.
const BACKLOG: i32 = 4096;

/// What the lines for the driver begin with.
const PORT: &str = "port ";
const USED: &str = "used ";

/// The server's side: serves until it is killed, or its input ends if it is driven.
pub(crate) fn serve(serve: Serve) -> Result<(), String> {
    let listener = listen(serve.port).map_err(|error| format!("port {}: {error}", serve.port))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("{PORT}{}", address.port());
    if serve.driven {
        // Blocked in a read unless it is asked: it takes no time from anybody.
        thread::spawn(|| {
            for _ in io::stdin().lines() {
                let used = Usage::of_process();
                println!("{USED}{} {}", used.cpu, used.switches);
            }
            process::exit(0);
        });
    }
    let (service, threads) = (serve.service, serve.threads);
    let served = on!(serve.runtime, service::serve, service, threads, listener);
    served.map_err(|error| error.to_string())
}

/// The same for every runtime, the backlog included.
fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The driver's side: a server that runs, and ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(runtime: Id, service: Service, threads: usize) -> Result<Self, String> {
        let mut command = Command::new(env::current_exe().map_err(|error| error.to_string())?);
        command.args(["serve", runtime.name(), "--driven", "--port", "0"]);
        command.args(["--threads", &threads.to_string()]);
        if service == Service::Echo {
            command.arg("--echo");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| error.to_string())?;
        let said = process.stdout.take().expect("it is piped");
        let mut server = Self {
            process,
            said: BufReader::new(said).lines(),
            address: (Ipv4Addr::LOCALHOST, 0).into(),
        };
        let port = server.next_line(PORT)?;
        let port = port.parse().map_err(|_| format!("port {port}?"))?;
        server.address.set_port(port);
        Ok(server)
    }

    /// What it has used so far.
    pub(crate) fn usage(&mut self) -> Result<Usage, String> {
        let asked = self
            .process
            .stdin
            .as_mut()
            .expect("it is piped")
            .write(b"\n");
        asked.map_err(|error| format!("the server is gone: {error}"))?;
        let used = self.next_line(USED)?;
        let mut numbers = used.split(' ').filter_map(|number| number.parse().ok());
        match (numbers.next(), numbers.next()) {
            (Some(cpu), Some(switches)) => Ok(Usage { cpu, switches }),
            _ => Err(format!("used {used}?")),
        }
    }

    fn next_line(&mut self, begins: &str) -> Result<String, String> {
        match self.said.next() {
            Some(Ok(line)) => match line.strip_prefix(begins) {
                Some(rest) => Ok(rest.to_owned()),
                None => Err(format!("the server says {line:?}")),
            },
            Some(Err(error)) => Err(format!("the server cannot be heard: {error}")),
            None => Err("the server has ended".to_owned()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
