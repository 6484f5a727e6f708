//! One connection from accept to close: requests in, answers out, and the one clock that bounds both.
//!
//! hyper has a timer of its own for heads, but it runs while a connection is idle too, so that keep-alive and slow heads
//! would share one limit. It is off; the [`Connection`] knows what is going on and therefore which limit counts.

use std::convert::Infallible;
use std::future::{Future, poll_fn, ready};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};

use super::connection::Connection;
use super::connections::{Origin, Seat};
use super::gate::plain;
use super::handshake::{Beginning, greet};
use super::server::Server;
use super::socket::Socket;
use super::stream::Stream;
use super::{Limits, Site};
use crate::telemetry::{ConnectionClosed, Telemetry};

/// hyper refuses to start with less.
const LEAST_HEAD_BYTES: usize = 8192;

/// Talks HTTP with one client until one of both has enough. `None` if the client ended it, or the server stopped.
pub(super) async fn converse<S: Site>(
    socket: Socket,
    seat: &Seat,
    server: &Server<S>,
    stop: watch::Receiver<bool>,
) -> Option<ConnectionClosed> {
    let stream = Stream::new(socket, Arc::clone(seat.connection()));
    let mut bounds = Bounds::new(seat.connection(), &server.limits, stop);
    // In boxes, here and below, so that a connection pays for the way that it goes, and only from when on it does.
    let answered = |request| Box::pin(answer(server, seat.origin(), request));
    let Some(tls) = server.gate.rules().tls() else {
        return Box::pin(talk(stream, &mut bounds, server, answered)).await;
    };
    match bounds.run(Box::pin(greet(stream, tls)).as_mut()).await {
        Err(interruption) => interruption.reason(),
        Ok(Ok(Beginning::Nothing)) => None,
        Ok(Ok(Beginning::Plain(stream))) => Box::pin(talk(stream, &mut bounds, server, |_| ready(not_tls()))).await,
        Ok(Ok(Beginning::Tls(stream))) => Box::pin(talk(stream, &mut bounds, server, answered)).await,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            Some(ConnectionClosed::Handshake)
        }
    }
}

/// The conversation proper, over whatever carries it.
async fn talk<S: Site, F: Future<Output = Response<Full<Bytes>>> + Send>(
    io: impl AsyncRead + AsyncWrite + Unpin + Send,
    bounds: &mut Bounds<'_>,
    server: &Server<S>,
    respond: impl Fn(Request<()>) -> F + Send,
) -> Option<ConnectionClosed> {
    let connection = bounds.connection;
    let service = service_fn(|request: Request<Incoming>| {
        connection.asked();
        let answering = respond(request.map(drop));
        async move {
            let response = answering.await;
            server.telemetry.http_request(response.status().as_str());
            connection.answered();
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = pin!(
        http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(server.limits.head_bytes.max(LEAST_HEAD_BYTES))
            .max_headers(server.limits.headers)
            .serve_connection(TokioIo::new(io), service)
    );
    loop {
        match bounds.run(http.as_mut()).await {
            Ok(result) => return result.err().map(|error| broken(&error, &server.telemetry)),
            Err(Interruption::Stop) if !connection.is_waiting() => http.as_mut().graceful_shutdown(),
            Err(interruption) => return interruption.reason(),
        }
    }
}

/// What may end a conversation from outside: its time, a newcomer who needs the place, the stop of the server.
struct Bounds<'a> {
    connection: &'a Connection,
    limits: &'a Limits,
    clock: Pin<Box<Sleep>>,
    stop: watch::Receiver<bool>,
    stopping: bool,
}

enum Interruption {
    Closed(ConnectionClosed),
    /// Comes once.
    Stop,
}

impl Interruption {
    fn reason(self) -> Option<ConnectionClosed> {
        match self {
            Interruption::Closed(reason) => Some(reason),
            Interruption::Stop => None,
        }
    }
}

impl<'a> Bounds<'a> {
    fn new(connection: &'a Connection, limits: &'a Limits, stop: watch::Receiver<bool>) -> Bounds<'a> {
        let clock = Box::pin(sleep_until(connection.deadline(limits).0));
        Bounds { connection, limits, clock, stop, stopping: false }
    }

    /// Goes on with `work` until it is done, or something comes between.
    async fn run<F: Future>(&mut self, mut work: Pin<&mut F>) -> Result<F::Output, Interruption> {
        let Bounds { connection, limits, clock, stop, stopping } = self;
        // Whatever moves the deadline happens while the work is polled, so here it is always up to date.
        let in_time = poll_fn(|cx| {
            if let Poll::Ready(result) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(result));
            }
            let (deadline, reason) = connection.deadline(limits);
            if clock.deadline() != deadline {
                clock.as_mut().reset(deadline);
            }
            clock.as_mut().poll(cx).map(|()| Err(Interruption::Closed(reason)))
        });
        tokio::select! {
            biased;
            reason = connection.asked_to_leave() => Err(Interruption::Closed(reason)),
            end = in_time => end,
            () = told_to_stop(stop), if !*stopping => {
                *stopping = true;
                Err(Interruption::Stop)
            }
        }
    }
}

/// Resolves when the signal says stop, or when there is nobody left who could.
pub(super) async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// What the gate has to say goes before what the server says, and that before the site.
async fn answer<S: Site>(server: &Server<S>, origin: Origin, request: Request<()>) -> Response<Full<Bytes>> {
    let rules = server.gate.rules();
    let mut response = match rules.admit(&request, origin).await {
        Ok(()) => answer_of_site(&*server.site, request).await,
        Err(refusal) => refusal,
    };
    rules.dress(&mut response);
    response
}

async fn answer_of_site<S: Site>(site: &S, request: Request<()>) -> Response<Full<Bytes>> {
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

/// Go's answer to plain HTTP where TLS is spoken.
fn not_tls() -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::BAD_REQUEST, "Client sent an HTTP request to an HTTPS server.\n");
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
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

#[cfg(test)]
mod tests;
