//! Watch a router of axum answer HTTP/1 and HTTP/2 at one port, and stop with a request of each under way.

#![forbid(unsafe_code)]

use axum::{Router, routing::get};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Version, body::Bytes};
use hyper_util::{server::conn::auto, service::TowerToHyperService};
use rejoin::{Wait, WaitGroup, block_in_place, spawn};
use rejoin_io::{TcpListener, TcpStream, hyper::OnRejoin};
use std::{error::Error, net::SocketAddr, pin::pin, sync::mpsc};

/// Lets connections in, each with a place in the group that the end waits for.
async fn accept(listener: TcpListener, app: Router, stop: Wait, door: Wait) {
    let mut incoming = listener.incoming();
    while let Ok((stream, _)) = incoming.next().await {
        let Some(place) = door.try_join() else { return };
        spawn(place.track(serve(stream, app.clone(), stop.clone()))).detach();
    }
}

/// Serves a connection until its client leaves, or all that was asked before `stop` has its answer.
async fn serve(stream: TcpStream, app: Router, stop: Wait) {
    let builder = auto::Builder::new(OnRejoin);
    let mut served = pin!(builder.serve_connection(stream, TowerToHyperService::new(app)));
    let ended = async { Some(served.as_mut().await) };
    let stopped = async { (stop.await, None).1 };
    if futures_lite::future::or(ended, stopped).await.is_none() {
        served.as_mut().graceful_shutdown();
        let _ = served.await;
    }
}

async fn ask(at: SocketAddr, version: Version) -> hyper::Result<String> {
    let stream = TcpStream::connect(at).await.expect("a listener");
    let request = Request::get("http://here/")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let answer = if version == Version::HTTP_2 {
        let (mut sender, connection) = http2::handshake(OnRejoin, stream).await?;
        spawn(connection).detach();
        sender.send_request(request).await?
    } else {
        let (mut sender, connection) = http1::handshake(stream).await?;
        spawn(connection).detach();
        sender.send_request(request).await?
    };
    assert_eq!(answer.version(), version);
    let body = answer.into_body().collect().await?.to_bytes();
    assert_eq!(body, "at last");
    Ok(format!("{version:?}: {body:?}"))
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let (stop, connections, go_on) = (WaitGroup::new(), WaitGroup::new(), WaitGroup::new());
    let ((begin, begun), may_end) = (mpsc::channel(), go_on.waiter());
    let slow = || async move {
        begin.send(()).unwrap();
        (may_end.await, "at last").1
    };
    let app = Router::new().route("/", get(slow));
    rejoin::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let at = listener.local_addr()?;
        let accepts = spawn(accept(listener, app, stop.waiter(), connections.waiter()));
        let answers = [Version::HTTP_11, Version::HTTP_2].map(|version| spawn(ask(at, version)));
        for _ in &answers {
            block_in_place(|| begun.recv())?;
        }
        accepts.cancel().await;
        drop((stop, go_on));
        for answer in answers {
            println!("{}", answer.await?);
        }
        connections.wait().await;
        println!("and all connections are closed");
        Ok(())
    })
}
