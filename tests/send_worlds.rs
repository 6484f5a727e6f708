//! `check send` against the one who decides: the real command reads random regions of the simulator over HTTP, and has to say of
//! each mail what the simulator says when the mail is sent, with every reason, and with no other.
//!
//! A run is one mail in all regions of an account. Six hundred worlds here, ten thousand with `tests/run --long`. A world that fails is
//! made as small as it can be while it still fails, and told in a few words.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value;
use ses_exporter::simulator::{Account, World};
use ses_exporter::target::REGIONS;

use crate::soak::long;
use crate::support::dice::Dice;
use crate::support::stage::{KEY, MAIN, SECRET, took};
use crate::support::{Aws, send::check_send};

mod place;
mod trial;

use place::{Mail, Place, folded};
use trial::Refusal;

/// The same worlds in every run.
const SEED: u64 = 1;

/// The regions of one account, in the order of the table.
fn regions() -> Vec<&'static str> {
    REGIONS.iter().filter(|region| region.partition == "aws").map(|region| region.name).collect()
}

fn start() -> Aws {
    let account = regions().into_iter().fold(Account::new(MAIN, "main").access_key(KEY, SECRET), |account, name| {
        account.region(ses_exporter::simulator::Region::fresh(name))
    });
    Aws::start(World::empty().with_rate(None).with_send_rate(false).with_account(account))
}

/// What `check send` says of a mail in each of these regions.
fn ask(aws: &Aws, places: &BTreeMap<&str, Place>, mail: &Mail) -> BTreeMap<String, Value> {
    for (name, place) in places {
        aws.world.change(|world| *world.region_mut(MAIN, name).unwrap() = place.region(name));
    }
    aws.world.clear_requests();
    let names: Vec<&str> = places.keys().copied().collect();
    let (_, report) = check_send(aws, &names, &mail.arguments());
    assert!(aws.world.requests().iter().all(|asked| !asked.writes), "it only reads");
    let told = report["regions"].as_array().unwrap().iter();
    told.map(|told| (told["region"].as_str().unwrap().to_owned(), told.clone())).collect()
}

/// The reasons against a mail in a form that both sides can be put into.
#[expect(clippy::struct_excessive_bools, reason = "each is one kind of refusal, told or not")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Against {
    paused: bool,
    missing: BTreeSet<String>,
    set_paused: BTreeSet<String>,
    mail_from: bool,
    sender: bool,
    recipients: BTreeSet<String>,
    quota: bool,
}

impl Against {
    fn by_simulator(refusals: &[Refusal], mail: &Mail) -> Self {
        let mut against = Self::default();
        for refusal in refusals {
            match refusal {
                Refusal::Paused => against.paused = true,
                Refusal::SetMissing(name) => drop(against.missing.insert(name.clone())),
                Refusal::SetPaused(name) => drop(against.set_paused.insert(name.clone())),
                Refusal::MailFrom => against.mail_from = true,
                Refusal::NotVerified(sender, recipients) => {
                    against.sender |= sender;
                    against.recipients.extend(recipients.iter().map(|name| folded(name)));
                }
                Refusal::Quota => against.quota = true,
            }
        }
        against.without_oneself(mail)
    }

    fn by_check(told: &Value, mail: &Mail) -> Self {
        let mut against = Self::default();
        for reason in reasons(told) {
            let about = reason["about"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned());
            match reason["reason"].as_str().unwrap() {
                "account_shut_down" | "sending_paused" => against.paused = true,
                "configuration_set_missing" => against.missing.extend(about),
                "configuration_set_paused" => against.set_paused.extend(about),
                "mail_from_rejects" => against.mail_from = true,
                "quota_exhausted" => against.quota = true,
                word if word.starts_with("identity_") => against.sender = true,
                word if word.starts_with("sandbox") => {
                    let about: Vec<String> = if mail.to.is_some() { about.collect() } else { mail.recipients() };
                    against.recipients.extend(about.iter().map(|name| folded(&place::address(name))));
                }
                other => panic!("{other} is no reason against a mail"),
            }
        }
        against.without_oneself(mail)
    }

    /// Who writes to himself and may not is named once by the simulator, as the sender.
    fn without_oneself(mut self, mail: &Mail) -> Self {
        if self.sender {
            self.recipients.remove(&folded(&mail.sender()));
        }
        self
    }
}

fn reasons(told: &Value) -> impl Iterator<Item = &Value> {
    told["reasons"].as_array().into_iter().flatten()
}

/// What is wrong with what was told about one region; nothing as a rule. `senders` are the regions in which the sender is verified.
fn mistake(told: &Value, place: &Place, mail: &Mail, truth: &[Refusal], senders: &BTreeSet<&str>) -> Option<String> {
    let (check, simulator) = (Against::by_check(told, mail), Against::by_simulator(truth, mail));
    let accepted = ["accepted", "accepted_but"].contains(&told["verdict"].as_str().unwrap());
    if accepted != truth.is_empty() {
        return Some(format!("{} where the simulator says {truth:?}", told["verdict"]));
    }
    if told["open"] != false {
        return Some(format!("everything was read, and {told} is open"));
    }
    if check != simulator {
        return Some(format!("check tells {check:?}\nthe simulator {simulator:?}"));
    }
    reasons(told).find_map(|reason| wrong_word(reason, place, senders))
}

