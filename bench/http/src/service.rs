//! What a server does: the same for every runtime.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};

use crate::runtimes::Runtime;

/// The body of every answer.
pub(crate) const HELLO: &str = "Hello, World!";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// hyper's HTTP/1 with a handler that always says the same.
    Plaintext,
    /// Sends back what it gets.
    Echo,
}

/// Accepts in one task and serves each connection in one of its own, until it is killed.
pub(crate) fn serve<R: Runtime>(
    service: Service,
    threads: usize,
    listener: TcpListener,
) -> io::Result<()> {
    R::run(threads, async move {
        let listener = R::listener(listener)?;
        loop {
            let stream = R::accept(&listener).await?;
            match service {
                Service::Plaintext => R::spawn(plaintext::<R>(stream)),
                Service::Echo => R::spawn(async move {
                    // Clients that go away are no error.
                    let _ = echo::<R>(stream).await;
                }),
            }
        }
    })
}

async fn plaintext<R: Runtime>(stream: R::Stream) {
    let io = R::for_hyper(stream);
    let served = http1::Builder::new().serve_connection(io, service_fn(answer));
    // Clients that go away are no error.
    let _ = served.await;
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut answer = Response::new(Full::new(Bytes::from_static(HELLO.as_bytes())));
    let kind = HeaderValue::from_static("text/plain");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(answer)
}

async fn echo<R: Runtime>(mut stream: R::Stream) -> io::Result<()> {
    let mut buffer = vec![0; 4096];
    loop {
        let len = R::read(&mut stream, &mut buffer).await?;
        if len == 0 {
            return Ok(());
        }
        R::write_all(&mut stream, &buffer[..len]).await?;
    }
}
