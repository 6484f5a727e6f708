//! What is rolled: a mail, and regions in which it may be taken or refused, as few words as they need.

use std::fmt;

use serde_json::json;
use ses_exporter::simulator::{ConfigurationSet, Identity, Region};

use crate::support::dice::Dice;

const NAMES: [&str; 14] = [
    "shop.example",
    "mail.shop.example",
    "Mail.SHOP.example",
    "Ann@shop.example",
    "Ann@Shop.Example",
    "Ann+x@mail.shop.example",
    "Ann@mail.shop.example",
    "example",
    "eu.shop.example",
    "other.test",
    "bob@other.test",
    "bob+orders@other.test",
    "customer.test",
    "workshop.example",
];
const SENDERS: [&str; 10] = [
    "Ann@shop.example",
    "Ann@SHOP.example",
    "ann@shop.example",
    "Ann+x@mail.shop.example",
    "Ann+y@Mail.shop.example",
    "bob@workshop.example",
    "eve@other.test",
    "shop.example",
    "Mail.Shop.example",
    "success@simulator.amazonses.com",
];
const RECIPIENTS: [&str; 16] = [
    "success@simulator.amazonses.com",
    "Bounce+x@simulator.amazonses.com",
    "OOTO@Simulator.AmazonSES.com",
    "nobody@simulator.amazonses.com",
    "simulator.amazonses.com",
    "bob@other.test",
    "Bob@other.test",
    "bob@OTHER.test",
    "bob+orders@other.test",
    "bob+news@other.test",
    "other.test",
    "customer.test",
    "eve@mail.customer.test",
    "Ann@shop.example",
    "Ann+x@shop.example",
    "eve@nowhere.test",
];
/// Status, and whether SES lets the identity send.
const STATUSES: [(&str, bool); 11] = [
    ("SUCCESS", true),
    ("SUCCESS", true),
    ("SUCCESS", true),
    ("SUCCESS", true),
    ("SUCCESS", true),
    ("SUCCESS", false),
    ("PENDING", false),
    ("FAILED", false),
    ("TEMPORARY_FAILURE", false),
    ("TEMPORARY_FAILURE", true),
    ("NOT_STARTED", false),
];
const REVIEWS: [Option<&str>; 6] = [None, None, Some("PENDING"), Some("DENIED"), Some("FAILED"), Some("GRANTED")];
const SETS: [&str; 6] = ["main", "main", "main", "Main", "off", "gone"];

/// A mail as `check send` is asked about it.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub(super) from: &'static str,
    /// None = anybody.
    pub(super) to: Option<Vec<&'static str>>,
    pub(super) set: Option<&'static str>,
    /// How many recipients need quota, where that is said.
    pub(super) number: Option<usize>,
}

impl Mail {
    pub(super) fn roll(dice: &mut Dice) -> Self {
        let to = (!dice.one_in(8)).then(|| {
            let names = dice.of(&[1, 1, 1, 2, 2, 3, 5]);
            (0..names).map(|_| dice.of(&RECIPIENTS)).collect::<Vec<_>>()
        });
        let least = to.iter().flatten().filter(|name| !is_simulated(name)).count().max(1);
        // A message has 50 recipients at most, and a few are the mailbox simulator.
        let number = dice.one_in(4).then(|| dice.of(&[least, least + 1, 45]));
        Self { from: dice.of(&SENDERS), to, set: dice.one_in(3).then(|| dice.of(&SETS)), number }
    }

    /// The arguments of `check send`.
    pub(super) fn arguments(&self) -> Vec<String> {
        let to = self.to.as_ref().map_or("any".to_owned(), |to| to.join(","));
        let mut arguments: Vec<String> = ["--from", self.from, "--to", &to].map(str::to_owned).to_vec();
        let set = self.set.map(|set| ("--configuration-set", set.to_owned()));
        let number = self.number.map(|number| ("--recipients", number.to_string()));
        arguments.extend(set.into_iter().chain(number).flat_map(|(option, value)| [option.to_owned(), value]));
        arguments
    }

