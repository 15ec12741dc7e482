//! What is sent comes back, whatever the kind of socket and the number of workers.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;

use futures_lite::io::{AsyncReadExt, AsyncWriteExt, copy};
use rejoin::{TaskGroup, spawn};
use rejoin_io::{TcpListener, TcpStream};

use crate::support::{pattern, poll_once, read_all, with_workers};

const CLIENTS: usize = 16;

/// Lengths of messages: less than a packet, more, and more than a socket's buffer holds.
const LENGTHS: [usize; 4] = [1, 100, 5_000, 3_000_000];

/// A server that sends back what it gets, and its address.
async fn server() -> io::Result<std::net::SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    spawn(async move {
        let mut incoming = listener.incoming();
        while let Ok((stream, _)) = incoming.next().await {
            spawn(async move { copy(&stream, &stream).await }).detach();
        }
    })
    .detach();
    Ok(address)
}

#[test]
fn tcp_messages_come_back_to_every_client() {
    with_workers(|| async {
        let address = server().await?;
        let clients = TaskGroup::new();
        for _ in 0..CLIENTS {
            clients.spawn(async move {
                let stream = TcpStream::connect(address).await?;
                for len in &LENGTHS[..3] {
                    let message = pattern(*len);
                    stream.write_all(&message).await?;
                    let mut answer = vec![0; *len];
                    read_all(&stream, &mut answer).await?;
                    assert!(message == answer, "{len} bytes came back changed");
                }
                Ok::<(), io::Error>(())
            });
        }
        clients.join().await.into_iter().collect()
    });
}

#[test]
fn one_task_reads_what_another_one_writes_to_the_same_stream() {
    with_workers(|| async {
        let stream = TcpStream::connect(server().await?).await?;
        let message = pattern(LENGTHS[3]);
        let (writer, sent) = (stream.clone(), message.clone());
        let writes = spawn(async move {
            writer.write_all(&sent).await?;
            writer.shutdown(Shutdown::Write)
        });
        let mut answer = Vec::new();
        (&stream).read_to_end(&mut answer).await?;
        assert!(message == answer, "came back changed");
        writes.await
    });
}

#[test]
fn slices_go_out_and_come_in_together() {
    with_workers(|| async {
        let stream = TcpStream::connect(server().await?).await?;
        let parts = [IoSlice::new(b"one "), IoSlice::new(b"two")];
        assert_eq!((&stream).write_vectored(&parts).await?, 7);
        let (mut first, mut second) = ([0; 4], [0; 8]);
        let mut both = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        let len = (&stream).read_vectored(&mut both).await?;
        assert_eq!((len, &first, &second[..3]), (7, b"one ", &b"two"[..]));
        Ok(())
    });
}

#[test]
fn many_tasks_that_wait_for_one_listener_share_its_connections() {
    with_workers(|| async {
        let listener = std::sync::Arc::new(TcpListener::bind("127.0.0.1:0").await?);
        let address = listener.local_addr()?;
        let servers = TaskGroup::new();
        for _ in 0..CLIENTS {
            let listener = listener.clone();
            servers.spawn(async move { listener.accept().await?.0.write_all(b"x").await });
        }
        for _ in 0..CLIENTS {
            let stream = TcpStream::connect(address).await?;
            read_all(&stream, &mut [0]).await?;
        }
        servers.join().await.into_iter().collect()
    });
}

#[test]
fn a_read_that_is_dropped_has_taken_nothing() {
    with_workers(|| async {
        let stream = TcpStream::connect(server().await?).await?;
        let mut buffer = [0; 8];
        assert!(poll_once(stream.read(&mut buffer)).is_pending());
        stream.write_all(b"x").await?;
        stream.readable().await;
        assert_eq!(stream.peek(&mut buffer).await?, 1);
        assert_eq!(stream.read(&mut buffer).await?, 1);
        assert!(poll_once(stream.read(&mut buffer)).is_pending());
        Ok(())
    });
}

#[test]
fn a_host_is_found_by_its_name() {
    with_workers(|| async {
        let address = server().await?;
        let stream = TcpStream::connect(("localhost", address.port())).await;
        // `localhost` may be an IPv6 address first; the others are tried then.
        assert_eq!(stream?.peer_addr()?.port(), address.port());
        let nowhere = TcpStream::connect("no host is called so:1").await;
        assert!(nowhere.is_err());
        Ok(())
    });
}

#[cfg(unix)]
#[test]
fn unix_messages_come_back_to_every_client() {
    use rejoin_io::{UnixListener, UnixStream};

    with_workers(|| async {
        let path = std::env::temp_dir().join(format!("rejoin-io-echo-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        let mut server = spawn(async move {
            let mut incoming = listener.incoming();
            while let Ok((stream, _)) = incoming.next().await {
                spawn(async move { copy(&stream, &stream).await }).detach();
            }
        });
        let clients = TaskGroup::new();
        // More than the listener's queue has room for.
        for _ in 0..10 * CLIENTS {
            let path = path.clone();
            clients.spawn(async move {
                let mut stream = UnixStream::connect(path).await?;
                let message = pattern(LENGTHS[2]);
                AsyncWriteExt::write_all(&mut stream, &message).await?;
                let mut answer = vec![0; message.len()];
                stream.read_exact(&mut answer).await?;
                assert!(message == answer, "came back changed");
                Ok::<(), io::Error>(())
            });
        }
        let ended: io::Result<()> = clients.join().await.into_iter().collect();
        server.cancel_handle().cancel();
        std::fs::remove_file(path)?;
        ended
    });
}
