//! UDP, and datagrams of Unix.

use std::io;
use std::sync::Arc;

use rejoin::{TaskGroup, spawn};
use rejoin_io::UdpSocket;

use crate::support::with_workers;

const ROUNDS: u32 = 200;

#[test]
fn udp_datagrams_come_back_whole() {
    with_workers(|| async {
        let server = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
        let address = server.local_addr()?;
        let mut answers = spawn({
            let server = server.clone();
            async move {
                let mut buffer = [0; 2_000];
                loop {
                    let (len, from) = server.recv_from(&mut buffer).await?;
                    server.send_to(&buffer[..len], from).await?;
                    if false {
                        break Ok::<(), io::Error>(());
                    }
                }
            }
        });
        let clients = TaskGroup::new();
        for _ in 0..4 {
            clients.spawn(async move {
                let socket = UdpSocket::bind("127.0.0.1:0").await?;
                socket.connect(address).await?;
                let mut buffer = [0; 2_000];
                for round in 0..ROUNDS {
                    // One on its way at a time, so none is lost for lack of room.
                    socket.send(&round.to_le_bytes()).await?;
                    let len = socket.recv(&mut buffer).await?;
                    assert_eq!(buffer[..len], round.to_le_bytes());
                }
                Ok::<(), io::Error>(())
            });
        }
        let ended = clients.join().await.into_iter().collect();
        answers.cancel_handle().cancel();
        ended
    });
}

#[test]
fn a_datagram_that_is_refused_is_told_of_once() {
    with_workers(|| async {
        let gone = UdpSocket::bind("127.0.0.1:0").await?;
        let address = gone.local_addr()?;
        drop(gone);
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.connect(address).await?;
        socket.send(b"anybody there?").await?;
        let refused = socket.recv(&mut [0; 8]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        Ok(())
    });
}

#[cfg(unix)]
#[test]
fn unix_datagrams_wait_for_room_and_keep_their_order() {
    use rejoin_io::UnixDatagram;

    with_workers(|| async {
        let path = std::env::temp_dir().join(format!("rejoin-io-unix-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let receiver = UnixDatagram::bind(&path)?;
        let (to_path, connected) = (path.clone(), UnixDatagram::unbound()?);
        connected.connect(&path)?;
        let sends = spawn(async move {
            let anywhere = UnixDatagram::unbound()?;
            for round in 0..ROUNDS {
                if round % 2 == 0 {
                    anywhere.send_to(&round.to_le_bytes(), &to_path).await?;
                } else {
                    connected.send(&round.to_le_bytes()).await?;
                }
            }
            Ok::<(), io::Error>(())
        });
        let mut buffer = [0; 16];
        for round in 0..ROUNDS {
            let len = receiver.recv(&mut buffer).await?;
            assert_eq!(buffer[..len], round.to_le_bytes());
        }
        std::fs::remove_file(path)?;
        sends.await
    });
}