    /// An address that it may come from.
    pub(super) fn sender(&self) -> String {
        address(self.from)
    }

    /// All of the addresses that it goes to: where more are said than are named, those beyond are like the last that needs
    /// quota.
    pub(super) fn recipients(&self) -> Vec<String> {
        let named: Vec<String> = match &self.to {
            None => vec![address("nowhere.test")],
            Some(names) => names.iter().map(|name| address(name)).collect(),
        };
        let like = named.iter().rfind(|one| !is_simulated(one)).unwrap_or(&named[0]).clone();
        let needy = named.iter().filter(|one| !is_simulated(one)).count();
        let more = self.number.unwrap_or_default().saturating_sub(needy);
        named.into_iter().chain(std::iter::repeat_n(like, more)).collect()
    }

    /// The same with a little less in it, in every way.
    pub(super) fn smaller(&self) -> Vec<Self> {
        let to = self.to.iter().filter(|to| to.len() > 1).flat_map(|to| 0..to.len()).map(|number| {
            let mut smaller = self.clone();
            if let Some(to) = &mut smaller.to {
                to.remove(number);
            }
            smaller
        });
        [Self { set: None, ..self.clone() }, Self { number: None, ..self.clone() }].into_iter().chain(to).collect()
    }

    fn counted(&self) -> usize {
        self.recipients().iter().filter(|one| !is_simulated(one)).count()
    }
}

/// Domains have no case.
pub(super) fn folded(name: &str) -> String {
    match name.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_lowercase()),
        None => name.to_lowercase(),
    }
}

/// Any address at a domain.
pub(super) fn address(name: &str) -> String {
    if name.contains('@') { name.to_owned() } else { format!("somebody.else@{name}") }
}

fn is_simulated(recipient: &str) -> bool {
    let folded = recipient.to_lowercase();
    let simulated = ["success@", "bounce+x@", "ooto@"].iter().any(|name| folded.starts_with(name));
    simulated && folded.ends_with("@simulator.amazonses.com")
}

/// An identity.
#[derive(Clone)]
pub(super) struct Someone {
    pub(super) name: String,
    pub(super) status: (&'static str, bool),
    /// The status of a MAIL FROM domain, and whether mail is rejected for it.
    pub(super) mail_from: Option<(&'static str, bool)>,
    /// The default configuration set.
    pub(super) set: Option<&'static str>,
}

impl Someone {
    pub(super) fn verified(name: &str) -> Self {
        Self { name: name.to_owned(), status: ("SUCCESS", true), mail_from: None, set: None }
    }
}

/// A region.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) production: bool,
    pub(super) review: Option<&'static str>,
    pub(super) enforcement: &'static str,
    pub(super) enabled: bool,
    pub(super) limit: f64,
    pub(super) sent: f64,
    pub(super) people: Vec<Someone>,
    /// Name, and whether it sends.
    pub(super) sets: Vec<(String, bool)>,
}

impl Place {
    /// The names that the regions of one account choose from: so few that often no region knows a sender.
    pub(super) fn names(dice: &mut Dice) -> Vec<&'static str> {
        let one_in = dice.of(&[1, 2, 3]);
        NAMES.into_iter().filter(|_| dice.one_in(one_in)).collect()
    }

