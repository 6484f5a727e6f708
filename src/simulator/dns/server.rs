//! The sockets of the DNS server: UDP and TCP under one port number of the loopback.
//!
//! It decides nothing about answers. Whatever bytes come, it goes on; a client that is silent for long is hung up on.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Transport;
use super::message;
use crate::simulator::shared::SharedWorld;

/// How often another free port is tried: that which UDP got may be taken for TCP.
const TRIES: usize = 32;
/// Questions are small. What is longer is cut, and refused as malformed.
const LONGEST_PACKET: usize = 4096;
/// How long a connection may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// Both sockets, bound to the same number.
#[derive(Debug)]
pub(crate) struct Sockets {
    udp: UdpSocket,
    tcp: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Sockets {
    /// Binds both; port 0 takes any number that is free for both.
    pub(crate) async fn bind(listen: SocketAddr) -> io::Result<Sockets> {
        let mut result = Sockets::bind_once(listen).await;
        for _ in 1..TRIES {
            match &result {
                Err(error) if listen.port() == 0 && error.kind() == io::ErrorKind::AddrInUse => {
                    result = Sockets::bind_once(listen).await;
                }
                _ => break,
            }
        }
        result
    }

    async fn bind_once(listen: SocketAddr) -> io::Result<Sockets> {
        let udp = UdpSocket::bind(listen).await?;
        let address = udp.local_addr()?;
        let tcp = TcpListener::bind(address).await?;
        Ok(Sockets { udp, tcp, address })
    }

    /// Answers until it is aborted; then all connections end with it.
    pub(crate) async fn serve(self, world: SharedWorld) {
        tokio::join!(packets(self.udp, &world), connections(self.tcp, &world));
    }
}

async fn packets(socket: UdpSocket, world: &SharedWorld) {
    let mut buffer = vec![0; LONGEST_PACKET];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, client)) => {
                let packet = buffer.get(..length).unwrap_or_default();
                if let Some(answer) = message::answer(world, packet, Transport::Udp) {
                    // A client that is gone misses nothing.
                    let _ = socket.send_to(&answer, client).await;
                }
            }
            // Nothing that lasts is known to end up here; a pause keeps it from eating the machine if it does.
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn connections(listener: TcpListener, world: &SharedWorld) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(open.spawn(converse(stream, world.clone()))),
                // Out of file descriptors, most likely: wait for some to come back.
                Err(_) => sleep(Duration::from_millis(20)).await,
            },
            Some(_) = open.join_next() => {}
        }
    }
}

async fn converse(mut stream: TcpStream, world: SharedWorld) {
    while let Ok(Ok(question)) = timeout(PATIENCE, frame(&mut stream)).await {
        let Some(answer) = message::answer(&world, &question, Transport::Tcp) else { continue };
        let Ok(length) = u16::try_from(answer.len()) else { return };
        let framed = [length.to_be_bytes().as_slice(), &answer].concat();
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}

/// One message with its length before it (RFC 1035, 4.2.2).
async fn frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut question = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut question).await?;
    Ok(question)
}
