//! What is remembered of a record from one look to the next: a wrong one is called wrong at the second look only.
//!
//! One look proves little: a name server is slow after a change, a resolver lies for a minute. Being right is settled
//! at once, so that recovery shows soon. This module knows no clock and asks nobody.

use std::time::{Duration, SystemTime};

use super::records::Expected;
use super::verdict::{Outcome, Policy, Sight, Verdict};

/// One record of a domain: what it should be, what is said about it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What should be there.
    pub expected: Expected,
    /// What is said about it; nothing until looks agree.
    pub verdict: Option<Verdict>,
    /// What a DMARC record that is right asks for.
    pub policy: Option<Policy>,
    /// What the last look saw, in one line for people; empty before the first.
    pub found: String,
    /// When somebody looked last.
    pub last_looked: Option<SystemTime>,
    /// What the last look came to, whatever the verdict.
    last: Option<Last>,
    /// Until when a record that is right need not be looked up.
    fresh_until: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Right,
    Wrong,
    Unknown,
}

/// However long a record may be kept, what becomes of it is seen within the hour.
const LONGEST_TRUST: Duration = Duration::from_hours(1);

impl Record {
    /// A record that nobody has looked at.
    pub(super) fn new(expected: Expected) -> Self {
        Self {
            expected,
            verdict: None,
            policy: None,
            found: String::new(),
            last_looked: None,
            last: None,
            fresh_until: None,
        }
    }

    /// Whether the last look found it wrong, be it the first to say so.
    pub fn looked_wrong(&self) -> bool {
        self.last == Some(Last::Wrong)
    }

    /// Whether it is time to look. A clock that was ahead and was set back must not keep the verdict until it is there
    /// again, so a look in the future is none.
    pub(super) fn due(&self, now: SystemTime) -> bool {
        self.fresh_until.is_none_or(|until| now >= until) || self.last_looked.is_some_and(|looked| looked > now)
    }

    /// Takes in what a look saw.
    pub(super) fn see(&mut self, sight: Sight, now: SystemTime) {
        let before = self.last;
        self.found = sight.found;
        self.last_looked = Some(now);
        self.fresh_until = None;
        match sight.outcome {
            Outcome::Right { ttl, policy } => {
                self.last = Some(Last::Right);
                self.fresh_until = Some(now + ttl.min(LONGEST_TRUST));
                self.settle(Some(Verdict::Ok), policy);
            }
            Outcome::Wrong(reason) => {
                self.last = Some(Last::Wrong);
                if before == Some(Last::Wrong) {
                    self.settle(Some(Verdict::Wrong(reason)), None);
                }
            }
            Outcome::Unknown => {
                self.last = Some(Last::Unknown);
                if before == Some(Last::Unknown) {
                    self.settle(None, None);
                }
            }
        }
    }

    fn settle(&mut self, verdict: Option<Verdict>, policy: Option<Policy>) {
        self.verdict = verdict;
        self.policy = policy;
    }
}

#[cfg(test)]
mod tests {
    use super::super::records::{Label, Wanted};
    use super::super::verdict::Reason;
    use super::*;

    const REJECT: Option<Policy> = Some(Policy::Reject);

    fn record() -> Record {
        Record::new(Expected {
            label: Label::Dmarc,
            name: "_dmarc.shop.example".to_owned(),
            domain: "shop.example".to_owned(),
            wanted: Wanted::Dmarc,
            primary_name_server: None,
        })
    }

    /// Looks, one letter each: `r`ight, `m`issing, wrong `v`alue, `u`nknown. Verdicts: `R`, `M`, `V`, `-` for none.
    fn verdicts(looks: &str) -> String {
        let mut record = record();
        let see = |look| {
            let outcome = match look {
                'r' => Outcome::Right { ttl: Duration::from_mins(1), policy: REJECT },
                'm' => Outcome::Wrong(Reason::Missing),
                'v' => Outcome::Wrong(Reason::WrongValue),
                _ => Outcome::Unknown,
            };
            record.see(Sight { outcome, found: String::new() }, SystemTime::UNIX_EPOCH);
            assert_eq!(record.policy, REJECT.filter(|_| record.verdict == Some(Verdict::Ok)));
            match record.verdict {
                Some(Verdict::Ok) => 'R',
                Some(Verdict::Wrong(Reason::Missing)) => 'M',
                Some(Verdict::Wrong(_)) => 'V',
                None => '-',
            }
        };
        looks.chars().map(see).collect()
    }

    #[test]
    fn two_looks_for_wrong_one_for_right() {
        for (looks, expected) in [
            ("r", "R"),
            ("mm", "-M"),
            ("mv", "-V"),
            ("rmrm", "RRRR"),
            ("rmm", "RRM"),
            ("rmmv", "RRMV"),
            ("rmmr", "RRMR"),
            ("mumu", "----"),
            ("mumm", "---M"),
            ("ru", "RR"),
            ("ruu", "RR-"),
            ("ruur", "RR-R"),
            ("mmumr", "-MMMR"),
            ("mmuum", "-MM--"),
            ("rmum", "RRRR"),
        ] {
            assert_eq!(verdicts(looks), expected, "{looks}");
        }
    }

    #[test]
    fn a_right_record_is_left_alone_for_its_ttl_and_an_hour_at_most() {
        let now = SystemTime::UNIX_EPOCH;
        let see = |outcome| {
            let mut record = record();
            record.see(Sight { outcome, found: "x".to_owned() }, now);
            record
        };
        let right = |seconds| see(Outcome::Right { ttl: Duration::from_secs(seconds), policy: None });
        for (record, due_after) in [
            (right(300), 300),
            (right(86_400), 3600),
            (right(0), 0),
            (see(Outcome::Wrong(Reason::Missing)), 0),
            (see(Outcome::Unknown), 0),
        ] {
            assert!(record.due(now + Duration::from_secs(due_after)));
            assert!(due_after == 0 || !record.due(now + Duration::from_secs(due_after - 1)));
        }
        assert!(record().due(now));
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_keep_a_verdict() {
        let ahead = SystemTime::UNIX_EPOCH + Duration::from_hours(24);
        let mut record = record();
        let outcome = Outcome::Right { ttl: Duration::from_mins(5), policy: None };
        record.see(Sight { outcome, found: String::new() }, ahead);
        assert!(!record.due(ahead));
        assert!(record.due(ahead - Duration::from_mins(1)));
    }
}
