//! How a client begins where TLS is spoken: with a handshake, with plain HTTP by mistake, or not at all.
//!
//! The time that all of it may take is counted by the conversation.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::stream::Stream;

/// What rustls may keep of an answer that the client does not take, beside what the kernel keeps. Its default, 64 KiB, would
/// be the largest part of what a connection costs; a record has 16 KiB.
const BUFFER_BYTES: usize = 16 * 1024;

/// How a client began.
pub(super) enum Beginning {
    /// By the book.
    Tls(Box<TlsStream<Stream>>),
    /// In plain HTTP.
    Plain(Stream),
    /// It went away without a word.
    Nothing,
}

/// Shakes hands.
///
/// # Errors
/// Whatever TLS has against it, or that the socket broke.
pub(super) async fn greet(mut stream: Stream, server: Arc<ServerConfig>) -> io::Result<Beginning> {
    match stream.first_byte().await? {
        None => Ok(Beginning::Nothing),
        // A method begins with a letter, and a handshake with 22.
        Some(byte) if byte.is_ascii_alphabetic() => Ok(Beginning::Plain(stream)),
        Some(_) => {
            let accepting =
                TlsAcceptor::from(server).accept_with(stream, |tls| tls.set_buffer_limit(Some(BUFFER_BYTES)));
            Ok(Beginning::Tls(Box::new(accepting.await?)))
        }
    }
}
