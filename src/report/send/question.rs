//! The question of `check send`: a mail, and where it is weighed. Checked when it is read; it never knows an answer.

use std::collections::BTreeSet;

use super::NotPolled;
use crate::config::{mail_name, region_code};
use crate::estate::{Estate, TargetView};
use crate::expectations::Recipients;
use crate::judgements::coverage::candidates;
use crate::judgements::send_path::{Mail, is_mailbox_simulator};

/// A mail and its places, as they were asked for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(try_from = "Words", into = "Words")]
pub(crate) struct Question {
    /// The sender: an address or a domain.
    pub(crate) from: String,
    pub(crate) to: Recipients,
    pub(crate) configuration_set: Option<String>,
    /// How many recipients must fit in what is left of the quota.
    pub(crate) recipients: u32,
    /// One account, by its label or its twelve digits; none = every one.
    pub(crate) account: Option<String>,
    /// The regions; empty = every one that is polled.
    pub(crate) regions: Vec<String>,
    /// Whether the other regions are weighed too. Without `regions`, the best of all is the answer.
    pub(crate) all_regions: bool,
}

/// A question as people and programs write it. The names of the fields are those of the JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Words {
    /// An address or a domain.
    pub(crate) from: String,
    /// `any`, or addresses and domains.
    pub(crate) to: Vec<String>,
    /// The configuration set that the mail names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) configuration_set: Option<String>,
    /// Without it, as many as `to` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recipients: Option<u32>,
    /// One account, by its label or its twelve digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// The regions; left out = every one that is polled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) regions: Vec<String>,
    /// Whether the other regions are weighed too.
    #[serde(default)]
    pub(crate) all_regions: bool,
}

/// The word for everybody; a name of a domain has a dot.
const ANY: &str = "any";

/// Why a question is none: the field and what is wrong with it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {what}")]
pub(crate) struct Mistaken {
    field: &'static str,
    what: String,
}

impl Question {
    /// Checks the words; the first mistake is told.
    pub(crate) fn read(words: Words) -> Result<Self, Mistaken> {
        let wrong = |field, what: String| Mistaken { field, what };
        let from = mail_name(&words.from).map_err(|what| wrong("from", what.to_owned()))?;
        let to = recipients(&words.to).map_err(|what| wrong("to", what))?;
        let named = match &to {
            Recipients::Any => 1,
            // The mailbox simulator counts against no quota.
            Recipients::Only(all) => count(all.iter().filter(|one| !is_mailbox_simulator(one)).count()).max(1),
        };
        let mut regions = Vec::new();
        for region in &words.regions {
            let code = region_code(region).map_err(|what| wrong("region", what))?;
            if !regions.contains(&code) {
                regions.push(code);
            }
        }
        if words.recipients == Some(0) {
            return Err(wrong("recipients", "is 0; leave it out, or say how many there are".to_owned()));
        }
        if let Some(fewer) = words.recipients.filter(|recipients| *recipients < named) {
            return Err(wrong("recipients", format!("is {fewer}, and to names {named} that count against the quota")));
        }
        let set = |name: &String| name.is_empty() || name.contains(char::is_whitespace) || name.len() > LONGEST_SET;
        if words.configuration_set.as_ref().is_some_and(set) {
            return Err(wrong("configuration-set", "is no name; it has 1 to 64 letters, digits, - or _".to_owned()));
        }
        Ok(Self {
            from,
            to,
            configuration_set: words.configuration_set,
            recipients: words.recipients.unwrap_or(named),
            account: words.account,
            regions,
            all_regions: words.all_regions,
        })
    }

    /// The mail that is weighed.
    pub(crate) fn mail(&self) -> Mail<'_> {
        Mail {
            from: &self.from,
            to: &self.to,
            configuration_set: self.configuration_set.as_deref(),
            recipients: self.recipients,
            daily_messages: None,
            peak_messages_per_second: None,
        }
    }

    /// Every identity whose details can matter: those that could cover the sender or a recipient.
    pub(crate) fn identities(&self) -> BTreeSet<String> {
        let recipients: &[String] = match &self.to {
            Recipients::Any => &[],
            Recipients::Only(all) => all,
        };
        [&self.from].into_iter().chain(recipients).flat_map(|name| candidates(name)).collect()
    }

    /// Whether the answer counts for the verdict.
    pub(crate) fn asks_about(&self, region: &str) -> bool {
        self.regions.is_empty() || self.regions.iter().any(|one| one == region)
    }

    /// Whether it is weighed there at all.
    pub(crate) fn looks_at(&self, region: &str) -> bool {
        self.all_regions || self.asks_about(region)
    }

    /// Whether one region that takes it is enough.
    pub(crate) fn wants_any(&self) -> bool {
        self.regions.is_empty() && self.all_regions
    }

    /// The targets that it may be about, in the order of the estate.
    pub(crate) fn targets<'a>(&self, estate: &'a Estate) -> Result<Vec<&'a TargetView>, NotPolled> {
        let asked = |view: &&TargetView| {
            let is = |known: &Option<std::sync::Arc<str>>| known.as_deref() == self.account.as_deref();
            self.account.is_none() || is(&view.account) || is(&view.account_id)
        };
        let targets: Vec<&TargetView> = estate.targets.iter().map(|view| &**view).filter(asked).collect();
        if let (Some(account), true) = (&self.account, targets.is_empty()) {
            return Err(NotPolled::Account(account.clone()));
        }
        let polled = |region: &&String| targets.iter().any(|view| *view.target.region == ***region);
        match self.regions.iter().find(|region| !polled(region)) {
            Some(region) => Err(NotPolled::Region(region.clone())),
            None => Ok(targets),
        }
    }
}

