//! Model-checking tests of what is known of a socket: an event against an operation in vain.
//!
//! The kernel is a stand-in: a number of bytes under a lock, of which somebody tells afterwards, as the poller does.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::Mutex;
use loom::thread;

use crate::source::{Direction, Ready, Source};

thread_local! {
    /// loom runs all threads of a model on the test's own.
    static FORGETS: Cell<bool> = const { Cell::new(false) };
}

/// Whether the tick is not compared at the moment.
pub(crate) fn forgets_the_tick() -> bool {
    FORGETS.get()
}

/// A waker that remembers.
struct Bell(Mutex<bool>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.0.lock().unwrap() = true;
    }
}

/// A socket with its source.
struct Socket {
    bytes: Mutex<u32>,
    source: Source,
}

impl Socket {
    fn new() -> loom::sync::Arc<Self> {
        loom::sync::Arc::new(Self {
            bytes: Mutex::new(0),
            source: Source::new(Ready::READ),
        })
    }

    /// A byte comes, and the poller tells of it.
    fn receive(&self) {
        *self.bytes.lock().unwrap() += 1;
        let mut woken = Vec::new();
        self.source.enter(Ready::READ, &mut woken);
        woken.into_iter().for_each(Waker::wake);
    }

    fn read(&self) -> io::Result<u32> {
        let mut bytes = self.bytes.lock().unwrap();
        match std::mem::take(&mut *bytes) {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            some => Ok(some),
        }
    }
}

/// One byte, one reader that finds nothing at first: in the end it has the byte, or was woken and then finds it.
fn a_byte_races_with_a_poll() {
    loom::model(|| {
        let socket = Socket::new();
        let sender = {
            let socket = loom::sync::Arc::clone(&socket);
            thread::spawn(move || socket.receive())
        };
        let bell = Arc::new(Bell(Mutex::new(false)));
        let waker = Waker::from(Arc::clone(&bell));
        let cx = Context::from_waker(&waker);
        let read = || {
            socket
                .source
                .poll_io(&cx, Direction::Read, |_| false, || socket.read())
        };
        let first = read();
        sender.join().unwrap();
        if first.is_pending() {
            assert!(*bell.0.lock().unwrap(), "asleep beside a byte");
            assert!(read().is_ready());
        }
    });
}

/// The same for two that await: both are woken, one has the byte, the other one waits again.
fn a_byte_races_with_two_who_wait() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let socket = Socket::new();
        let sender = {
            let socket = loom::sync::Arc::clone(&socket);
            thread::spawn(move || socket.receive())
        };
        let bell = Arc::new(Bell(Mutex::new(false)));
        let waker = Waker::from(Arc::clone(&bell));
        let mut cx = Context::from_waker(&waker);
        let read = || {
            socket
                .source
                .io(Direction::Read, |_| false, || socket.read())
        };
        let (mut one, mut two) = (pin!(read()), pin!(read()));
        let first = [one.as_mut().poll(&mut cx), two.as_mut().poll(&mut cx)];
        sender.join().unwrap();
        let have = |polled: &[Poll<io::Result<u32>>]| polled.iter().any(Poll::is_ready);
        if !have(&first) {
            assert!(*bell.0.lock().unwrap(), "asleep beside a byte");
            let second = [one.as_mut().poll(&mut cx), two.as_mut().poll(&mut cx)];
            assert!(have(&second));
        }
    });
}

#[test]
fn canary_a_reader_that_forgets_the_tick_is_caught() {
    FORGETS.set(true);
    let caught = std::panic::catch_unwind(a_byte_races_with_a_poll).is_err();
    FORGETS.set(false);
    assert!(caught);
}

#[test]
fn a_byte_that_races_with_a_poll_is_read() {
    a_byte_races_with_a_poll();
}

#[test]
fn a_byte_that_races_with_two_who_wait_is_read() {
    a_byte_races_with_two_who_wait();
}
