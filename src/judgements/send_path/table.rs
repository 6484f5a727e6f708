//! The rules as tables: a region and a mail in a few words, and what becomes of the mail.
//!
//! A region is written as `production shop.example main`: words of the account, identities as
//! `NAME=STATUS,option…`, sets as `set:NAME=STATE`. What becomes of mail is `taken`, or the reasons in their order; a `?`
//! at the end says that something is open. Expectations are written from the documentation that the rules name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::known::{Elsewhere, Senders};
use super::*;
use crate::collectors::account;
use crate::collectors::configuration_sets::{ConfigurationSet, Sets};
use crate::collectors::identities::Identity;
use crate::collectors::identity_details::{Described, Details, MailFrom};
use crate::expectations::Recipients;

/// A region as its words tell it.
struct Told {
    account: Option<account::Reading>,
    identities: Option<Vec<Identity>>,
    elsewhere: Vec<Identity>,
    details: Option<BTreeMap<Arc<str>, Arc<Details>>>,
    sets: Option<BTreeMap<Arc<str>, Option<Arc<ConfigurationSet>>>>,
}

const LISTED: SystemTime = SystemTime::UNIX_EPOCH;

fn sandbox() -> account::Reading {
    account::Reading {
        production_access: false,
        sending_enabled: true,
        enforcement_status: "HEALTHY".to_owned(),
        review_status: Some("NOT_REQUESTED".to_owned()),
        review_case_id: None,
        max_24h: Some(200.0),
        sent_24h: 0.0,
        max_per_second: Some(14.0),
        suppressed_reasons: None,
        vdm_enabled: None,
        auto_warmup: false,
    }
}

impl Told {
    fn read(words: &str) -> Self {
        let mut told = Self {
            account: Some(sandbox()),
            identities: Some(Vec::new()),
            elsewhere: Vec::new(),
            details: Some(BTreeMap::new()),
            sets: Some(BTreeMap::new()),
        };
        words.split_whitespace().for_each(|word| told.word(word));
        // What was not read is said last, whatever stands before it.
        words.split_whitespace().for_each(|word| match word {
            "no-account" => told.account = None,
            "no-identities" => told.identities = None,
            "no-details" => told.details = None,
            "no-sets" => told.sets = None,
            _ => {}
        });
        told
    }

    fn word(&mut self, word: &str) {
        let account = self.account.as_mut().unwrap();
        let number = |number: &str| (number != "?").then(|| number.parse().unwrap());
        match word.split_once(':').unwrap_or((word, "")) {
            ("sandbox" | "no-account" | "no-identities" | "no-details" | "no-sets", "") => {}
            ("production", "") => account.production_access = true,
            ("paused", "") => account.sending_enabled = false,
            ("enforcement", status) => account.enforcement_status = status.to_owned(),
            ("review", status) => account.review_status = (status != "?").then(|| status.to_owned()),
            ("quota", limit) => account.max_24h = number(limit),
            ("sent", sent) => account.sent_24h = sent.parse().unwrap(),
            ("rate", rate) => account.max_per_second = number(rate),
            ("set", set) => self.set(set),
            ("there", name) => self.elsewhere.push(identity(name)),
            (_, "") => self.identity(word),
            (other, _) => panic!("{other}"),
        }
    }

    fn set(&mut self, set: &str) {
        let (name, state) = set.split_once('=').unwrap();
        let of = |enabled| Some(Arc::new(ConfigurationSet { sending_enabled: enabled, ..Default::default() }));
        let set = match state {
            "on" => of(Some(true)),
            "off" => of(Some(false)),
            "silent" => of(None),
            "unread" => None,
            other => panic!("{other}"),
        };
        self.sets.as_mut().unwrap().insert(Arc::from(name), set);
    }

    fn identity(&mut self, word: &str) {
        let (listed, options) = word.split_once(',').unwrap_or((word, ""));
        let identity = identity(listed);
        let mut described = Some(Described::at(LISTED));
        let mut details = Details::default();
        for option in options.split(',').filter(|option| !option.is_empty()) {
            let mut named = |name: &str, at| {
                described = Some(Described { configuration_set: Some(Arc::from(name)), ..Described::at(at) });
            };
            match option.split_once('/').unwrap_or((option, "")) {
                ("undescribed", _) => described = None,
                ("uses", name) => named(name, LISTED),
                ("lately-uses", name) => named(name, LISTED + Duration::from_mins(1)),
                (behaviour @ ("rejects" | "falls-back"), status) => {
                    let (domain, status) = (Arc::from("bounce.shop.example"), Arc::from(status));
                    details.mail_from = Some(MailFrom { domain, status, rejects: behaviour == "rejects" });
                }
                (other, _) => panic!("{other}"),
            }
        }
        details.described = described;
        self.details.as_mut().unwrap().insert(Arc::clone(&identity.name), Arc::new(details));
        self.identities.as_mut().unwrap().push(identity);
    }

