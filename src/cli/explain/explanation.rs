//! What is said about one rejection, as plain values: what the text tells, and what AWS adds to it.

use super::facts::{Facts, Found};
use crate::rejection::{Reason, Rejection};
use crate::remedy::Remedy;

/// Everything that is said about one rejection. The names of the fields are those of `--json`.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Explanation {
    /// A word for programs.
    pub(super) reason: &'static str,
    /// One sentence.
    pub(super) verdict: String,
    /// Where SES was called, as far as the text tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    /// On how many lines it stands.
    pub(super) times: usize,
    /// Those that failed, if the error is about identities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) identities: Vec<Explained>,
    /// There are more than the error shows.
    pub(super) more_identities: bool,
    /// What it means, a sentence each.
    pub(super) meaning: Vec<String>,
    /// What to look at first, a sentence each.
    pub(super) look_at: Vec<String>,
    /// What mends it; the first is the one to try.
    pub(super) remedies: Vec<Remedy>,
    /// What AWS says about it now; left out where it was not asked.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) facts: Option<Facts>,
}

/// An identity that failed, and what it can be.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Explained {
    /// As the error has it.
    pub(super) written: String,
    /// The address or domain alone.
    pub(super) name: String,
    /// The domain of an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) domain: Option<String>,
    /// What it can be in the message that SES refused.
    pub(super) roles: Vec<Role>,
}

/// What an identity that failed can be in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    /// From, Source, Sender or Return-Path.
    Sender,
    /// To, Cc or Bcc, where the account is in the sandbox.
    SandboxRecipient,
}

impl Role {
    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Sender => {
                "the sender (From, Source, Sender or Return-Path): it or its domain has to be verified there"
            }
            Self::SandboxRecipient => "or a recipient (To, Cc, Bcc), and then the account is in the sandbox there",
        }
    }
}

impl Explanation {
    pub(super) fn new(rejection: &Rejection, verdict: String) -> Self {
        Self {
            reason: rejection.reason.as_str(),
            verdict,
            region: rejection.region.clone(),
            times: rejection.times,
            identities: Vec::new(),
            more_identities: false,
            meaning: Vec::new(),
            look_at: Vec::new(),
            remedies: Vec::new(),
            facts: None,
        }
    }

    pub(super) fn means(&mut self, sentence: &str) {
        self.meaning.push(sentence.to_owned());
    }

    /// Whether it says more than that SES refused something.
    pub(super) fn is_understood(&self) -> bool {
        self.reason != Reason::Other.as_str()
    }

    /// Takes in what AWS says. Sentences about what can be the case go where it is known what is.
    pub(super) fn learn(&mut self, facts: Facts) {
        if let Some(first) = facts.places.first().filter(|first| first.decides()) {
            self.verdict.clone_from(&first.verdict);
            self.meaning.clear();
            self.look_at.clear();
            self.remedies = first.remedies.iter().chain(&first.alternatives).cloned().collect();
        }
        self.facts = Some(facts);
    }

    /// Whether AWS has told enough for the text alone to be left out.
    pub(super) fn is_settled(&self) -> bool {
        self.facts.as_ref().and_then(|facts| facts.places.first()).is_some_and(Found::decides)
    }
}
