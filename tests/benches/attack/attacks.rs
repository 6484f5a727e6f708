//! Those who attack: what each does with its connection, and how long the server bears it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::DESCRIPTORS;
use crate::scrapes::{Pace, authorization, runtime};
use crate::servers::{Server, Setup};

/// One way to hurt a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attack {
    SlowHeadsOfOne,
    SlowHeads,
    SlowReaders,
    EndlessHeads,
    Guesses,
    SilentHandshakes,
    Rotation,
    FewDescriptors,
}

/// What became of one connection.
pub(crate) struct Life {
    pub(crate) lasted: Duration,
    /// By the server; otherwise the end of the attack has.
    pub(crate) closed: bool,
}

/// Who was closed comes back after so long.
const AGAIN: Duration = Duration::from_secs(1);

impl Attack {
    pub(crate) const ALL: [Attack; 8] = [
        Attack::SlowHeadsOfOne,
        Attack::SlowHeads,
        Attack::SlowReaders,
        Attack::EndlessHeads,
        Attack::Guesses,
        Attack::SilentHandshakes,
        Attack::Rotation,
        Attack::FewDescriptors,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Attack::SlowHeadsOfOne => "2,000 slow heads, one address",
            Attack::SlowHeads => "2,000 slow heads, 2,000 addresses",
            Attack::SlowReaders => "400 readers that never read, large page",
            Attack::EndlessHeads => "200 heads without end",
            Attack::Guesses => "50 connections that guess passwords",
            Attack::SilentHandshakes => "500 silent TLS handshakes",
            Attack::Rotation => "a new certificate 4 times a second",
            Attack::FewDescriptors => "200 silent connections, 64 descriptors",
        }
    }

    pub(crate) fn setup(self) -> Setup {
        let usual = Setup { large: false, tls: false, users: false, descriptors: DESCRIPTORS };
        match self {
            Attack::SlowHeadsOfOne | Attack::SlowHeads | Attack::EndlessHeads => usual,
            Attack::SlowReaders => Setup { large: true, ..usual },
            Attack::Guesses => Setup { users: true, ..usual },
            Attack::SilentHandshakes | Attack::Rotation => Setup { tls: true, ..usual },
            Attack::FewDescriptors => Setup { descriptors: 64, ..usual },
        }
    }

    /// Whether it works by staying, so that what counts is how soon it is closed.
    pub(crate) fn is_slow(self) -> bool {
        !matches!(self, Attack::Guesses | Attack::Rotation)
    }

    pub(crate) fn scrapers(self) -> Pace {
        match self {
            Attack::Rotation => Pace { scrapers: 4, rest: Duration::ZERO },
            _ => Pace { scrapers: 1, rest: Duration::from_millis(50) },
        }
    }

    /// Percent of the scrapes that must be answered by ours.
    pub(crate) fn least_answered(self) -> f64 {
        match self {
            // Whoever is there for less than a moment may be the one that has to make room.
            Attack::SlowHeads | Attack::FewDescriptors => 99.0,
            _ => 100.0,
        }
    }

    fn attackers(self) -> u16 {
        match self {
            Attack::SlowHeadsOfOne | Attack::SlowHeads => 2000,
            Attack::SlowReaders => 400,
            Attack::EndlessHeads | Attack::FewDescriptors => 200,
            Attack::Guesses => 50,
            Attack::SilentHandshakes => 500,
            Attack::Rotation => 0,
        }
    }

    /// The address of an attacker, 127.1.x.y.
    fn source(self, number: u16) -> u16 {
        match self {
            Attack::SlowHeadsOfOne => 1,
            _ => number + 2,
        }
    }

    /// All attackers of this kind until the end.
    pub(crate) fn run(self, server: &Server, until: Instant) -> Vec<Life> {
        let address = server.address;
        runtime().block_on(async {
            if self == Attack::Rotation {
                rotate(server, until).await;
            }
            let attackers = (0..self.attackers()).map(|number| self.one(address, number, until));
            attackers.collect::<JoinSet<_>>().join_all().await.into_iter().flatten().collect()
        })
    }

    /// One attacker, who comes back whenever it is closed.
    async fn one(self, address: SocketAddr, number: u16, until: Instant) -> Vec<Life> {
        let mut lives = Vec::new();
        while Instant::now() < until {
            let rest = until.saturating_duration_since(Instant::now());
            let Ok(Ok(socket)) = timeout(rest, connect_from(address, self.source(number))).await else { continue };
            let start = Instant::now();
            let rest = until.saturating_duration_since(start);
            let closed = timeout(rest, self.hold(socket, number)).await.is_ok();
            lives.push(Life { lasted: start.elapsed(), closed });
            sleep(AGAIN.min(until.saturating_duration_since(Instant::now()))).await;
        }
        lives
    }

    /// Ends, in whatever way, when the server closes the connection.
    async fn hold(self, mut socket: TcpStream, number: u16) -> io::Result<()> {
        match self {
            Attack::SlowHeadsOfOne | Attack::SlowHeads => {
                socket.write_all(b"GET / HTTP/1.1\r\nx: ").await?;
                // Whichever comes first: half a second, or the server's close.
                while timeout(Duration::from_millis(500), socket.read_u8()).await.is_err() {
                    socket.write_all(b"y").await?;
                }
                Ok(())
            }
            Attack::SlowReaders => {
                socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await?;
                while socket.take_error()?.is_none() {
                    sleep(Duration::from_millis(50)).await; // nothing is read, so nothing tells but the look
                }
                Ok(())
            }
            Attack::EndlessHeads => {
                socket.write_all(b"GET / HTTP/1.1\r\n").await?;
                let lines = "x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(256);
                loop {
                    socket.write_all(lines.as_bytes()).await?;
                }
            }
            Attack::Guesses => loop {
                guess(&mut socket, number).await?;
                sleep(Duration::from_millis(5)).await; // the machine is to be busy with guesses, not with refusals
            },
            Attack::SilentHandshakes => {
                // Every second one begins, and says no more.
                let begun: &[u8] = if number.is_multiple_of(2) { b"\x16\x03\x01\x02\x00\x01" } else { b"" };
                socket.write_all(begun).await?;
                socket.read_u8().await.map(drop)
            }
            Attack::Rotation => Ok(()),
            Attack::FewDescriptors => socket.read_u8().await.map(drop),
        }
    }
}

/// One wrong password, and its answer.
async fn guess(socket: &mut TcpStream, number: u16) -> io::Result<()> {
    let authorization =
        authorization(if number.is_multiple_of(2) { "ann" } else { "eve" }, &format!("{number} {:?}", Instant::now()));
    socket.write_all(format!("GET / HTTP/1.1\r\nHost: x\r\n{authorization}\r\n").as_bytes()).await?;
    let mut answer = [0; 4096];
    if socket.read(&mut answer).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// A new pair again and again, as a program writes it that knows nothing of us: first one file, then the other.
async fn rotate(server: &Server, until: Instant) {
    const HALF: Duration = Duration::from_millis(50);
    while Instant::now() < until {
        let pair = server.folder.authority.issue(&["localhost"], 2090);
        server.folder.write("cert.pem", &pair.pem);
        sleep(HALF).await;
        server.folder.write("key.pem", &pair.key.serialize_pem());
        sleep(HALF * 4).await;
    }
}

async fn connect_from(address: SocketAddr, source: u16) -> io::Result<TcpStream> {
    let [high, low] = source.to_be_bytes();
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 1, high, low), 0).into())?;
    socket.connect(address).await
}
