//! hyper and axum on rejoin.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::mpsc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn as client;
use hyper::server::conn as server;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use rejoin::{TaskGroup, Wait, WaitGroup, spawn};
use rejoin_io::hyper::OnRejoin;
use rejoin_io::{TcpListener, TcpStream, timeout};

use crate::support::{pattern, with_workers};

/// Sends back the body of each request, or a greeting if there is none.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.expect("a whole body");
    let body = body.to_bytes();
    let text = if body.is_empty() {
        Bytes::from_static(b"hello")
    } else {
        body
    };
    Ok(Response::new(Full::new(text)))
}

/// Serves connections, each by `serve`, until it is cancelled.
async fn serve<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> io::Result<SocketAddr>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    spawn(async move {
        let mut incoming = listener.incoming();
        while let Ok((stream, _)) = incoming.next().await {
            spawn(serve(stream)).detach();
        }
    })
    .detach();
    Ok(address)
}

#[test]
fn http_1_answers_many_requests_on_one_connection() {
    with_workers(|| async {
        let address = serve(|stream| {
            server::http1::Builder::new().serve_connection(stream, service_fn(answer))
        })
        .await?;
        let clients = TaskGroup::new();
        for _ in 0..8 {
            clients.spawn(async move {
                let stream = TcpStream::connect(address).await.unwrap();
                let (mut sender, connection) = client::http1::handshake(stream).await.unwrap();
                spawn(connection).detach();
                for len in [1, 1_000, 300_000] {
                    let sent = Bytes::from(pattern(len));
                    let request = Request::post("/").body(Full::new(sent.clone())).unwrap();
                    let answer = sender.send_request(request).await.unwrap();
                    let body = answer.into_body().collect().await.unwrap().to_bytes();
                    assert!(body == sent, "{len} bytes came back changed");
                }
            });
        }
        clients.join().await;
        Ok(())
    });
}

#[test]
fn http_2_answers_many_requests_at_the_same_time() {
    with_workers(|| async {
        let address = serve(|stream| {
            server::http2::Builder::new(OnRejoin)
                .timer(OnRejoin)
                .serve_connection(stream, service_fn(answer))
        })
        .await?;
        let stream = TcpStream::connect(address).await?;
        let (sender, connection) = client::http2::Builder::new(OnRejoin)
            .timer(OnRejoin)
            .handshake(stream)
            .await
            .unwrap();
        spawn(connection).detach();
        let requests = TaskGroup::new();
        for number in 1..=50 {
            let mut sender = sender.clone();
            requests.spawn(async move {
                let sent = Bytes::from(pattern(100 * number));
                let request = Request::post("http://here/").body(Full::new(sent.clone()));
                let answer = sender.send_request(request.unwrap()).await.unwrap();
                let body = answer.into_body().collect().await.unwrap().to_bytes();
                assert!(body == sent, "came back changed");
            });
        }
        requests.join().await;
        Ok(())
    });
}

#[test]
fn a_client_that_stalls_in_its_headers_is_sent_away() {
    with_workers(|| async {
        let address = serve(|stream| {
            server::http1::Builder::new()
                .timer(OnRejoin)
                .header_read_timeout(Duration::from_millis(30))
                .serve_connection(stream, service_fn(answer))
        })
        .await?;
        let stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: he").await?;
        // Until the server closes.
        let mut buffer = [0; 1_000];
        while stream.read(&mut buffer).await.is_ok_and(|len| len > 0) {}
        Ok(())
    });
}

/// What the connections of a server that can be stopped have in common.
#[derive(Clone)]
struct Stoppable {
    stop: Wait,
    /// Told of each request for `/slow`, which then waits.
    begun: mpsc::Sender<()>,
    may_end: Wait,
}

impl Stoppable {
    /// Serves one connection; when the server stops, until its request has had its answer.
    async fn serve(self, stream: TcpStream) {
        let stop = self.stop.clone();
        let slow = service_fn(move |request: Request<Incoming>| {
            let (begun, may_end) = (self.begun.clone(), self.may_end.clone());
            async move {
                if request.uri().path() == "/slow" {
                    begun.send(()).unwrap();
                    may_end.await;
                }
                answer(request).await
            }
        });
        let mut served = pin!(server::http1::Builder::new().serve_connection(stream, slow));
        let ended = async {
            let _ = served.as_mut().await;
            false
        };
        let stopped = async {
            stop.await;
            true
        };
        if futures_lite::future::or(stopped, ended).await {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

#[test]
fn a_server_that_stops_lets_requests_end_and_closes_idle_connections() {
    with_workers(|| async {
        let (stop, connections, go_on) = (WaitGroup::new(), WaitGroup::new(), WaitGroup::new());
        let (begun, begins) = mpsc::channel();
        let connection = Stoppable {
            stop: stop.waiter(),
            begun,
            may_end: go_on.waiter(),
        };
        let door = connections.waiter();
        let address = serve(move |stream| {
            let place = door.try_join().expect("the server is open");
            place.track(connection.clone().serve(stream))
        })
        .await?;
        let connect = || async move {
            let stream = TcpStream::connect(address).await.unwrap();
            let (sender, connection) = client::http1::handshake(stream).await.unwrap();
            (sender, spawn(connection))
        };
        let get = |path: &str| Request::get(path).body(Empty::<Bytes>::new()).unwrap();
        let (mut idle, idle_ends) = connect().await;
        let first = idle.send_request(get("/")).await.unwrap();
        assert_eq!(whole(first).await, "hello");
        let (mut busy, busy_ends) = connect().await;
        let slow = spawn(async move { busy.send_request(get("/slow")).await.unwrap() });
        rejoin::block_in_place(|| begins.recv()).unwrap();

        // One in a request, one idle.
        assert_eq!(connections.workers(), 3);
        drop(stop);
        idle_ends.await.unwrap();
        let mut connections = connections.wait();
        let early = timeout(Duration::from_millis(5), &mut connections).await;
        assert!(early.is_err(), "a request is at work");
        drop(go_on);
        let slow = slow.await;
        assert_eq!(slow.status(), StatusCode::OK);
        assert_eq!(whole(slow).await, "hello");
        busy_ends.await.unwrap();
        connections.await;
        Ok(())
    });
}

/// The body of an answer.
async fn whole(answer: Response<Incoming>) -> Bytes {
    let body = answer.into_body().collect().await;
    body.expect("a whole body").to_bytes()
}

#[test]
fn an_axum_router_is_served() {
    use axum::Router;
    use axum::routing::get;
    use tower_service::Service;

    with_workers(|| async {
        let app = Router::new().route("/", get(|| async { "hello from axum" }));
        let address = serve(move |stream| {
            let app = app.clone();
            let service = service_fn(move |request| app.clone().call(request));
            server::http1::Builder::new().serve_connection(stream, service)
        })
        .await?;
        let text = rejoin::spawn_blocking(move || {
            let mut client = std::net::TcpStream::connect(address)?;
            client.write_all(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")?;
            let mut text = String::new();
            client.read_to_string(&mut text)?;
            Ok::<String, io::Error>(text)
        });
        let text = text.await?;
        assert!(text.ends_with("hello from axum"), "{text}");
        Ok(())
    });
}
