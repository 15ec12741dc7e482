//! The example `serve` as a process: what it serves, refuses, says and returns.

#![forbid(unsafe_code)]
#![cfg(unix)]

#[path = "../../rejoin/tests/it/watchdog.rs"]
mod watchdog;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::watchdog::{step, watchdog};

/// A directory with something to serve, which goes when the test ends.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Self {
        let root =
            std::env::temp_dir().join(format!("rejoin-io-serve-{}-{name}", std::process::id()));
        let served = root.join("served");
        fs::create_dir_all(served.join("inner <b>")).unwrap();
        fs::create_dir(served.join("site")).unwrap();
        fs::write(root.join("secret.txt"), "secret").unwrap();
        fs::write(served.join("a file.txt"), "content of a file\n").unwrap();
        fs::write(served.join("site/index.html"), "<h1>index</h1>").unwrap();
        fs::write(served.join("empty"), "").unwrap();
        fs::write(served.join("large"), vec![b'x'; 3_000_000]).unwrap();
        symlink("../secret.txt", served.join("link")).unwrap();
        symlink("a file.txt", served.join("inside")).unwrap();
        Self(root)
    }

    fn served(&self) -> PathBuf {
        self.0.join("served")
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What `cargo test` builds along with the tests.
fn command() -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let example = profile.join("examples/serve");
    assert!(
        example.exists(),
        "{example:?} is missing; `cargo test` builds it, and so does `cargo build --examples`"
    );
    Command::new(example)
}

