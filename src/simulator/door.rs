//! From a request to its answer: who asks, what is wrong today, is there a token left, and only then the operation itself.
//!
//! The order is this simulator's choice where AWS's is not documented: an unknown key is refused before anything else, faults come
//! before the region and the rate (so a test that injects one meets it), and a fault that replaces the answer takes no token. Reads are
//! answered from the region as it was; writes are carried out at once.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::answer::{self, Answer, Refusal};
use super::call::{Call, Input};
use super::journal::{LoggedRequest, Service};
use super::region::Region;
use super::shared::{Presence, SharedWorld};
use super::spoil;
use super::sts::{self, Caller};
use super::trouble::{Affliction, Target};
use super::world::World;
use super::writes::{self, Write};
use super::{neighbours, ses, sesv2};

/// What an operation of SES sees: its region as it was when the request came.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) region: Region,
    pub(super) key: u64,
    pub(super) now: SystemTime,
    pub(super) endless_paging: bool,
}

/// What will be answered, and how.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) answer: Answer,
    pub(super) affliction: Affliction,
    /// How long the answer takes.
    pub(super) delay: Duration,
    /// What the `Date` header says.
    pub(super) date: SystemTime,
    pub(super) request_id: String,
    pub(super) presence: Presence,
}

/// What is left to do once the world is let go of.
enum Next {
    Send(Answer),
    Ask(&'static str, Box<Seen>),
}

/// Decides about a request. The world is locked only to look at it, not while an answer is written.
pub(super) fn decide(world: &SharedWorld, call: &Call) -> Plan {
    let request_id = answer::request_id();
    let mut locked = world.lock();
    let (account, caller) = sts::identify(&locked, call);
    let arrival = locked.journal_arrival(call, &account);
    let affliction = if caller.is_ok() { locked.befall(call, &account) } else { Affliction::default() };
    let next = caller.and_then(|caller| consider(&mut locked, call, &caller, &affliction, &request_id));
    let delay = locked.latency + affliction.delay;
    let date = skewed(locked.clock.wall(), affliction.clock_skew);
    drop(locked);
    let answer = next.and_then(|next| match next {
        Next::Send(answer) => Ok(answer),
        Next::Ask(operation, seen) if call.service == Service::SesV2 => sesv2::answer(operation, call, &seen),
        Next::Ask(operation, seen) => ses::answer(operation, call, &seen, &request_id),
    });
    let answer = answer.unwrap_or_else(|refusal| refusal.answer(call.service, &request_id));
    Plan { answer, affliction, delay, date, request_id, presence: Presence::new(world, arrival) }
}

fn consider(
    world: &mut World,
    call: &Call,
    caller: &Caller,
    affliction: &Affliction,
    request_id: &str,
) -> Result<Next, Refusal> {
    if let Some(trouble) = &affliction.trouble
        && let Some(answer) = spoil::instead(trouble, call, caller, request_id)
    {
        return Ok(Next::Send(answer));
    }
    let unknown = || Refusal::UnknownOperation(call.asked.clone());
    if call.service == Service::Sts {
        let operation = call.operation.ok_or_else(unknown)?;
        return sts::answer(operation, call, caller, world, request_id).map(Next::Send);
    }
    if !call.service.is_ses() {
        let operation = call.operation.ok_or_else(unknown)?;
        return neighbours::answer(operation, call, &caller.account, world).map(Next::Send);
    }
    let region = world.region_as_told(&caller.account, call.region()).ok().filter(|region| region.enabled);
    let region = region.ok_or(Refusal::InvalidToken)?;
    let operation = call.operation.ok_or_else(unknown)?;
    // "All actions (except SendEmail, SendRawEmail, SendTemplatedEmail) are throttled at one request per second."
    if !writes::is_send(operation) && !world.limiter.admit(&caller.account, &region.name, Instant::now()) {
        return Err(Refusal::Throttled);
    }
    if matches!(call.input, Input::Unreadable) {
        return Err(Refusal::Invalid("The body is not a JSON object.".to_owned()));
    }
    if writes::is_write(operation) {
        let write = Write { world, account: &caller.account, call };
        return write.carry_out(operation, request_id).map(Next::Send);
    }
    let (key, now) = (world.key(&caller.account, &region.name), world.now());
    Ok(Next::Ask(operation, Box::new(Seen { region, key, now, endless_paging: affliction.endless_paging })))
}

impl World {
    fn journal_arrival(&mut self, call: &Call, account: &str) -> super::journal::Arrival {
        let request = LoggedRequest {
            number: 0,
            time: self.clock.wall(),
            at: Instant::now(),
            account: account.to_owned(),
            region: call.region().to_owned(),
            service: call.service,
            operation: call.operation.unwrap_or("Unknown").to_owned(),
            writes: call.operation.is_some_and(writes::is_write),
            subject: call.subject(),
            in_flight: 0,
            status: None,
        };
        self.journal.arrived(request)
    }

    fn befall(&mut self, call: &Call, account: &str) -> Affliction {
        let role_account = call.text("RoleArn").and_then(sts::account_in);
        let operation = call.operation.unwrap_or("Unknown");
        self.faults.befall(&Target { account, role_account, region: call.region(), operation })
    }
}

fn skewed(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let moved = if seconds < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    moved.unwrap_or(time)
}