    fn weigh(&self, mail: &Mail<'_>) -> Weighed {
        let known = Known {
            account: self.account.as_ref(),
            identities: self.identities.as_deref().map(Senders::of),
            details: self.details.as_ref(),
            sets: self.sets.as_ref().map(|all| Sets { all, listed_at: LISTED }),
            elsewhere: vec![Elsewhere { region: "eu-north-1", identities: &self.elsewhere, sends: true }],
        };
        weigh(&known, mail)
    }
}

/// `NAME`, verified, or `NAME=STATUS`, with `+` behind the status of one that may send all the same, `=?` without any.
fn identity(word: &str) -> Identity {
    let (name, status) = word.split_once('=').unwrap_or((word, "SUCCESS"));
    Identity {
        name: Arc::from(name),
        identity_type: Arc::from(if name.contains('@') { "email_address" } else { "domain" }),
        status: (status != "?").then(|| Arc::from(status.trim_end_matches('+'))),
        sending_enabled: status == "SUCCESS" || status.ends_with('+'),
    }
}

/// What became of a mail, in words.
fn outcome(weighed: &Weighed) -> String {
    let mut words: Vec<&str> = weighed.blocks.iter().map(|block| block.reason.as_str()).collect();
    match weighed.accepted() {
        Some(true) => words.push("taken"),
        _ if weighed.open => words.push("?"),
        _ => {}
    }
    words.join(" ")
}

fn recipients(to: &str) -> Recipients {
    if to == "any" { Recipients::Any } else { Recipients::Only(to.split(' ').map(str::to_owned).collect()) }
}

fn mail<'a>(from: &'a str, to: &'a Recipients) -> Mail<'a> {
    let (configuration_set, daily_messages, peak_messages_per_second) = (None, None, None);
    Mail { from, to, configuration_set, recipients: 1, daily_messages, peak_messages_per_second }
}

/// Region, sender, recipients, outcome.
type Row = (&'static str, &'static str, &'static str, &'static str);

#[track_caller]
fn holds(rows: &[Row]) {
    for (region, from, to, expected) in rows {
        let to = recipients(to);
        assert_eq!(outcome(&Told::read(region).weigh(&mail(from, &to))), *expected, "{region} | {from} > {to:?}");
    }
}

const ANN: &str = "Ann@shop.example";

#[test]
fn the_sender_must_be_covered_by_an_identity() {
    holds(&[
        ("production shop.example", ANN, "any", "taken"),
        ("production Shop.Example", "Ann@shop.EXAMPLE", "any", "taken"),
        ("production shop.example", "shop.example", "any", "taken"),
        ("production shop.example", "eve@mail.shop.example", "any", "taken"),
        ("production shop.example", "eu.mail.shop.example", "any", "taken"),
        ("production example", ANN, "any", "taken"),
        ("production Ann@shop.example", ANN, "any", "taken"),
        ("production Ann@shop.example", "Ann+orders@shop.example", "any", "taken"),
        ("production Ann+orders@shop.example", "Ann+orders@shop.example", "any", "taken"),
        ("production Ann+orders@shop.example", ANN, "any", "identity_missing"),
        ("production ann@shop.example", ANN, "any", "identity_missing"),
        ("production Ann@shop.example", "shop.example", "any", "identity_missing"),
        ("production Bob@shop.example", ANN, "any", "identity_missing"),
        ("production", ANN, "any", "identity_missing"),
        ("production mail.shop.example", ANN, "any", "identity_missing"),
        ("production shop.example", "eve@workshop.example", "any", "identity_missing"),
        ("production shop.example", "eve@shop.example.test", "any", "identity_missing"),
    ]);
}

