//! Faults: everything that Amazon SES, STS or the network between may do to a client, each on purpose and each limited.
//!
//! A fault says what goes wrong ([`Trouble`]) and for which requests. It decides nothing about how a healthy answer looks, and it never
//! reaches the control API. Faults are looked at in the order in which they were injected: the first one that replaces the answer
//! wins; those that only change it (slow, clock skew, endless paging) add up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The operations of STS. A fault that names no operation leaves STS alone.
pub(super) const STS_OPERATIONS: [&str; 2] = ["AssumeRole", "GetCallerIdentity"];

/// What goes wrong. In JSON: `{"kind": "drip", "bytes_per_second": 4}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Trouble {
    /// SES v2: 429 TooManyRequestsException; SES v1 and STS: 400 Throttling. "Rate exceeded".
    Throttle,
    /// 403 AccessDenied: no identity-based policy allows the action.
    Deny,
    /// 403 AccessDenied "with an explicit deny in a service control policy".
    DenyByServiceControlPolicy,
    /// As in a region that the account has not enabled: 403, the security token is invalid.
    RegionDisabled,
    /// 403 ExpiredToken.
    ExpiredToken,
    /// 403 RequestTimeTooSkewed: the client's clock is wrong.
    RequestTimeTooSkewed,
    /// Any refusal in the right shape for its API.
    Refuse {
        /// HTTP status.
        status: u16,
        /// The error's code.
        code: String,
        /// The error's message.
        message: String,
    },
    /// A server error with an HTML body and no code, as a load balancer answers it.
    ServerError {
        /// HTTP status, 500 or 503 for example.
        status: u16,
    },
    /// 200 with a page of HTML, as a proxy's log-in page.
    Html,
    /// 200 with JSON (or XML) that breaks off.
    InvalidJson,
    /// 200 with `{}`, or an XML answer without any member.
    EmptyObject,
    /// Takes the request and never answers.
    Hang,
    /// Answers the headers and half of the body, then nothing.
    HangInBody,
    /// Answers a few bytes a second.
    Drip {
        /// Bytes each second.
        bytes_per_second: u32,
    },
    /// Closes the connection with a TCP reset and no answer.
    Reset,
    /// Answers after a while.
    Slow {
        /// The while; in JSON `milliseconds`.
        #[serde(rename = "milliseconds", with = "milliseconds")]
        delay: Duration,
    },
    /// So many blanks before the answer, which is then a right one. Nothing of it is held in memory here.
    HugeBody {
        /// How many bytes of blanks.
        bytes: u64,
    },
    /// Every page of a list is the first one and names the same NextToken.
    EndlessPaging,
    /// The `Date` header is off by that much.
    ClockSkew {
        /// Seconds; negative is behind.
        seconds: i64,
    },
}

/// A [`Trouble`] for some requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub trouble: Trouble,
    /// Only for this account; for AssumeRole the caller's or the role's. None: for any.
    pub account: Option<String>,
    /// Only in this region. None: in any.
    pub region: Option<String>,
    /// Only for this operation. None: for any of SES, none of STS.
    pub operation: Option<String>,
    /// For so many requests, then it is gone. None: until it is removed.
    pub count: Option<u64>,
}

impl Fault {
    /// This trouble for every request to SES, until it is removed.
    pub fn new(trouble: Trouble) -> Fault {
        Fault { trouble, account: None, region: None, operation: None, count: None }
    }

    /// Only for this account (for AssumeRole: the caller's or the role's).
    #[must_use]
    pub fn account(mut self, id: &str) -> Fault {
        self.account = Some(id.to_owned());
        self
    }

    /// Only in this region.
    #[must_use]
    pub fn region(mut self, region: &str) -> Fault {
        self.region = Some(region.to_owned());
        self
    }

    /// Only for this operation; the one way to reach STS.
    #[must_use]
    pub fn operation(mut self, operation: &str) -> Fault {
        self.operation = Some(operation.to_owned());
        self
    }

    /// Only for the next so many requests.
    #[must_use]
    pub fn times(mut self, count: u64) -> Fault {
        self.count = Some(count);
        self
    }

    fn concerns(&self, target: &Target<'_>) -> bool {
        let operation = match &self.operation {
            Some(operation) => operation == target.operation,
            None => !STS_OPERATIONS.contains(&target.operation),
        };
        let account = |id: &String| id == target.account || target.role_account == Some(id.as_str());
        operation
            && self.account.as_ref().is_none_or(account)
            && self.region.as_ref().is_none_or(|region| region == target.region)
    }

    fn replaces_the_answer(&self) -> bool {
        !matches!(self.trouble, Trouble::Slow { .. } | Trouble::EndlessPaging | Trouble::ClockSkew { .. })
    }
}