    pub(super) fn roll(dice: &mut Dice, names: &[&'static str], mail: &Mail) -> Self {
        let mut people: Vec<Someone> = Vec::new();
        for name in names {
            // The same name in another case is the same identity.
            let is_new = people.iter().all(|someone| folded(&someone.name) != folded(name));
            if !dice.one_in(3) && is_new {
                let mail_from = dice.one_in(3).then(|| (dice.of(&["SUCCESS", "PENDING", "FAILED"]), dice.one_in(2)));
                let set = dice.one_in(4).then(|| dice.of(&SETS));
                people.push(Someone { name: (*name).to_owned(), status: dice.of(&STATUSES), mail_from, set });
            }
        }
        // Not 0, which the SDK shows also where SES tells no quota.
        let limit = dice.of(&[200.0, 200.0, 201.0, 10.0, -1.0]);
        let counted = f64::from(u32::try_from(mail.counted()).unwrap());
        // Exactly as much as is needed, one less, nothing at all, and more than everything.
        let sent =
            dice.of(&[0.0, 0.0, 0.0, limit - counted, limit - counted, limit - counted + 1.0, limit, limit + 50.0]);
        let review = dice.of(&REVIEWS);
        Self {
            production: !dice.one_in(3),
            review,
            enforcement: if dice.one_in(15) { "SHUTDOWN" } else { dice.of(&["HEALTHY", "PROBATION"]) },
            enabled: !dice.one_in(15),
            limit,
            sent: sent.max(0.0),
            people,
            sets: vec![("main".to_owned(), true), ("off".to_owned(), false)],
        }
    }

    pub(super) fn region(&self, name: &str) -> Region {
        let region = Region::fresh(name).quota(self.limit, 10.0).sent(self.sent);
        let region = self.review.iter().fold(region, |region, review| region.review(review, None));
        let region = region.patched(&json!({
            "ProductionAccessEnabled": self.production,
            "EnforcementStatus": self.enforcement,
            "SendingEnabled": self.enabled,
        }));
        let region = self.sets.iter().fold(region, |region, (name, sends)| {
            let set = ConfigurationSet::new(name);
            region.configuration_set(if *sends { set } else { set.sending_disabled() })
        });
        self.people.iter().fold(region, |region, someone| region.identity(someone.identity()))
    }
}

impl Someone {
    fn identity(&self) -> Identity {
        let mut identity = Identity::named(&*self.name).status(self.status.0);
        identity.sending_enabled = self.status.1;
        if let Some((status, rejects)) = self.mail_from {
            let behavior = if rejects { "REJECT_MESSAGE" } else { "USE_DEFAULT_VALUE" };
            identity = identity.mail_from("bounce.shop.example", status, behavior);
        }
        self.set.iter().fold(identity, |identity, set| identity.configuration_set(set))
    }
}

impl Place {
    /// The same with a little less in it, in every way.
    pub(super) fn smaller(&self) -> Vec<Self> {
        let plain = [
            Self { production: true, ..self.clone() },
            Self { review: None, ..self.clone() },
            Self { enforcement: "HEALTHY", ..self.clone() },
            Self { enabled: true, ..self.clone() },
            Self { limit: -1.0, sent: 0.0, ..self.clone() },
        ];
        let without = |number: usize| {
            let (mut gone, mut bare, mut well) = (self.clone(), self.clone(), self.clone());
            gone.people.remove(number);
            (bare.people[number].mail_from, bare.people[number].set) = (None, None);
            well.people[number].status = ("SUCCESS", true);
            [gone, bare, well]
        };
        plain.into_iter().chain((0..self.people.len()).flat_map(without)).collect()
    }
}

/// A few words, for whoever has to find out why a test has failed.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.production { "production" } else { "sandbox" })?;
        write!(f, " review:{} {}", self.review.unwrap_or("-"), self.enforcement)?;
        write!(f, "{} sent {} of {}", if self.enabled { "" } else { " switched off," }, self.sent, self.limit)?;
        for Someone { name, status: (status, sends), mail_from, set } in &self.people {
            write!(f, "; {name}={status}{}", if *sends { "+" } else { "" })?;
            if let Some((status, rejects)) = mail_from {
                write!(f, " {}/{status}", if *rejects { "rejects" } else { "falls-back" })?;
            }
            if let Some(set) = set {
                write!(f, " uses {set}")?;
            }
        }
        for (name, sends) in &self.sets {
            write!(f, "; set {name}{}", if *sends { "" } else { " paused" })?;
        }
        Ok(())
    }
}
