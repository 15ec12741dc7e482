//! One connection: requests until the client leaves, stalls, or the server stops.

use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use rejoin::Wait;
use rejoin_io::TcpStream;
use rejoin_io::hyper::OnRejoin;

use crate::files::{self, FileBody, Found};
use crate::status::Status;

/// What every connection is served with.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) root: Arc<PathBuf>,
    pub(crate) status: Arc<Status>,
    pub(crate) header_timeout: Duration,
    /// Done when the server stops.
    pub(crate) stop: Wait,
}

type Answer = Response<Either<Full<Bytes>, FileBody>>;

impl Connection {
    pub(crate) async fn serve(self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let (stop, header_timeout) = (self.stop.clone(), self.header_timeout);
        let service = service_fn(move |request| {
            let connection = self.clone();
            async move { Ok::<_, Infallible>(connection.answer(&request).await) }
        });
        let mut served = pin!(
            http1::Builder::new()
                .timer(OnRejoin)
                .header_read_timeout(header_timeout)
                .serve_connection(stream, service)
        );
        let over = futures_lite::future::or(async { Some(served.as_mut().await) }, async {
            stop.await;
            None
        });
        let over = match over.await {
            Some(over) => over,
            None => {
                // The request that is at work gets its answer; an idle connection is closed.
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        match over {
            Err(error) if error.is_timeout() => {
                eprintln!("serve: a client stalled, and was sent away")
            }
            // Clients come and go.
            _ => {}
        }
    }

    async fn answer(&self, request: &Request<Incoming>) -> Answer {
        self.status.count_request();
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut answer = text(
                StatusCode::METHOD_NOT_ALLOWED,
                "only GET and HEAD are served here\n",
            );
            answer
                .headers_mut()
                .insert(ALLOW, "GET, HEAD".parse().expect("a valid header"));
            return answer;
        }
        let path = request.uri().path();
        if path == "/status" {
            return html(self.status.page());
        }
        match files::find(&self.root, path).await {
            Found::File(file, kind) => {
                let answer = Response::builder().header(CONTENT_TYPE, kind);
                answer.body(Either::Right(file)).expect("a valid answer")
            }
            Found::Listing(page) => html(page),
            Found::Elsewhere(path) => {
                let mut answer = text(
                    StatusCode::PERMANENT_REDIRECT,
                    "a directory ends in a slash\n",
                );
                match path.parse() {
                    Ok(path) => answer.headers_mut().insert(LOCATION, path),
                    Err(_) => return text(StatusCode::NOT_FOUND, "there is nothing here\n"),
                };
                answer
            }
            Found::Nothing => text(StatusCode::NOT_FOUND, "there is nothing here\n"),
            Found::Forbidden => text(StatusCode::FORBIDDEN, "this may not be read\n"),
            Found::Broken(error) => {
                eprintln!("serve: {path}: {error}");
                text(StatusCode::INTERNAL_SERVER_ERROR, "this cannot be read\n")
            }
        }
    }
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(Bytes::from_static(text.as_bytes()))));
    *answer.status_mut() = status;
    let kind = "text/plain; charset=utf-8".parse().expect("a valid header");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

fn html(page: String) -> Answer {
    let answer = Response::builder().header(CONTENT_TYPE, "text/html; charset=utf-8");
    let page = Either::Left(Full::new(Bytes::from(page)));
    answer.body(page).expect("a valid answer")
}