/// What a fault is matched with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) account: &'a str,
    /// The account of the role that AssumeRole asks for.
    pub(super) role_account: Option<&'a str>,
    pub(super) region: &'a str,
    pub(super) operation: &'a str,
}

/// What all faults together do to one request.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Affliction {
    /// Comes instead of a healthy answer, or spoils it.
    pub(super) trouble: Option<Trouble>,
    pub(super) delay: Duration,
    pub(super) endless_paging: bool,
    pub(super) clock_skew: i64,
}

/// The faults that are in force.
#[derive(Debug, Default)]
pub(super) struct Faults {
    in_force: Vec<(u64, Fault)>,
    last: u64,
}

impl Faults {
    pub(super) fn inject(&mut self, fault: Fault) -> u64 {
        self.last += 1;
        if fault.count != Some(0) {
            self.in_force.push((self.last, fault));
        }
        self.last
    }

    pub(super) fn remove(&mut self, id: u64) -> bool {
        let before = self.in_force.len();
        self.in_force.retain(|(other, _)| *other != id);
        self.in_force.len() < before
    }

    pub(super) fn clear(&mut self) {
        self.in_force.clear();
    }

    pub(super) fn list(&self) -> Vec<(u64, Fault)> {
        self.in_force.clone()
    }

    /// What befalls this request; faults with a count are used up by it.
    pub(super) fn befall(&mut self, target: &Target<'_>) -> Affliction {
        let mut affliction = Affliction::default();
        for (_, fault) in &mut self.in_force {
            let too_late = fault.replaces_the_answer() && affliction.trouble.is_some();
            if too_late || !fault.concerns(target) {
                continue;
            }
            if let Some(count) = &mut fault.count {
                *count -= 1;
            }
            match &fault.trouble {
                Trouble::Slow { delay } => affliction.delay += *delay,
                Trouble::EndlessPaging => affliction.endless_paging = true,
                Trouble::ClockSkew { seconds } => affliction.clock_skew += seconds,
                other => affliction.trouble = Some(other.clone()),
            }
        }
        self.in_force.retain(|(_, fault)| fault.count != Some(0));
        affliction
    }
}

mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Duration, D::Error> {
        u32::deserialize(deserializer).map(|milliseconds| Duration::from_millis(milliseconds.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(operation: &'static str) -> Target<'static> {
        Target { account: "111111111111", role_account: None, region: "eu-west-1", operation }
    }

    #[test]
    fn a_fault_concerns_only_what_it_names() {
        let mut faults = Faults::default();
        faults.inject(Fault::new(Trouble::Throttle).account("222222222222"));
        faults.inject(Fault::new(Trouble::Throttle).region("us-east-1"));
        faults.inject(Fault::new(Trouble::Throttle).operation("ListEmailIdentities"));
        assert_eq!(faults.befall(&target("GetAccount")), Affliction::default());
        assert_eq!(faults.befall(&target("ListEmailIdentities")).trouble, Some(Trouble::Throttle));
    }

    #[test]
    fn without_an_operation_sts_is_left_alone() {
        let mut faults = Faults::default();
        faults.inject(Fault::new(Trouble::Hang));
        assert_eq!(faults.befall(&target("AssumeRole")).trouble, None);
        faults.inject(Fault::new(Trouble::Hang).operation("AssumeRole").account("222222222222"));
        let into_222 = Target { role_account: Some("222222222222"), ..target("AssumeRole") };
        assert_eq!(faults.befall(&into_222).trouble, Some(Trouble::Hang));
    }

    #[test]
    fn a_count_runs_out_and_removal_ends() {
        let mut faults = Faults::default();
        faults.inject(Fault::new(Trouble::Deny).times(2));
        let denied = |faults: &mut Faults| faults.befall(&target("GetAccount")).trouble.is_some();
        assert_eq!([denied(&mut faults), denied(&mut faults), denied(&mut faults)], [true, true, false]);
        let id = faults.inject(Fault::new(Trouble::Deny));
        assert!(denied(&mut faults) && faults.remove(id) && !faults.remove(id) && !denied(&mut faults));
    }

    #[test]
    fn changes_add_up_and_the_first_replacement_wins() {
        let mut faults = Faults::default();
        let slow = Trouble::Slow { delay: Duration::from_secs(1) };
        for trouble in [slow.clone(), Trouble::Deny, slow, Trouble::Throttle] {
            faults.inject(Fault::new(trouble));
        }
        let affliction = faults.befall(&target("GetAccount"));
        assert_eq!((affliction.trouble, affliction.delay), (Some(Trouble::Deny), Duration::from_secs(2)));
    }
}