/// Where one refusal has several words, the state of the region tells which it has to be.
fn wrong_word(reason: &Value, place: &Place, senders: &BTreeSet<&str>) -> Option<String> {
    let word = reason["reason"].as_str().unwrap();
    let command = reason["remedies"][0]["command"].as_str().unwrap_or_default();
    let right = match word {
        "account_shut_down" | "sending_paused" => (word == "account_shut_down") == (place.enforcement == "SHUTDOWN"),
        "identity_in_other_region" => senders.iter().any(|region| command.ends_with(&format!("--region {region}"))),
        "identity_missing" => senders.is_empty(),
        _ if word.starts_with("sandbox") => {
            word == match place.review {
                None => "sandbox_not_requested",
                Some("PENDING") => "sandbox_pending",
                Some("DENIED") => "sandbox_denied",
                Some("FAILED") => "sandbox_failed",
                Some(_) => "sandbox",
            }
        }
        _ => true,
    };
    (!right).then(|| format!("{word} with `{command}`, where the sender is verified in {senders:?}"))
}

/// The first region of which something wrong is told, and what; and how often each reason was told.
fn trial(
    aws: &Aws,
    places: &BTreeMap<&str, Place>,
    mail: &Mail,
    seen: &mut BTreeMap<String, usize>,
) -> Option<(String, String)> {
    let told = ask(aws, places, mail);
    assert_eq!(told.len(), places.len(), "{mail:?}");
    let truths: BTreeMap<&str, Vec<Refusal>> =
        places.iter().map(|(name, place)| (*name, trial::all(aws, name, place, mail))).collect();
    let refuses = |truth: &[Refusal]| truth.iter().any(|one| matches!(one, Refusal::NotVerified(true, _)));
    let senders = truths.iter().filter(|(_, truth)| !refuses(truth)).map(|(name, _)| *name).collect();
    for told in told.values() {
        let words = reasons(told).map(|reason| reason["reason"].as_str().unwrap());
        words
            .chain([told["verdict"].as_str().unwrap()])
            .for_each(|word| *seen.entry(word.to_owned()).or_default() += 1);
    }
    places.iter().find_map(|(name, place)| {
        let wrong = mistake(&told[*name], place, mail, &truths[name], &senders)?;
        Some(((*name).to_owned(), wrong))
    })
}

/// The smallest world and mail of which something wrong is told still, if the region alone does it.
fn shrunk(aws: &Aws, region: &str, place: &Place, mail: &Mail) -> Option<(Place, Mail)> {
    let fails = |place: &Place, mail: &Mail| {
        trial(aws, &BTreeMap::from([(region, place.clone())]), mail, &mut BTreeMap::new()).is_some()
    };
    let mut small = fails(place, mail).then(|| (place.clone(), mail.clone()))?;
    loop {
        let (place, mail) = &small;
        let places = place.smaller().into_iter().filter(|other| other.to_string() != place.to_string());
        let mails = mail.smaller().into_iter().filter(|other| other.arguments() != mail.arguments());
        let worlds = places.map(|place| (place, mail.clone())).chain(mails.map(|mail| (place.clone(), mail)));
        match worlds.into_iter().find(|(place, mail)| fails(place, mail)) {
            Some(smaller) => small = smaller,
            None => return Some(small),
        }
    }
}

#[test]
fn a_mail_is_taken_and_refused_as_it_was_said() {
    let (aws, names, began) = (start(), regions(), Instant::now());
    let runs = if long() { 10_000_usize } else { 600 }.div_ceil(names.len());
    let (mut dice, mut seen) = (Dice(SEED), BTreeMap::new());
    for run in 0..runs {
        let (mail, known) = (Mail::roll(&mut dice), Place::names(&mut dice));
        let places: BTreeMap<_, _> = names.iter().map(|name| (*name, Place::roll(&mut dice, &known, &mail))).collect();
        if let Some((region, wrong)) = trial(&aws, &places, &mail, &mut seen) {
            let words = |place: &Place, mail: &Mail| format!("{}\n{place}", mail.arguments().join(" "));
            let small = shrunk(&aws, &region, &places[&*region], &mail);
            let small = small.map_or("not without the other regions".to_owned(), |(place, mail)| words(&place, &mail));
            panic!("seed {SEED}, run {run}, {region}: {}\n{wrong}\nsmallest: {small}", words(&places[&*region], &mail));
        }
    }
    took(&format!("{} worlds, {seen:?}", runs * names.len()), began);
    assert!(seen.values().all(|times| *times * 100 >= runs * names.len()), "none is rare: {seen:?}");
    assert_eq!(seen.len(), 18, "taken, with warnings too, and refused for 15 reasons: {seen:?}");
}