/// "Recipient count exceeds 50" (Service quotas in Amazon SES: 50 recipients a message, any of To, Cc and Bcc).
const MOST_RECIPIENTS: usize = 50;

fn count(recipients: usize) -> u32 {
    u32::try_from(recipients).unwrap_or(u32::MAX)
}

/// SES v2 CreateConfigurationSet: "up to 64 alphanumeric characters".
const LONGEST_SET: usize = 64;

fn recipients(names: &[String]) -> Result<Recipients, String> {
    match names {
        [] => Err("is empty; name a recipient, or write any".to_owned()),
        [one] if one == ANY => Ok(Recipients::Any),
        all if all.iter().any(|one| one == ANY) => Err("has any beside names; write either".to_owned()),
        all if all.len() > MOST_RECIPIENTS => {
            Err(format!("names {} recipients; SES takes {MOST_RECIPIENTS} in a message", all.len()))
        }
        all => {
            let names = all.iter().map(|one| mail_name(one)).collect::<Result<Vec<_>, _>>();
            names.map(Recipients::Only).map_err(str::to_owned)
        }
    }
}

impl TryFrom<Words> for Question {
    type Error = Mistaken;

    fn try_from(words: Words) -> Result<Self, Mistaken> {
        Self::read(words)
    }
}

impl From<Question> for Words {
    fn from(question: Question) -> Self {
        let to = match question.to {
            Recipients::Any => vec![ANY.to_owned()],
            Recipients::Only(all) => all,
        };
        Self {
            from: question.from,
            to,
            configuration_set: question.configuration_set,
            recipients: Some(question.recipients),
            account: question.account,
            regions: question.regions,
            all_regions: question.all_regions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(from: &str, to: &[&str]) -> Words {
        let to = to.iter().map(ToString::to_string).collect();
        Words { from: from.to_owned(), to, ..Words::default() }
    }

    #[test]
    fn a_question_survives_its_way_through_json() {
        let asked = Words { regions: vec!["eu-west-1".to_owned(); 2], ..words("Ann@Shop.EXAMPLE", &["any"]) };
        let question = Question::read(asked).expect("a question");
        assert_eq!((&*question.from, question.recipients, question.regions.len()), ("Ann@shop.example", 1, 1));
        let json = serde_json::to_string(&question).expect("JSON");
        assert_eq!(serde_json::from_str::<Question>(&json).expect("the same"), question);
        assert!(serde_json::from_str::<Question>(r#"{"from": "nobody", "to": ["any"]}"#).is_err());
    }

    #[test]
    fn the_first_mistake_is_told_with_its_field() {
        let field = |words| Question::read(words).expect_err("a mistake").field;
        let good = || words("a@b.test", &["any"]);
        assert_eq!(field(words("a@b@c", &["any"])), "from");
        assert_eq!(field(words("a@b.test", &[])), "to");
        assert_eq!(field(words("a@b.test", &["any", "c.test"])), "to");
        assert_eq!(field(Words { regions: vec!["eu-wset-1".to_owned()], ..good() }), "region");
        assert_eq!(field(Words { recipients: Some(0), ..good() }), "recipients");
        let two = || words("a@b.test", &["c.test", "d.test", "success@simulator.amazonses.com"]);
        assert_eq!(field(Words { recipients: Some(1), ..two() }), "recipients");
        assert!(Question::read(Words { recipients: Some(2), ..two() }).is_ok(), "the simulator needs no quota");
        assert_eq!(field(words("a@b.test", &["c.test"; MOST_RECIPIENTS + 1])), "to");
        assert!(Question::read(words("a@b.test", &["c.test"; MOST_RECIPIENTS])).is_ok());
        assert_eq!(field(Words { configuration_set: Some("a b".to_owned()), ..good() }), "configuration-set");
    }

    #[test]
    fn everybody_who_could_cover_the_mail_is_looked_at() {
        let question = Question::read(words("a+x@b.test", &["c.d.test"])).expect("a question");
        let all: Vec<String> = question.identities().into_iter().collect();
        assert_eq!(all, ["a+x@b.test", "a@b.test", "b.test", "c.d.test", "d.test", "test"]);
        assert_eq!((question.recipients, question.wants_any()), (1, false));
        let mixed = words("a@b.test", &["success@simulator.amazonses.com", "c@d.test", "e@d.test"]);
        assert_eq!(Question::read(mixed).expect("a question").recipients, 2, "the simulator needs no quota");
    }
}
