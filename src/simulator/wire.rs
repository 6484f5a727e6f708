//! The HTTP server: accepts connections, reads requests, and sends what was planned in the manner that was planned.
//!
//! HTTP/1.1 in clear text only. It verifies nothing and logs nothing.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, DATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::answer::Answer;
use super::body::ReplyBody;
use super::call::Call;
use super::clock::http_date;
use super::control;
use super::door::{self, Plan};
use super::shared::SharedWorld;
use super::trouble::Trouble;

/// No request to SES that is simulated comes near to it.
const LARGEST_REQUEST: usize = 1 << 20;

/// Accepts until it is aborted; then all connections end with it.
pub(super) async fn accept(listener: TcpListener, world: SharedWorld) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(converse(stream, world.clone()))),
                // Out of file descriptors, most likely: wait for some to come back.
                Err(_) => sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, world: SharedWorld) {
    let reset = Arc::new(AtomicBool::new(false));
    let _ = stream.set_nodelay(true);
    let line = Line { stream, reset: Arc::clone(&reset) };
    let service = service_fn(move |request| serve(world.clone(), Arc::clone(&reset), request));
    // A client that goes away in the middle is its own business.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(line), service).await;
}

/// The connection is to end without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the simulator cuts this connection")]
struct Cut;

async fn serve(
    world: SharedWorld,
    reset: Arc<AtomicBool>,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Cut> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_REQUEST).collect().await else {
        return Ok(respond(&Answer::html(413, "the request is too large for the simulator"), None));
    };
    let body = body.to_bytes();
    if let Some(path) = parts.uri.path().strip_prefix(control::PREFIX) {
        return Ok(respond(&control::answer(&world, &parts.method, path, &body), None));
    }
    let plan = door::decide(&world, &Call::read(&parts, &body));
    sleep_if(plan.delay).await;
    match plan.affliction.trouble {
        Some(Trouble::Hang) => std::future::pending().await,
        Some(Trouble::Reset) => {
            reset.store(true, Ordering::Relaxed);
            Err(Cut)
        }
        _ => Ok(carry_out(plan)),
    }
}

fn carry_out(plan: Plan) -> Response<ReplyBody> {
    let Plan { answer, affliction, date, request_id, presence, .. } = plan;
    presence.answered(answer.status);
    let body = ReplyBody::in_trouble(answer.body.clone(), affliction.trouble.as_ref(), presence);
    let mut response = respond(&answer, Some(body));
    let headers = response.headers_mut();
    for (name, value) in [("x-amzn-requestid", request_id), (DATE.as_str(), http_date(date))] {
        if let (Ok(name), Ok(value)) = (name.parse::<hyper::header::HeaderName>(), value.parse()) {
            headers.insert(name, value);
        }
    }
    response
}

fn respond(answer: &Answer, body: Option<ReplyBody>) -> Response<ReplyBody> {
    let mut builder = Response::builder().status(answer.status).header(CONTENT_TYPE, answer.content_type);
    if let Some(error_type) = &answer.error_type {
        builder = builder.header("x-amzn-errortype", error_type);
    }
    let body = body.unwrap_or_else(|| ReplyBody::whole(answer.body.clone()));
    builder.body(body).unwrap_or_else(|error| Response::new(ReplyBody::whole(Bytes::from(error.to_string()))))
}

async fn sleep_if(delay: Duration) {
    if !delay.is_zero() {
        sleep(delay).await;
    }
}

/// A TCP connection that can end with a reset instead of a farewell.
struct Line {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Line {
    fn resets(&self) -> bool {
        self.reset.load(Ordering::Relaxed)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.resets() {
            // Closing with zero linger sends RST instead of FIN.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.resets() {
            return Poll::Ready(Ok(())); // a FIN would come before the RST
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