#[test]
fn the_status_of_the_identity_decides() {
    holds(&[
        ("production shop.example=PENDING", ANN, "any", "identity_pending"),
        ("production shop.example=NOT_STARTED", ANN, "any", "identity_pending"),
        ("production shop.example=FAILED", ANN, "any", "identity_failed"),
        ("production shop.example=TEMPORARY_FAILURE", ANN, "any", "identity_failed"),
        ("production shop.example=TEMPORARY_FAILURE+", ANN, "any", "taken"),
        ("production shop.example=QUANTUM", ANN, "any", "identity_failed"),
        ("production shop.example=?", ANN, "any", "?"),
        ("production Ann@shop.example=FAILED shop.example", ANN, "any", "taken"),
        ("production Ann@shop.example shop.example=FAILED", ANN, "any", "taken"),
        ("production Ann@shop.example shop.example=FAILED", "bob@shop.example", "any", "identity_failed"),
        ("production Ann@shop.example=PENDING shop.example=FAILED", ANN, "any", "identity_pending"),
        ("production mail.shop.example=FAILED shop.example", "a@mail.shop.example", "any", "taken"),
        ("production mail.shop.example=FAILED shop.example=PENDING", "a@mail.shop.example", "any", "identity_failed"),
        ("production Ann@shop.example=? shop.example", ANN, "any", "?"),
        ("production Ann@shop.example shop.example=?", ANN, "any", "taken"),
        ("production other.test=? shop.example", ANN, "any", "taken"),
    ]);
}

#[test]
fn an_identity_belongs_to_one_region() {
    holds(&[
        ("production there:shop.example", ANN, "any", "identity_in_other_region"),
        ("production there:example", ANN, "any", "identity_in_other_region"),
        ("production there:Ann@shop.example", "Ann+x@shop.example", "any", "identity_in_other_region"),
        ("production there:shop.example=PENDING", ANN, "any", "identity_missing"),
        ("production there:other.test", ANN, "any", "identity_missing"),
        ("production shop.example=PENDING there:shop.example", ANN, "any", "identity_pending"),
        ("production shop.example there:shop.example", ANN, "any", "taken"),
        ("sandbox shop.example there:other.test", ANN, "bob@other.test", "sandbox_not_requested"),
    ]);
}

#[test]
fn the_sandbox_asks_for_verified_recipients() {
    holds(&[
        ("sandbox shop.example", ANN, "any", "sandbox_not_requested"),
        ("sandbox review:PENDING shop.example", ANN, "any", "sandbox_pending"),
        ("sandbox review:DENIED shop.example", ANN, "any", "sandbox_denied"),
        ("sandbox review:FAILED shop.example", ANN, "any", "sandbox_failed"),
        ("sandbox review:GRANTED shop.example", ANN, "any", "sandbox"),
        ("sandbox review:? shop.example", ANN, "any", "sandbox"),
        ("production review:DENIED shop.example", ANN, "any", "taken"),
        ("sandbox shop.example", ANN, "bob@shop.example", "taken"),
        ("sandbox shop.example", ANN, "shop.example", "taken"),
        ("sandbox shop.example", ANN, "mail.shop.example bob@shop.example", "taken"),
        ("sandbox shop.example", ANN, "eve@customer.test", "sandbox_not_requested"),
        ("sandbox shop.example customer.test", ANN, "eve@customer.test", "taken"),
        ("sandbox shop.example eve@customer.test", ANN, "eve@customer.test", "taken"),
        ("sandbox shop.example eve@customer.test", ANN, "Eve@customer.test", "sandbox_not_requested"),
        ("sandbox shop.example eve@customer.test", ANN, "customer.test", "sandbox_not_requested"),
        ("sandbox shop.example eve@customer.test=PENDING", ANN, "eve@customer.test", "sandbox_not_requested"),
        ("sandbox shop.example eve@customer.test=?", ANN, "eve@customer.test", "?"),
        ("sandbox shop.example", ANN, "a@b.test bob@shop.example", "sandbox_not_requested"),
        ("sandbox shop.example", ANN, "a@b.test c@d.test", "sandbox_not_requested sandbox_not_requested"),
        ("sandbox shop.example", ANN, "success@simulator.amazonses.com", "taken"),
        ("sandbox shop.example", ANN, "Bounce+7@SIMULATOR.amazonses.com", "taken"),
        ("sandbox shop.example", ANN, "ooto@simulator.amazonses.com complaint@simulator.amazonses.com", "taken"),
        ("sandbox shop.example", ANN, "nobody@simulator.amazonses.com", "sandbox_not_requested"),
        ("sandbox shop.example", ANN, "success@amazonses.com", "sandbox_not_requested"),
        ("sandbox", ANN, "success@simulator.amazonses.com", "identity_missing"),
    ]);
}

