//! What may go to another thread. Never called: it compiles, or not.

use rejoin_io::{
    Elapsed, Incoming, Interval, TcpListener, TcpStream, Timeout, Timer, UdpSocket, timeout,
};

fn shared<T: Send + Sync + Unpin>() {}

fn sent<T: Send>(_: T) {}

#[expect(dead_code, reason = "it only has to compile")]
fn all() {
    shared::<TcpStream>();
    shared::<TcpListener>();
    shared::<UdpSocket>();
    shared::<Timer>();
    shared::<Interval>();
    shared::<Elapsed>();
    shared::<Timeout<std::future::Ready<()>>>();
    #[cfg(unix)]
    {
        shared::<rejoin_io::UnixStream>();
        shared::<rejoin_io::UnixListener>();
        shared::<rejoin_io::UnixDatagram>();
    }
}

#[expect(dead_code, reason = "it only has to compile")]
fn futures(stream: &TcpStream, incoming: &mut Incoming<'_, TcpListener>, socket: &UdpSocket) {
    sent(stream.read(&mut []));
    sent(stream.write_all(&[]));
    sent(stream.readable());
    sent(TcpStream::connect("localhost:1"));
    sent(TcpListener::bind("localhost:1"));
    sent(incoming.next());
    sent(socket.send_to(&[], "localhost:1"));
    sent(socket.recv_from(&mut []));
    sent(timeout(std::time::Duration::ZERO, async {}));
}

#[expect(dead_code, reason = "it only has to compile")]
fn spawned(listener: TcpListener) {
    sent(async move {
        let mut incoming = listener.incoming();
        while incoming.next().await.is_ok() {}
    });
}
