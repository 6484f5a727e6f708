//! Judgement `send_path`: would SES take the mail that the operator declared, and if not, why?
//!
//! SES refuses mail for reasons that stand in five readings, and tells them one at a time, to the program that sends.
//! [`weigh`] names all of them before anything is sent. It sends nothing, and knows nothing of what only a message can
//! show: the sender's IAM policy, a virus, bursts. A mail that SES takes may still be suppressed or bounce.

mod known;
mod reason;
#[cfg(test)]
mod table;
mod weigh;

use std::collections::BTreeSet;

use crate::judgement::{Declaration, Judgement, Seen};
use crate::metric::{Family, flag, gauge};

pub use known::{Elsewhere, Known, Senders};
pub use reason::Reason;
pub use weigh::{About, Block, Mail, Weighed, is_mailbox_simulator, weigh};

/// The judgement.
pub struct SendPaths;

/// Each declared path of the target by name, and what became of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict(Vec<(String, Weighed)>);

impl Verdict {
    /// Each path by name, whether SES would take its mail, and each reason why not, none twice.
    pub fn paths(&self) -> impl Iterator<Item = (&str, Option<bool>, BTreeSet<Reason>)> {
        // Several recipients may be refused for the same reason.
        let reasons = |weighed: &Weighed| weighed.blocks.iter().map(|block| block.reason).collect();
        self.0.iter().map(move |(path, weighed)| (&**path, weighed.accepted(), reasons(weighed)))
    }
}

impl Judgement for SendPaths {
    type Verdict = Verdict;

    const DECLARATION: Declaration = Declaration {
        name: "send_path",
        about: "Whether SES would take the mail that `[[send_paths]]` declares, and each reason why it would not.",
        from: &["account", "identities", "identity_details", "configuration_sets"],
    };

    const METRICS: &'static [&'static dyn Family<Verdict>] = &[
        &gauge(
            "ses_send_path_ready",
            "Whether SES would take the mail of the declared path: 0 if anything known refuses it, absent while what could refuse it has not been read (judged from GetAccount, ListEmailIdentities, GetEmailIdentity, GetConfigurationSet and [[send_paths]]).",
            ["path"],
            |verdict: &Verdict, out| {
                for (path, accepted, _) in verdict.paths() {
                    out.push_known([path], accepted.map(flag));
                }
            },
        ),
        &gauge(
            "ses_send_path_blocked",
            "Always 1, for each reason why SES would refuse the mail of the declared path (judged from GetAccount, ListEmailIdentities, GetEmailIdentity, GetConfigurationSet and [[send_paths]]).",
            ["path", "reason"],
            |verdict: &Verdict, out| {
                for (path, _, reasons) in verdict.paths() {
                    for reason in reasons {
                        out.push([path, reason.as_str()], 1.0);
                    }
                }
            },
        ),
    ];

    fn judge(&self, seen: &Seen<'_>) -> Option<Verdict> {
        let paths = seen.declared().send_paths;
        if paths.is_empty() {
            return None; // most targets, whose identities need not be gone through
        }
        let known = Known::of(seen);
        Some(Verdict(paths.iter().map(|path| (path.name.clone(), weigh(&known, &Mail::of(path)))).collect()))
    }
}
