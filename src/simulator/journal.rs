//! The log of everything that was asked of the simulated AWS, and the two questions that tests put to it: were there ever two
//! requests in flight for one account and region, and how many came within a second.
//!
//! It holds no credentials and no bodies. The newest [`CAPACITY`] requests are kept.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Enough for a day of polling one region each second, little enough to hold in memory.
const CAPACITY: usize = 100_000;

/// Which API was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// SES v2, REST and JSON.
    SesV2,
    /// SES v1, form and XML.
    Ses,
    /// STS, form and XML.
    Sts,
    /// Service Quotas, JSON.
    ServiceQuotas,
    /// Account Management, REST and JSON.
    AccountManagement,
}

impl Service {
    /// `sesv2`, `ses`, `sts`, `service-quotas` or `account`, as the command line calls them.
    pub fn as_str(self) -> &'static str {
        match self {
            Service::SesV2 => "sesv2",
            Service::Ses => "ses",
            Service::Sts => "sts",
            Service::ServiceQuotas => "service-quotas",
            Service::AccountManagement => "account",
        }
    }

    /// Whether it is one of the two APIs of SES, which share rate and region.
    pub(super) fn is_ses(self) -> bool {
        matches!(self, Service::SesV2 | Service::Ses)
    }

    /// Whether it answers in JSON.
    pub(super) fn speaks_json(self) -> bool {
        matches!(self, Service::SesV2 | Service::ServiceQuotas | Service::AccountManagement)
    }
}

/// One request as it arrived, and what became of it.
#[derive(Debug, Clone)]
pub struct LoggedRequest {
    /// Counts up from 1, also over a cleared log.
    pub number: u64,
    /// When it arrived, by the wall clock of the world.
    pub time: SystemTime,
    /// When it arrived, by the runtime's clock, which never jumps.
    pub at: Instant,
    /// The account that asked; empty when the key is not known.
    pub account: String,
    /// The region of the credential scope; empty without one.
    pub region: String,
    /// The API.
    pub service: Service,
    /// `GetAccount`; `Unknown` when it is none that the simulator knows.
    pub operation: String,
    /// It is an operation that changes something or sends mail, whatever became of it. Unknown operations are not told apart.
    pub writes: bool,
    /// What it was about: the role of AssumeRole, the identity of GetEmailIdentity.
    pub subject: Option<String>,
    /// Requests in flight at its arrival, itself included: to SES of this account and region over both APIs, or to the services beside it.
    pub in_flight: usize,
    /// HTTP status of the answer; none while it waits, and for ever if none was given.
    pub status: Option<u16>,
}

/// What is counted together as "in flight".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Lane {
    ses: bool,
    account: String,
    region: String,
}

impl Lane {
    fn of(request: &LoggedRequest) -> Lane {
        Lane { ses: request.service.is_ses(), account: request.account.clone(), region: request.region.clone() }
    }
}

/// The log.
#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: VecDeque<LoggedRequest>,
    in_flight: HashMap<Lane, usize>,
    last: u64,
}

impl Journal {
    /// Notes an arrival; the number is for [`Journal::answered`] and [`Journal::departed`].
    pub(super) fn arrived(&mut self, mut request: LoggedRequest) -> Arrival {
        self.last += 1;
        let lane = Lane::of(&request);
        let in_flight = self.in_flight.entry(lane.clone()).or_default();
        *in_flight += 1;
        request.in_flight = *in_flight;
        request.number = self.last;
        if self.entries.len() >= CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(request);
        Arrival { number: self.last, lane }
    }

    /// Notes the status of the answer.
    pub(super) fn answered(&mut self, arrival: &Arrival, status: u16) {
        let first = self.entries.front().map_or(0, |entry| entry.number);
        let at = arrival.number.checked_sub(first).and_then(|at| usize::try_from(at).ok());
        if let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) {
            entry.status = Some(status);
        }
    }

    /// Notes that the answer is through, or the client gone.
    pub(super) fn departed(&mut self, arrival: &Arrival) {
        if let Some(in_flight) = self.in_flight.get_mut(&arrival.lane) {
            *in_flight = in_flight.saturating_sub(1);
            if *in_flight == 0 {
                self.in_flight.remove(&arrival.lane);
            }
        }
    }

    /// All requests that are still kept, in order of arrival.
    pub(super) fn entries(&self) -> Vec<LoggedRequest> {
        self.entries.iter().cloned().collect()
    }

    /// Forgets the log; what is in flight stays counted.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// How many requests have arrived and not yet departed.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.values().sum()
    }

    /// The most requests to SES that were ever in flight for one account and region.
    pub(super) fn most_in_flight(&self) -> usize {
        self.to_ses().map(|entry| entry.in_flight).max().unwrap_or(0)
    }

    /// The most requests to SES for one account and region that arrived within any window of this length.
    pub(super) fn busiest_window(&self, window: Duration) -> usize {
        let mut arrivals: HashMap<(&str, &str), VecDeque<Instant>> = HashMap::new();
        let mut most = 0;
        for entry in self.to_ses() {
            let recent = arrivals.entry((&entry.account, &entry.region)).or_default();
            while recent.front().is_some_and(|first| entry.at.duration_since(*first) >= window) {
                recent.pop_front();
            }
            recent.push_back(entry.at);
            most = most.max(recent.len());
        }
        most
    }

    fn to_ses(&self) -> impl Iterator<Item = &LoggedRequest> {
        self.entries.iter().filter(|entry| entry.service.is_ses())
    }
}

/// A request that has arrived and not yet departed.
#[derive(Debug)]
pub(super) struct Arrival {
    number: u64,
    lane: Lane,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(region: &str, at: Instant) -> LoggedRequest {
        LoggedRequest {
            number: 0,
            time: SystemTime::UNIX_EPOCH,
            at,
            account: "1".to_owned(),
            region: region.to_owned(),
            service: Service::Ses,
            operation: "GetSendQuota".to_owned(),
            writes: false,
            subject: None,
            in_flight: 0,
            status: None,
        }
    }

    #[test]
    fn in_flight_is_counted_for_each_region() {
        let (mut journal, now) = (Journal::default(), Instant::now());
        let first = journal.arrived(request("a", now));
        journal.arrived(request("b", now));
        assert_eq!(journal.most_in_flight(), 1);
        let second = journal.arrived(request("a", now));
        assert_eq!(journal.most_in_flight(), 2);
        journal.departed(&first);
        journal.departed(&second);
        journal.clear();
        journal.arrived(request("a", now));
        assert_eq!(journal.most_in_flight(), 1);
    }

    #[test]
    fn the_busiest_window_slides() {
        let (mut journal, now) = (Journal::default(), Instant::now());
        for millis in [0, 600, 900, 1_500, 5_000] {
            journal.arrived(request("a", now + Duration::from_millis(millis)));
        }
        assert_eq!(journal.busiest_window(Duration::from_secs(1)), 3);
        assert_eq!(journal.busiest_window(Duration::from_millis(300)), 1);
    }

    #[test]
    fn the_status_finds_its_request_after_a_clear() {
        let (mut journal, now) = (Journal::default(), Instant::now());
        let lost = journal.arrived(request("a", now));
        journal.clear();
        let kept = journal.arrived(request("a", now));
        journal.answered(&lost, 500);
        journal.answered(&kept, 200);
        assert_eq!(journal.entries().iter().map(|entry| entry.status).collect::<Vec<_>>(), [Some(200)]);
    }
}
