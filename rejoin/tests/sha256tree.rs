//! The example `sha256tree` on awkward trees, as a process: what it prints, complains of and returns.

#![forbid(unsafe_code)]
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// As long as no run takes.
const WATCHDOG: Duration = Duration::from_secs(120);

const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// What `cargo test` builds along with the tests.
fn sha256tree() -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let example = profile.join("examples/sha256tree");
    assert!(
        example.exists(),
        "{example:?} is missing; `cargo test` builds it, and so does `cargo build --examples`"
    );
    Command::new(example)
}

/// Runs to the end, or panics when that does not come.
fn run(command: &mut Command) -> Output {
    let mut command = std::mem::replace(command, Command::new(""));
    let what = format!("{command:?}");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(command.stdin(Stdio::null()).output()));
    let output = told.recv_timeout(WATCHDOG);
    let output = output.unwrap_or_else(|_| panic!("{what} hangs"));
    output.unwrap_or_else(|error| panic!("{what}: {error}"))
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A directory that goes when the test ends.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Self {
        let name = format!("rejoin-sha256tree-{}-{name}", std::process::id());
        let root = std::env::temp_dir().join(name);
        fs::create_dir(&root).unwrap();
        Self(root)
    }

    fn file(&self, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(Path::new(&name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Runs the example in the tree, so that paths begin with a dot.
    fn run(&self, arguments: &[&str]) -> Output {
        run(sha256tree().args(arguments).arg(".").current_dir(&self.0))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Names of every kind, and lengths around the ends of pages.
fn awkward(name: &str) -> Tree {
    let tree = Tree::new(name);
    for name in [
        &b"plain"[..],
        b"-dash",
        b" spaces  within ",
        b"back\\slash",
        b"new\nline",
        b"carriage\rreturn",
        b"all\\of\r\nthem",
        b"not \xff utf-8 \xfe",
        b"tab\tand\x1bescape",
        b"dir/in",
        b"dir.d/in",
        b"dir/\nd\\/in",
    ] {
        tree.file(OsStr::from_bytes(name), name);
    }
    tree.file("empty", "");
    let page = 256 << 10;
    for length in [page - 1, page, page + 1, 2 * page, 20 * page + 17] {
        let content: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
        tree.file(format!("large/{length}"), content);
    }
    for index in 0..300 {
        tree.file(format!("many/{index}"), format!("{index}").repeat(index));
    }
    symlink("plain", tree.0.join("link")).unwrap();
    symlink("dir", tree.0.join("link-to-dir")).unwrap();
    tree
}

/// Every file below the current directory, in bytewise order, separated by NUL.
const LIST: &str = "find -L . -type f -print0 | LC_ALL=C sort -z";

fn has_sha256sum() -> bool {
    Command::new("sha256sum").arg("--version").output().is_ok()
}

#[test]
fn digests_are_right_and_ordered_by_path() {
    let tree = Tree::new("known");
    tree.file("a/b", "abc");
    tree.file("a.c", "");
    tree.file("b\n", "abc");
    let output = tree.run(&[]);
    let lines = format!("{OF_NOTHING}  ./a.c\n{OF_ABC}  ./a/b\n\\{OF_ABC}  ./b\\n\n");
    assert_eq!(String::from_utf8(output.stdout.clone()), Ok(lines));
    assert!(stderr(&output).contains("3 files, 6 bytes in "));
    assert!(stderr(&output).contains("0 errors, 0 skipped"));
    assert!(output.status.success());
}

#[test]
fn lines_are_those_of_sha256sum_and_pass_its_check() {
    if !has_sha256sum() {
        return;
    }
    let tree = awkward("sums");
    let output = tree.run(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let sums = format!("{LIST} | xargs -0 sha256sum");
    let theirs = run(Command::new("sh").args(["-c", &sums]).current_dir(&tree.0));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&theirs.stdout)
    );
    assert_eq!(output.stdout, theirs.stdout);

    let beside = Tree::new("check");
    let sums = beside.file("SUMS", &output.stdout);
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--strict", "--quiet"]).arg(sums);
    let checked = run(check.current_dir(&tree.0));
    assert!(checked.status.success(), "{}", stderr(&checked));
}

#[test]
fn all_engines_print_the_same_lines() {
    let tree = awkward("engines");
    let ours = tree.run(&["--engine", "rejoin"]);
    assert_eq!(
        ours.stdout.iter().filter(|byte| **byte == b'\n').count(),
        12 + 1 + 5 + 300 + 3
    );
    for engine in ["rayon", "sequential"] {
        let theirs = tree.run(&["--engine", engine]);
        assert!(theirs.status.success());
        assert!(theirs.stdout == ours.stdout, "{engine} prints other lines");
    }
}

#[test]
fn what_cannot_be_hashed_is_named_and_the_rest_goes_on() {
    let tree = Tree::new("broken");
    tree.file("first", "abc");
    tree.file("z/last", "abc");
    symlink("nowhere", tree.0.join("dangling")).unwrap();
    symlink("..", tree.0.join("z/loop")).unwrap();
    symlink("self", tree.0.join("self")).unwrap();
    let sealed = tree.file("sealed", "abc");
    fs::set_permissions(&sealed, Permissions::from_mode(0o000)).unwrap();
    // Whoever runs as root may read it all the same.
    let readable = File::open(&sealed).is_ok();
    for arguments in [&[][..], &["--engine", "rayon"]] {
        let output = tree.run(arguments);
        let lines = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(lines.starts_with(&format!("{OF_ABC}  ./first\n")));
        assert!(lines.ends_with(&format!("{OF_ABC}  ./z/last\n")));
        let complaints = stderr(&output);
        assert!(complaints.contains("sha256tree: \"./dangling\": a dangling link\n"));
        assert!(complaints.contains("\"./z/loop\": a directory loop: leads back to \".\"\n"));
        assert!(complaints.contains("sha256tree: \"./self\": "));
        assert_eq!(
            complaints.contains("\"./sealed\": Permission denied"),
            !readable
        );
        let errors = if readable { "3 errors" } else { "4 errors" };
        assert!(complaints.contains(errors), "{complaints}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn special_files_are_skipped_and_do_not_hang() {
    let tree = Tree::new("special");
    let _socket = UnixListener::bind(tree.0.join("socket")).unwrap();
    let fifo = tree.0.join("fifo");
    let has_fifo = Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .is_ok_and(|status| status.success());
    let output = tree.run(&[]);
    let complaints = stderr(&output);
    assert!(complaints.contains("sha256tree: \"./socket\": skipped, a socket\n"));
    assert_eq!(
        complaints.contains("sha256tree: \"./fifo\": skipped, a fifo\n"),
        has_fifo
    );
    assert!(output.stdout.is_empty());
    assert!(output.status.success());
}

#[test]
fn no_progress_bar_in_a_pipe() {
    let tree = awkward("bar");
    let output = tree.run(&[]);
    let complaints = stderr(&output);
    assert_eq!(complaints.lines().count(), 1, "{complaints}");
    assert!(!complaints.contains(['\r', '\x1b']));
}

#[test]
fn a_closed_output_ends_it_quietly() -> io::Result<()> {
    let tree = awkward("closed");
    let (ours, theirs) = UnixStream::pair()?;
    drop(ours);
    let mut command = sha256tree();
    command
        .arg(&tree.0)
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let child = command.stdout(OwnedFd::from(theirs)).spawn()?;
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait_with_output()));
    let output = told.recv_timeout(WATCHDOG).expect("the example hangs")?;
    assert_eq!(stderr(&output), "");
    assert_eq!(output.status.code(), Some(1));
    Ok(())
}

#[test]
fn the_argument_may_be_a_file_and_must_exist() {
    let tree = Tree::new("arguments");
    let file = tree.file("file", "abc");
    let output = run(sha256tree().arg(&file));
    let line = format!("{OF_ABC}  {}\n", file.display());
    assert_eq!(String::from_utf8(output.stdout), Ok(line));

    let output = run(sha256tree().arg(tree.0.join("nothing")));
    assert!(stderr(&output).contains("nothing\": No such file or directory"));
    assert_eq!(output.status.code(), Some(1));

    for arguments in [&["--nonsense"][..], &["--engine", "steam"], &["one", "two"]] {
        let output = run(sha256tree().args(arguments));
        let complaint = stderr(&output);
        assert!(
            complaint.contains(arguments[arguments.len() - 1]),
            "{complaint}"
        );
        assert!(complaint.ends_with("--help says more\n"));
        assert_eq!(output.status.code(), Some(2));
    }
    let output = run(sha256tree().arg("--help"));
    assert!(output.status.success() && output.stdout.starts_with(b"Prints the SHA-256"));
    let output = run(sha256tree().arg("--version"));
    assert!(output.status.success() && output.stdout.starts_with(b"sha256tree "));
}

#[test]
fn without_an_argument_it_hashes_the_repository() {
    let tree = Tree::new("repository");
    tree.file(".git", "");
    tree.file("one/two/file", "abc");
    let output = run(sha256tree().current_dir(tree.0.join("one/two")));
    let lines = format!("{OF_NOTHING}  ../../.git\n{OF_ABC}  ../../one/two/file\n");
    assert_eq!(String::from_utf8(output.stdout), Ok(lines));
}
