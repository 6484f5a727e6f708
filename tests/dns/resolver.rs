//! A resolver between an agent and the simulated DNS that can be told to do what no honest one does. It speaks UDP alone.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::TXT;
use hickory_resolver::proto::rr::{RData, Record, RecordType};

/// What becomes of a question.
#[derive(Clone, Debug)]
pub(super) enum Manner {
    /// The simulated DNS answers.
    Honest,
    /// Nobody answers.
    Swallows,
    /// The answer has the right number and means nothing.
    Garbles,
    /// The answer is that to another question.
    MistakesNumbers,
    /// No name exists.
    DeniesAll,
    /// Every text is this one; what is no text is answered honestly.
    Says(Vec<u8>),
}

/// The resolver. It ends with its owner, and then nobody listens where it was.
pub(super) struct Resolver {
    pub(super) address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Resolver {
    /// An honest one in front of that DNS.
    pub(super) fn start(dns: SocketAddr) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), dns)
    }

    /// The same at an address of the caller's.
    pub(super) fn start_at(address: SocketAddr, dns: SocketAddr) -> Self {
        let socket = UdpSocket::bind(address).unwrap();
        let address = socket.local_addr().unwrap();
        // The longest time until the end is noticed.
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let manner = Arc::new(Mutex::new(Manner::Honest));
        let ended = Arc::new(AtomicBool::new(false));
        let (told, over) = (Arc::clone(&manner), Arc::clone(&ended));
        let thread = std::thread::spawn(move || {
            let mut packet = [0; 4096];
            while !over.load(Ordering::Relaxed) {
                let Ok((length, client)) = socket.recv_from(&mut packet) else { continue };
                let manner = told.lock().unwrap().clone();
                if let Some(answer) = answer(&packet[..length], &manner, dns) {
                    // A client that is gone misses nothing.
                    let _ = socket.send_to(&answer, client);
                }
            }
        });
        Self { address, manner, ended, thread: Some(thread) }
    }

    /// What becomes of questions from now on.
    pub(super) fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn answer(question: &[u8], manner: &Manner, dns: SocketAddr) -> Option<Vec<u8>> {
    match manner {
        Manner::Honest => passed_on(question, dns),
        Manner::Swallows => None,
        Manner::Garbles => Some([&question[..2], &[0xff; 60]].concat()),
        Manner::MistakesNumbers => passed_on(question, dns).map(|mut answer| {
            answer[1] ^= 1;
            answer
        }),
        Manner::DeniesAll => Some(reply(question, ResponseCode::NXDomain, None)),
        Manner::Says(text) => {
            let asked = Message::from_vec(question).unwrap().queries[0].query_type();
            if asked == RecordType::TXT {
                Some(reply(question, ResponseCode::NoError, Some(text)))
            } else {
                passed_on(question, dns)
            }
        }
    }
}

/// The answer of the simulated DNS; none if it is silent.
fn passed_on(question: &[u8], dns: SocketAddr) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    socket.send_to(question, dns).unwrap();
    let mut packet = [0; 4096];
    let length = socket.recv(&mut packet).ok()?;
    Some(packet[..length].to_vec())
}

fn reply(question: &[u8], code: ResponseCode, text: Option<&[u8]>) -> Vec<u8> {
    let question = Message::from_vec(question).unwrap();
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.metadata.recursion_available = true;
    reply.metadata.response_code = code;
    reply.queries.clone_from(&question.queries);
    if let Some(text) = text {
        let data = RData::TXT(TXT::from_bytes(text.chunks(255).collect()));
        reply.add_answer(Record::from_rdata(question.queries[0].name().clone(), 1, data));
    }
    reply.to_vec().unwrap()
}