#[test]
fn the_quota_counts_recipients() {
    holds(&[
        ("production quota:200 sent:199 shop.example", ANN, "any", "taken"),
        ("production quota:200 sent:200 shop.example", ANN, "any", "quota_exhausted"),
        ("production quota:200 sent:250 shop.example", ANN, "any", "quota_exhausted"),
        ("production quota:inf sent:250 shop.example", ANN, "any", "taken"),
        ("production quota:? sent:250 shop.example", ANN, "any", "?"),
        ("production quota:? paused shop.example", ANN, "any", "sending_paused ?"),
        ("production quota:200 sent:200 shop.example", ANN, "success@simulator.amazonses.com", "taken"),
        ("sandbox quota:200 sent:200 shop.example", ANN, "success@simulator.amazonses.com", "taken"),
        ("sandbox quota:200 sent:200 shop.example", ANN, "bob@shop.example", "quota_exhausted"),
        ("sandbox quota:200 sent:200 shop.example", ANN, "any", "quota_exhausted sandbox_not_requested"),
    ]);
    for (sent, recipients, daily, peak, expected) in [
        (150.0, 50, None, None, "taken"),
        (150.0, 51, None, None, "quota_exhausted"),
        (0.0, 1, Some(200), None, "taken"),
        (0.0, 1, Some(201), None, "quota_too_small"),
        (200.0, 1, Some(201), None, "quota_exhausted quota_too_small"),
        (0.0, 1, None, Some(14.0), "taken"),
        (0.0, 1, None, Some(14.1), "rate_too_low"),
        (0.0, 1, Some(500), Some(100.0), "quota_too_small rate_too_low"),
        (200.0, 0, None, None, "taken"),
    ] {
        let told = Told::read(&format!("production shop.example sent:{sent}"));
        let mail =
            Mail { recipients, daily_messages: daily, peak_messages_per_second: peak, ..mail(ANN, &Recipients::Any) };
        assert_eq!(outcome(&told.weigh(&mail)), expected, "{sent} {recipients} {daily:?} {peak:?}");
    }
    let (simulator, told) =
        (recipients("success@simulator.amazonses.com"), Told::read("production shop.example sent:200"));
    let all_day = Mail { daily_messages: Some(201), ..mail(ANN, &simulator) };
    assert_eq!(outcome(&told.weigh(&all_day)), "taken", "it counts against no quota");
    let unknown = Told::read("production shop.example quota:? rate:?");
    let peak = Mail { peak_messages_per_second: Some(1.0), ..mail(ANN, &Recipients::Any) };
    assert_eq!(outcome(&unknown.weigh(&peak)), "?");
}

#[test]
fn the_configuration_set_must_be_there_and_send() {
    let named = Some("main");
    for (region, set, expected) in [
        ("shop.example set:main=on", named, "taken"),
        ("shop.example set:main=off", named, "configuration_set_paused"),
        ("shop.example set:main=silent", named, "?"),
        ("shop.example set:main=unread", named, "?"),
        ("shop.example set:other=on", named, "configuration_set_missing"),
        ("shop.example no-sets", named, "?"),
        ("set:main=off", named, "configuration_set_paused identity_missing"),
        ("shop.example,uses/off set:off=off set:main=on", named, "taken"),
        ("shop.example,uses/main set:main=on", None, "taken"),
        ("shop.example,uses/main set:main=off", None, "configuration_set_paused"),
        ("shop.example,uses/main set:main=unread", None, "?"),
        ("shop.example,uses/main", None, "configuration_set_missing"),
        ("shop.example,lately-uses/main", None, "?"),
        ("shop.example,uses/main no-sets", None, "?"),
        ("shop.example no-sets", None, "taken"),
        ("shop.example,undescribed", None, "?"),
        ("shop.example no-details", None, "?"),
        ("shop.example no-details", named, "configuration_set_missing ?"),
        ("shop.example=PENDING,uses/gone", None, "identity_pending"),
        ("Ann@shop.example shop.example,uses/gone", None, "taken"),
        ("Ann@shop.example,uses/gone shop.example", None, "configuration_set_missing"),
        ("Ann@shop.example=FAILED,uses/gone shop.example", None, "taken"),
    ] {
        let mail = Mail { configuration_set: set, ..mail(ANN, &Recipients::Any) };
        let told = Told::read(&format!("production {region}"));
        assert_eq!(outcome(&told.weigh(&mail)), expected, "{region} {set:?}");
    }
}