/// A server at work. Killed when the test ends, unless it has ended.
struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut child = command()
            .args(["--port", "0"])
            .args(arguments)
            .arg(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        step("the server's first line");
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let port = line
            .split("127.0.0.1:")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        let port = port.unwrap_or_else(|| panic!("no address in {line:?}"));
        Self {
            child,
            output,
            port: port.parse().unwrap(),
        }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// The head and the body of the answer to one request on a connection of its own.
    fn ask(&self, method: &str, path: &str) -> (String, Vec<u8>) {
        let mut stream = self.connect();
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        step("an answer");
        stream.read_to_end(&mut answer).unwrap();
        let head = answer
            .windows(4)
            .position(|end| end == b"\r\n\r\n")
            .unwrap();
        let body = answer.split_off(head + 4);
        (String::from_utf8(answer).unwrap(), body)
    }

    fn get(&self, path: &str) -> (String, Vec<u8>) {
        self.ask("GET", path)
    }

    fn signal(&self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// The next line that it prints.
    fn line(&mut self) -> String {
        step("the server's next line");
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    /// Its exit code, and what it complained of.
    fn end(mut self) -> (Option<i32>, String) {
        step("the server's end");
        let mut complaints = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut complaints)
            .unwrap();
        (self.child.wait().unwrap().code(), complaints)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn starts(head: &str, status: &str) {
    assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
}

#[test]
fn files_directories_and_the_status_are_served() {
    let _watchdog = watchdog("files_directories_and_the_status_are_served");
    let tree = Tree::new("files");
    let server = Server::start(&tree.served(), &[]);
    let (head, body) = server.get("/a%20file.txt");
    starts(&head, "200");
    assert!(head.to_lowercase().contains("content-length: 18"), "{head}");
    assert_eq!(body, b"content of a file\n");
    assert_eq!(server.get("/inside").1, b"content of a file\n");
    assert_eq!(server.get("/site/").1, b"<h1>index</h1>");
    assert_eq!(server.get("/empty").1, b"");
    assert_eq!(server.get("/large").1.len(), 3_000_000);
    let listing = String::from_utf8(server.get("/").1).unwrap();
    assert!(
        listing.contains("href=\"a%20file%2Etxt\">a file.txt</a>"),
        "{listing}"
    );
    assert!(listing.contains("inner &lt;b&gt;/"), "{listing}");
    let (head, _) = server.get("/site");
    starts(&head, "308");
    assert!(head.contains("location: /site/"), "{head}");
    let (head, body) = server.ask("HEAD", "/large");
    assert!(
        head.to_lowercase().contains("content-length: 3000000"),
        "{head}"
    );
    assert_eq!(body, b"");
    let status = String::from_utf8(server.get("/status").1).unwrap();
    assert!(status.contains("<td>requests</td><td>9</td>"), "{status}");
    assert!(
        status.contains("<td>connections</td><td>1</td>"),
        "{status}"
    );
}

#[test]
fn nothing_outside_is_served_and_other_methods_are_refused() {
    let _watchdog = watchdog("nothing_outside_is_served_and_other_methods_are_refused");
    let tree = Tree::new("outside");
    let server = Server::start(&tree.served(), &[]);
    for path in [
        "/missing",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/inner/%2e%2e/%2e%2e/secret.txt",
        "/link",
        "/a%20file.txt/",
        "/a%20file.txt/more",
        "/nul%00byte",
    ] {
        let (head, body) = server.get(path);
        starts(&head, "404");
        assert_eq!(body, b"there is nothing here\n", "{path}");
    }
    let (head, _) = server.ask("DELETE", "/a%20file.txt");
    starts(&head, "405");
    assert!(head.contains("allow: GET, HEAD"), "{head}");
}

#[test]
fn what_cannot_be_served_is_said_and_ends_the_program() {
    let _watchdog = watchdog("what_cannot_be_served_is_said_and_ends_the_program");
    let tree = Tree::new("refused");
    let server = Server::start(&tree.served(), &[]);
    let port = server.port.to_string();
    let complains = |arguments: &[&str], complaint: &str| {
        let output = command().args(arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(complaint), "{text}");
    };
    complains(
        &["--port", &port],
        &format!("cannot listen at 127.0.0.1:{port}: Address already in use"),
    );
    complains(
        &["--port", "0", "/no/such/place"],
        "cannot serve /no/such/place: No such file",
    );
    complains(&["--port", "many"], "usage: serve");
    complains(&["--frobnicate"], "usage: serve");
    let output = command().arg("--help").output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"usage: serve"));
}

#[test]
fn a_client_that_stalls_is_sent_away_and_others_are_served() {
    let _watchdog = watchdog("a_client_that_stalls_is_sent_away_and_others_are_served");
    let tree = Tree::new("stalls");
    let mut server = Server::start(&tree.served(), &["--header-timeout", "0.2"]);
    let mut stalls = server.connect();
    stalls.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    starts(&server.get("/").0, "200");
    step("the end of the stalled connection");
    let _ = stalls.read_to_end(&mut Vec::new());
    server.signal();
    assert!(server.line().contains("interrupted: 0 connections"));
    let (code, complaints) = server.end();
    assert_eq!(code, Some(0));
    assert!(complaints.contains("a client stalled"), "{complaints}");
}

#[test]
fn connections_are_drained_and_counted() {
    let _watchdog = watchdog("connections_are_drained_and_counted");
    let tree = Tree::new("drain");
    let mut server = Server::start(&tree.served(), &[]);
    // One is idle after an answer, one in the middle of a large one.
    let mut idle = server.connect();
    idle.write_all(b"GET /empty HTTP/1.1\r\nHost: here\r\n\r\n")
        .unwrap();
    idle.read_exact(&mut [0; 12]).unwrap();
    let mut busy = server.connect();
    busy.write_all(b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n")
        .unwrap();
    busy.read_exact(&mut [0; 12]).unwrap();
    server.signal();
    assert!(
        server
            .line()
            .starts_with("interrupted: 2 connections to drain")
    );
    // Whoever comes now is refused.
    assert!(TcpStream::connect(("127.0.0.1", server.port)).is_err());
    step("the rest of a large answer");
    let mut rest = Vec::new();
    busy.read_to_end(&mut rest).unwrap();
    assert!(rest.len() > 3_000_000, "{}", rest.len());
    assert_eq!(server.line(), "drained 2 connections after 2 requests\n");
    assert_eq!(server.end(), (Some(0), String::new()));
}

#[test]
fn patience_has_an_end_and_so_has_a_second_signal() {
    let _watchdog = watchdog("patience_has_an_end_and_so_has_a_second_signal");
    let tree = Tree::new("patience");
    let stuck = |server: &Server| {
        let mut stuck = server.connect();
        stuck
            .write_all(b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n")
            .unwrap();
        stuck.read_exact(&mut [0; 12]).unwrap();
        stuck
    };
    fs::write(tree.served().join("large"), vec![b'x'; 50_000_000]).unwrap();
    let mut server = Server::start(&tree.served(), &["--patience", "0.1"]);
    let _stuck = stuck(&server);
    server.signal();
    server.line();
    assert!(server.line().starts_with("drained 0 of 1 connections"));
    assert_eq!(server.end().0, Some(0));

    let mut server = Server::start(&tree.served(), &[]);
    let _stuck = stuck(&server);
    server.signal();
    server.line();
    server.signal();
    assert_eq!(server.end().0, Some(130));
}
