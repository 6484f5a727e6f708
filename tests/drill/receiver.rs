//! Where the notifications of Alertmanager arrive: a webhook that remembers all of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use serde_json::Value;

/// One alert in a notification.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    pub(super) at: Instant,
    pub(super) firing: bool,
    pub(super) alert: Value,
}

impl Notice {
    /// A label, or nothing where the alert does not have it.
    pub(super) fn label(&self, name: &str) -> &str {
        self.alert["labels"][name].as_str().unwrap_or_default()
    }

    /// `SESQuotaHigh warning`.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.label("alertname"), self.label("severity"))
    }
}

/// The webhook. It listens until the process ends.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    heard: Arc<Mutex<Vec<Notice>>>,
}

impl Receiver {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let memory = Arc::clone(&heard);
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                // Alertmanager opens a connection, keeps it, and hangs up while a test ends.
                let memory = Arc::clone(&memory);
                thread::spawn(move || listen(socket, &memory));
            }
        });
        Self { address, heard }
    }

    /// Everything so far, oldest first.
    pub(super) fn heard(&self) -> Vec<Notice> {
        self.heard.lock().unwrap().clone()
    }
}

/// Takes one notification after the other from a connection.
fn listen(socket: TcpStream, memory: &Mutex<Vec<Notice>>) -> Option<()> {
    let mut reader = BufReader::new(socket.try_clone().ok()?);
    let mut socket = socket;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let told: Value = serde_json::from_slice(&body).ok()?;
        let notices = told["alerts"].as_array()?.iter().map(|alert| Notice {
            at: Instant::now(),
            firing: alert["status"] == "firing",
            alert: alert.clone(),
        });
        memory.lock().unwrap().extend(notices);
        socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
    }
}
