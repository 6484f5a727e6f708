//! A scraper as Prometheus is one: a whole page or nothing, within ten seconds, over TLS and with a password where asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::certificates::{Manners, PASSWORD, connect};
use crate::servers::Server;

/// Prometheus' default.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many scrape, and how long each rests in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) scrapers: usize,
    pub(crate) rest: Duration,
}

/// One who scrapes a server.
#[derive(Clone)]
pub(crate) struct Scraper {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    request: String,
}

/// The `Authorization` of a name and a password.
pub(crate) fn authorization(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{name}:{password}")))
}

impl Scraper {
    pub(crate) fn new(server: &Server) -> Scraper {
        let trusting = || Manners { trusts: Some(server.folder.path("authority.pem")), ..Manners::default() }.config();
        let authorization = if server.setup.users { authorization("ann", PASSWORD) } else { String::new() };
        Scraper {
            address: server.address,
            tls: server.setup.tls.then(trusting),
            request: format!("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}\r\n"),
        }
    }

    /// How long one scrape takes.
    pub(crate) fn once(&self) -> Option<Duration> {
        runtime().block_on(self.scrape()).map(|(took, _)| took)
    }

    /// The bytes of one answer.
    pub(crate) fn length(&self) -> Option<usize> {
        runtime().block_on(self.scrape()).map(|(_, length)| length)
    }

    /// Scrapes at this pace, and answers how long each took.
    pub(crate) fn until(&self, until: Instant, pace: Pace) -> Vec<Option<Duration>> {
        runtime().block_on(async {
            let mut scrapers = JoinSet::new();
            for _ in 0..pace.scrapers {
                let scraper = self.clone();
                scrapers.spawn(async move {
                    let mut times = Vec::new();
                    while Instant::now() < until {
                        times.push(scraper.scrape().await.map(|(took, _)| took));
                        sleep(pace.rest).await;
                    }
                    times
                });
            }
            scrapers.join_all().await.concat()
        })
    }

    async fn scrape(&self) -> Option<(Duration, usize)> {
        let start = Instant::now();
        let answer = async {
            match &self.tls {
                Some(config) => self.ask(connect(self.address, Arc::clone(config)).await?).await,
                None => self.ask(TcpStream::connect(self.address).await?).await,
            }
        };
        let answer = timeout(PATIENCE, answer).await.ok()?.ok()?;
        is_whole(&answer).then(|| (start.elapsed(), answer.len()))
    }

    async fn ask(&self, mut socket: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<Vec<u8>> {
        socket.write_all(self.request.as_bytes()).await?;
        socket.flush().await?;
        let mut answer = Vec::new();
        // Whether it is whole is seen from the answer itself: not everybody ends TLS in due form.
        let _ = socket.read_to_end(&mut answer).await;
        Ok(answer)
    }
}

/// Whether an answer is a good one, to its last byte.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let (head, body) = answer.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let whole = length.map_or_else(|| body.ends_with(b"\r\n0\r\n\r\n"), |length| body.len() == length);
    head.starts_with("http/1.1 200 ") && whole
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
