//! One plaintext handler of hyper, on the runtime that is named: `rejoin-bench-http RUNTIME PORT [THREADS]`.
//!
//! Each server accepts in one task and serves each connection in one of its own, with the same builder and the same
//! handler. It runs until it is killed. See the README for the load.

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};

type Address = (Ipv4Addr, u16);

async fn plaintext(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut answer = Response::new(Full::new(Bytes::from_static(b"Hello, World!")));
    let kind = HeaderValue::from_static("text/plain");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(answer)
}

/// Serves one connection; clients that go away are no error.
async fn serve(io: impl Read + Write + Unpin) {
    let served = http1::Builder::new().serve_connection(io, service_fn(plaintext));
    let _ = served.await;
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = arguments.get(1).map_or("", String::as_str);
    let port = arguments.get(2).and_then(|port| port.parse().ok());
    let threads = arguments.get(3).and_then(|threads| threads.parse().ok());
    let address = (Ipv4Addr::LOCALHOST, port.unwrap_or(8080));
    let threads = threads.unwrap_or(2);
    match runtime {
        "rejoin" => on_rejoin(address, threads),
        "rejoin+async-io" => on_rejoin_beside_async_io(address, threads),
        "tokio" => on_tokio(address, threads),
        "smol" => on_smol(address, threads),
        _ => {
            eprintln!(
                "usage: rejoin-bench-http rejoin|rejoin+async-io|tokio|smol [PORT [THREADS]]"
            );
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn start_rejoin(threads: usize) {
    let global = rejoin::Executor::builder().threads(threads).build_global();
    global.expect("the first to ask for it");
}

fn on_rejoin(address: Address, threads: usize) {
    start_rejoin(threads);
    let accepts = rejoin::spawn(async move {
        let listener = rejoin_io::TcpListener::bind(address).await?;
        let mut incoming = listener.incoming();
        loop {
            let (stream, _) = incoming.next().await?;
            stream.set_nodelay(true)?;
            rejoin::spawn(serve(stream)).detach();
        }
    });
    let ended: std::io::Result<()> = rejoin::block_on(accepts);
    ended.expect("a listener that works");
}

fn on_rejoin_beside_async_io(address: Address, threads: usize) {
    start_rejoin(threads);
    let accepts = rejoin::spawn(async move {
        let listener = async_io::Async::<std::net::TcpListener>::bind(address)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.get_ref().set_nodelay(true)?;
            rejoin::spawn(serve(smol_hyper::rt::FuturesIo::new(stream))).detach();
        }
    });
    let ended: std::io::Result<()> = rejoin::block_on(accepts);
    ended.expect("a listener that works");
}

fn on_tokio(address: Address, threads: usize) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(threads).enable_all().build();
    let runtime = runtime.expect("threads can be started");
    let accepts = runtime.spawn(async move {
        let listener = tokio::net::TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(hyper_util::rt::TokioIo::new(stream)));
        }
    });
    let ended: std::io::Result<()> = runtime.block_on(accepts).expect("no panic");
    ended.expect("a listener that works");
}

fn on_smol(address: Address, threads: usize) {
    let executor: &'static smol::Executor<'_> = Box::leak(Box::default());
    for _ in 0..threads {
        std::thread::spawn(|| smol::block_on(executor.run(std::future::pending::<()>())));
    }
    let accepts = executor.spawn(async move {
        let listener = smol::net::TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            executor
                .spawn(serve(smol_hyper::rt::FuturesIo::new(stream)))
                .detach();
        }
    });
    let ended: std::io::Result<()> = smol::block_on(accepts);
    ended.expect("a listener that works");
}
