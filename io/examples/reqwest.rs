//! Watch a client that insists on tokio (reqwest, inside of async-compat) talk to a server that has none: both in tasks of
//! one executor.
//!
//! ```text
//! cargo run -p rejoin-io --features hyper --example reqwest
//! ```

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::error::Error;
use std::io;

use async_compat::Compat;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use rejoin::{TaskGroup, spawn};
use rejoin_io::TcpListener;

const CLIENTS: usize = 20;

/// Answers with the path and the body of the request.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    let text = format!("{path} {}", String::from_utf8_lossy(&body));
    Ok(Response::new(Full::from(text)))
}

async fn serve(listener: TcpListener) -> io::Result<Infallible> {
    let mut incoming = listener.incoming();
    loop {
        let (stream, _) = incoming.next().await?;
        let served = http1::Builder::new().serve_connection(stream, service_fn(echo));
        spawn(served).detach();
    }
}

/// All of reqwest is in here: tokio's context is entered whenever this is polled, and left again.
async fn ask(client: reqwest::Client, url: String, number: usize) -> reqwest::Result<String> {
    let answer = client.post(url).body(format!("number {number}")).send();
    answer.await?.error_for_status()?.text().await
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    rejoin::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/asked", listener.local_addr()?);
        let mut server = spawn(serve(listener));

        let client = reqwest::Client::new();
        let clients = TaskGroup::new();
        for number in 0..CLIENTS {
            clients.spawn(Compat::new(ask(client.clone(), url.clone(), number)));
        }
        for (number, answer) in clients.join().await.into_iter().enumerate() {
            assert_eq!(answer?, format!("/asked number {number}"));
        }
        println!("{CLIENTS} clients of tokio have their answers from {url}");

        server.cancel_handle().cancel();
        Ok(())
    })
}