#[test]
fn a_mail_from_domain_may_reject() {
    holds(&[
        ("production shop.example,rejects/SUCCESS", ANN, "any", "taken"),
        ("production shop.example,rejects/PENDING", ANN, "any", "mail_from_rejects"),
        ("production shop.example,rejects/FAILED", ANN, "any", "mail_from_rejects"),
        ("production shop.example,rejects/TEMPORARY_FAILURE", ANN, "any", "mail_from_rejects"),
        ("production shop.example,falls-back/FAILED", ANN, "any", "taken"),
        ("production shop.example,rejects/FAILED,undescribed", ANN, "any", "mail_from_rejects ?"),
        ("production Ann@shop.example shop.example,rejects/FAILED", ANN, "any", "taken"),
        ("production Ann@shop.example,rejects/FAILED shop.example", ANN, "any", "mail_from_rejects"),
        ("production Ann@shop.example,rejects/FAILED shop.example", "bob@shop.example", "any", "taken"),
        ("production shop.example=PENDING,rejects/FAILED", ANN, "any", "identity_pending"),
    ]);
}

/// What the account says, against what the sender says: each combination is the one after the other.
#[test]
fn every_reason_is_told_in_its_order() {
    let accounts = [
        ("production", "", ""),
        ("sandbox", "", "sandbox_not_requested"),
        ("sandbox review:DENIED", "", "sandbox_denied"),
        ("production enforcement:PROBATION", "", ""),
        ("production enforcement:WEIRD", "", ""),
        ("production enforcement:SHUTDOWN", "account_shut_down", ""),
        ("production enforcement:SHUTDOWN paused", "account_shut_down", ""),
        ("production paused", "sending_paused", ""),
        ("sandbox paused review:PENDING", "sending_paused", "sandbox_pending"),
    ];
    let senders = [
        ("shop.example", "", "", ""),
        ("", "", "identity_missing", ""),
        ("there:shop.example", "", "identity_in_other_region", ""),
        ("shop.example=PENDING", "", "identity_pending", ""),
        ("shop.example=FAILED sent:200", "quota_exhausted", "identity_failed", ""),
        ("shop.example sent:200", "quota_exhausted", "", ""),
        ("shop.example,uses/gone", "configuration_set_missing", "", ""),
        ("shop.example,uses/off set:off=off sent:201", "configuration_set_paused quota_exhausted", "", ""),
        ("shop.example,rejects/FAILED", "", "mail_from_rejects", ""),
        ("shop.example=?", "", "", "?"),
        ("shop.example no-details", "", "", "?"),
        ("no-identities", "", "", "?"),
    ];
    for (account, first, last) in accounts {
        for (sender, set_and_quota, identity, open) in senders {
            let words = [first, set_and_quota, identity, last, open];
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            let expected = if words.is_empty() { "taken".to_owned() } else { words.join(" ") };
            let told = Told::read(&format!("{account} {sender}"));
            assert_eq!(outcome(&told.weigh(&mail(ANN, &Recipients::Any))), expected, "{account} {sender}");
        }
    }
}

#[test]
fn what_was_not_read_refuses_nothing() {
    holds(&[
        ("no-account shop.example", ANN, "any", "?"),
        ("no-account", ANN, "any", "identity_missing ?"),
        ("no-account no-identities no-details no-sets", ANN, "any", "?"),
        ("production no-identities", ANN, "any", "?"),
        ("production paused no-identities", ANN, "any", "sending_paused ?"),
        ("sandbox no-identities", ANN, "bob@shop.example", "?"),
        ("sandbox no-identities", ANN, "any", "sandbox_not_requested ?"),
    ]);
}

#[test]
fn a_block_names_what_it_is_about() {
    let to = recipients("eve@customer.test");
    let about = |region: &str| {
        let weighed = Told::read(region).weigh(&mail(ANN, &to));
        weighed.blocks.iter().map(|block| block.about.name().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(about("sandbox paused Shop.example=FAILED"), ["-", "Shop.example", "eve@customer.test"]);
    assert_eq!(about("production"), [ANN]);
    assert_eq!(about("production there:example"), ["example"]);
    assert_eq!(about("production shop.example,rejects/FAILED"), ["shop.example"]);
    assert_eq!(about("production shop.example,uses/gone"), ["gone"]);
    let there = Told::read("production there:example").weigh(&mail(ANN, &to)).blocks;
    let about = About::SenderElsewhere { identity: "example".into(), regions: vec!["eu-north-1".into()] };
    assert_eq!(there, [Block { reason: Reason::IdentityInOtherRegion, about }]);
}
