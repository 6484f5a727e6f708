//! One connection from accept to close: requests in, answers out, and the one clock that bounds both.
//!
//! hyper has a timer of its own for heads, but it runs while a connection is idle too, so that keep-alive and slow heads
//! would share one limit. It is off; the [`Connection`](super::connection::Connection) knows what is going on and therefore which limit counts.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::connections::Seat;
use super::stream::Stream;
use super::{Limits, Site};
use crate::telemetry::{ConnectionClosed, Telemetry};

/// hyper refuses to start with less.
const LEAST_HEAD_BYTES: usize = 8192;

/// Talks HTTP with one client until one of both has enough. `None` if the client ended it, or the server stopped.
pub(super) async fn converse<S: Site>(
    socket: TcpStream,
    seat: &Seat,
    site: Arc<S>,
    limits: &Limits,
    telemetry: Arc<Telemetry>,
    mut stop: watch::Receiver<bool>,
) -> Option<ConnectionClosed> {
    let connection = seat.connection();
    let service = service_fn(|request: Request<Incoming>| {
        connection.asked();
        let (site, connection, telemetry) = (Arc::clone(&site), Arc::clone(connection), Arc::clone(&telemetry));
        async move {
            let response = answer(&*site, request.map(drop)).await;
            telemetry.http_request(response.status().as_str());
            connection.answered();
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = pin!(
        http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(limits.head_bytes.max(LEAST_HEAD_BYTES))
            .max_headers(limits.headers)
            .serve_connection(TokioIo::new(Stream::new(socket, Arc::clone(connection))), service)
    );
    let mut clock = pin!(sleep_until(connection.deadline(limits).0));
    let mut stopping = false;
    loop {
        // Whatever moves the deadline happens while hyper is polled, so here it is always up to date.
        let talk = poll_fn(|cx| {
            if let Poll::Ready(result) = http.as_mut().poll(cx) {
                return Poll::Ready(result.err().map(|error| broken(&error, &telemetry)));
            }
            let (deadline, reason) = connection.deadline(limits);
            if clock.deadline() != deadline {
                clock.as_mut().reset(deadline);
            }
            clock.as_mut().poll(cx).map(|()| Some(reason))
        });
        tokio::select! {
            biased;
            reason = connection.asked_to_leave() => return Some(reason),
            end = talk => return end,
            () = told_to_stop(&mut stop), if !stopping => {
                if connection.is_waiting() {
                    return None;
                }
                stopping = true;
                http.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Resolves when the signal says stop, or when there is nobody left who could.
pub(super) async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// What the server itself has to say goes before what the site says.
async fn answer<S: Site>(site: &S, request: Request<()>) -> Response<Full<Bytes>> {
    let methods = site.methods(request.uri().path());
    if !methods.contains(request.method()) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method\n");
        let allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        if let Ok(allow) = HeaderValue::try_from(allow) {
            response.headers_mut().insert(ALLOW, allow);
        }
        return response;
    }
    let path = request.uri().path().to_owned();
    // The call itself is inside too: a panic may come before the first await.
    let answer = AssertUnwindSafe(async { site.answer(request).await }).catch_unwind().await;
    answer.unwrap_or_else(|_| {
        tracing::error!(path, "answering an HTTP request panicked; please report it with the message above");
        plain(StatusCode::INTERNAL_SERVER_ERROR, "internal error, see the log\n")
    })
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// hyper answers what it cannot parse by itself, so those answers are counted here.
fn broken(error: &hyper::Error, telemetry: &Telemetry) -> ConnectionClosed {
    if error.is_parse_too_large() {
        telemetry.http_request("431");
    } else if error.is_parse() && !error.is_parse_version_h2() {
        telemetry.http_request("400");
    }
    ConnectionClosed::Error
}
