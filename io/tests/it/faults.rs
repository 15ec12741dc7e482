//! What networks do to people.

use std::io::{self, ErrorKind};
use std::net::Shutdown;

use rejoin::spawn;
use rejoin_io::{TcpListener, TcpStream};

use crate::support::{pattern, poll_once, with_workers};

/// Two ends of one connection.
async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    Ok((client, listener.accept().await?.0))
}

#[test]
fn a_reset_half_way_is_an_error_for_who_waits() {
    with_workers(|| async {
        let (client, server) = pair().await?;
        // Data that the client has and never reads: closing resets the connection then.
        server.write_all(b"unread").await?;
        client.readable().await;
        let waits = spawn(async move { server.read(&mut [0; 8]).await });
        drop(client);
        let error = waits.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        Ok(())
    });
}

#[test]
fn the_end_of_a_stream_ends_every_read() {
    with_workers(|| async {
        for _ in 0..20 {
            let (client, server) = pair().await?;
            client.write_all(b"last words").await?;
            client.shutdown(Shutdown::Write)?;
            // Somebody looks into the poller meanwhile: the end is known before anything is read.
            for _ in 0..200 {
                rejoin::yield_now().await;
            }
            let mut buffer = [0; 64];
            // A short read does not make the end behind it be forgotten.
            assert_eq!(server.read(&mut buffer).await?, 10);
            assert_eq!(server.read(&mut buffer).await?, 0);
            assert_eq!(server.read(&mut buffer).await?, 0);
            // The other direction is open.
            server.write_all(b"x").await?;
            assert_eq!(client.read(&mut buffer).await?, 1);
        }
        Ok(())
    });
}

#[test]
fn who_reads_slowly_slows_the_writer_and_loses_nothing() {
    with_workers(|| async {
        let (client, server) = pair().await?;
        let message = pattern(1 << 16);
        let mut sent = 0;
        // Until no more goes into the buffers of the system.
        while let std::task::Poll::Ready(written) = poll_once(client.write(&message)) {
            sent += written?;
        }
        assert!(sent > 0);
        let rest = 20_000_000_usize.saturating_sub(sent);
        let writes = spawn(async move {
            let mut left = rest;
            while left > 0 {
                let len = left.min(message.len());
                client.write_all(&message[..len]).await?;
                left -= len;
            }
            Ok::<(), io::Error>(())
        });
        let (mut got, mut buffer) = (0, vec![0; 10_000]);
        loop {
            match server.read(&mut buffer).await? {
                0 => break,
                some => got += some,
            }
        }
        assert_eq!(got, sent + rest);
        writes.await
    });
}

#[test]
fn nobody_listens() {
    with_workers(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        drop(listener);
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        Ok(())
    });
}

#[test]
fn a_listener_that_is_dropped_while_others_wait_to_connect_refuses_them() {
    with_workers(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let waits = TcpStream::connect(listener.local_addr()?).await?;
        drop(listener);
        let end = waits.read(&mut [0; 8]).await;
        assert!(end.is_err() || end.is_ok_and(|len| len == 0));
        Ok(())
    });
}

#[test]
fn sockets_are_refused_in_a_simulation_and_the_error_says_what_to_do() {
    rejoin::sim::check(0..3, || async {
        let refused = TcpListener::bind("127.0.0.1:0").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        assert!(refused.to_string().contains("channel"), "{refused}");
    });
}
